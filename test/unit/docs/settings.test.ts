import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { configurationSchema, readConfiguration } from "../../../src/cli/configuration.ts";
import { blocksOf, pages, rowsOf, sectionOf, textOf } from "./documents.ts";
import { settingsOf } from "./setting-names.ts";

const settings = settingsOf(configurationSchema);
const groups = new Set(settings.map((each) => each.split(".")[0]));
/** A setting, or the beginning of some: `access.jwt`. */
const isKnown = (name: string) =>
  settings.some((each) => {
    const [parts, wanted] = [each.split("."), name.split(".")];
    return wanted.length <= parts.length && wanted.every((part, at) => parts[at] === part || parts[at] === "<name>");
  });
const namesIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);

/** Pages with a table of one group, whose names stand there without it. */
const tables = [
  ["docs/etcd.md", "## Settings", "etcd"],
  ["docs/nats.md", "## Access", "nats"],
  ["docs/netconf.md", "## Settings", "netconf"],
] as const;

describe("settings that pages name", () => {
  it.each(tables)("in the table of %s under %s are those of the file", (page, heading, group) => {
    const names = rowsOf(sectionOf(textOf(page), heading)).flatMap(([first = ""]) => namesIn(first));
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !isKnown(`${group}.${name}`))).toEqual([]);
  });

  it("by their whole name are there", () => {
    const named = pages().flatMap((page) =>
      namesIn(textOf(page).replaceAll(/^```[\s\S]*?^```$/gm, ""))
        .filter((name) => /^[a-z_]+(\.[A-Za-z_<>]+)+$/.test(name) && groups.has(name.split(".")[0]))
        // Files that are called after a group: `nats.environment.example`.
        .filter((name) => !/\.(example|md|yaml|json|ts|conf)$/.test(name))
        .map((name) => [page, name] as const),
    );
    expect(named.length).toBeGreaterThan(60);
    const unknown = named.filter(([page, name]) => {
      const group = tables.find(([of]) => of === page)?.[2];
      return !isKnown(name) && (group === undefined || !isKnown(`${group}.${name}`));
    });
    expect(unknown).toEqual([]);
  });

  it("in examples of the file are accepted", () => {
    const folder = mkdtempSync(join(tmpdir(), "signalbox-settings-"));
    try {
      const file = join(folder, "signalbox.yaml");
      const examples = pages().flatMap((page) => blocksOf(textOf(page), "yaml").map((text) => [page, text] as const));
      const ofTheFile = examples.filter(([, text]) => {
        const keys = Object.keys((parse(text) ?? {}) as object);
        return keys.length > 0 && keys.every((key) => groups.has(key));
      });
      expect(ofTheFile.length).toBeGreaterThan(1);
      for (const [page, text] of ofTheFile) {
        writeFileSync(file, text, { mode: 0o600 });
        expect(() => readConfiguration(file), page).not.toThrow();
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
