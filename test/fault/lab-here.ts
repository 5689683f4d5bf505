import { join } from "node:path";
import type { Logger } from "../../src/actors/ports.ts";
import { createHttpServer } from "../../src/adapters/http/create-http-server.ts";
import { listenHttp } from "../../src/adapters/http/listen-http.ts";
import { createLogger } from "../../src/adapters/logging/create-logger.ts";
import { labGateway } from "../../src/cli/lab-gateway.ts";
import { startLab } from "../../src/lab/lab.ts";
import { labRoutes } from "../../src/lab/lab-routes.ts";
import { LabPages } from "./lab-pages.ts";

/** The simulated devices in this process, for a test that kills others and must be quick. */
export class LabHere extends LabPages {
  readonly lines: readonly string[];
  /** Ends it; it keeps its files. */
  readonly stop: () => Promise<void>;

  private constructor(url: string, lines: readonly string[], stop: () => Promise<void>) {
    super(url);
    this.lines = lines;
    this.stop = stop;
  }

  /** The same as `LabProcess.start`. */
  static async start(data: string, onLine: (line: string) => void): Promise<LabHere> {
    const lines: string[] = [];
    const tell = (fields: object, msg: string) => {
      const line = JSON.stringify({ ...fields, msg });
      lines.push(line);
      onLine(line);
    };
    const logger: Logger = { debug: () => {}, info: tell, warn: tell, error: tell, child: () => logger };
    const lab = await startLab({ timing: "instant", data: join(data, "lab"), logger });
    const silent = createLogger({ level: "silent" });
    const app = createHttpServer({ api: labGateway, logger: silent, plugins: [labRoutes(lab)] });
    const { url } = await listenHttp(app, { host: "127.0.0.1", port: 0 });
    return new LabHere(url, lines, async () => {
      await app.close();
      await lab.stop();
    });
  }
}
