import type { Json } from "../../actors/ports.ts";

export type JsonObject = { readonly [key: string]: Json | undefined };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as a list of texts; undefined when it is none. */
export function asTexts(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((part) => typeof part === "string") ? value : undefined;
}

/** A list stays a list, anything else is an empty one. */
export function asList(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
