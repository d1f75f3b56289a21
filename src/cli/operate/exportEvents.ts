import type { FeeDistributor, PostageChannels } from "#typechain";

import { readSettledRows } from "../../contracts/settledRows.ts";
import type { Address } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";

/** Asks for events of all blocks that count. */
type Query = <T>(ask: (first: number, last: number) => Promise<readonly T[]>) => Promise<T[]>;

export interface Settlement {
  block: number;
  transaction: string;
  settler: Address;
  collected: bigint;
  bounty: bigint;
  /** Channels that it changed. */
  rows: number;
}

/** What one settlement changed of one channel. */
export interface SettledRow {
  block: number;
  transaction: string;
  channel: Address;
  /** Cumulative fees before and after, and their difference. */
  settledBefore: bigint;
  settledAfter: bigint;
  settled: bigint;
}

export interface Claim {
  block: number;
  transaction: string;
  payout: Address;
  amount: bigint;
  credited: boolean;
}

/** Every settlement, whoever sent it, in order. */
export async function readSettlements(
  channels: PostageChannels,
  query: Query,
): Promise<{ settlements: Settlement[]; rows: SettledRow[] }> {
  const events = await query((first, last) => channels.queryFilter(channels.filters.Settled(), first, last));
  const settled = new Map<Address, bigint>();
  const rows: SettledRow[] = [];
  const settlements = events.map(({ args, blockNumber: block, transactionHash: transaction }): Settlement => {
    const changed = readSettledRows(args.rows);
    for (const { channel, feesSpent: settledAfter } of changed) {
      const settledBefore = settled.get(channel) ?? 0n;
      settled.set(channel, settledAfter);
      rows.push({ block, transaction, channel, settledBefore, settledAfter, settled: settledAfter - settledBefore });
    }
    const { settler, collected, bounty } = args;
    return { block, transaction, settler: toAddress(settler), collected, bounty, rows: changed.length };
  });
  return { settlements, rows };
}

/** What was claimed for a node, in order. */
export async function readClaims(distributor: FeeDistributor, nodeId: number, query: Query): Promise<Claim[]> {
  const filter = distributor.filters.Claimed(nodeId);
  const events = await query((first, last) => distributor.queryFilter(filter, first, last));
  return events.map(({ args, blockNumber: block, transactionHash: transaction }) => ({
    ...{ block, transaction, payout: toAddress(args.payout), amount: args.amount, credited: args.credited },
  }));
}
