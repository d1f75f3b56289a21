/**
 * Networks with bad days, replayable by seed: `npm run campaign:simulation -- --seeds 1000 [--first 1] [--trace]`. Prints
 * what is wrong with a seed; `--trace` prints all that happened in it. Seeds are shared out among the machine's cores, two
 * at most. Exits 1 when something is wrong with any.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import type { Simulation } from "../../test/simulation/simulate.ts";
import { simulate } from "../../test/simulation/simulate.ts";

type Played = Pick<Simulation, "seed" | "problems" | "figures">;

const MOST_WORKERS = 2;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    first: { type: "string", default: "1" },
    trace: { type: "boolean", default: false },
    /** Of a worker: plays every so manieth seed. */
    every: { type: "string", default: "1" },
  },
});
const [first, count, every] = [values.first, values.seeds, values.every].map(Number) as [number, number, number];
if (![first, count, every].every(Number.isInteger) || count < 1 || every < 1) {
  throw new RangeError("--first, --seeds and --every take whole numbers");
}

if (process.send) {
  await play((played) => void process.send!(played));
  process.exit(0);
}
const all: Played[] = [];
const note = (played: Played) => {
  all.push(played);
  for (const problem of played.problems) console.log(`seed ${played.seed}: ${problem}`);
};
const workers = values.trace ? 1 : Math.min(MOST_WORKERS, availableParallelism(), count);
if (workers === 1) await play(note);
else await Promise.all(Array.from({ length: workers }, (_, i) => worker(first + i, workers)));
report();

async function play(told: (played: Played) => void): Promise<void> {
  for (let seed = first; seed < first + count; seed += every) {
    const { problems, figures, trace } = await simulate(seed);
    if (values.trace) console.log(trace.join("\n"));
    told({ seed, problems, figures });
  }
}

async function worker(from: number, of: number): Promise<void> {
  const args = ["--first", String(from), "--seeds", String(count - (from - first)), "--every", String(of)];
  const child = fork(fileURLToPath(import.meta.url), args, { execArgv: ["--import", "tsx"] });
  child.on("message", (played) => note(played as Played));
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`a worker ended with ${code}`);
}

function report(): never {
  const sums = { accepted: 0, refused: 0, kills: 0, reorgs: 0, deepest: 0, settlements: 0, reports: 0 };
  for (const { figures } of all) {
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) {
      sums[key] = key === "deepest" ? Math.max(sums[key], figures[key]) : sums[key] + figures[key];
    }
  }
  const broken = all.filter(({ problems }) => problems.length > 0).length;
  console.log(
    `${all.length} seeds, ${broken} broken: ${sums.accepted} messages accepted, ${sums.refused} refused, ` +
      `${sums.kills} kills, ${sums.reorgs} reorganisations of up to ${sums.deepest} blocks, ` +
      `${sums.settlements} transactions mined, ${sums.reports} reports`,
  );
  process.exit(broken === 0 && all.length === count ? 0 : 1);
}
