import type { LocalNetwork } from "../local/localNetwork.ts";
import { reportsDomain } from "../../src/contracts/domains.ts";
import { readSeats } from "../../src/contracts/readSeats.ts";
import type { Address, Hex } from "../../src/protocol/bytes.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import type { UsageLeaf } from "../../src/protocol/report/leaves.ts";
import { usageFields } from "../../src/protocol/report/leaves.ts";
import type { Report } from "../../src/protocol/report/report.ts";
import { reportDigest } from "../../src/protocol/report/report.ts";
import { TreeTag, rootOfProof } from "../../src/protocol/report/tree.ts";

/** Nodes wait so long after an epoch's end, for logs that are on their way; then comes the first one's turn. */
const SETTLED_SECONDS = 125;
/** Each next one's turn comes a minute later: when so much real time has passed, the chain's clock is moved to it. */
const TURN_SECONDS = 60;
const TURN_MS = 6_000;
const MOST_WAIT_MS = 150_000;

export interface SeatStory {
  nodeId: number;
  /** Base units of the stake token. */
  weight: bigint;
  hasSigned: boolean;
}

/** A report as the chain has it. */
export interface ReportStory {
  digest: Hex;
  report: Report;
  /** Those of the registry version that the report names, by position. */
  seats: SeatStory[];
  /** Unix seconds of the chain. */
  acceptedAt: bigint;
  finalAt: bigint;
}

/** What each node says of its reports. */
async function whyNot({ nodes }: LocalNetwork): Promise<string> {
  const said = nodes.map(async ({ nodeId, operatorUrl }) => {
    const { reports } = (await (
      await fetch(`${operatorUrl}/status`, { signal: AbortSignal.timeout(2_000) })
    ).json()) as { reports: object };
    return `${nodeId} ${JSON.stringify(reports)}`;
  });
  return (await Promise.allSettled(said))
    .map((one) => (one.status === "fulfilled" ? one.value : String(one.reason)))
    .join("; ");
}

/** Waits for what one of the nodes does in its turn. Whoever's turn it is and does not come holds up the others by a minute. */
async function byTurns(network: LocalNetwork, what: string, isDone: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + MOST_WAIT_MS;
  for (let turnAt = Date.now() + TURN_MS; !(await isDone());) {
    if (Date.now() > end) throw new Error(`no ${what} in ${MOST_WAIT_MS / 1_000} s: ${await whyNot(network)}`);
    if (Date.now() > turnAt) {
      await network.chain.increaseTime(TURN_SECONDS);
      turnAt = Date.now() + TURN_MS;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Moves the chain's clock past the end of the epoch under way, and waits for the nodes' report of it. */
export async function endEpoch(network: LocalNetwork, progress: (text: string) => void): Promise<ReportStory> {
  const { chain, contracts } = network;
  const { epochReports, nodeSeats } = contracts;
  // The first one is written in a network's first epoch; the seats in it are who may sign.
  await byTurns(network, "version of the registry", async () => (await nodeSeats.latestVersion()) > 0n);
  const length = Number(await epochReports.epochSeconds());
  const now = (await chain.provider.getBlock("latest"))!.timestamp;
  // Nodes date messages by their own clocks, which the chain's may be behind while nobody sends it anything.
  const epoch = Math.floor(Math.max(now, Date.now() / 1_000) / length);
  await chain.increaseTime((epoch + 1) * length + SETTLED_SECONDS - now);
  progress(`epoch ${epoch} is over on the chain's clock: the nodes compare their logs and sign a report`);
  let digest: string;
  await byTurns(network, `report of epoch ${epoch}`, async () => {
    const head = await epochReports.headOf(0);
    digest = head.digest;
    return head.count > 0n && head.epoch >= BigInt(epoch);
  });
  return readReport(network, digest! as Hex);
}

/** An accepted report, from the event that carries it. Throws when its digest is not that of what it says. */
async function readReport(network: LocalNetwork, digest: Hex): Promise<ReportStory> {
  const { epochReports, nodeSeats } = network.contracts;
  const [event] = await epochReports.queryFilter(epochReports.filters.ReportAccepted(digest));
  if (!event) throw new Error(`the chain has no event of report ${digest}`);
  const { report: said, signers, finalAt } = event.args;
  const report: Report = {
    ...{ shard: Number(said.shard), epoch: said.epoch, round: Number(said.round), parent: said.parent as Hex },
    ...{ registryVersion: said.registryVersion, logsRoot: said.logsRoot as Hex, usageRoot: said.usageRoot as Hex },
    ...{ stampChargesRoot: said.stampChargesRoot as Hex, stampPayoutsRoot: said.stampPayoutsRoot as Hex },
    ...{ debitsHash: said.debitsHash as Hex, absentSeats: said.absentSeats },
  };
  const own = toHex(reportDigest(reportsDomain(network.record), report));
  if (own !== digest) throw new Error(`the report under ${digest} has the digest ${own}`);
  const seats = await readSeats(nodeSeats, report.registryVersion);
  return {
    ...{ digest, report, finalAt, acceptedAt: BigInt((await event.getBlock()).timestamp) },
    seats: seats.map(({ nodeId, weight }, i) => ({ nodeId, weight, hasSigned: ((signers >> BigInt(i)) & 1n) === 1n })),
  };
}

export interface UsageStory extends UsageLeaf {
  /** Whether the proof leads to the report's `usageRoot`. */
  isProved: boolean;
  servedBy: number;
}

/** What a report says that a channel has used, from a node's daemon, with its proof. */
export async function readUsage(
  { digest, report }: ReportStory,
  { nodeId, url }: { nodeId: number; url: string },
  channel: Address,
): Promise<UsageStory> {
  const response = await fetch(`${url}/reports/${digest}/usage/${channel}`);
  if (!response.ok) throw new Error(`node ${nodeId} does not serve the usage of ${channel}: ${response.status}`);
  const { leaf, proof } = (await response.json()) as {
    leaf: Record<"usagePico" | "authorisedAmount", string>;
    proof: { index: number; count: number; total: string; siblings: Hex[] };
  };
  const read = { channel, usagePico: BigInt(leaf.usagePico), authorisedAmount: BigInt(leaf.authorisedAmount) };
  const root = rootOfProof(TreeTag.usage, usageFields(read), { ...proof, total: BigInt(proof.total) });
  return { ...read, isProved: root === report.usageRoot, servedBy: nodeId };
}
