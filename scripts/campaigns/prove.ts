/**
 * `npm run prove`: proves the money arithmetic for all inputs with SMTChecker (constrained Horn clauses, z3), both
 * inside solc-js. Exits 1 when a proof fails or is not found, and when fewer conditions were proved than are written.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, posix } from "node:path";

/** Each file holds the contract of its name. */
const HARNESSES = ["BountyProof", "ChannelProof"];

interface Message {
  severity: string;
  message: string;
  formattedMessage: string;
}

const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };

/** A file and all it imports, as standard JSON wants them. */
function sourcesOf(
  file: string,
  sources: Record<string, { content: string }> = {},
): Record<string, { content: string }> {
  if (sources[file]) return sources;
  const content = readFileSync(file, "utf8");
  sources[file] = { content };
  for (const [, path] of content.matchAll(/from "(\..+?)"/g)) sourcesOf(posix.join(dirname(file), path!), sources);
  return sources;
}

const fileOf = (contract: string) => `test/assurance/${contract}.sol`;

function prove(contract: string, assertions: number): boolean {
  const started = Date.now();
  const file = fileOf(contract);
  const input = {
    language: "Solidity",
    sources: sourcesOf(file),
    settings: {
      evmVersion: "prague",
      outputSelection: { "*": { "*": ["abi"] } },
      // Without a timeout of z3's: with one the same proof would pass or fail by the machine's speed.
      modelChecker: {
        engine: "chc",
        solvers: ["z3"],
        contracts: { [file]: [contract] },
        targets: ["assert", "overflow", "underflow", "divByZero"],
        showProvedSafe: true,
        showUnproved: true,
        showUnsupported: true,
      },
    },
  };
  const { errors = [] } = JSON.parse(solc.compile(JSON.stringify(input))) as { errors?: Message[] };
  const proved = errors.filter(({ message }) => message.startsWith("CHC:") && message.includes("check is safe"));
  const open = errors.filter((error) => !proved.includes(error) && error.severity !== "info");
  const provedAssertions = proved.filter(({ message }) => message.includes("Assertion violation")).length;
  for (const { formattedMessage } of open) console.error(formattedMessage);
  // An assertion that the checker never saw is no proof.
  const isComplete = open.length === 0 && provedAssertions === assertions;
  console.log(
    `${isComplete ? "ok    " : "FAILED"} ${contract}: ${provedAssertions} of ${assertions} assertions, ` +
      `${proved.length - provedAssertions} conditions of arithmetic, ${((Date.now() - started) / 1000).toFixed(0)} s`,
  );
  return isComplete;
}

const only = process.argv[2];
let failed = 0;
for (const name of HARNESSES) {
  const assertions = readFileSync(fileOf(name), "utf8").split(/\bassert\(/).length - 1;
  if (assertions === 0) throw new Error(`${name} asserts nothing`);
  if (only && only !== name) continue;
  if (!prove(name, assertions)) failed++;
}
process.exit(failed === 0 ? 0 : 1);
