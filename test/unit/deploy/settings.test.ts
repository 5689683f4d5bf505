import { join } from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { ROLES as KNOWN_ROLES } from "../../../src/actors/cluster/shares.ts";
import { readConfiguration } from "../../../src/cli/configuration.ts";
import { run } from "../../../src/cli/run.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { deployFolder, ROLES, readCompose, readDeployed, readManifests } from "./deployment-files.ts";

const names = ["signalbox.yaml", "signalbox-lab.yaml"] as const;

it.each(names)("%s is a configuration", (name) => {
  expect(readConfiguration(join(deployFolder, "config", name))).toEqual(parse(readDeployed("config", name)));
});

it("both reach the same stores in the same way", () => {
  const [real, lab] = names.map((name) => parse(readDeployed("config", name)));
  for (const section of ["log", "nats", "etcd", "cluster"]) expect(lab[section]).toEqual(real[section]);
});

/** What the command line makes of these arguments, without starting anything. */
async function parsed(argv: readonly string[]): Promise<{ code: number; said: string; options?: object }> {
  const started: object[] = [];
  let said = "";
  const starter = async (options: object): Promise<never> => {
    started.push(options);
    throw new SignalboxError("SB_NOT_READY", "nothing is started here");
  };
  const write = (text: string) => {
    said += text;
  };
  const code = await run({
    argv,
    env: {},
    terminal: { out: write, err: write, live: false, columns: 100, input: async () => "" },
    loadStarters: async () => ({ startSystem: starter, startLab: starter, adoptPresentLog: starter }),
  });
  const [options] = started;
  return { code, said, ...(options === undefined ? {} : { options }) };
}

const ofUnit =
  /^ExecStart=\S+ (?:--\S+ )*\S+main\.js (.*)$/m.exec(readDeployed("systemd", "signalbox@.service"))?.[1] ?? "";
const commandLines: [string, readonly string[]][] = [
  ...Object.entries(readCompose().services).flatMap(
    ([name, { image, entrypoint, command }]): [string, readonly string[]][] =>
      image === "signalbox" && entrypoint === undefined ? [[`compose.yaml, ${name}`, command ?? []]] : [],
  ),
  ...readManifests().flatMap(({ file, manifest }): [string, readonly string[]][] =>
    manifest.kind === "Deployment" ? [[file, manifest.spec?.template?.spec.containers[0]?.args ?? []]] : [],
  ),
  ...ROLES.map((role): [string, readonly string[]] => [
    `signalbox@${role}.service`,
    ofUnit
      .replaceAll("%i", role)
      .replace("${" + "SIGNALBOX_HTTP}", "127.0.0.1:9091")
      .split(" "),
  ]),
];

it.each(commandLines)("the command line understands that of %s", async (_, argv) => {
  const at = argv.indexOf("--role");
  const roles = at < 0 ? [] : (argv[at + 1] ?? "").split(",");
  for (const role of roles) expect(KNOWN_ROLES).toContain(role);
  expect(argv[0]).toBe(at < 0 ? "lab" : "up");
  const { code, said, options } = await parsed(argv);
  expect(said).toContain("nothing is started here");
  expect(code).not.toBe(2);
  expect(options).toMatchObject({ data: argv[argv.indexOf("--data") + 1] });
});
