/**
 * What everybody wins and loses by stamps: `npm run campaign:stamps -- [--seeds 25] [--first 0]`. Plays six weeks of a network
 * from each number, with a farm, liars, a spammer and, by turns of seeds, a node that cheats; prints sums over all in USD.
 * Exits 1 when something is wrong with any.
 */
import { parseArgs } from "node:util";

import { formatUnits } from "../../src/protocol/units.ts";
import type { StampSimulation, Tally } from "../../test/simulation/stamps/simulateStamps.ts";
import { simulateStamps } from "../../test/simulation/stamps/simulateStamps.ts";
import { table } from "../demo/table.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "25" }, first: { type: "string", default: "0" } },
});
const [count, first] = [Number(values.seeds), Number(values.first)];
if (![count, first].every(Number.isInteger) || count < 1 || first < 0) {
  throw new RangeError("--seeds and --first take whole numbers");
}

const all: StampSimulation[] = [];
for (let seed = first; seed < first + count; seed++) {
  const played = await simulateStamps(seed);
  all.push(played);
  for (const problem of played.problems) console.log(`seed ${seed}, a node that is ${played.role}: ${problem}`);
}
print();
const broken = all.filter(({ problems }) => problems.length > 0).length;
const sum = (of: (one: StampSimulation) => number) => all.reduce((total, one) => total + of(one), 0);
console.log(
  `\n${count} seeds, ${broken} broken: ${sum(({ figures }) => figures.welcomes)} welcomes, ` +
    `${sum(({ figures }) => figures.stamps)} stamps, ${sum(({ figures }) => figures.refused)} refusals, ` +
    `${sum(({ figures }) => figures.reports)} reports`,
);
process.exit(broken === 0 ? 0 : 1);

/** A stamp is of one stranger and inbox in 30 days: an amount per stamp is one per stranger and month. */
function print(): void {
  const perStamp = ({ stamps, amount }: Tally) => (stamps === 0 ? "" : formatUnits(amount / BigInt(stamps)));
  const row = (name: string, tally: Tally) => [name, String(tally.stamps), formatUnits(tally.amount), perStamp(tally)];
  const head = ["", "stamps", "USD", "per stranger and month"];
  const tallies = (of: (one: StampSimulation) => Iterable<[string, Tally]>) => {
    const sums = new Map<string, Tally>();
    for (const [name, { stamps, amount }] of all.flatMap((one) => [...of(one)])) {
      const known = sums.get(name) ?? { stamps: 0, amount: 0n };
      sums.set(name, { stamps: known.stamps + stamps, amount: known.amount + amount });
    }
    return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, tally]) => row(name, tally));
  };
  console.log(
    table(
      "What a first message came to, by who wrote to whom",
      head,
      tallies(({ costs }) => costs),
    ),
  );
  console.log(
    table(
      "What recipients were paid",
      head,
      tallies(({ gains }) => gains),
    ),
  );
  const rows = all.flatMap(({ role, charged }) =>
    [...charged]
      .filter(([, { owed, taken }]) => owed !== taken)
      .map(([kind, { owed, taken }]) => {
        return [`${kind}, with a node that is ${role}`, formatUnits(owed), formatUnits(taken)];
      }),
  );
  console.log(
    table("Owed and not taken, because nothing was signed for it: nobody is paid of that", ["", "owed", "taken"], rows),
  );
  console.log(
    `\nTreasury: ${formatUnits(all.reduce((total, { treasury }) => total + treasury, 0n))} USD. Nodes: nothing of it.`,
  );
}
