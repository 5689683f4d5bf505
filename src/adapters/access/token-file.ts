import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import Type, { type Static } from "typebox";
import { Errors } from "typebox/value";
import { parse } from "yaml";
import type { Authenticator, Identity } from "../../actors/access/gatekeeper.ts";
import type { Clock, Logger } from "../../actors/ports.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";

const entry = Type.Object(
  {
    name: Type.String({ pattern: "^[\\w.@-]{1,64}$" }),
    role: Type.Enum(["admin", "operator", "member", "reader"]),
    tenant: Type.Optional(Type.String({ pattern: "^[0-9A-Fa-f-]{32,36}$" })),
    token: Type.Optional(Type.String({ minLength: 16 })),
    sha256: Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$" })),
  },
  { additionalProperties: false },
);
const fileSchema = Type.Object({ tokens: Type.Array(entry) }, { additionalProperties: false });

/** How long a change of the file may go unseen. */
const LOOK_MS = 1_000;

/**
 * Tokens from a file (YAML or JSON): `tokens`, a list of name, role, tenant and the token or its SHA-256. The file is read again when it has
 * changed, so a token can be given out or taken back without a restart; while what it holds is wrong, what it held before counts.
 */
export class TokenFile implements Authenticator {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #identities: ReadonlyMap<string, Identity>;
  #seen: string;
  #lookAt: number;

  private constructor(path: string, clock: Clock, logger: Logger, read: Awaited<ReturnType<typeof readTokens>>) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
    this.#identities = read.identities;
    this.#seen = read.seen;
    this.#lookAt = clock.now() + LOOK_MS;
  }

  /** @throws SB_CONFIG_INVALID when the file cannot be read or used */
  static async open(path: string, { clock, logger }: { clock: Clock; logger: Logger }): Promise<TokenFile> {
    return new TokenFile(path, clock, logger, await readTokens(path));
  }

  async authenticate(token: string | undefined): Promise<Identity> {
    await this.#look();
    const identity = token === undefined ? undefined : this.#identities.get(digestOf(token));
    if (identity !== undefined) return identity;
    throw new SignalboxError(
      "SB_UNAUTHENTICATED",
      token === undefined ? "the request brings no token" : "the token is not known",
    );
  }

  async #look(): Promise<void> {
    const now = this.#clock.now();
    // The wall clock may have been set back: then the next look is not a day away.
    if (now < this.#lookAt && now >= this.#lookAt - LOOK_MS) return;
    this.#lookAt = now + LOOK_MS;
    try {
      if ((await stampOf(this.#path)) === this.#seen) return;
      const { identities, seen } = await readTokens(this.#path);
      this.#identities = identities;
      this.#seen = seen;
      this.#logger.info({ file: this.#path, tokens: identities.size }, "the tokens were read again");
    } catch (thrown) {
      const { code, message } = asSignalboxError(thrown);
      this.#logger.error({ code, error: message }, "the tokens cannot be read again; those of before stay valid");
    }
  }
}

async function readTokens(path: string): Promise<{ identities: ReadonlyMap<string, Identity>; seen: string }> {
  let data: unknown;
  let seen: string;
  try {
    seen = await stampOf(path);
    data = parse(await readFile(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new SignalboxError("SB_CONFIG_INVALID", `the file of tokens ${path} cannot be read: ${reason}`, { cause });
  }
  // What it holds is not repeated: it may be a token.
  const mistake = [...Errors(fileSchema, data)][0];
  if (mistake !== undefined) {
    throw new SignalboxError(
      "SB_CONFIG_INVALID",
      `${path}: ${mistake.instancePath.slice(1).replaceAll("/", ".") || "the file"} ${mistake.message}`,
      { advice: "Each of the tokens has a name, a role, a tenant unless it is an operator's, and token or sha256." },
    );
  }
  const identities = new Map<string, Identity>();
  for (const [at, given] of (data as Static<typeof fileSchema>).tokens.entries()) {
    const { name, role, tenant, token, sha256 } = given;
    const digest = sha256 ?? (token === undefined ? undefined : digestOf(token));
    const wrong = mistakeOf(given) ?? (identities.has(digest ?? "") ? "is there twice" : undefined);
    if (wrong !== undefined || digest === undefined)
      throw new SignalboxError("SB_CONFIG_INVALID", `${path}: tokens.${at} (${name}) ${wrong}`);
    identities.set(digest, { name, role, tenant: tenant?.replaceAll("-", "").toLowerCase() });
  }
  return { identities, seen };
}

function mistakeOf(given: Static<typeof entry>): string | undefined {
  if ((given.token === undefined) === (given.sha256 === undefined)) return "needs either token or sha256";
  if ((given.role === "member" || given.role === "reader") && given.tenant === undefined)
    return `needs a tenant: it is a ${given.role}`;
  return undefined;
}

async function stampOf(path: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(path);
  return `${mtimeMs} ${size} ${ino}`;
}

function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
