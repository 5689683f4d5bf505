import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyPluginCallback, FastifyReply } from "fastify";
import { SignalboxError } from "../../../errors.ts";
import { open } from "../admission.ts";

/** From src and from dist alike. */
const BUILT = fileURLToPath(new URL("../../../../dist/ui/", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
const FILE = /^(?:assets\/)?[A-Za-z0-9_.-]+$/;
/** Nothing comes from elsewhere, and nothing that is shown can become a script. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The visualiser's files at `/ui`; every other path below it is one of its pages. The files hold nothing of anybody's: what they show comes
 * from the API.
 * @param folder with index.html and assets/, as `npm run ui` makes it
 */
export function uiFiles(folder: string = BUILT): FastifyPluginCallback {
  return (app, _options, done) => {
    const page = async (reply: FastifyReply, gzip: boolean) => {
      reply.header("cache-control", "no-cache").header("content-security-policy", POLICY);
      return await send(reply, folder, "index.html", gzip);
    };
    app.get("/ui", open, (request, reply) => page(reply, takesGzip(request.headers)));
    app.get<{ Params: { "*": string } }>("/ui/*", open, async (request, reply) => {
      const name = request.params["*"];
      const gzip = takesGzip(request.headers);
      if (extname(name) in TYPES && FILE.test(name) && !name.includes("..") && name !== "index.html") {
        // Names of assets change with their content.
        reply.header("cache-control", name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache");
        return await send(reply, folder, name, gzip);
      }
      return await page(reply, gzip);
    });
    done();
  };
}

function takesGzip({
  "accept-encoding": accepted,
}: {
  readonly "accept-encoding"?: string | string[] | undefined;
}): boolean {
  return String(accepted ?? "").includes("gzip");
}

async function send(reply: FastifyReply, folder: string, name: string, gzip: boolean): Promise<FastifyReply> {
  const compressed = gzip ? await readFile(`${folder}${name}.gz`).catch(() => undefined) : undefined;
  const bytes = compressed ?? (await readFile(`${folder}${name}`).catch(() => undefined));
  if (bytes === undefined) {
    const advice = name === "index.html" ? { advice: "Build the pages with `npm run ui`." } : {};
    reply.header("cache-control", "no-store");
    throw new SignalboxError("SB_NO_SUCH_ROUTE", `There is no file ${name} of the visualiser here.`, advice);
  }
  if (compressed !== undefined) reply.header("content-encoding", "gzip");
  return reply
    .header("vary", "accept-encoding")
    .type(TYPES[extname(name)] ?? "application/octet-stream")
    .send(bytes);
}
