import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../../src/cli/run.ts";
import { startFakeSystem } from "./fake-system.ts";

let url: string;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ url, stop } = await startFakeSystem({ http: { host: "127.0.0.1", port: 0 }, lab: false }));
});
afterAll(async () => {
  await stop();
});

it.each([
  ["edge_router create", "No field is given"],
  ["edge_router create --data {", "--data is not JSON"],
  ["edge_router create --data @/no/such/file", "/no/such/file cannot be read"],
  ["edge_router create --set ssh_port=many", 'ssh_port must be of type integer, not "many"'],
  ["edge_router create --set nmae=x", 'edge_router has no field "nmae"'],
  ["edge_router list --output xml", "Allowed choices are table, json, yaml"],
  ["edge_router list --filter name", '"name" is no filter'],
  ["edge_router lst", "unknown command 'lst'"],
  ["edge_router show", "missing required argument 'id|name'"],
  ["edge_router list --url nowhere", '"nowhere" is not the URL of a gateway'],
  ["up --http 1.2.3.4", '"1.2.3.4" is not an address to listen on'],
  ["replay /no/such/file", "/no/such/file: ENOENT"],
])("the mistake in %j is answered with 2 and what is wrong, on stderr only", async (words, message) => {
  let out = "";
  let err = "";
  const code = await run({
    argv: words.split(" "),
    env: { SIGNALBOX_URL: url },
    terminal: {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      live: false,
      columns: 100,
      input: async () => "",
    },
    loadStarters: async () => expect.fail("nothing may be started"),
  });
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain(message);
  expect(err).not.toContain("    at ");
});
