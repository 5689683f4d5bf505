import { afterEach, describe, expect, it } from "vitest";
import { NetconfConnector } from "../../../src/adapters/netconf/connector.ts";
import { judgePrompts } from "../../../src/adapters/netconf/login-prompts.ts";
import { type ScriptedRouterOptions, startScriptedRouter } from "../../servers/scripted-router.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const DEVICE = "mx-1.example";
const PASSWORD = "Tr0ub4dor-secret";
const hidden = (prompt: string) => ({ prompt, echo: false });

/** Prompts that ask for the password, as servers write them. */
const asking = [
  "Password:",
  "Password: ",
  "password",
  "PASSWORD:",
  "Password for lab@mx-1.example:",
  "Password for user lab:",
  "(lab@mx-1) Password: ",
  "lab@198.51.100.1's password: ",
  "lab's Password:",
  "Password for 'lab':",
  "Enter password:",
  "Please enter your password: ",
  "Login password:",
  "RADIUS Password:",
  "Password for new-user@token-server:",
  "(code@pin.example) Password:",
  "\u001B[1mPassword:\u001B[0m ",
];
/** Rounds that get no password, by why. */
const others: ReadonlyArray<[string, Parameters<typeof judgePrompts>[0], RegExp]> = [
  ...[
    "New password:",
    "Old password:",
    "Current password:",
    "(current) UNIX password:",
    "Retype new password:",
    "Confirm password:",
    "Password again:",
    "Change password:",
  ].map((text): [string, Parameters<typeof judgePrompts>[0], RegExp] => [
    text,
    { name: "", instructions: "", prompts: [hidden(text)] },
    /changed: it asks/,
  ]),
  ...[
    "One-time password:",
    "One-time password (OATH) for `lab': ",
    "Verification code:",
    "Passcode:",
    "Enter PASSCODE: ",
    "Token:",
    "Enter your PIN:",
    "OTP:",
    "Password token:",
    "Duo passcode or option (1-3): ",
    "Challenge 1234: ",
    "Password & verification code:",
    "S/Key response:",
  ].map((text): [string, Parameters<typeof judgePrompts>[0], RegExp] => [
    text,
    { name: "", instructions: "", prompts: [hidden(text)] },
    /more than the password: it asks/,
  ]),
  [
    "two prompts",
    { name: "", instructions: "", prompts: [hidden("Password:"), hidden("Domain:")] },
    /several answers: it asks "Password:" and "Domain:"/,
  ],
  [
    "the password twice",
    { name: "", instructions: "", prompts: [hidden("Password:"), hidden("Password:")] },
    /several answers/,
  ],
  [
    "a shown prompt",
    { name: "", instructions: "", prompts: [{ prompt: "Password:", echo: true }] },
    /would show what is typed/,
  ],
  [
    "a prompt that does not say",
    { name: "", instructions: "", prompts: [{ prompt: "Password:" }] },
    /would show what is typed/,
  ],
  [
    "a shown code prompt",
    { name: "", instructions: "", prompts: [{ prompt: "Code:", echo: true }] },
    /more than the password/,
  ],
  ["a user name", { name: "", instructions: "", prompts: [hidden("Username:")] }, /does not ask for the password/],
  [
    "a secret of another kind",
    { name: "", instructions: "", prompts: [hidden("Enable secret:")] },
    /does not ask for the password/,
  ],
  ["an empty prompt", { name: "", instructions: "", prompts: [hidden("")] }, /does not ask for the password/],
  [
    "an expired password",
    { name: "", instructions: "Your password has expired.\r\nChoose a new password.", prompts: [hidden("Password:")] },
    /changed: .*says "Your password has expired/,
  ],
  [
    "a change, said in the name",
    { name: "Change your password", instructions: "", prompts: [hidden("Password:")] },
    /changed/,
  ],
  [
    "a code, said in the instructions",
    { name: "", instructions: "Enter the one-time code from your token", prompts: [hidden("Password:")] },
    /more than the password/,
  ],
];

describe("questions at a login", () => {
  it.each(asking)("gets the password, once: %j", (prompt) => {
    const request = {
      name: "Authentication",
      instructions: "Authorised users only. New sessions are logged.",
      prompts: [hidden(prompt)],
    };
    expect(judgePrompts(request, { username: "lab", answered: false })).toEqual({ kind: "password" });
    expect(judgePrompts(request, { username: "lab", answered: true })).toMatchObject({
      kind: "refuse",
      why: expect.stringContaining("does not take the password"),
    });
  });

  it.each(others)("gets none: %s", (_, request, why) => {
    expect(judgePrompts(request, { username: "lab", answered: false })).toMatchObject({
      kind: "refuse",
      why: expect.stringMatching(why),
      advice: expect.stringContaining("retry"),
    });
  });
});

describe("a login over SSH", () => {
  const cleanups: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const connectTo = async (options: ScriptedRouterOptions) => {
    const router = await startScriptedRouter(options);
    cleanups.push(router.stop);
    const connector = new NetconfConnector({
      addressBook: () => ({ host: "127.0.0.1", port: router.port }),
      hostKeys: { mode: "insecure" },
      logger: silentLogger,
    });
    const session = await connector.connect({ host: DEVICE, port: 830, username: "lab", password: PASSWORD });
    cleanups.push(() => session.close());
    return session;
  };
  const refusal = (message: string) =>
    expect.objectContaining({
      code: "SB_DEVICE_AUTH",
      device: DEVICE,
      transient: false,
      message: expect.stringContaining(message),
    });

  it("names the prompt that it does not answer, cleaned, and sends the password nowhere", async () => {
    const answers: string[][] = [];
    const connecting = connectTo({
      login: (context) => {
        if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
        context.prompt(
          [{ prompt: `\u001B[31mNew\u0007 password for ${PASSWORD}:`, echo: false }],
          "Expired",
          "",
          (given) => {
            answers.push([...given]);
            context.reject();
          },
        );
      },
    });
    await expect(connecting).rejects.toThrowError(refusal('it asks "New password for ***:" and says "Expired"'));
    expect(answers).toEqual([]);
  });

  it("gives the password to one hidden question, and to no second one", async () => {
    const answers: string[][] = [];
    const connecting = connectTo({
      login: (context) => {
        if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
        context.prompt([{ prompt: "Password:", echo: false }], (first) => {
          answers.push([...first]);
          context.prompt([{ prompt: "Password:", echo: false }], (second) => {
            answers.push([...second]);
            context.reject();
          });
        });
      },
    });
    await expect(connecting).rejects.toThrowError(refusal('it does not take the password: it asks "Password:"'));
    expect(answers).toEqual([[PASSWORD]]);
  });

  it("answers a round without questions, and goes on after it", async () => {
    const session = await connectTo({
      login: (context) => {
        if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
        context.prompt([], "Last login", "from 198.51.100.1", () => {
          context.prompt([{ prompt: "Password:", echo: false }], ([given]) =>
            given === PASSWORD ? context.accept() : context.reject(),
          );
        });
      },
    });
    expect(session.sessionId).toBe("4711");
  });

  it("does not change a password that the device wants changed", async () => {
    let asked = 0;
    const connecting = connectTo({
      login: (context) => {
        if (context.method !== "password") return context.reject(["password"]);
        asked += 1;
        context.requestChange("Your password has expired, new password:", () => context.accept());
      },
    });
    await expect(connecting).rejects.toThrowError(refusal("it wants the password changed"));
    expect(asked).toBe(1);
  });

  it("offers only what the device takes, and says what that is", async () => {
    const methods: string[] = [];
    const connecting = connectTo({
      ssh: { banner: `Only for ${PASSWORD}s. Log in with your key!` },
      login: (context) => {
        methods.push(context.method);
        context.reject(["publickey", "hostbased"]);
      },
    });
    await expect(connecting).rejects.toThrowError(
      refusal('tried, it takes publickey, hostbased; the device says: "Only for ***s. Log in with your key!"'),
    );
    expect(methods).toEqual(["none"]);
  });
});
