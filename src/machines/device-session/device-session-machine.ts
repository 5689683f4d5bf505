import { assign, initialTransition, type SnapshotFrom, setup, transition } from "xstate";

/** What the session with a router is doing. */
export type DeviceSessionState =
  | "disconnected"
  | "connecting"
  | "idle"
  | "locked"
  | "loading"
  | "validating"
  | "committing"
  /** The commit is in effect and waits for its confirmation. */
  | "committed"
  | "confirming"
  | "reverting"
  /** The session was lost where that leaves open what is in effect. */
  | "in_doubt";

export type DeviceSessionEvent =
  | { readonly type: "CONNECT" }
  | { readonly type: "CONNECTED" }
  | { readonly type: "LOCKED" }
  | { readonly type: "LOAD" }
  | { readonly type: "VALIDATE" }
  | { readonly type: "COMMIT" }
  | { readonly type: "COMMITTED" }
  | { readonly type: "CONFIRM" }
  | { readonly type: "REVERT" }
  /** The candidate is as running and no commit is pending. */
  | { readonly type: "CLEAN" }
  | { readonly type: "UNLOCKED" }
  /** Closed on purpose. */
  | { readonly type: "CLOSED" }
  | { readonly type: "LOST"; readonly error: string };

interface DeviceSessionContext {
  readonly host: string;
  /** Why the session was last lost; "" after the next success. */
  readonly error: string;
}

const machineSetup = setup({
  types: {
    context: {} as DeviceSessionContext,
    events: {} as DeviceSessionEvent,
    input: {} as { host: string },
  },
  actions: {
    noteError: assign({ error: ({ context, event }) => (event.type === "LOST" ? event.error : context.error) }),
    forgetError: assign({ error: "" }),
  },
});

/** Losing the session here loses uncommitted changes and the lock, nothing more. */
const harmless = {
  CLOSED: "disconnected",
  LOST: { target: "disconnected", actions: "noteError" },
} as const;

/** Losing the session here leaves open whether the request was executed. */
const doubtful = {
  CLOSED: "in_doubt",
  LOST: { target: "in_doubt", actions: "noteError" },
} as const;

const editing = { LOAD: "loading", VALIDATE: "validating", COMMIT: "committing", CLEAN: "locked" } as const;
/** What settles a commit: confirming it or taking it back. */
const settling = { CONFIRM: "confirming", REVERT: "reverting" } as const;

/** The session with one router, as views show it. The device actor tells it what it does; it does nothing itself. */
export const deviceSessionMachine = machineSetup.createMachine({
  id: "device-session",
  context: ({ input }) => ({ host: input.host, error: "" }),
  initial: "disconnected",
  states: {
    disconnected: { on: { CONNECT: "connecting", LOST: { actions: "noteError" } } },
    connecting: { on: { ...harmless, CONNECTED: { target: "idle", actions: "forgetError" } } },
    idle: { on: { ...harmless, LOCKED: "locked", CONNECT: "connecting" } },
    locked: { on: { ...harmless, ...editing, ...settling, UNLOCKED: "idle" } },
    loading: { on: { ...harmless, ...editing } },
    validating: { on: { ...harmless, ...editing } },
    committing: { on: { ...doubtful, ...settling, COMMITTED: "committed", CLEAN: "locked" } },
    committed: { on: { ...doubtful, ...settling } },
    confirming: { on: { ...doubtful, ...settling, CLEAN: "locked" } },
    reverting: { on: { ...doubtful, ...settling, CLEAN: "locked" } },
    // Stays so, connected or not, until the router has said what is in effect.
    in_doubt: {
      on: {
        ...settling,
        COMMITTED: { target: "committed", actions: "forgetError" },
        CLEAN: { target: "locked", actions: "forgetError" },
        LOST: { actions: "noteError" },
      },
    },
  },
});

export type DeviceSessionSnapshot = SnapshotFrom<typeof deviceSessionMachine>;

/** A router that no session has been opened to yet. */
export function newDeviceSession(host: string): DeviceSessionSnapshot {
  const [snapshot] = initialTransition(deviceSessionMachine, { host });
  return snapshot;
}

/** The state after an event; an event that means nothing in a state changes nothing. */
export function deviceSessionTransition(
  snapshot: DeviceSessionSnapshot,
  event: DeviceSessionEvent,
): DeviceSessionSnapshot {
  const [next] = transition(deviceSessionMachine, snapshot, event);
  return next;
}
