import type { FastifyPluginCallback } from "fastify";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { listenHttp } from "../../../src/adapters/http/listen-http.ts";
import type { RunningSystem, SystemOptions } from "../../../src/cli/system-options.ts";
import { FakeGateway } from "../http/fake-gateway.ts";
import { RecordingLogger } from "../http/recording-logger.ts";

const labRoutes: FastifyPluginCallback = (app, _options, done) => {
  app.get<{ Params: { name: string } }>("/lab/routers/:name/compare", async (request, reply) =>
    reply.type("text/plain").send(`[edit]\n+  host-name ${request.params.name};\n`),
  );
  done();
};

/** A system around a gateway in memory, over a real socket. */
export async function startFakeSystem(
  options: Pick<SystemOptions, "http" | "lab">,
): Promise<RunningSystem & { gateway: FakeGateway }> {
  const gateway = new FakeGateway();
  const app = createHttpServer({
    api: gateway,
    logger: new RecordingLogger(),
    plugins: options.lab ? [labRoutes] : [],
  });
  const { url } = await listenHttp(app, options.http);
  return { url, gateway, stop: () => app.close() };
}
