import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { openBrowser, openPage } from "../browser/browser.ts";
import type { Benchmark, BenchOptions, BenchReport } from "./benchmark.ts";
import { SyntheticFleet } from "./synthetic-fleet.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const RATE = 1_000;
const MIB = 2 ** 20;

/** Run in the page: how long something takes until every row in view is there, milliseconds. */
const MEASURE = `
  window.settled = async (act, done) => {
    const start = performance.now();
    act();
    for (;;) {
      await new Promise(requestAnimationFrame);
      const rows = document.querySelector('.rows').getBoundingClientRect();
      const seen = [...document.querySelectorAll('.row')].filter((row) => {
        const at = row.getBoundingClientRect();
        return at.bottom > rows.top && at.top < rows.bottom;
      });
      if (seen.length > 0 && seen.every((row) => !row.classList.contains('loading')) && done()) return performance.now() - start;
      if (performance.now() - start > 30000) return NaN;
    }
  };
  window.frames = { longest: 0, count: 0, last: performance.now() };
  const tick = (now) => {
    frames.longest = Math.max(frames.longest, now - frames.last);
    frames.last = now;
    frames.count += 1;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
`;

/** The fleet page of the visualiser on very many resources: what a reader waits for, and what it costs. */
export const visualiserBenchmark: Benchmark = {
  name: "visualiser",
  title: "The visualiser's fleet page",
  run,
};

async function run({ quick, say }: BenchOptions): Promise<BenchReport> {
  execFileSync(process.execPath, ["--import", "tsx", "scripts/build-ui.ts", "--if-older"], { cwd: ROOT });
  const resources = quick ? 2_000 : 100_000;
  const fleet = await SyntheticFleet.start(resources);
  say(`${resources} resources are there`);
  const browser = await openBrowser();
  try {
    const api = await apiFigures(fleet.url, quick ? 3 : 20);
    say("asked the API");
    const { page } = await openPage(browser);
    const figures = await pageFigures(page, fleet.url, resources, quick ? 3 : 20);
    say("looked at the page");
    const flood = await floodFigures(page, fleet, resources, quick ? 1 : 10);
    const memory = await memoryFigures(browser, page);
    const text = (value: number) => value.toFixed(0);
    return {
      tables: [
        {
          caption: `With ${resources.toLocaleString("en")} resources, milliseconds`,
          headings: ["What", "Median", "Worst", "At most"],
          rows: [
            ["API: first page", ...spread(api.first), "500"],
            ["API: filtered page", ...spread(api.filtered), "200"],
            ["API: a page far down a filtered list", ...spread(api.far), "200"],
            ["Browser: from the request of /ui/ to rows", ...spread(figures.first), "500"],
            ["Browser: jump to another place of the list", ...spread(figures.scrolls), "200"],
            ["Browser: a filter, on or off", ...spread(figures.filters), "200"],
          ],
        },
        {
          caption: `With ${RATE.toLocaleString("en")} transitions per second for ${flood.seconds} s, and after all of it`,
          headings: ["What", "Figure", "At most"],
          rows: [
            ["Transitions committed per second", text(flood.rate), ""],
            ["Longest time without a frame, ms", text(flood.longestFrame), ""],
            ["Frames per second", text(flood.framesPerSecond), ""],
            ["Longest time until a click has its effect, ms", text(flood.click), ""],
            ["JavaScript heap of the page, MiB", text(memory.heap / MIB), ""],
            ["The page's process, MiB (proportional set size)", text(memory.renderer / MIB), "300"],
          ],
        },
      ],
      notes: [
        "The log is in memory and holds one record per resource; the index, the read models and the HTTP server are the real ones, in the process of the benchmark. Chromium runs headless on the same machine.",
      ],
    };
  } finally {
    await browser.close();
    await fleet.stop();
  }
}

async function apiFigures(url: string, times: number) {
  // Another question each time: what was found a moment ago does not help.
  const ask = async (queryOf: (time: number) => string): Promise<number[]> => {
    const took: number[] = [];
    for (let time = 0; time < times; time += 1) {
      const start = performance.now();
      const answer = await fetch(`${url}/signalbox/v1/fleet?limit=100${queryOf(time)}`);
      await answer.json();
      took.push(performance.now() - start);
    }
    return took;
  };
  return {
    first: await ask(() => ""),
    filtered: await ask((time) => `&q=${time + 10}&type=port`),
    far: await ask((time) => `&offset=${90_000 - time * 100}&sort=-name&q=-${time % 10}`),
  };
}

async function pageFigures(page: Page, url: string, resources: number, times: number) {
  const first: number[] = [];
  for (let time = 0; time < Math.min(5, times); time += 1) {
    const start = performance.now();
    await page.goto(`${url}/ui/`);
    await page.locator(".row a").first().waitFor();
    first.push(performance.now() - start);
  }
  await page.evaluate(MEASURE);
  const scrolls: number[] = [];
  for (let time = 1; time <= times * 5; time += 1) {
    const top = ((time * 7_919) % resources) * 34;
    scrolls.push(
      (await page.evaluate(
        `settled(() => { document.querySelector('.rows').scrollTop = ${top}; }, () => true)`,
      )) as number,
    );
  }
  await page.evaluate("document.querySelector('.rows').scrollTop = 0");
  const filters: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const total = "document.querySelector('.total').textContent";
    filters.push(
      (await page.evaluate(
        `(() => { const before = ${total}; return settled(() => [...document.querySelectorAll('.count')].find((each) => each.textContent.startsWith('down')).click(), () => ${total} !== before); })()`,
      )) as number,
    );
  }
  return { first, scrolls, filters };
}

async function floodFigures(page: Page, fleet: SyntheticFleet, resources: number, seconds: number) {
  await page.evaluate("frames.longest = 0; frames.count = 0; frames.last = performance.now(); undefined");
  const start = performance.now();
  let committed = 0;
  let click = 0;
  const flooding = (async () => {
    while (performance.now() - start < seconds * 1_000) {
      const due = Math.floor(((performance.now() - start) * RATE) / 1_000);
      const numbers = new Set<number>();
      for (; committed < due; committed += 1) numbers.add((committed * 31) % Math.min(resources, 5_000));
      await Promise.all(
        [...numbers].map((number) => fleet.transition(number, 1 + Math.floor((committed * 31) / 5_000))),
      );
      await sleep(5);
    }
  })();
  for (let time = 0; time < seconds; time += 1) {
    await sleep(700);
    const pressed = "document.querySelector('.count').getAttribute('aria-pressed')";
    const took = (await page.evaluate(
      `(async () => { const start = performance.now(); const before = ${pressed}; document.querySelector('.count').click(); while (${pressed} === before) await new Promise(requestAnimationFrame); return performance.now() - start; })()`,
    )) as number;
    click = Math.max(click, took);
  }
  await flooding;
  const took = (performance.now() - start) / 1_000;
  const frames = (await page.evaluate("({ longest: frames.longest, count: frames.count })")) as {
    longest: number;
    count: number;
  };
  return {
    seconds,
    rate: committed / took,
    longestFrame: frames.longest,
    framesPerSecond: frames.count / took,
    click,
  };
}

async function memoryFigures(browser: Browser, page: Page): Promise<{ heap: number; renderer: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  const system = await browser.newBrowserCDPSession();
  const { processInfo } = await system.send("SystemInfo.getProcessInfo");
  // There is one page; a process that is kept ready for the next one is smaller.
  const sizes = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => proportionalSize(id));
  return {
    heap: metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? Number.NaN,
    renderer: Math.max(...sizes),
  };
}

/** Bytes, from what Linux says of a process. */
function proportionalSize(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) * 1_024;
}

function spread(values: readonly number[]): [median: string, worst: string] {
  const sorted = values.toSorted((a, b) => a - b);
  return [(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN).toFixed(0), (sorted.at(-1) ?? Number.NaN).toFixed(0)];
}
