import { type FieldProblem, SignalboxError } from "../errors.ts";
import { KINDS } from "./contrail/kinds.ts";
import type { AgentFault, ControllerFault } from "./device-faults.ts";
import { type RouterFault, type RouterFaultKind, routerFaultKinds } from "./junos/router-faults.ts";

/** A kind of fault with what it takes. */
export interface FaultKind {
  readonly kind: string;
  readonly fields: readonly string[];
  /** Those of `fields` that must be given. */
  readonly required: readonly string[];
}

const requiredOfRouter = {
  refuse: [],
  hang: [],
  drop: ["on", "when"],
  error: ["on", "when"],
  garbage: ["on", "when"],
  badBytes: ["on", "hex"],
  late: ["on", "ms"],
  diskFull: [],
  diskFullAfterCommit: [],
  reject: ["statement", "at"],
  holdLock: [],
  slowCommit: ["ms"],
  interfaceDown: ["interface"],
  vrrpFlip: [],
} satisfies Record<RouterFaultKind, readonly string[]>;

/** All kinds of fault by what they befall. */
export const faultKinds = {
  router: routerFaultKinds.map(({ kind, fields }) => ({ kind, fields, required: requiredOfRouter[kind] })),
  agent: [
    { kind: "silent", fields: [], required: [] },
    { kind: "interface_down", fields: ["interface"], required: ["interface"] },
  ],
  controller: [
    { kind: "refuse", fields: [], required: [] },
    { kind: "hang", fields: [], required: [] },
    { kind: "reject", fields: ["object", "status", "text"], required: [] },
  ],
} satisfies Record<string, readonly FaultKind[]>;

interface FieldRule {
  /** What a value must be, to follow "must be". */
  readonly wanted: string;
  fits(value: unknown): boolean;
}

const integer = (least: number, most: number): FieldRule => ({
  wanted: `an integer from ${least} to ${most}`,
  fits: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
});
const oneOf = (...values: readonly string[]): FieldRule => ({
  wanted: `one of ${values.join(", ")}`,
  fits: (value) => typeof value === "string" && values.includes(value),
});
const text: FieldRule = {
  wanted: "a text that is not empty",
  fits: (value) => typeof value === "string" && value !== "",
};

/** A field means the same in every kind of fault that has it. */
const rules: Readonly<Record<string, FieldRule>> = {
  cut: { wanted: "true or false", fits: (value) => typeof value === "boolean" },
  times: integer(1, 1_000_000),
  skip: integer(0, 1_000_000),
  // A day: longer than anybody waits, and within what a timer can hold.
  ms: integer(0, 86_400_000),
  on: text,
  hex: {
    wanted: "1 to 1000 bytes in hexadecimal",
    fits: (value) => /^(?:[0-9a-fA-F]{2}){1,1000}$/.test(textOf(value)),
  },
  when: oneOf("before", "after"),
  statement: text,
  at: oneOf("load", "commit"),
  user: text,
  interface: text,
  group: {
    wanted: 'the number of a VRRP group as text, such as "20"',
    fits: (value) => /^\d{1,3}$/.test(textOf(value)),
  },
  object: oneOf(...Object.keys(KINDS)),
  status: integer(400, 599),
  text,
};

/** @throws SB_INVALID_BODY naming the fields that are wrong */
export function readRouterFault(body: unknown): RouterFault {
  return checked(body, faultKinds.router) as unknown as RouterFault;
}

/** @throws SB_INVALID_BODY naming the fields that are wrong */
export function readAgentFault(body: unknown): AgentFault {
  return checked(body, faultKinds.agent) as unknown as AgentFault;
}

/** @throws SB_INVALID_BODY naming the fields that are wrong */
export function readControllerFault(body: unknown): ControllerFault {
  return checked(body, faultKinds.controller) as unknown as ControllerFault;
}

function checked(body: unknown, kinds: readonly FaultKind[]): object {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalid([{ pointer: "", detail: "must be a JSON object" }]);
  }
  const given = new Map<string, unknown>(Object.entries(body));
  const kind = kinds.find((each) => each.kind === given.get("kind"));
  if (!kind) {
    const wanted = kinds.map((each) => each.kind).join(", ");
    throw invalid([{ pointer: "/kind", detail: `must be one of ${wanted}` }]);
  }
  const problems: FieldProblem[] = kind.required
    .filter((name) => !given.has(name))
    .map((name) => ({ pointer: `/${name}`, detail: `is required: ${rules[name]?.wanted ?? ""}` }));
  for (const [name, value] of given) {
    if (name === "kind") continue;
    const rule = kind.fields.includes(name) ? rules[name] : undefined;
    const pointer = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (!rule) problems.push({ pointer, detail: `is no field of the fault ${kind.kind}` });
    else if (!rule.fits(value)) problems.push({ pointer, detail: `must be ${rule.wanted}` });
  }
  if (problems.length > 0) throw invalid(problems);
  return body;
}

function invalid(fields: readonly FieldProblem[]): SignalboxError {
  const list = fields.map(({ pointer, detail }) => `${pointer === "" ? "the body" : pointer} ${detail}`).join("; ");
  return new SignalboxError("SB_INVALID_BODY", `That is no fault: ${list}.`, {
    fields,
    advice: "Correct the named fields; GET /lab lists the kinds of fault and what they take.",
  });
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
