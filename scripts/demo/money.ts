import type { LocalNetwork } from "../local/localNetwork.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import { picoToUnitsUp } from "../../src/protocol/units.ts";
import { VOUCHER_ROW_LENGTH, voucherAmounts } from "../../src/protocol/voucher.ts";
import { VOUCHERS_PATH } from "../../src/daemon/http.ts";

/** Epochs after which everything that was distributed has streamed. */
const STREAM_EPOCHS = 15;
const QUIET_MS = 1_000;
const MOST_WAIT_MS = 30_000;

export interface Share {
  nodeId: number;
  payout: string;
  /** Base units that were claimable, and that arrived at the payout account. */
  share: bigint;
  claimed: bigint;
}

export interface Money {
  deposited: bigint;
  usagePico: bigint;
  authorised: bigint;
  /** Base units that the distributor holds, and that operators could still claim. */
  held: bigint;
  unclaimed: bigint;
  totals: Record<"feesCharged" | "settled" | "treasury" | "bounty" | "claimed" | "streaming" | "dust", bigint>;
  shares: Share[];
  rows: number;
  gasUsed: bigint;
}

async function json<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await fetch(url, init);
  const body = (await response.json()) as T & { error?: string };
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${body.error ?? ""}`);
  return body;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until nothing is under way at the gateway and every daemon has metered what the gateway paid for. */
export async function waitUntilQuiet({ gateway, nodes, channel }: LocalNetwork): Promise<bigint> {
  const until = Date.now() + MOST_WAIT_MS;
  let usage = "";
  let since = Date.now();
  for (;;) {
    const status = await json<Record<string, string | number>>(`${gateway.url}/status`);
    const seen = await Promise.all(
      nodes.map(async ({ url }) => (await json<{ usagePico: string }>(`${url}/postage/channels/${channel}`)).usagePico),
    );
    const isQuiet = status.active === 0 && status.openAttempts === 0 && status.inFlightPico === "0";
    const isAgreed = seen.every((one) => one === status.usagePico);
    if (!isQuiet || !isAgreed || usage !== status.usagePico) since = Date.now();
    usage = String(status.usagePico);
    if (Date.now() - since >= QUIET_MS) return BigInt(usage);
    if (Date.now() > until) {
      throw new Error(
        `gateway and daemons do not agree: the gateway used ${usage} pico, the daemons say ${seen.join(", ")}`,
      );
    }
    await sleep(100);
  }
}

/** Hands the gateway's last voucher to every daemon, settles it, streams the fees and lets every operator claim. */
export async function settleUp(network: LocalNetwork, progress: (text: string) => void): Promise<Money> {
  const { gateway, nodes, channel, contracts, chain } = network;
  const usagePico = await waitUntilQuiet(network);
  const { row } = await json<{ row: `0x${string}` }>(`${gateway.url}/voucher`);
  const voucher = fromHex(row);
  if (voucher.length !== VOUCHER_ROW_LENGTH) throw new Error("the gateway has no voucher");
  const { fees: authorised } = voucherAmounts(voucher);
  for (const { url } of nodes) await json(`${url}${VOUCHERS_PATH}`, { method: "POST", body: Buffer.from(voucher) });

  let rows = 0;
  let gasUsed = 0n;
  for (const { operatorUrl } of nodes) {
    const { transactions } = await json<{ transactions: { settledRows: number; gasUsed: string }[] }>(
      `${operatorUrl}/settle`,
      { method: "POST" },
    );
    for (const transaction of transactions) {
      rows += transaction.settledRows;
      gasUsed += BigInt(transaction.gasUsed);
    }
  }
  progress(`settled on chain: ${rows} row, ${gasUsed} gas`);
  await json(`${nodes[0]!.operatorUrl}/distribute`, { method: "POST" });
  await chain.increaseTime(Number(await contracts.feeDistributor.epochSeconds()) * STREAM_EPOCHS);
  progress(`${STREAM_EPOCHS} epochs passed on the chain's clock`);
  const shares: Share[] = [];
  for (const { nodeId, payout, operatorUrl } of nodes) {
    const share = await contracts.feeDistributor.claimable(nodeId);
    await json(`${operatorUrl}/claim`, { method: "POST" });
    shares.push({ nodeId, payout, share, claimed: await balanceOf(network, payout) });
  }
  progress("every operator has claimed");
  const { deposited } = await contracts.postageChannels.getChannel(channel);
  const held = await balanceOf(network, await contracts.feeDistributor.getAddress());
  let unclaimed = 0n;
  for (const { nodeId } of nodes) unclaimed += await contracts.feeDistributor.claimable(nodeId);
  const totals = await totalsOf(network, usagePico, shares, unclaimed);
  return { deposited, usagePico, authorised, totals, held, unclaimed, shares, rows, gasUsed };
}

async function balanceOf({ token }: LocalNetwork, account: string): Promise<bigint> {
  return (await token.getFunction("balanceOf")(account)) as bigint;
}

/** Each part read where it lies: in the channel, as credit, at the payout accounts, in the distributor. */
async function totalsOf(
  network: LocalNetwork,
  usagePico: bigint,
  shares: Share[],
  unclaimed: bigint,
): Promise<Money["totals"]> {
  const { contracts, channel } = network;
  const { postageChannels, feeDistributor } = contracts;
  const { feesSpent: settled } = await postageChannels.getChannel(channel);
  const treasury = await feeDistributor.creditOf(await feeDistributor.treasury());
  const settlers = await postageChannels.queryFilter(postageChannels.filters.Settled());
  let bounty = 0n;
  for (const settler of new Set(settlers.map(({ args }) => args.settler)))
    bounty += await postageChannels.creditOf(settler);
  const streaming = (await feeDistributor.streaming()) + (await feeDistributor.remainder());
  // What whole epochs released and no seat's whole units add up to: it stays in the contract for good.
  const released =
    (await feeDistributor.released()) - (await feeDistributor.paid()) - (await feeDistributor.forfeited());
  return {
    feesCharged: picoToUnitsUp(usagePico),
    settled,
    treasury,
    bounty,
    claimed: shares.reduce((sum, { claimed }) => sum + claimed, 0n),
    streaming,
    dust: released - unclaimed,
  };
}

/** Everything that has to be equal and is not; empty when all money adds up to the last unit. */
export function discrepancies(
  { authorised, totals, held, unclaimed, shares }: Money,
  auditedPico: bigint,
  usagePico: bigint,
): string[] {
  const { feesCharged, settled, treasury, bounty, claimed, streaming, dust } = totals;
  const problems: string[] = [];
  const require = (what: string, a: bigint, b: bigint) => {
    if (a !== b) problems.push(`${what}: ${a} is not ${b}`);
  };
  require("picodollars recomputed from the log, and charged", auditedPico, usagePico);
  require("fees charged, and the last voucher", feesCharged, authorised);
  require("the last voucher, and settled", authorised, settled);
  require("settled, and its parts", settled, treasury + bounty + claimed + streaming + dust);
  require("tokens in the distributor, and treasury, stream and dust", held, treasury + streaming + dust);
  require("left to claim", unclaimed, 0n);
  for (const { nodeId, share, claimed: got } of shares) require(`share of node ${nodeId}, and claimed`, share, got);
  if (claimed === 0n) problems.push("nobody was paid");
  // Every seat's share of all epochs is rounded down once, when it claims: less than a unit each.
  if (dust < 0n || dust > BigInt(shares.length)) problems.push(`${dust} units of dust for ${shares.length} seats`);
  return problems;
}
