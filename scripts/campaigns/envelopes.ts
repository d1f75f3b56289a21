/**
 * `npm run campaign:envelopes -- [--cases 100000] [--seed 1] [--go <program>]`: does the contract read envelopes as Go
 * does? The program is what `scripts/campaigns/envelopes/go/build.sh <directory>` builds there as `read-envelopes`.
 */
import { parseArgs } from "node:util";

import { network } from "hardhat";

import { runEnvelopeCampaign } from "./envelopes/campaign.ts";
import { deployHarness } from "./envelopes/deployHarness.ts";

const { values } = parseArgs({
  options: { cases: { type: "string" }, seed: { type: "string" }, go: { type: "string" } },
});
const cases = Number(values.cases ?? 100_000);
const seed = Number(values.seed ?? 1);

const net = await network.create({ network: "local", chainType: "l1" });
try {
  const startedAt = performance.now();
  const result = await runEnvelopeCampaign(await deployHarness(net), { cases, seed, goReader: values.go });
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`${cases} cases from seed ${seed} in ${seconds} s: contract and model of Go agree on every one`);
  console.log(JSON.stringify(result, undefined, 2));
} finally {
  await net.close();
}
