/**
 * `npm run campaign:identity -- [--cases N] [--seed N] [--bits]`: what TypeScript and the contracts make of identity
 * updates. Random ones, valid and broken, have to be taken or refused alike and leave the same inboxes (100,000 unless
 * told); with `--bits`, every single bit of every vector is flipped instead, and each copy has to be refused unless
 * nothing changed that was signed.
 */
import { parseArgs } from "node:util";

import { identityEnvelope } from "../../test/support/identityActors.ts";
import { deployedWorld } from "../../test/contracts/fixtures.ts";
import { compareIdentity, flipBits, vectorsWithAccount } from "../../test/contracts/identityCompare.ts";
import { sequence } from "../../test/contracts/identityWorld.ts";

/** A chain of its own for so many cases: simulated ones grow slower as they grow. */
const CASES_PER_CHAIN = 2_000;

const { values } = parseArgs({
  options: { cases: { type: "string" }, seed: { type: "string" }, bits: { type: "boolean" } },
});

if (values.bits) {
  const world = await deployedWorld();
  const { updates } = await vectorsWithAccount(world);
  for (const [index, update] of updates.entries()) {
    const { flips, harmless } = await flipBits(world, update, { step: 1 });
    await sequence(world, update.inboxId, identityEnvelope(update));
    console.log(`vector ${index}: ${flips} bits flipped, ${harmless} copies taken in which nothing signed changed`);
  }
} else {
  const cases = Number(values.cases ?? "100000");
  const seed = Number(values.seed ?? "1");
  if (!Number.isInteger(cases) || cases < 1) throw new Error("--cases takes a whole number above 0");
  if (!Number.isInteger(seed)) throw new Error("--seed takes a whole number");
  let taken = 0;
  for (let done = 0; done < cases; done += CASES_PER_CHAIN) {
    const here = Math.min(CASES_PER_CHAIN, cases - done);
    const options = { cases: here, seed: seed * 1_000_000 + done, inboxes: 12, everyState: 5 };
    taken += (await compareIdentity(await deployedWorld(), options)).taken;
    console.error(`${done + here} of ${cases}: ${taken} taken`);
  }
  console.log(`identity: ${cases} updates agree, ${taken} taken, ${cases - taken} refused, seed ${seed}`);
}
process.exit(0);
