import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { Command } from "commander";

import { GATEWAY_METRICS } from "../src/client/metrics/catalogue.ts";
import { addDeploymentCommands } from "../src/cli/deploymentCommands.ts";
import { addNetworkCommands } from "../src/cli/networkCommands.ts";
import { addOperatorCommands } from "../src/cli/operate/commands.ts";
import { addReceiptCommands } from "../src/cli/receipts/commands.ts";
import { addSpendCommand } from "../src/cli/spendCommand.ts";
import { COMMANDS } from "../src/commands/catalogue.ts";
import { abis } from "../src/contracts/abis.ts";
import { METRICS } from "../src/daemon/metrics/catalogue.ts";
import type { MetricDefinition } from "../src/platform/metrics/definitions.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const FILES = [
  ...["README.md", "SECURITY.md"],
  ...readdirSync(join(ROOT, "docs"), { recursive: true })
    .map((name) => `docs/${String(name)}`)
    .filter((name) => name.endsWith(".md")),
];

/** What a page shows as code: spans, and lines of shell blocks. */
function codeOf(file: string): string[] {
  const text = read(file);
  const blocks = [...text.matchAll(/```(\w*)\n([\s\S]*?)```/g)];
  const lines = blocks
    .filter(([, language]) => language === "sh")
    .flatMap(([, , body]) => body!.replaceAll(/\\\n\s*/g, "").split("\n"));
  const prose = text.replaceAll(/```[\s\S]*?```/g, "");
  return [...lines, ...[...prose.matchAll(/`([^`]+)`/g)].map(([, span]) => span!.replaceAll(/\s+/g, " "))];
}

const CODE = FILES.flatMap((file) => codeOf(file).map((code) => ({ file, code })));

/** All TypeScript below a folder. */
const textOf = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true })
    .map((name) => `${folder}/${String(name)}`)
    .filter((name) => name.endsWith(".ts"))
    .map(read)
    .join("\n");
const SOURCES = textOf("src");

/** The words of a command, without what follows it in a shell, or its comment. */
function wordsOf(typed: string): string[] {
  const [own = ""] = typed.split(/\s+#|\s*(?:\||&&|;|>)\s/);
  return [...own.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
}

function program(): Command {
  const root = new Command("pennyblack");
  const [output, finish] = [{ out: () => {}, err: () => {} }, () => {}];
  for (const name of ["node", "daemon", "gateway"]) root.command(name).requiredOption("--config <file>");
  addOperatorCommands(root, output, finish);
  addDeploymentCommands(root, output, finish);
  addReceiptCommands(root, output, finish);
  addSpendCommand(root, output, finish);
  addNetworkCommands(root, output, finish);
  return root;
}

/** What is wrong with a command as it is written: no such command, or no such option of it. */
function wrongWith(words: readonly string[], root: Command): string | undefined {
  let [command, depth] = [root, 0];
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (!next) break;
    [command, depth] = [next, depth + 1];
  }
  const [next] = words.slice(depth);
  if (command.commands.length > 0 && next !== undefined && !next.startsWith("-")) return `there is no command ${next}`;
  const known = ["--help", ...command.options.map(({ long }) => long!)];
  const unknown = words.filter((word) => word.startsWith("--") && word !== "--" && !known.includes(word));
  if (unknown.length > 0) return `${command.name()} has no ${unknown.join(", ")}`;
  // One that is only mentioned has none of its options, one that is to be typed has all that it needs.
  const isMentioned = !words.some((word) => word.startsWith("--")) || words.includes("...");
  const missing = command.options.filter(({ mandatory, long }) => mandatory && !words.includes(long!));
  return isMentioned || missing.length === 0
    ? undefined
    : `${command.name()} needs ${missing.map(({ long }) => long).join(", ")}`;
}

describe("what documentation tells people to type", () => {
  it("are scripts that package.json has", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    let found = 0;
    for (const { file, code } of CODE) {
      const [, named] = /^npm run ([\w:-]+)/.exec(code) ?? /^(campaign:[\w-]+|bench:[\w-]+)\b/.exec(code) ?? [];
      if (named === undefined) continue;
      found++;
      expect(scripts, `${file}: ${code}`).to.have.property(named);
    }
    expect(found).to.be.greaterThan(30);
  });

  it("are commands and options of pennyblack", () => {
    const root = program();
    const groups = root.commands.filter(({ commands }) => commands.length > 0).map((one) => one.name());
    const started = new RegExp(
      `^(?:pennyblack|node scripts/launch\\.mjs|(?=(?:${groups.join("|")}) [a-z-]+(?: |$))) ?`,
    );
    const OWN = Object.keys(JSON.parse(read("package.json")).scripts as object);
    let found = 0;
    const wrong: string[] = [];
    for (const { file, code } of CODE) {
      if (!started.test(code)) continue;
      if (/[<=+]/.test(code)) continue;
      const words = wordsOf(code.replace(started, "").replace(/ \.\.\.$/, ""));
      const [first] = words;
      if (first === undefined || !/^[a-z]/.test(first) || ["hardhat", ...OWN].includes(first)) continue;
      found++;
      const problem = wrongWith(words, root);
      if (problem !== undefined) wrong.push(`${file}: ${code}: ${problem}`);
    }
    expect(wrong).to.deep.equal([]);
    expect(found).to.be.greaterThan(100);
  });

  it("are files and folders of this repository, or what a script writes", () => {
    const inside = /^(?:src|scripts|contracts|test|docs|ops|tasks|proto|\.ci)\/[\w./-]*$/;
    const scripts = textOf("scripts");
    const isThere = (path: string) =>
      [path, `test/${path}.test.ts`].some((one) => existsSync(join(ROOT, one))) || scripts.includes(`"${path}"`);
    const wrong = CODE.filter(({ code }) => inside.test(code) && !isThere(code));
    expect(wrong.map(({ file, code }) => `${file}: ${code}`)).to.deep.equal([]);
  });

  it("are routes that something answers", () => {
    let found = 0;
    for (const { file, code } of CODE) {
      const [, path] = /^curl .*localhost:\d+\/([\w-]+)/.exec(code) ?? /^(?:GET|POST) \/([\w-]+)/.exec(code) ?? [];
      if (path === undefined) continue;
      found++;
      expect(new RegExp(`[ "^\`/]\\\\?/${path}\\b`).test(SOURCES), `${file}: ${code}`).to.equal(true);
    }
    expect(found).to.be.greaterThan(20);
  });

  it("are functions, errors and events of the contracts", () => {
    const names = new Map(
      Object.entries(abis).map(([key, abi]) => [
        key[0]!.toUpperCase() + key.slice(1),
        new Set((abi as readonly { name?: string }[]).map(({ name }) => name)),
      ]),
    );
    let found = 0;
    const wrong: string[] = [];
    for (const { file, code } of CODE) {
      for (const [, contract, name] of code.matchAll(/\b([A-Z]\w+)\.([a-z]\w+)/g)) {
        const known = names.get(contract!);
        if (!known || name === "sol") continue;
        found++;
        if (!known.has(name)) wrong.push(`${file}: ${code}`);
      }
    }
    expect(wrong).to.deep.equal([]);
    expect(found).to.be.greaterThan(20);
  });

  it("looks for words that logs and answers have", () => {
    const pages = ["docs/payers-trouble.md", "docs/operators-trouble.md", "docs/runbooks.md"];
    const isSaid = ({ file, code }: { file: string; code: string }) =>
      pages.includes(file) && /^[A-Za-z]+(?: [A-Za-z']+)+$/.test(code) && !/^(pennyblack|curl|npm) /.test(code);
    const said = CODE.filter(isSaid).filter(
      ({ code }) => !COMMANDS.some(({ path }) => code.startsWith(path.join(" "))),
    );
    const wrong = said.filter(({ code }) => !SOURCES.includes(code));
    expect(wrong.map(({ file, code }) => `${file}: ${code}`)).to.deep.equal([]);
    expect(said.length).to.be.greaterThan(10);
  });

  it("are metrics that there are", () => {
    const definitions: readonly MetricDefinition[] = [...Object.values(METRICS), ...Object.values(GATEWAY_METRICS)];
    const names = new Set(definitions.map(({ name }) => name));
    const wrong = CODE.filter(({ code }) => /^pennyblack_\w+$/.test(code) && !names.has(code));
    expect(wrong.map(({ file, code }) => `${file}: ${code}`)).to.deep.equal([]);
  });
});
