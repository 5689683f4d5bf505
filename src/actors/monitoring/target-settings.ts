import { SignalboxError } from "../../errors.ts";
import type { MonitoringTarget } from "../../machines/resource/resource-types.ts";

/**
 * A setting that is text, or a number as text.
 * @throws SB_PARAMETER_INVALID when it is missing, empty or something else
 */
export function textSetting(target: MonitoringTarget, name: string): string {
  const value = target.settings[name];
  if (typeof value === "string" && value.trim() !== "") return value.trim();
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  throw unusable(target, name, "has no value");
}

/** @throws SB_PARAMETER_INVALID when it is not a TCP port */
export function portSetting(target: MonitoringTarget, name: string): number {
  const port = Number(textSetting(target, name));
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw unusable(target, name, `is no port: ${port}`);
  return port;
}

/**
 * A fully qualified name, as a list or as text with colons between its parts.
 * @throws SB_PARAMETER_INVALID
 */
export function fqNameSetting(target: MonitoringTarget, name: string): string[] {
  const value = target.settings[name];
  const parts: unknown[] = Array.isArray(value) ? value : textSetting(target, name).split(":");
  const names = parts.filter((part): part is string => typeof part === "string" && part !== "");
  if (names.length === 0 || names.length < parts.length) throw unusable(target, name, "is no fully qualified name");
  return names;
}

function unusable(target: MonitoringTarget, name: string, why: string): SignalboxError {
  return new SignalboxError(
    "SB_PARAMETER_INVALID",
    `The setting ${name} of the monitoring target ${target.name} (${target.kind}) ${why}`,
    { statement: name },
  );
}
