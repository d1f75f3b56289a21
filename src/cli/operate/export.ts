import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { queryInSpans } from "../../contracts/queryInSpans.ts";
import { authorisedFees, unsettledFees } from "../../daemon/account.ts";
import { accountPages } from "../../daemon/accountPages.ts";
import type { Account, LedgerStore } from "../../daemon/ports.ts";
import { chunksOf } from "../../platform/chunks.ts";
import type { Address } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import { csv } from "../../platform/csv.ts";
import { readClaims, readSettlements } from "./exportEvents.ts";
import type { SettledRow } from "./exportEvents.ts";

export interface ExportOptions {
  nodeId: number;
  ledger: Pick<LedgerStore, "accounts" | "chainCursor" | "finalized">;
  contracts: Pick<Contracts, "postageChannels" | "feeDistributor">;
  /** The chain's time of a block, unix seconds. */
  timeOf: (block: number) => Promise<number>;
  deploymentBlock: number;
  /** Blocks whose settlements and claims are listed, both inclusive; sums are always made of all. */
  from: number;
  /** The newest that the ledger has read, unless told. */
  to: number | undefined;
  directory: string;
}

export interface ExportResult {
  from: number;
  to: number;
  channels: number;
  settlements: number;
  claims: number;
  /** Sums over the whole time, base units. */
  totals: { usagePico: bigint; settledInLedger: bigint; settledOnChain: bigint; collectedByEvents: bigint };
  /** Where ledger, chain and events do not agree: empty, or something is wrong. */
  differences: string[];
}

const PAGE = 1_000;
const CHANNELS_PER_CALL = 500;
const MOST_DIFFERENCES = 100;

/**
 * Writes channels.csv, settlements.csv, settled-rows.csv and claims.csv, and holds the ledger, the channels' states and
 * the settlements' events against each other, to the unit.
 */
export async function exportBooks(options: ExportOptions): Promise<ExportResult> {
  const { contracts, ledger, deploymentBlock, from, directory } = options;
  const to = options.to ?? (await readTo(ledger, deploymentBlock));
  const query = <T>(ask: (first: number, last: number) => Promise<readonly T[]>) =>
    queryInSpans(ask, deploymentBlock, to);
  const { settlements, rows } = await readSettlements(contracts.postageChannels, query);
  const claims = await readClaims(contracts.feeDistributor, options.nodeId, query);
  const accounts = await allAccounts(ledger);
  const onChain = await feesOnChain(contracts, [...accounts.map(({ channel }) => channel)], to);
  const settledBy = sumByChannel(rows);

  const isListed = ({ block }: { block: number }) => block >= from && block <= to;
  const listed = { settlements: settlements.filter(isListed), claims: claims.filter(isListed) };
  const times = await timesOf([...listed.settlements, ...listed.claims], options.timeOf);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const write = (name: string, table: object[], columns: string[]) =>
    writeFileSync(join(directory, name), csv(table, columns), { mode: 0o600 });
  const settledInRange = sumByChannel(rows.filter(isListed));
  write(
    "channels.csv",
    accounts.map((account) => channelLine(account, onChain, settledInRange)),
    CHANNEL_COLUMNS,
  );
  write(
    "settlements.csv",
    listed.settlements.map((one) => ({ ...one, time: times.get(one.block) })),
    SETTLEMENT_COLUMNS,
  );
  write("settled-rows.csv", rows.filter(isListed), ROW_COLUMNS);
  write(
    "claims.csv",
    listed.claims.map((one) => ({ ...one, time: times.get(one.block) })),
    CLAIM_COLUMNS,
  );

  const totals = {
    usagePico: sum(accounts, ({ usagePico }) => usagePico),
    settledInLedger: sum(accounts, ({ chain }) => chain.feesSpent),
    settledOnChain: sum([...onChain.values()], (fees) => fees),
    collectedByEvents: sum(settlements, ({ collected }) => collected),
  };
  return {
    ...{
      from,
      to,
      channels: accounts.length,
      settlements: listed.settlements.length,
      claims: listed.claims.length,
      totals,
    },
    differences: differencesOf(accounts, onChain, settledBy, totals),
  };
}

const CHANNEL_COLUMNS = [
  ...["channel", "usagePico", "authorised", "settledInLedger", "settledOnChain", "settledInRange"],
  ...["unsettled", "deposited", "pendingWithdrawal"],
];
const SETTLEMENT_COLUMNS = ["block", "time", "transaction", "settler", "collected", "bounty", "rows"];
const ROW_COLUMNS = ["block", "transaction", "channel", "settled", "settledBefore", "settledAfter"];
const CLAIM_COLUMNS = ["block", "time", "transaction", "payout", "amount", "credited"];

function channelLine(account: Account, onChain: Map<Address, bigint>, inRange: Map<Address, bigint>): object {
  const { channel, usagePico, chain } = account;
  return {
    ...{ channel, usagePico, authorised: authorisedFees(account), settledInLedger: chain.feesSpent },
    ...{ settledOnChain: onChain.get(channel), settledInRange: inRange.get(channel) ?? 0n },
    ...{ unsettled: unsettledFees(account), deposited: chain.deposited, pendingWithdrawal: chain.pendingWithdrawal },
  };
}

function differencesOf(
  accounts: readonly Account[],
  onChain: Map<Address, bigint>,
  settledBy: Map<Address, bigint>,
  totals: ExportResult["totals"],
): string[] {
  const found: string[] = [];
  const known = new Set(accounts.map(({ channel }) => channel));
  for (const { channel, chain } of accounts) {
    const state = onChain.get(channel);
    const events = settledBy.get(channel) ?? 0n;
    if (chain.feesSpent === state && state === events) continue;
    found.push(`${channel}: settled ${chain.feesSpent} in the ledger, ${state} on chain, ${events} by events`);
  }
  for (const channel of settledBy.keys()) {
    if (!known.has(channel)) found.push(`${channel}: was settled and is not in the ledger`);
  }
  if (totals.collectedByEvents !== totals.settledOnChain) {
    found.push(`settlements collected ${totals.collectedByEvents}, the channels say ${totals.settledOnChain}`);
  }
  return found.slice(0, MOST_DIFFERENCES);
}

/** The cursor moves with events alone; the final block is known to be read too. */
async function readTo(ledger: ExportOptions["ledger"], deploymentBlock: number): Promise<number> {
  const [cursor, finalized] = await Promise.all([ledger.chainCursor(), ledger.finalized()]);
  return Math.max(Number(cursor ?? 0n), Number(finalized?.number ?? 0n), deploymentBlock);
}

async function allAccounts(ledger: Pick<LedgerStore, "accounts">): Promise<Account[]> {
  const all: Account[] = [];
  for await (const page of accountPages(ledger, PAGE)) all.push(...page);
  return all;
}

async function feesOnChain(
  { postageChannels }: Pick<Contracts, "postageChannels">,
  channels: readonly Address[],
  block: number,
): Promise<Map<Address, bigint>> {
  const fees = new Map<Address, bigint>();
  for (const some of chunksOf(channels, CHANNELS_PER_CALL)) {
    const states = await postageChannels.getChannels(some, { blockTag: block });
    for (const [j, channel] of some.entries()) fees.set(toAddress(channel), states[j]!.feesSpent);
  }
  return fees;
}

function sumByChannel(rows: readonly SettledRow[]): Map<Address, bigint> {
  const sums = new Map<Address, bigint>();
  for (const { channel, settled } of rows) sums.set(channel, (sums.get(channel) ?? 0n) + settled);
  return sums;
}

async function timesOf(
  lines: readonly { block: number }[],
  timeOf: (block: number) => Promise<number>,
): Promise<Map<number, string>> {
  const times = new Map<number, string>();
  for (const { block } of lines) {
    if (!times.has(block)) times.set(block, new Date((await timeOf(block)) * 1_000).toISOString());
  }
  return times;
}

const sum = <T>(list: readonly T[], of: (one: T) => bigint): bigint => list.reduce((total, one) => total + of(one), 0n);
