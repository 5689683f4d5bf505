import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { findProgram } from "../servers/find-program.ts";

/** Debian's Chromium, or the one that SIGNALBOX_CHROMIUM names. @throws what to install when there is none and none can be got */
export async function openBrowser(args: readonly string[] = []): Promise<Browser> {
  const given = process.env.SIGNALBOX_CHROMIUM;
  const { path, env } = given ? { path: given, env: {} } : await findProgram("chromium", ["chromium"]);
  // Chromium's sandbox does not start for root.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return await chromium.launch({
    executablePath: path,
    args: [...sandbox, "--disable-dev-shm-usage", ...args],
    env: { ...process.env, ...env } as Record<string, string>,
  });
}

/** A page in a context of its own, with everything that went wrong in it. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts, refused files, violations of the content security policy. */
  readonly troubles: readonly string[];
  close(): Promise<void>;
}

export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const troubles: string[] = [];
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") troubles.push(message.text());
  });
  return { page, troubles, close: () => context.close() };
}
