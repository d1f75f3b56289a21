import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "chai";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** The members of a union of string literals in a source file. */
function codesOf(file: string, type: string): string[] {
  const union = new RegExp(`type ${type} =([\\s\\S]*?");`).exec(read(file))![1]!;
  return [...union.matchAll(/^\s*\| "([a-z_]+)"/gm)].map((match) => match[1]!);
}

/** What a page's headings are linked by. */
function anchorsOf(page: string): string[] {
  const headings = [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!.toLowerCase());
  return headings.map((heading) => heading.replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"));
}

describe("docs", () => {
  it("errors.md lists every code there is", () => {
    const errors = read("docs/errors.md");
    const codes = [
      ...codesOf("src/daemon/refusal.ts", "RefusalCode"),
      ...codesOf("src/client/errors.ts", "GatewayErrorCode"),
      ...codesOf("src/client/account/errors.ts", "ChannelErrorCode"),
      ...codesOf("src/client/stamps/errors.ts", "StampsErrorCode"),
      ...codesOf("src/protocol/errors.ts", "ProtocolErrorCode"),
      ...codesOf("src/commands/core/errors.ts", "CommandErrorCode"),
      ...codesOf("src/daemon/transactions/errors.ts", "SendErrorCode"),
      ...codesOf("src/platform/keys/transactionSigner.ts", "SignerErrorCode"),
    ];
    expect(codes.length).to.be.greaterThan(30);
    for (const code of codes) expect(errors, code).to.include(`\`${code}\``);
  });

  it("deployment.md lists every code that stops a deployment", () => {
    const deployment = read("docs/deployment.md");
    const codes = codesOf("src/deployment/errors.ts", "DeploymentErrorCode");
    expect(codes.length).to.be.greaterThan(10);
    for (const code of codes) expect(deployment, code).to.include(`\`${code}\``);
  });

  it("config tables name every key that a config file takes", () => {
    const keysOf = (block: string) => [...block.matchAll(/^ {2}([a-zA-Z]+)[:,]/gm)].map((match) => match[1]!);
    const within = (file: string, start: string, end: string) => {
      const source = read(`src/cli/config/${file}.ts`);
      const at = source.indexOf(start);
      expect(at, start).to.be.greaterThan(-1);
      return keysOf(source.slice(at, source.indexOf(end, at)));
    };
    const common = within("parts", "const common", "};");
    const node = within("operatorConfig", "const nodeSchema", "type KeyNames");
    const gateway = within("gatewayConfig", "const gatewaySchema", "export type GatewayConfig");
    expect([common.length > 4, node.length > 20, gateway.length > 10]).to.deep.equal([true, true, true]);
    for (const key of [...common, ...node]) expect(read("docs/operators.md"), key).to.include(`\`${key}\``);
    for (const key of [...common, ...gateway]) expect(read("docs/payers.md"), key).to.include(`\`${key}\``);
  });

  it("links lead somewhere", () => {
    const files = [
      "README.md",
      "SECURITY.md",
      ...readdirSync(join(ROOT, "docs"), { recursive: true }).map((name) => `docs/${String(name)}`),
    ];
    for (const file of files.filter((name) => name.endsWith(".md"))) {
      for (const [, target, anchor] of read(file).matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)) {
        const page = target ? join(dirname(file), target) : file;
        if (page.endsWith(".md")) expect(anchorsOf(page), `${file} -> ${target}#${anchor}`).to.include(anchor);
      }
      for (const [, target] of read(file).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
        const path = resolve(ROOT, dirname(file), target!);
        expect(() => readdirSync(path.endsWith("/") ? path : dirname(path)), `${file} -> ${target}`).not.to.throw();
        if (!path.endsWith("/") && /\.\w+$/.test(path))
          expect(() => readFileSync(path), `${file} -> ${target}`).not.to.throw();
      }
    }
  });
});
