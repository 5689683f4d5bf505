import type { FastifyInstance } from "fastify";
import type { GatewayApi } from "../../actors/gateway-api.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { openApiDocument } from "../api/openapi.ts";
import { problemPages, problemText } from "../api/problem.ts";
import { open } from "./admission.ts";
import { gohanSchema } from "./gohan-schemas.ts";

/** Health, the API's own description, Gohan's schemas and the pages about errors. */
export function pageRoutes(app: FastifyInstance, api: GatewayApi): void {
  app.get("/livez", open, async () => ({ status: "ok" }));
  app.get("/readyz", open, async (_request, reply) => {
    const { ready, checks } = await api.readiness().catch((thrown: unknown) => ({
      ready: false,
      checks: { gateway: asSignalboxError(thrown).code },
    }));
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready", checks });
  });

  const openApi = JSON.stringify(openApiDocument(api.types));
  app.get("/openapi.json", open, async (_request, reply) =>
    reply.type("application/vnd.oai.openapi+json;version=3.1; charset=utf-8").send(openApi),
  );

  const schemas = api.types.map(gohanSchema);
  app.get("/gohan/v0.1/schemas", open, async () => ({ schemas }));
  app.get<{ Params: { id: string } }>("/gohan/v0.1/schemas/:id", open, async (request) => {
    const schema = schemas.find((each) => each.id === request.params.id);
    if (schema === undefined) {
      throw new SignalboxError("SB_NOT_FOUND", `There is no schema "${request.params.id}".`, {
        advice: "The schemas are listed at /gohan/v0.1/schemas.",
      });
    }
    return { schema };
  });

  const pages = problemPages();
  app.get("/problems", open, async () => ({ problems: [...pages.values()] }));
  app.get<{ Params: { code: string } }>("/problems/:code", open, async (request, reply) => {
    const page = pages.get(request.params.code);
    if (page === undefined) {
      throw new SignalboxError("SB_NOT_FOUND", `There is no error called "${request.params.code}".`, {
        advice: "The errors are listed at /problems.",
      });
    }
    if (/\bjson\b/.test(request.headers.accept ?? "")) return page;
    return reply.type("text/plain; charset=utf-8").send(problemText(page));
  });
}
