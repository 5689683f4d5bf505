import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Before the tests: the pages as they are in src/ui. */
export default function buildUi(): void {
  execFileSync(process.execPath, ["--import", "tsx", "scripts/build-ui.ts", "--if-older"], {
    cwd: root,
    stdio: "inherit",
  });
}
