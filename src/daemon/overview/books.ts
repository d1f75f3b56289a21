import { setImmediate } from "node:timers/promises";

import type { Address } from "../../protocol/bytes.ts";
import { picoToUnitsUp } from "../../protocol/units.ts";
import { authorisedFees, exposurePico, unsettledFees } from "../account.ts";
import { accountPages } from "../accountPages.ts";
import type { Account, LedgerStore } from "../ports.ts";

const PAGE = 1_000;
/** Channels that are named; the others are in the sums. */
const SHOWN = 5;
/** Withdrawals whose deadlines are asked for. */
const MOST_LEAVING = 500;

export interface ChannelLine {
  channel: Address;
  /** Base units, rounded up. */
  exposure: bigint;
  unsettled: bigint;
}

/** The ledger in sums. Amounts in base units. */
export interface Books {
  channels: number;
  exposure: bigint;
  unsettled: bigint;
  /** Since the channels exist: what was carried for them, rounded up; what they signed for, what the chain collected. */
  used: bigint;
  signed: bigint;
  settled: bigint;
  deposited: bigint;
  /** Those with the most exposure. */
  largest: ChannelLine[];
  /** With a pending withdrawal and something unsettled; of more than 500, the most valuable. */
  leaving: ChannelLine[];
  leavingChannels: number;
}

/** Reads every account, a page at a time. */
export async function readBooks(ledger: Pick<LedgerStore, "accounts">): Promise<Books> {
  let [channels, exposurePicos, unsettled, leavingChannels] = [0, 0n, 0n, 0];
  let [usedPico, signed, settled, deposited] = [0n, 0n, 0n, 0n];
  let largest: ChannelLine[] = [];
  let leaving: ChannelLine[] = [];
  for await (const page of accountPages(ledger, PAGE)) {
    await setImmediate();
    channels += page.length;
    const lines = page.map((account) => {
      exposurePicos += exposurePico(account);
      usedPico += account.usagePico;
      signed += authorisedFees(account);
      settled += account.chain.feesSpent;
      deposited += account.chain.deposited;
      return { ...lineOf(account), isLeaving: account.chain.pendingWithdrawal > 0n };
    });
    for (const line of lines) unsettled += line.unsettled;
    largest = most([...largest, ...lines.filter(({ exposure }) => exposure > 0n)], "exposure", SHOWN);
    const gone = lines.filter((line) => line.isLeaving && line.unsettled > 0n);
    leavingChannels += gone.length;
    leaving = most([...leaving, ...gone], "unsettled", MOST_LEAVING);
  }
  const sums = { exposure: picoToUnitsUp(exposurePicos), used: picoToUnitsUp(usedPico), unsettled };
  return { channels, ...sums, signed, settled, deposited, largest, leaving, leavingChannels };
}

function lineOf(account: Account): ChannelLine {
  return {
    channel: account.channel,
    exposure: picoToUnitsUp(exposurePico(account)),
    unsettled: unsettledFees(account),
  };
}

function most(lines: readonly ChannelLine[], by: "exposure" | "unsettled", count: number): ChannelLine[] {
  return lines
    .map(({ channel, exposure, unsettled }) => ({ channel, exposure, unsettled }))
    .sort((a, b) => (a[by] > b[by] ? -1 : a[by] < b[by] ? 1 : 0))
    .slice(0, count);
}
