import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { jsonInSlices } from "../api/json-in-slices.ts";
import { openStackAnswer } from "./openstack-clients.ts";

/** Lists that are no longer are written in one go. */
const SHORT = 200;

/** The answer as it is, or as a stream where it has a list so long that writing it would hold up the process. */
export function answerInSlices(request: FastifyRequest, reply: FastifyReply, answer: object): object {
  const lists: unknown[] = Array.isArray(answer) ? [answer] : Object.values(answer);
  if (!lists.some((list) => Array.isArray(list) && list.length > SHORT)) return answer;
  reply.type("application/json; charset=utf-8");
  return Readable.from(jsonInSlices(openStackAnswer(request, reply, answer)), { objectMode: false });
}
