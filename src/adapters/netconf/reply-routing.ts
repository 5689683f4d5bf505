import { isEmptyMessage, rootTag } from "./root-tag.ts";

/** What a message that came after the hellos is, told without reading more than its start tag. */
export type Incoming =
  /** White space, declarations and comments: Junos says good-bye with a comment. */
  | { readonly kind: "nothing" }
  | { readonly kind: "notification" }
  | { readonly kind: "reply"; readonly messageId: string | undefined; readonly text: string }
  /** Neither: `seen` says what it begins with, `messageId` whom it may be meant for. */
  | { readonly kind: "unreadable"; readonly messageId: string | undefined; readonly seen: string };

const REPLY = /<(?:[\w.-]+:)?rpc-reply(?=[\s/>])/;
const ID_HINT = /\smessage-id\s*=\s*["']([^"']{1,64})["']/;
/** As far as an id may stand from the start of a message whose start tag is damaged. */
const START = 1024;

/** Tells what a message is. Text in front of a reply (a line that something on the device printed) is left out. */
export function readIncoming(message: string): Incoming {
  if (isEmptyMessage(message)) return { kind: "nothing" };
  const root = rootTag(message);
  if (root?.name === "notification") return { kind: "notification" };
  if (root?.name === "rpc-reply") return { kind: "reply", messageId: root.messageId, text: message };
  const at = root === undefined ? message.search(REPLY) : -1;
  const behind = at < 0 ? undefined : rootTag(message.slice(at));
  if (behind !== undefined) return { kind: "reply", messageId: behind.messageId, text: message.slice(at) };
  return {
    kind: "unreadable",
    messageId: ID_HINT.exec(message.slice(0, START))?.[1],
    seen: root === undefined ? "no element" : `<${root.name}>`,
  };
}

/** Whose answer an incoming message is, of the requests that wait for one. */
export type Addressee =
  /** The request of this id is answered. */
  | { readonly kind: "answers"; readonly id: string }
  /** The request of this id gets no answer that can be read; `why` says so. */
  | { readonly kind: "fails"; readonly id: string; readonly why: string }
  /** Nobody's: it came twice, or after its request was given up, or unasked. */
  | { readonly kind: "nobody"; readonly why: string };

/**
 * Finds the request that a message belongs to. A server answers in the order in which it was asked (RFC 6241 section 4.4), so what names
 * no request belongs to the oldest one that waits. It is never taken for that one's success, unless it is a reply of a device that
 * leaves ids out.
 * @param waiting ids of the requests without an answer, oldest first
 * @param lastId the last id that was given out; ids are whole numbers from 1
 * @param repeatsIds the device has repeated the id of a request before
 */
export function addresseeOf(
  incoming: Extract<Incoming, { kind: "reply" | "unreadable" }>,
  { waiting, lastId, repeatsIds }: { waiting: ReadonlySet<string>; lastId: number; repeatsIds: boolean },
): Addressee {
  const { messageId } = incoming;
  const [oldest] = waiting;
  const named = messageId !== undefined && waiting.has(messageId);
  if (incoming.kind === "reply") {
    if (named) return { kind: "answers", id: messageId };
    if (messageId !== undefined && wasGiven(messageId, lastId)) {
      return { kind: "nobody", why: `a second or late reply to request ${messageId}` };
    }
    if (oldest === undefined) return { kind: "nobody", why: `a reply to request ${messageId ?? "without an id"}` };
    if (messageId === undefined && (!repeatsIds || incoming.text.includes("rpc-error"))) {
      return { kind: "answers", id: oldest };
    }
    const whose = messageId === undefined ? "a reply without the id" : `a reply to request ${messageId}, not`;
    return { kind: "fails", id: oldest, why: `${whose} of request ${oldest}` };
  }
  const id = named ? messageId : oldest;
  if (id === undefined) return { kind: "nobody", why: incoming.seen };
  return { kind: "fails", id, why: `${incoming.seen} in place of an rpc-reply` };
}

function wasGiven(messageId: string, lastId: number): boolean {
  return /^[1-9][0-9]{0,14}$/.test(messageId) && Number(messageId) <= lastId;
}
