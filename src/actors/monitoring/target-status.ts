import { asSignalboxError } from "../../errors.ts";
import type { TargetStatus } from "../../machines/resource/resource-types.ts";

/** The statuses that are alike for most kinds of target. */

export const active: TargetStatus = { word: "ACTIVE", published: "UP", verdict: "good" };

export function down(reason: string): TargetStatus {
  return { word: "DOWN", published: "DOWN", verdict: "bad", reason };
}

/** It cannot be asked, which says nothing about how it is. */
export function unavailable(reason: string): TargetStatus {
  return { word: "MONITORING_UNAVAILABLE", published: "MONITORING_UNAVAILABLE", verdict: "unavailable", reason };
}

export function unavailableBecause(thrown: unknown): TargetStatus {
  return unavailable(asSignalboxError(thrown).report);
}
