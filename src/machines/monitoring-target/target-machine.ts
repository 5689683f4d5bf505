import { initialTransition, type SnapshotFrom, setup, transition } from "xstate";
import { named } from "../describe-machine.ts";
import type { TargetStatus } from "../resource/resource-types.ts";

/**
 * The machine of one monitoring target: what it was last reported as, and how far a change of mind has come. It does no I/O and knows no
 * time: it is told each answer, and each transition says whether there is something to report.
 */

type Verdict = TargetStatus["verdict"];

export type TargetStateValue = "pending" | Verdict;

export interface TargetContext {
  /** Equal answers in a row that make a change of verdict. */
  readonly confirmations: number;
  /** The last status that counts; null until the first answer. Its verdict is the machine's state. */
  readonly status: TargetStatus | null;
  /** Another verdict than the state's, and how often in a row it was given. */
  readonly doubt: { readonly verdict: Verdict; readonly count: number } | null;
  /** How often it has left `good` lately, and how often in a row it was answered as good since it came back. */
  readonly flaps: number;
  readonly calm: number;
}

/** A target that flaps is held down: after its second fall it takes 2 good answers in a row to count as good, then 4, then 8. */
const MOST_FLAPS = 4;
/** Good answers in a row after which falls of before do not count any more. */
const CALM = 20;

interface TargetEvent {
  readonly type: "ANSWERED";
  readonly status: TargetStatus;
}

/** How often in a row the answer's verdict has been given, this time included. */
function inARow({ doubt }: TargetContext, { status }: TargetEvent): number {
  return doubt?.verdict === status.verdict ? doubt.count + 1 : 1;
}

/** Equal answers in a row that make a change to that verdict. */
function needed({ confirmations, flaps }: TargetContext, verdict: Verdict): number {
  return verdict === "good" && flaps > 1 ? Math.max(confirmations, 2 ** (flaps - 1)) : confirmations;
}

/** The falls and the calm after an answer that counts. */
function stability({ status, flaps, calm }: TargetContext, now: Verdict): Pick<TargetContext, "flaps" | "calm"> {
  if (status?.verdict === "good" && now !== "good") return { flaps: Math.min(flaps + 1, MOST_FLAPS), calm: 0 };
  if (now !== "good" || flaps === 0) return { flaps, calm: 0 };
  return calm + 1 < CALM ? { flaps, calm: calm + 1 } : { flaps: 0, calm: 0 };
}

function reads(status: TargetStatus | null, other: TargetStatus): boolean {
  return status?.verdict === other.verdict && status.word === other.word && status.published === other.published;
}

const machineSetup = setup({
  types: { context: {} as TargetContext, events: {} as TargetEvent },
  actions: {
    // The caller reads it from the transition; nothing happens inside the machine.
    report: () => {},
  },
  guards: {
    says: ({ event }, verdict: Verdict) => event.status.verdict === verdict,
    isSettled: ({ context, event }) => event.status.verdict === context.status?.verdict,
    confirms: ({ context, event }, verdict: Verdict) =>
      event.status.verdict === verdict && inARow(context, event) >= needed(context, verdict),
  },
});

const accept = named(
  machineSetup.enqueueActions(({ context, event, enqueue }) => {
    if (!reads(context.status, event.status)) enqueue({ type: "report" });
    enqueue.assign({ status: event.status, doubt: null, ...stability(context, event.status.verdict) });
  }),
  "accept",
);

const doubt = named(
  machineSetup.assign(({ context, event }) => ({
    doubt: { verdict: event.status.verdict, count: inARow(context, event) },
  })),
  "doubt",
);

const verdicts = ["good", "bad", "unavailable"] as const;

/** A verdict stands until another one is confirmed; a new word of the same verdict counts at once. */
function settled(own: Verdict) {
  const others = verdicts.filter((verdict) => verdict !== own);
  return {
    on: {
      ANSWERED: [
        { guard: "isSettled" as const, actions: accept },
        ...others.map((target) => ({
          guard: { type: "confirms" as const, params: target },
          target,
          actions: accept,
        })),
        { actions: doubt },
      ],
    },
  };
}

export const targetMachine = machineSetup.createMachine({
  id: "monitoring-target",
  initial: "pending",
  context: { confirmations: 1, status: null, doubt: null, flaps: 0, calm: 0 },
  states: {
    pending: {
      on: {
        ANSWERED: verdicts.map((target) => ({
          guard: { type: "says" as const, params: target },
          target,
          actions: accept,
        })),
      },
    },
    good: settled("good"),
    bad: settled("bad"),
    unavailable: settled("unavailable"),
  },
});

/** Plain data; another process can go on from it. */
export interface TargetSnapshot {
  readonly v: 1;
  readonly value: TargetStateValue;
  readonly context: TargetContext;
}

const [initial] = initialTransition(targetMachine);

/**
 * A target that was not asked yet, or, with a status, one that was last reported as that.
 * @param confirmations equal answers in a row that make a change of verdict, at least 1
 */
export function newTarget(confirmations = 1, status: TargetStatus | null = null): TargetSnapshot {
  return {
    v: 1,
    value: status?.verdict ?? (initial.value as TargetStateValue),
    context: { ...initial.context, confirmations, status },
  };
}

/** Applies one answer, purely. `reports`: the status in the snapshot is another than was last reported. */
export function targetTransition(
  snapshot: TargetSnapshot,
  status: TargetStatus,
): { readonly snapshot: TargetSnapshot; readonly reports: boolean } {
  const state = targetMachine.resolveState({ value: snapshot.value, context: snapshot.context });
  const [next, actions] = transition(targetMachine, state, { type: "ANSWERED", status }) as [
    SnapshotFrom<typeof targetMachine>,
    ReadonlyArray<{ type: string }>,
  ];
  return {
    snapshot: { v: 1, value: next.value as TargetStateValue, context: next.context },
    reports: actions.some((action) => action.type === "report"),
  };
}
