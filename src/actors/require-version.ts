import { SignalboxError } from "../errors.ts";
import { latestVersion } from "../machines/resource/resource-steps.ts";
import type { ResourceContext } from "../machines/resource/resource-types.ts";
import { shownId } from "./shown-id.ts";

/**
 * Checks that a resource is at a version that its client has seen. Called in the decision, so that nothing comes in between. A deletion that
 * is accepted already was the next version of what its client has seen: asked for again it is no conflict.
 * @param only the versions, as the client names them; undefined: any
 * @throws SB_VERSION_CONFLICT naming both
 */
export function requireVersion(
  context: Pick<ResourceContext, "type" | "id" | "version" | "queue" | "markedForDeletion">,
  only: readonly string[] | undefined,
): void {
  if (only === undefined) return;
  const version = latestVersion(context);
  const fitting = context.markedForDeletion ? [version, version - 1] : [version];
  if (fitting.some((each) => only.includes(String(each)))) return;
  const named = only.length === 0 ? "none" : only.slice(0, 5).map(shownId).join(" or ");
  throw new SignalboxError(
    "SB_VERSION_CONFLICT",
    `${context.type} ${context.id} is at version ${version}, the request is for version ${named}`,
  );
}
