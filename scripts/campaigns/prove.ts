/**
 * `npm run prove`: proves the money arithmetic for all inputs with SMTChecker and z3, both inside solc-js.
 * `npm run prove -- NAME` takes one harness. Exits 1 when something is not proved, not seen, or proved of nothing.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, posix } from "node:path";

/** Each file holds the contract of its name. */
const HARNESSES = ["BalancesProof", "ChannelMathProof", "SeatMathProof", "StreamMathProof"];
/** z3 gets no timeout of its own: with one the same proof would pass or fail by the machine's speed. */
const WATCHDOG_MS = 5 * 60_000;
/** Where it stands, the checker has to find inputs that get there: a proof under contradicting assumptions is none. */
const CANARY = "assert(false)";
/** Not about the proof: the compiler is pinned. */
const DEPRECATED = "The BMC engine of the SMTChecker is deprecated";

interface Message {
  severity: string;
  message: string;
  formattedMessage: string;
  sourceLocation?: { file: string; start: number; end: number };
}

type Sources = Record<string, { content: string }>;

/** A file and all it imports, as standard JSON wants them. */
function sourcesOf(file: string, sources: Sources = {}): Sources {
  if (sources[file]) return sources;
  const content = readFileSync(file, "utf8");
  sources[file] = { content };
  for (const [, path] of content.matchAll(/from "(\..+?)"/g)) sourcesOf(posix.join(dirname(file), path!), sources);
  return sources;
}

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

function check(file: string, contract: string, sources: Sources): Message[] {
  const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
  const input = {
    language: "Solidity",
    sources,
    settings: {
      evmVersion: "prague",
      outputSelection: { "*": { "*": ["abi"] } },
      modelChecker: {
        // Complete here, where nothing loops: every input of a function is symbolic. The other engine, CHC, is meant for
        // histories of calls and finds no proof of products and quotients.
        engine: "bmc",
        solvers: ["z3"],
        contracts: { [file]: [contract] },
        targets: ["assert", "overflow", "underflow", "divByZero"],
        showProvedSafe: true,
        showUnproved: true,
        showUnsupported: true,
      },
    },
  };
  return (JSON.parse(solc.compile(JSON.stringify(input))) as { errors?: Message[] }).errors ?? [];
}

function prove(contract: string): boolean {
  const started = Date.now();
  const file = `test/assurance/${contract}.sol`;
  const sources = sourcesOf(file);
  const written = sources[file]!.content;
  const assertions = count(written, /\bassert\(/g);
  const functions = count(written, /\bfunction /g);
  if (assertions === 0) throw new Error(`${contract} asserts nothing`);
  const content = written.replaceAll("\n    }\n", `\n        ${CANARY};\n    }\n`);
  sources[file] = { content };

  const messages = check(file, contract, sources).filter(({ message }) => !message.startsWith(DEPRECATED));
  const isCanary = ({ sourceLocation: at }: Message) => at?.file === file && content.slice(at.start, at.end) === CANARY;
  const isAssertion = ({ message }: Message) => message.includes("Assertion violation");
  const reached = messages.filter((it) => isCanary(it) && it.message.includes("violation happens here")).length;
  const rest = messages.filter((it) => !isCanary(it));
  const proved = rest.filter(({ message }) => message.startsWith("BMC:") && message.includes("check is safe"));
  const provedAssertions = proved.filter(isAssertion).length;
  const open = rest.filter((it) => !proved.includes(it) && it.severity !== "info");
  for (const { formattedMessage } of open) console.error(formattedMessage);

  // An assertion that the checker never saw is no proof.
  const isComplete = open.length === 0 && provedAssertions === assertions && reached === functions;
  console.log(
    `${isComplete ? "ok    " : "FAILED"} ${contract}: ${provedAssertions} of ${assertions} assertions, ` +
      `${proved.length - provedAssertions} conditions of arithmetic, ` +
      `the end of ${reached} of ${functions} functions reached, ${((Date.now() - started) / 1000).toFixed(0)} s`,
  );
  return isComplete;
}

/** In a process of its own: nothing else could end z3 when it finds no answer. */
function proveWithin(contract: string): boolean {
  const args = [...process.execArgv, process.argv[1]!, contract];
  const { status, error } = spawnSync(process.execPath, args, {
    stdio: "inherit",
    timeout: WATCHDOG_MS,
    killSignal: "SIGKILL",
  });
  const isLate = error !== undefined && "code" in error && error.code === "ETIMEDOUT";
  if (isLate) console.error(`FAILED ${contract}: no answer within ${WATCHDOG_MS / 1000} s, which is no proof`);
  else if (error) throw error;
  return status === 0;
}

const [only] = process.argv.slice(2);
if (only !== undefined && !HARNESSES.includes(only)) throw new Error(`no harness ${only}: ${HARNESSES.join(", ")}`);
process.exitCode = (only === undefined ? HARNESSES.filter((it) => !proveWithin(it)).length === 0 : prove(only)) ? 0 : 1;
