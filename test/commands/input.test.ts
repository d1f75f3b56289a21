import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { COMMANDS } from "../../src/commands/catalogue.ts";
import { NETWORK_OPTIONS, commonOptions } from "../../src/commands/core/options.ts";
import { CommandError } from "../../src/commands/core/errors.ts";
import type { KeyKind } from "../../src/commands/core/input.ts";
import { Input, readSecret } from "../../src/commands/core/input.ts";
import { kebab } from "../../src/commands/core/spec.ts";
import { temporary } from "./support.ts";

function refusal(read: () => unknown): CommandError {
  try {
    read();
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("an option that is missing", () => {
  it("is named as it is written, with what it is for", () => {
    for (const spec of COMMANDS) {
      const options = [...spec.options, ...commonOptions(spec)].filter(({ isFlag }) => !isFlag);
      for (const { name, description } of options) {
        const { code, message } = refusal(() => new Input({}, options).text(name));
        expect(code).to.equal("missing_argument");
        expect(message)
          .to.include(`--${kebab(name)} `)
          .and.include(description);
      }
    }
  });

  it("is named with the environment variable that tells it too", () => {
    const message = (name: string) => refusal(() => new Input({}, NETWORK_OPTIONS).text(name)).message;
    expect(message("deployment")).to.include("--deployment FILE is missing").and.include("set PENNYBLACK_DEPLOYMENT");
    expect(message("rpcUrl")).to.include("--rpc-url URL is missing").and.include("set PENNYBLACK_RPC_URL");
  });
});

describe("a key file that is missing, or holds no key", () => {
  const words: Record<KeyKind, string> = {
    account: "openssl rand -hex 32",
    node: "pennyblack operator keys",
    postage: "pennyblack channel key",
    salt: "made with the report",
  };

  for (const [kind, advice] of Object.entries(words) as [KeyKind, string][]) {
    it(`is told with what makes that kind: ${kind}`, () => {
      const directory = temporary();
      const broken = join(directory, "broken.key");
      writeFileSync(broken, "no key", { mode: 0o600 });
      for (const file of [join(directory, "none.key"), broken]) {
        const { code, message } = refusal(() => readSecret(file, kind));
        expect(code).to.equal("bad_key_file");
        expect(message).to.include(file).and.include(advice);
        for (const other of Object.values(words)) if (other !== advice) expect(message).not.to.include(other);
      }
    });
  }
});
