import type { FastifyInstance } from "fastify";
import { flagParameter, onlyParameters, type Query } from "./query.ts";

/** `/signalbox/v1/secrets`: what is sealed with which key; POST to `/reseal` below it seals everything with the present one. */
export function secretRoutes(app: FastifyInstance): void {
  app.get("/signalbox/v1/secrets", async (request) => {
    onlyParameters(request.query as Query, []);
    return await request.api.sealed();
  });
  app.post("/signalbox/v1/secrets/reseal", async (request) => {
    const query = request.query as Query;
    onlyParameters(query, ["purge"]);
    return await request.api.sealed({ purge: flagParameter(query, "purge") });
  });
}
