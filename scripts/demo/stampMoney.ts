import { httpStampDaemons } from "../../src/client/adapters/httpStampDaemons.ts";
import type { ReportClaim } from "../../src/client/stamps/claimPayouts.ts";
import { readPot } from "../../src/contracts/readPot.ts";
import type { Address, Hex } from "../../src/protocol/bytes.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import { channelStampsPath, channelStampsSchema } from "../../src/protocol/stamps/stampsJson.ts";
import type { LocalNetwork } from "../local/localNetwork.ts";
import { balanceOf } from "./money.ts";
import type { Met } from "./strangers.ts";

/** What an app has to do with stamps. Base units. */
export interface AppStamps {
  who: "rita" | "fred" | "sam" | "nora";
  channel: Address;
  /** The ceiling that its gateway has signed. */
  signed: bigint;
  /** What each node says is used of it, open stamps and charged ones. */
  used: bigint[];
  /** On chain. */
  charged: bigint;
}

/** Base units. */
export interface StampMoney {
  report: Hex;
  price: bigint;
  recipientsBps: bigint;
  apps: AppStamps[];
  pot: { charged: bigint; amount: bigint; paid: bigint };
  account: string;
  /** What arrived there. */
  received: bigint;
  treasury: bigint;
  /** Tokens of the Stamps contract. */
  held: bigint;
  /** All tokens there are, and where they are: nobody else has any. */
  supply: bigint;
  found: bigint;
}

export interface PaidStory extends StampMoney {
  /** Texts that Rita's devices decrypted. */
  read: string[];
  /** What daemons showed before she said anything. */
  shown: { payer: string; price: bigint }[];
  claims: ReportClaim[];
  /** What was said at the nodes in the end, one list for each. */
  standings: string[][];
}

type Read = Omit<PaidStory, "claims">;

/** Each part read where it lies: in the channels, the pot, the accounts, the daemons' books. */
export async function readStampMoney(network: LocalNetwork, met: Met, report: Hex): Promise<Read> {
  const { contracts, nodes, token } = network;
  const { postageChannels, feeDistributor, stamps } = contracts;
  const { account, apps: others, price, read, shown } = met;
  const { charged, amount, paid } = await readPot(stamps, report);
  const apps: AppStamps[] = [];
  const places = { rita: { channel: network.channel, gateway: network.gateway }, ...others };
  for (const [who, { channel, gateway }] of Object.entries(places)) {
    const { stampsSigned } = (await (await fetch(`${gateway.url}/status`)).json()) as { stampsSigned: string };
    const { stampsSpent } = await postageChannels.getChannel(channel);
    const used: bigint[] = [];
    for (const { url } of nodes) used.push(await usedAt(url, toAddress(channel)));
    const amounts = { signed: BigInt(stampsSigned), used, charged: stampsSpent };
    apps.push({ who: who as AppStamps["who"], channel: toAddress(channel), ...amounts });
  }
  const holders = await Promise.all([postageChannels, feeDistributor, stamps].map((one) => one.getAddress()));
  const [inChannels, inDistributor, held] = await Promise.all(holders.map((one) => balanceOf(network, one)));
  const received = await balanceOf(network, account);
  let found = inChannels! + inDistributor! + held! + received;
  for (const { payout } of nodes) found += await balanceOf(network, payout);
  return {
    ...{ report, price, apps, account, received, read, shown, held: held!, found },
    recipientsBps: (await stamps.shares()).recipientsBps,
    pot: { charged, amount, paid },
    treasury: await stamps.creditOf(await stamps.treasury()),
    supply: (await token.getFunction("totalSupply")()) as bigint,
    standings: await Promise.all(nodes.map(({ url }) => standingsAt(url, met))),
  };
}

async function usedAt(url: string, channel: Address): Promise<bigint> {
  const response = await fetch(url + channelStampsPath(channel));
  return channelStampsSchema.parse(await response.json()).used;
}

async function standingsAt(url: string, { stamps, apps }: Met): Promise<string[]> {
  const shown = await httpStampDaemons.stamps(url, stamps.inboxId, undefined, AbortSignal.timeout(10_000));
  const nameOf = (payer: string) =>
    Object.entries(apps).find(([, { channel }]) => toAddress(channel) === payer)?.[0] ?? payer;
  // Where a welcome was heard of before its waiver, it is shown as waived: Fred's, at some.
  const said = shown.filter(({ standing }) => standing !== "waived");
  return said.map(({ payer, standing }) => `${nameOf(payer)} ${standing}`).sort();
}

/** Everything that has to be so and is not; empty when stamps were charged, freed and paid as the rules say. */
export function wrongWithStamps(story: PaidStory): string[] {
  const { apps, price, recipientsBps, pot, read, shown, received, treasury, claims } = story;
  const problems: string[] = [];
  const require = (what: string, isSo: boolean) => {
    if (!isSo) problems.push(what);
  };
  const equal = (what: string, a: bigint, b: bigint) => require(`${what}: ${a} is not ${b}`, a === b);
  const share = (price * recipientsBps) / 10_000n;
  require(`Rita's devices read ${read.length} texts, not three each`, read.length === 6);
  require(`nodes showed ${shown.length} stamps, not two`, shown.length === 2);
  for (const one of shown) equal(`a stamp of ${one.payer}`, one.price, price);
  for (const { who, signed, used, charged } of apps) {
    const isStranger = who === "sam" || who === "nora";
    equal(`what ${who}'s app signed for stamps`, signed, isStranger ? price : 0n);
    equal(`what ${who}'s app was charged for stamps`, charged, who === "sam" ? price : 0n);
    // Nora's is free again: the ceiling that her app signed buys it the next stamp.
    for (const one of used) equal(`what a node counts of ${who}'s ceiling`, one, who === "sam" ? price : 0n);
  }
  for (const one of story.standings) require(`a node says ${one.join(", ")}`, one.join() === "nora accepted,sam spam");
  equal("charged under the report, and Sam's stamp", pot.charged, price);
  equal("the recipients' share, and half of it", pot.amount, share);
  equal("the share, and what was paid of it", pot.amount, pot.paid);
  equal("paid, and what arrived at Rita's account", pot.paid, received);
  require(`Rita's claim: ${claims.map(({ state }) => state).join()}`, claims.length === 1 &&
    claims[0]!.state === "claimed");
  equal("charged, and its parts", pot.charged, received + treasury);
  equal("tokens of the Stamps contract, and the treasury's credit", story.held, treasury);
  equal("all tokens there are, and those found", story.supply, story.found);
  return problems;
}
