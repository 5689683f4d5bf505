import { randomUUID } from "node:crypto";
import { ContrailAdapter } from "../../src/adapters/contrail/contrail-adapter.ts";
import { startLabController } from "../../src/lab/contrail/lab-controller.ts";
import { silentLogger } from "../unit/snmp/silent-logger.ts";
import { controllerContract } from "./controller/suite.ts";

controllerContract("Contrail's REST API, in the lab", async () => {
  const lab = await startLabController({ token: "lab-token" });
  return {
    controller: new ContrailAdapter({
      apiUrl: lab.url,
      analyticsUrl: lab.url,
      token: "lab-token",
      logger: silentLogger,
    }),
    uuid: randomUUID,
    makeUnmarked: async (kind, fqName) => {
      const response = await fetch(`${lab.url}/${kind}s`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-auth-token": "lab-token" },
        body: JSON.stringify({ [kind]: { fq_name: fqName, parent_type: "project" } }),
      });
      return ((await response.json()) as Record<string, { uuid: string }>)[kind]?.uuid ?? "";
    },
    stop: () => lab.close(),
  };
});
