import { readScenario } from "../../../src/cli/scenario-file.ts";
import { demoScenario, type TestSystem } from "./running-system.ts";

export type Resource = Record<string, unknown>;

export interface Order {
  readonly path: string;
  readonly body: Resource;
  /** By which later ones name what it makes. */
  readonly creates: string;
}

/** The demo's first requests, made; the others as bodies that name what those made. */
export async function ordersAfter(system: TestSystem, count: number): Promise<Order[]> {
  const { requests } = await readScenario(demoScenario);
  await system.replay({ requests: requests.slice(0, count) });
  let rest = JSON.stringify(requests.slice(count).map(({ path, body, creates }) => ({ path, body, creates })));
  const made = requests.slice(0, count).map(({ path, creates, body }) => {
    const [fields] = Object.values(body as Record<string, Resource>);
    return { path, creates, fields };
  });
  for (const { path, creates, fields } of made) {
    if (creates === undefined) continue;
    const [resources = []] = Object.values(await system.get<Record<string, Resource[]>>(path));
    const found = resources.find((each) =>
      Object.entries(fields ?? {}).every(([name, value]) => sameValue(each[name], value)),
    );
    if (found !== undefined) rest = rest.replaceAll(creates, String(found["id"]));
  }
  return JSON.parse(rest) as Order[];
}

/** The orders with the id that one of them was given. */
export function withId(orders: readonly Order[], { creates }: Order, id: string): Order[] {
  return JSON.parse(JSON.stringify(orders).replaceAll(creates, id)) as Order[];
}

/** Ids are others than in the scenario, and secrets are masked. */
function sameValue(shown: unknown, sent: unknown): boolean {
  const isId = typeof sent === "string" && /^[0-9a-f-]{36}$/.test(sent);
  return isId || shown === "***" || JSON.stringify(shown) === JSON.stringify(sent);
}
