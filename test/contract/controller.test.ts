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
    stop: () => lab.close(),
  };
});
