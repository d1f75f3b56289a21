import { httpStampDaemons } from "../../src/client/adapters/httpStampDaemons.ts";
import { readPot } from "../../src/contracts/readPot.ts";
import type { Hex } from "../../src/protocol/bytes.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import { formatUnits } from "../../src/protocol/units.ts";
import { localWallet } from "../local/localChain.ts";
import type { LocalNetwork } from "../local/localNetwork.ts";
import { endEpoch } from "./report.ts";
import type { PaidStory } from "./stampMoney.ts";
import { readStampMoney } from "./stampMoney.ts";
import type { Met } from "./strangers.ts";
import { until } from "./until.ts";

/** Anybody may send a claim: this test account does, so that Rita needs no gas. */
const CLAIMER = 1;
const ANSWER_MS = 10_000;

type Progress = (text: string) => void;

/**
 * The report with what Rita said becomes final, Sam's app is charged, and Rita claims her share. The chain's clock is
 * moved by the veto window and by the three days in which a report's pot fills.
 */
export async function collectStamps(network: LocalNetwork, met: Met, progress: Progress): Promise<PaidStory> {
  const { chain, contracts } = network;
  const { account, stamps } = met;
  const digest = await reportWithPayout(network, account, progress);
  await chain.increaseTime(Number(await contracts.epochReports.vetoWindowSeconds()));
  await until("a daemon has charged the stamps", async () => {
    return (await readPot(contracts.stamps, digest)).charged > 0n;
  });
  const { charged, fixedAt } = await readPot(contracts.stamps, digest);
  progress(`nobody vetoed the report: it is final, and a daemon has charged ${formatUnits(charged)} USD of stamps`);

  const { timestamp } = (await chain.provider.getBlock("latest"))!;
  await chain.increaseTime(Number(fixedAt) - timestamp);
  const sender = localWallet(CLAIMER).connect(chain.provider);
  const claims = await stamps.claim({ account, sender, reports: [digest] });
  const [claim] = claims;
  progress(
    claim?.state === "claimed"
      ? `three days later the pot is fixed, and Rita claims ${formatUnits(claim.amount)} USD, her share of it`
      : `Rita's claim: ${claim?.state}`,
  );

  return { ...(await readStampMoney(network, met, digest)), claims };
}

/**
 * The first report that pays Rita. Statements count when they were held for an hour before an epoch's end: towards the end
 * of one it is the next one's report.
 */
async function reportWithPayout(network: LocalNetwork, account: string, progress: Progress): Promise<Hex> {
  const head = async () => (await network.contracts.epochReports.headOf(0)).digest as Hex;
  const isIn = async (digest: Hex) => {
    const { url } = network.nodes[0]!;
    const payout = httpStampDaemons.payout(url, digest, toAddress(account), AbortSignal.timeout(ANSWER_MS));
    return (await payout) !== undefined;
  };
  let digest = await head();
  if (!(await isIn(digest))) {
    progress("what Rita said came in the last hour of the epoch: the next one's report will have it");
    ({ digest } = await endEpoch(network, progress));
  }
  if (await isIn(digest)) return digest;
  throw new Error(`report ${digest} pays nothing to Rita's account ${account}`);
}
