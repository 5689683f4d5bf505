import { LabPages } from "./lab-pages.ts";
import { MainProcess } from "./main-process.ts";

/** The simulated devices in a process of their own, which lives on when the orchestrator is killed. */
export class LabProcess extends LabPages {
  readonly #process: MainProcess;

  private constructor(process: MainProcess, url: string) {
    super(url);
    this.#process = process;
  }

  /**
   * @param onLine told of each line that the lab writes, such as that a router has committed
   * @param options.labConfig directory with the routers' base configurations; the product's own when not given
   * @param options.pairs pairs of routers (1)
   */
  static async start(
    data: string,
    onLine: (line: string) => void,
    { labConfig, pairs = 1 }: { readonly labConfig?: string; readonly pairs?: number } = {},
  ): Promise<LabProcess> {
    const base = labConfig === undefined ? [] : ["--lab-config", labConfig];
    const args = ["lab", "--data", data, "--http", "127.0.0.1:0", "--pairs", String(pairs), ...base];
    const process = new MainProcess(args, onLine);
    const [, url = ""] = await process.says(/^The lab is up at (\S+)$/);
    return new LabProcess(process, url);
  }

  /** What it has written. */
  get lines(): readonly string[] {
    return this.#process.lines;
  }

  async stop(): Promise<void> {
    this.#process.signal("SIGTERM");
    await this.#process.ended;
  }
}
