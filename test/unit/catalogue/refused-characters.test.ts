import { describe, expect, it } from "vitest";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import type { FieldSchema } from "../../../src/catalogue/field-schema.ts";
import { validateBody } from "../../../src/catalogue/validate-body.ts";
import { SignalboxError } from "../../../src/errors.ts";

/*
 * No text that a client sends can be configuration syntax, nor hide what it says: every text of every type of the catalogue, down to the
 * members of free objects and their names, is tried with every such character.
 */

const { catalogue } = loadTemplates();

const syntax = [..."<>&;\"'`{}\\"];
const hidden = [
  ...["\u0000", "\u0001", "\t", "\n", "\r", "\u001b", "\u007f", "\u0085", "\u009f", "\u2028", "\u2029"],
  // Controls that turn the direction of what follows, characters that XML does not have, and half a character.
  ...["\u202a", "\u202e", "\u2066", "\u2069", "\ufffe", "\uffff", "\ud800"],
];

/** A place in a body where a text can be. */
interface Place {
  readonly at: string;
  readonly schema: Omit<FieldSchema, "writable"> | undefined;
  readonly body: (text: string) => Record<string, unknown>;
}

function placesOf(fields: Readonly<Record<string, FieldSchema>>): Place[] {
  return Object.entries(fields).flatMap(([name, field]) =>
    field.writable.length === 0 ? [] : places(name, field, (value) => ({ [name]: value })),
  );
}

function places(
  at: string,
  schema: Omit<FieldSchema, "writable">,
  wrap: (value: unknown) => Record<string, unknown>,
): Place[] {
  const types = typeof schema.type === "string" ? [schema.type] : schema.type;
  const found: Place[] = types.includes("string") ? [{ at, schema, body: wrap }] : [];
  if (types.includes("array")) {
    if (schema.items) found.push(...places(`${at}[]`, schema.items, (value) => wrap([value])));
    else found.push({ at: `${at}[]`, schema: undefined, body: (text) => wrap([text]) });
  }
  if (types.includes("object") && schema.properties) {
    for (const [name, member] of Object.entries(schema.properties))
      found.push(...places(`${at}.${name}`, member, (value) => wrap({ [name]: value })));
  } else if (types.includes("object")) {
    found.push({ at: `${at}.*`, schema: schema.items, body: (text) => wrap({ any: text }) });
    found.push({ at: `${at}.<name>`, schema: undefined, body: (text) => wrap({ [text]: "x" }) });
    if (!schema.items) {
      found.push({ at: `${at}.*.*[]`, schema: undefined, body: (text) => wrap({ any: { deep: [text] } }) });
      found.push({ at: `${at}.*.<name>`, schema: undefined, body: (text) => wrap({ any: { [text]: 1 } }) });
    }
  }
  return found;
}

/** Whether a text is refused where it stands, rather than for what else is missing in the body. */
function isRefused(type: Parameters<typeof validateBody>[0], place: Place, text: string): boolean {
  const body = place.body(text);
  const [name = ""] = Object.keys(body);
  const operation = type.fields[name]?.writable[0] ?? "create";
  try {
    validateBody(type, body, operation);
    return false;
  } catch (error) {
    if (!(error instanceof SignalboxError)) throw error;
    // A member that is missing beside it is another matter.
    return error.fields.some(({ pointer, detail }) => pointer.startsWith(`/${name}`) && detail !== "is required");
  }
}

const all = [...catalogue.types.values()].flatMap((type) =>
  placesOf(type.fields).map((place) => ({ type, place, name: `${type.type}.${place.at}` })),
);

/** Where a text may hold a character: the character and the places. */
function takenBy(characters: readonly string[]): Map<string, string[]> {
  const taken = new Map<string, string[]>();
  for (const character of characters) {
    const names = all.flatMap(({ type, place, name }) =>
      isRefused(type, place, `a${character}b`) && isRefused(type, place, character) ? [] : [name],
    );
    if (names.length > 0) taken.set(character, names);
  }
  return taken;
}

/** Passwords may hold any printable character; they are sealed, and escaped where they are rendered. */
const secrets = [
  "aws_interface.bgp_md5",
  "azure_interface.bgp_md5",
  "edge_router.password",
  "ese_device.password",
  "vpn_interface.bgp_md5",
];
/** A policer is a piece of configuration by its nature: an operator's, never a tenant's, and of this alphabet only. */
const policers = ["qos_option.outgoing_policer_config", "qos_option.incoming_policer_config"];

describe("characters that mean something to devices or hide something from readers", () => {
  it("are looked for in every text of all types", () => {
    expect(catalogue.types.size).toBeGreaterThanOrEqual(16);
    expect(new Set(all.map(({ type }) => type.type)).size).toBe(catalogue.types.size);
    expect(all.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "network.name",
        "network.tags.*",
        "network.tags.<name>",
        "port.fixed_ips[].ip_address",
        "port.allowed_address_pairs[].*.*[]",
        "port.allowed_address_pairs[].*.<name>",
        "vpn_interface.primary.bgp_peer_ip",
        "ese_logical_port.port_ids[]",
      ]),
    );
    const secretFields = all.filter(({ place }) => place.schema?.secret === true).map(({ name }) => name);
    expect(secretFields).toEqual(secrets);
  });

  it("of configuration syntax are refused everywhere but in passwords and an operator's policers", () => {
    const taken = takenBy(syntax);
    for (const character of syntax) {
      const allowed = ";{}".includes(character) ? [...secrets, ...policers] : secrets;
      expect([character, taken.get(character)?.toSorted()]).toEqual([character, allowed.toSorted()]);
    }
    expect(catalogue.types.get("qos_option")?.infrastructure).toBe(true);
  });

  it("that cannot be seen are refused everywhere", () => {
    expect([...takenBy(hidden)]).toEqual([]);
  });

  it("are named in the refusal of a plain text", () => {
    const network = catalogue.types.get("network");
    if (network === undefined) throw new Error("no networks");
    const detail = (name: string) => {
      try {
        validateBody(network, { name }, "create");
      } catch (error) {
        return (error as SignalboxError).fields[0]?.detail;
      }
      return undefined;
    };
    expect(detail("a;b")).toBe("must not contain the character ;");
    expect(detail("a\u0000b")).toBe("must not contain the control character U+0000");
    expect(detail("a\u202eb")).toBe("must not contain the control character U+202E");
    expect(detail("a\ud800b")).toBe("must not contain half a character: U+D800 stands alone");
    expect(detail("Zürich 東京 😀 -_.:/()+=*#")).toBeUndefined();
  });
});
