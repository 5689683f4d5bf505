import { describe, expect, it } from "vitest";
import { ApiError, isTemporary } from "../../../src/adapters/nats/api-error.ts";

describe("an answer of JetStream that says no", () => {
  it.each([
    { code: 400, err_code: 10005, description: "no suitable peers for placement, peer offline" },
    { code: 503, err_code: 10008, description: "JetStream system temporarily unavailable" },
    { code: 400, err_code: 10047, description: "insufficient storage resources available" },
  ])("may be a yes another time: $description", (error) => {
    expect(isTemporary(new ApiError(error))).toBe(true);
  });

  it.each([
    { code: 400, err_code: 10005, description: "no suitable peers for placement" },
    { code: 500, err_code: 10074, description: "replicas > 1 not supported in non-clustered mode" },
    { code: 503, err_code: 10077, description: "maximum messages per subject exceeded" },
  ])("stays a no: $description", (error) => {
    expect(isTemporary(new ApiError(error))).toBe(false);
  });
});
