import { connect as connectTcp } from "node:net";
import ssh2, { type ConnectConfig } from "ssh2";
import type { RouterAddress } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { type AlgorithmSet, noCommonAlgorithm, sshAlgorithms } from "./algorithms.ts";
import { deviceWords } from "./device-words.ts";
import type { HostKeyChecker } from "./host-keys.ts";
import { judgePrompts, type PromptVerdict, passwordChange } from "./login-prompts.ts";
import { SshPreamble } from "./ssh-preamble.ts";

export interface LoginOptions {
  readonly target: { readonly host: string; readonly port: number };
  readonly hostKeys: HostKeyChecker;
  readonly algorithms: AlgorithmSet;
  /** TCP connection, SSH handshake and login, milliseconds. */
  readonly connectMs: number;
  readonly keepaliveMs: number;
}

const UNANSWERED_KEEPALIVES = 3;
type Refusal = Extract<PromptVerdict, { kind: "refuse" }>;

/**
 * One login over SSH: the connection, the host key, the algorithms, and the questions that the device asks. What the
 * device said on the way is kept for whoever has to say why there is no session.
 */
export class SshLogin {
  readonly client = new ssh2.Client();
  readonly #address: RouterAddress;
  readonly #options: LoginOptions;
  readonly #preamble = new SshPreamble();
  #banner = "";
  /** The key that was found to be the device's. It is shown again each time the connection gets new keys. */
  #trusted: Buffer | undefined;
  /** Why the login was given up by us. */
  #refused: unknown;
  #answered = false;
  readonly #tried: string[] = [];
  #offeredMethods: readonly string[] = [];

  constructor(address: RouterAddress, options: LoginOptions) {
    this.#address = address;
    this.#options = options;
    // A client without an error listener would throw; whoever waits is told by its own listeners.
    this.client.on("error", () => undefined);
  }

  /** Text in front of the device's identification. */
  get words(): string {
    return this.#preamble.text;
  }

  get banner(): string {
    return this.#banner;
  }

  /** @throws SB_DEVICE_AUTH, SB_DEVICE_HOST_KEY, SB_DEVICE_ALGORITHMS, and what ssh2 throws */
  async run(): Promise<void> {
    const { host, port, username, password, privateKey } = this.#address;
    const { target, hostKeys, algorithms, connectMs, keepaliveMs } = this.#options;
    const known = await hostKeys.knownTypes(host, port);
    const socket = connectTcp(target);
    // Paused, so that ssh2, which listens later, misses nothing.
    socket.pause();
    const look = (bytes: Buffer) => {
      this.#preamble.push(bytes);
      if (this.#preamble.complete) socket.off("data", look);
    };
    socket.on("data", look);
    const config: ConnectConfig = {
      sock: socket,
      username,
      readyTimeout: connectMs,
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: UNANSWERED_KEEPALIVES,
      algorithms: sshAlgorithms(algorithms, known),
      hostVerifier: (key: Buffer, verify: (isTrusted: boolean) => void) => this.#judgeKey(key, verify),
      ...(password === undefined ? {} : { password, tryKeyboard: true }),
      ...(privateKey === undefined ? {} : { privateKey }),
      authHandler: ((left: string[] | null, _partial: boolean | null, next: (method: string | false) => void) =>
        next(this.#nextMethod(left))) as NonNullable<ConnectConfig["authHandler"]>,
    };
    const { client } = this;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: unknown) => reject(this.#refused ?? this.#reasonOf(error));
      client.on("banner", (text) => {
        this.#banner = `${this.#banner}\n${text}`;
      });
      client.on("keyboard-interactive", (name, instructions, _language, prompts, answer) => {
        const verdict = judgePrompts({ name, instructions, prompts }, { username, answered: this.#answered });
        if (verdict.kind === "refuse") return failed(this.#refuse(verdict));
        this.#answered = true;
        answer([password ?? ""]);
      });
      client.on("change password", (prompt) => failed(this.#refuse(passwordChange(prompt))));
      client.once("ready", resolve);
      client.once("error", failed);
      client.once("close", () => failed(new Error("the connection closed before the login was done")));
      client.connect(config);
    }).catch((error: unknown) => {
      // ssh2 leaves it open when it cannot read the private key.
      socket.destroy();
      throw error;
    });
  }

  // ssh2 1.17 takes the connection's new inbound keys into use before a verdict that comes later, and sends with the old outbound ones until
  // then, which ends the connection: within a session the verdict is given at once.
  #judgeKey(key: Buffer, verify: (isTrusted: boolean) => void): boolean | undefined {
    if (this.#trusted !== undefined) return this.#trusted.equals(key);
    this.#options.hostKeys.check(this.#address.host, this.#address.port, key).then(
      () => {
        this.#trusted = Buffer.from(key);
        verify(true);
      },
      (error: unknown) => {
        this.#refused = error;
        verify(false);
      },
    );
    return undefined;
  }

  /** The methods that the device takes and that were not tried, the key before the password. The first question is what it takes. */
  #nextMethod(left: string[] | null): string | false {
    if (left === null) return "none";
    this.#offeredMethods = left;
    const { password, privateKey } = this.#address;
    const ours = [
      ...(privateKey === undefined ? [] : ["publickey"]),
      ...(password === undefined ? [] : ["password", "keyboard-interactive"]),
    ];
    const next = ours.find((method) => left.includes(method) && !this.#tried.includes(method));
    if (next === undefined) return false;
    this.#tried.push(next);
    return next;
  }

  #refuse({ why, advice }: Refusal): SignalboxError {
    const { host, username, password } = this.#address;
    const message = `the login ${username} at ${host} is given up, ${deviceWords(why, [password], 600)}`;
    this.#refused = new SignalboxError("SB_DEVICE_AUTH", message, { device: host, advice });
    this.client.destroy();
    return this.#refused as SignalboxError;
  }

  /** Says more than ssh2 does where more is known. */
  #reasonOf(error: unknown): unknown {
    const { host, username, password } = this.#address;
    const { level } = error as { level?: string };
    const { offered } = this.#preamble;
    const disagreement = offered && noCommonAlgorithm(host, this.#options.algorithms, offered);
    if (disagreement !== undefined) return disagreement;
    if (level !== "client-authentication") return error;
    const tried = this.#tried.length === 0 ? "nothing that it takes could be tried" : `tried ${this.#tried.join(", ")}`;
    const takes = this.#offeredMethods.join(", ") || "no method";
    const banner = deviceWords(this.#banner, [password]);
    const said = banner === "" ? "" : `; the device says: "${banner}"`;
    const message = `${host} does not accept the login ${username}: ${tried}, it takes ${deviceWords(takes)}${said}`;
    return new SignalboxError("SB_DEVICE_AUTH", message, { device: host, cause: error });
  }
}
