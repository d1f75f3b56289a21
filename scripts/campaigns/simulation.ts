/**
 * Networks with bad days, replayable by seed: `npm run campaign:simulation -- --seeds 1000 [--first 1] [--trace]`. Prints
 * what is wrong with a seed; `--trace` prints all that happened in it. Exits 1 when something is wrong with any.
 */
import { parseArgs } from "node:util";

import { simulate } from "../../test/simulation/simulate.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    first: { type: "string", default: "1" },
    trace: { type: "boolean", default: false },
  },
});
const [first, count] = [Number(values.first), Number(values.seeds)];
if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1) {
  throw new RangeError("--first and --seeds take whole numbers");
}

const sums = { accepted: 0, refused: 0, kills: 0, reorgs: 0, deepest: 0, settlements: 0 };
let broken = 0;
for (let seed = first; seed < first + count; seed++) {
  const { problems, figures, trace } = await simulate(seed);
  for (const [name, value] of Object.entries(figures)) {
    const key = name as keyof typeof sums;
    sums[key] = key === "deepest" ? Math.max(sums[key], value) : sums[key] + value;
  }
  if (values.trace) console.log(trace.join("\n"));
  if (problems.length > 0) broken++;
  for (const problem of problems) console.log(`seed ${seed}: ${problem}`);
}
console.log(
  `${count} seeds, ${broken} broken: ${sums.accepted} messages accepted, ${sums.refused} refused, ${sums.kills} kills, ` +
    `${sums.reorgs} reorganisations of up to ${sums.deepest} blocks, ${sums.settlements} transactions mined`,
);
process.exit(broken === 0 ? 0 : 1);
