import { parseArgs } from "node:util";
import { fuzzSystem } from "./fuzz-system.ts";

// npm run test:fuzz -- --requests 10000 --seed 7 [--log error]
const { values } = parseArgs({
  options: { requests: { type: "string" }, seed: { type: "string" }, log: { type: "string" } },
});
const requests = Number(values.requests ?? 10_000);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!Number.isSafeInteger(requests) || requests < 1 || !Number.isSafeInteger(seed)) {
  console.error("usage: npm run test:fuzz -- --requests 10000 --seed 7");
  process.exitCode = 2;
} else {
  console.log(`seed ${seed}, ${requests} requests`);
  const { statuses, failures } = await fuzzSystem(requests, seed, values.log);
  for (const [status, count] of Object.entries(statuses)) console.log(`${status}: ${count}`);
  for (const failure of failures.slice(0, 50)) console.error(failure);
  console.log(failures.length === 0 ? "no answer that must not be" : `${failures.length} answers that must not be`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
