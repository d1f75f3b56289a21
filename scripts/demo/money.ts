import type { LocalNetwork } from "../local/localNetwork.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { fromHex, toAddress } from "../../src/protocol/bytes.ts";
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

/** An app's channel at the end. Base units, but for the usage. */
export interface ChannelMoney {
  channel: Address;
  deposited: bigint;
  usagePico: bigint;
  /** Of the last voucher. */
  authorised: bigint;
  settled: bigint;
}

export interface Money {
  /** The first app's, then the others'. */
  channels: ChannelMoney[];
  usagePico: bigint;
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

interface Payer {
  channel: Address;
  url: string;
}

function payersOf({ gateway, channel, apps }: LocalNetwork): Payer[] {
  const others = apps.map((app) => ({ channel: toAddress(app.channel), url: app.gateway.url }));
  return [{ channel: toAddress(channel), url: gateway.url }, ...others];
}

/** Waits until nothing is under way at any gateway and every daemon has metered what they paid for; the sum of it. */
export async function waitUntilQuiet(network: LocalNetwork): Promise<bigint> {
  let sum = 0n;
  for (const payer of payersOf(network)) sum += await usageOf(network, payer);
  return sum;
}

async function usageOf({ nodes }: LocalNetwork, { channel, url }: Payer): Promise<bigint> {
  const until = Date.now() + MOST_WAIT_MS;
  let usage = "";
  let since = Date.now();
  for (;;) {
    const status = await json<Record<string, string | number>>(`${url}/status`);
    const seen = await Promise.all(
      nodes.map(async (node) => {
        return (await json<{ usagePico: string }>(`${node.url}/postage/channels/${channel}`)).usagePico;
      }),
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

/** Hands a gateway's last voucher to every daemon. */
async function handOver(network: LocalNetwork, payer: Payer): Promise<Pick<ChannelMoney, "usagePico" | "authorised">> {
  const usagePico = await usageOf(network, payer);
  const { row } = await json<{ row: `0x${string}` | null }>(`${payer.url}/voucher`);
  const voucher = fromHex(row ?? "0x");
  if (voucher.length !== VOUCHER_ROW_LENGTH) throw new Error(`the gateway of ${payer.channel} has no voucher`);
  for (const { url } of network.nodes) {
    await json(`${url}${VOUCHERS_PATH}`, { method: "POST", body: Buffer.from(voucher) });
  }
  return { usagePico, authorised: voucherAmounts(voucher).fees };
}

/** Hands every gateway's last voucher to every daemon, settles them, streams the fees and lets every operator claim. */
export async function settleUp(network: LocalNetwork, progress: (text: string) => void): Promise<Money> {
  const { nodes, contracts, chain } = network;
  const used = new Map<Payer, Pick<ChannelMoney, "usagePico" | "authorised">>();
  for (const payer of payersOf(network)) used.set(payer, await handOver(network, payer));

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
  progress(`settled on chain: ${rows} row${rows === 1 ? "" : "s"}, ${gasUsed} gas`);
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
  const channels: ChannelMoney[] = [];
  for (const [{ channel }, amounts] of used) {
    const { deposited, feesSpent: settled } = await contracts.postageChannels.getChannel(channel);
    channels.push({ channel, deposited, settled, ...amounts });
  }
  const held = await balanceOf(network, await contracts.feeDistributor.getAddress());
  let unclaimed = 0n;
  for (const { nodeId } of nodes) unclaimed += await contracts.feeDistributor.claimable(nodeId);
  const totals = await totalsOf(network, channels, shares, unclaimed);
  const usagePico = sumOf(channels.map((one) => one.usagePico));
  return { channels, usagePico, totals, held, unclaimed, shares, rows, gasUsed };
}

const sumOf = (amounts: readonly bigint[]) => amounts.reduce((sum, amount) => sum + amount, 0n);

export async function balanceOf({ token }: LocalNetwork, account: string): Promise<bigint> {
  return (await token.getFunction("balanceOf")(account)) as bigint;
}

/** Each part read where it lies: in the channel, as credit, at the payout accounts, in the distributor. */
async function totalsOf(
  { contracts }: LocalNetwork,
  channels: readonly ChannelMoney[],
  shares: Share[],
  unclaimed: bigint,
): Promise<Money["totals"]> {
  const { postageChannels, feeDistributor } = contracts;
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
    feesCharged: sumOf(channels.map(({ usagePico }) => picoToUnitsUp(usagePico))),
    settled: sumOf(channels.map(({ settled }) => settled)),
    treasury,
    bounty,
    claimed: sumOf(shares.map(({ claimed }) => claimed)),
    streaming,
    dust: released - unclaimed,
  };
}

/**
 * Everything that has to be equal and is not; empty when all money adds up to the last unit.
 * @param audited picodollars of each channel, recomputed from the log
 */
export function discrepancies(
  { channels, totals, held, unclaimed, shares }: Money,
  audited: ReadonlyMap<Address, bigint>,
): string[] {
  const { settled, treasury, bounty, claimed, streaming, dust } = totals;
  const problems: string[] = [];
  const require = (what: string, a: bigint, b: bigint) => {
    if (a !== b) problems.push(`${what}: ${a} is not ${b}`);
  };
  for (const { channel, usagePico, authorised, settled: taken } of channels) {
    const of = (what: string) => `${what} of ${channel}`;
    require(of("picodollars recomputed from the log, and charged,"), audited.get(channel) ?? 0n, usagePico);
    require(of("fees charged, and the last voucher,"), picoToUnitsUp(usagePico), authorised);
    require(of("the last voucher, and settled,"), authorised, taken);
  }
  require("settled, and its parts", settled, treasury + bounty + claimed + streaming + dust);
  require("tokens in the distributor, and treasury, stream and dust", held, treasury + streaming + dust);
  require("left to claim", unclaimed, 0n);
  for (const { nodeId, share, claimed: got } of shares) require(`share of node ${nodeId}, and claimed`, share, got);
  if (claimed === 0n) problems.push("nobody was paid");
  // Every seat's share of all epochs is rounded down once, when it claims: less than a unit each.
  if (dust < 0n || dust > BigInt(shares.length)) problems.push(`${dust} units of dust for ${shares.length} seats`);
  return problems;
}
