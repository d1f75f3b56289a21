import { setImmediate } from "node:timers/promises";

import { concatBytes } from "../protocol/bytes.ts";
import { unitsToPico } from "../protocol/units.ts";
import { VOUCHER_ROW_LENGTH } from "../protocol/voucher.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { exposurePico, unsettledFees } from "./account.ts";
import { accountPages } from "./accountPages.ts";
import { isSame } from "./follow/caution.ts";
import type { Cost, GasPolicy } from "./gasPolicy.ts";
import { costInUnits, demandBudgetWei, gasBudgetWei, isWorth, transactionBytes } from "./gasPolicy.ts";
import type { Ledger } from "./ledger.ts";
import type { Account, DaemonChain } from "./ports.ts";
import { BatchFailedError, Quarantine, bisect } from "./transactions/batch.ts";
import { SendError } from "./transactions/errors.ts";
import type { Lane } from "./transactions/ports.ts";
import type { Turns } from "./turns.ts";
import type { SettleResult } from "./work.ts";

/** Rows of one transaction: about 5.3 million gas. */
export const MOST_ROWS = 500;
const PAGE = 1_000;
/** Accounts that one run looks after; the next takes more. */
const MOST_DUE = 20_000;
/** Gas of a transaction's fixed part and of a row. */
export const TRANSACTION_GAS = 39_400n;
export const ROW_GAS = 10_600n;
/** A deadline of which the chain does not know yet is taken to be this far away. */
const UNKNOWN_DEADLINE_SECONDS = 3_600n;

export interface SettlePolicy extends GasPolicy {
  /** Most that one channel may have carried and not settled, in base units. Four fifths of it are due. */
  exposureCap: bigint;
}

export interface SettlerOptions {
  ledger: Pick<Ledger, "accounts">;
  chain: DaemonChain;
  policy: SettlePolicy;
  turns: Turns;
  clock: Clock;
  log: Log;
}

/** What one run works with. */
interface Run {
  lane: Lane;
  demand: boolean;
  gasPrice: bigint;
  dataFeePerByte: bigint;
  timestamp: bigint;
}

/** What a run found, for an operator who asks why nothing was settled yet. */
export interface RunReport {
  /** Unix milliseconds. */
  at: number;
  /** Wei. */
  gasPrice: bigint;
  /** Accounts of this lane with something to collect, and how much. */
  unsettledAccounts: number;
  unsettled: bigint;
  /** Of these, in a settlement that is under way. */
  underway: number;
  /** Worth their gas; what gas for all that are unsettled would cost, in base units. */
  due: number;
  gasCost: bigint;
  /** Whose turn has come here; how long this daemon waits for it, from when work is due. */
  ripe: number;
  waitSeconds: bigint;
  /** Why the run ended without a transaction of what was ripe. */
  problem?: string;
}

/** An account with rows worth sending, as the chain has it now. */
interface Due {
  account: Account;
  rows: Uint8Array[];
  value: bigint;
}

/** Puts due vouchers on chain. Any daemon can; they take turns so that they seldom collide. */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #quarantine: Quarantine;
  readonly #reports: Partial<Record<Lane, RunReport>> = {};

  constructor(options: SettlerOptions) {
    this.#options = options;
    this.#quarantine = new Quarantine(options);
  }

  /** Settles, with the lane for deadlines, whom has asked for money back; it must not leave before it has paid. */
  runDeadlines(): Promise<SettleResult[]> {
    return this.#run("deadline", false);
  }

  /**
   * Settles whoever else is due and whose turn has come; with `demand` every voucher that would collect something.
   * Answers one result per transaction.
   */
  run(demand: boolean): Promise<SettleResult[]> {
    return this.#run("routine", demand);
  }

  /** What the last run of each lane found. */
  get reports(): Readonly<Partial<Record<Lane, RunReport>>> {
    return this.#reports;
  }

  async #run(lane: Lane, demand: boolean): Promise<SettleResult[]> {
    const { chain, policy, turns, clock, log } = this.#options;
    const gasPrice = await chain.gasPrice();
    const dataFeePerByte = (await chain.dataFeePerByte?.()) ?? 0n;
    const { timestamp } = await chain.heads();
    const run: Run = { lane, demand, gasPrice, dataFeePerByte, timestamp };
    const wait = demand ? 0n : await turns.waitSeconds(timestamp);
    const report = { at: clock.now(), gasPrice, waitSeconds: wait, ...NOTHING_FOUND };
    const due = await this.#due(run, report);
    const ripe = due.filter(({ channel }) => demand || turns.isMine(workOf(lane, channel), timestamp, wait));
    if (!demand) turns.keepOnly(new Set(due.map(({ channel }) => workOf(lane, channel))), workOf(lane, ""));
    this.#reports[lane] = {
      ...report,
      due: due.length,
      ripe: ripe.length,
      gasCost: costInUnits(policy, costOf(report.unsettledAccounts, run)),
    };
    const results: SettleResult[] = [];
    for (let i = 0; i < ripe.length; i += MOST_ROWS) {
      try {
        const result = await this.#settle(ripe.slice(i, i + MOST_ROWS), run);
        if (result) results.push(result);
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        this.#reports[lane] = { ...this.#reports[lane], problem };
        // The rows after it are others.
        if (!(error instanceof BatchFailedError) || i + MOST_ROWS >= ripe.length) throw error;
        log.warn({ lane, error: error.message }, "rows of a settlement are left to the next run");
      }
    }
    return results;
  }

  /** What is urgent first, then the most valuable: when not all can be afforded, it is the least that wait. */
  async #due(run: Run, report: typeof NOTHING_FOUND): Promise<Account[]> {
    const { ledger, chain } = this.#options;
    const settling = await chain.settling(run.demand);
    const due: Account[] = [];
    for await (const page of accountPages(ledger, PAGE)) {
      await setImmediate();
      for (const account of page) {
        const isUnderway = settling.get(account.channel)?.has(run.lane) ?? false;
        note(report, account, run, isUnderway);
        if (!isUnderway && this.#isDue(account, run)) due.push(account);
      }
      if (due.length >= MOST_DUE) break;
    }
    const order = new Map(due.map((account) => [account, [this.#isUrgent(account), unsettledFees(account)] as const]));
    due.sort((a, b) => compare(order.get(a)!, order.get(b)!));
    return run.demand ? due : this.#affordable(due, run);
  }

  /**
   * Due when gas is a small part of the value; when the payer is leaving or its exposure nears the cap, when it is at
   * most half of it. Never more: else a payer who asks for one unit back could burn every operator's gas.
   */
  #isDue(account: Account, { lane, demand, gasPrice, dataFeePerByte }: Run): boolean {
    const value = unsettledFees(account);
    if (demand) return value > 0n;
    if (isLeaving(account) !== (lane === "deadline")) return false;
    // In good company; whether there is enough of it is seen when all are known.
    const dataWei = BigInt(VOUCHER_ROW_LENGTH) * dataFeePerByte;
    const cost = { gas: ROW_GAS, gasPrice, dataWei };
    return isWorth(this.#options.policy, { value, ...cost, urgent: this.#isUrgent(account) });
  }

  #isUrgent(account: Account): boolean {
    const isExposed = exposurePico(account) * 5n >= unitsToPico(this.#options.policy.exposureCap) * 4n;
    return isLeaving(account) || isExposed;
  }

  /** As many as are worth, together, the fixed part of their transactions too. */
  #affordable(due: readonly Account[], run: Run): Account[] {
    const { policy } = this.#options;
    let [value, count, fit] = [0n, 0, 0];
    let areUrgent = true;
    for (const account of due) {
      value += unsettledFees(account);
      areUrgent &&= this.#isUrgent(account);
      count++;
      if (isWorth(policy, { value, ...costOf(count, run), urgent: areUrgent })) fit = count;
    }
    return due.slice(0, fit);
  }

  /** Reads the channels again first: another daemon may have settled them, and a row that does nothing costs gas. */
  async #settle(accounts: readonly Account[], run: Run): Promise<SettleResult | undefined> {
    const { chain, log } = this.#options;
    const states = await chain.channels(accounts.map(({ channel }) => channel));
    const all = accounts.map((account, i) => dueOf({ ...account, chain: states[i]! }));
    const due = await this.#withoutPoison(all.filter(({ rows }) => rows.length > 0));
    if (due.length === 0) return undefined;
    const { lane, demand: isDemanded } = run;
    const terms = { lane, isDemanded, budgetWei: this.#budget(due, run), ...deadlineOf(due, run) };
    try {
      const result = await chain.settle(concatBytes(...due.flatMap(({ rows }) => rows)), terms);
      log.info({ ...result, lane: run.lane, rows: due.length }, "settled");
      return result;
    } catch (error) {
      if (!(error instanceof SendError) || !WAITED_OUT.has(error.code)) throw error;
      log.info(
        { lane: run.lane, rows: due.length, code: error.code },
        "a settlement is decided anew with the next run",
      );
      return undefined;
    }
  }

  /** Drops what would be skipped, or would take the others down with it. */
  async #withoutPoison(due: readonly Due[]): Promise<Due[]> {
    const { chain } = this.#options;
    const trusted = due.filter(({ account }) => !this.#quarantine.holds(account.channel));
    const { good, bad, undecided } = await bisect(trusted, async (some) => {
      const expected = some.reduce((sum, { value }) => sum + value, 0n);
      try {
        const collected = await chain.simulateSettle(concatBytes(...some.flatMap(({ rows }) => rows)));
        return collected >= expected ? undefined : `it collects ${collected} instead of ${expected}`;
      } catch (error) {
        if ((error as { code?: unknown }).code !== "CALL_EXCEPTION") throw error;
        return "it reverts";
      }
    });
    if (undecided.length > 0) {
      const [rows, poisoned] = [undecided.length, bad.length];
      this.#options.log.warn({ rows, poisoned }, "too many rows spoil a settlement: some are left to the next run");
    }
    for (const { account } of good) this.#quarantine.clear(account.channel);
    if (bad.length === 0) return good;
    // Whoever was settled between the look and the simulation spoils nothing.
    const now = await chain.channels(bad.map(({ item }) => item.account.channel));
    for (const [i, { item, reason }] of bad.entries()) {
      if (isSame(item.account.chain, now[i]!)) this.#quarantine.put(item.account.channel, reason);
    }
    return good;
  }

  #budget(due: readonly Due[], run: Run): bigint {
    const value = due.reduce((sum, one) => sum + one.value, 0n);
    const urgent = due.every(({ account }) => this.#isUrgent(account));
    const cost = costOf(due.length, run);
    const worth = gasBudgetWei(this.#options.policy, { value, ...cost, urgent: urgent || run.demand });
    const asked = run.demand ? demandBudgetWei(cost) : 0n;
    return worth > asked ? worth : asked;
  }
}

/** Nothing is wrong: a later run finds the price lower, or the work done; or another process does it. */
const WAITED_OUT = new Set(["not_leader", "too_expensive", "reverted", "replaced"]);

function costOf(rows: number, { gasPrice, dataFeePerByte }: Run): Cost {
  const transactions = BigInt(Math.ceil(rows / MOST_ROWS));
  const gas = transactions * TRANSACTION_GAS + BigInt(rows) * ROW_GAS;
  const bytes = transactions * transactionBytes(0) + BigInt(rows * VOUCHER_ROW_LENGTH);
  return { gas, gasPrice, dataWei: bytes * dataFeePerByte };
}

const NOTHING_FOUND = { unsettledAccounts: 0, unsettled: 0n, underway: 0 };

function note(report: typeof NOTHING_FOUND, account: Account, { lane, demand }: Run, isUnderway: boolean): void {
  const value = unsettledFees(account);
  if (value === 0n || (!demand && isLeaving(account) !== (lane === "deadline"))) return;
  report.unsettledAccounts++;
  report.unsettled += value;
  if (isUnderway) report.underway++;
}

function isLeaving({ chain }: Account): boolean {
  return chain.pendingWithdrawal > 0n;
}

function compare([isUrgentA, a]: readonly [boolean, bigint], [isUrgentB, b]: readonly [boolean, bigint]): number {
  if (isUrgentA !== isUrgentB) return isUrgentA ? -1 : 1;
  return a > b ? -1 : a < b ? 1 : 0;
}

/** The lanes look at a channel apart from each other. */
function workOf(lane: Lane, channel: string): string {
  return `${lane}:${channel}`;
}

/** The first of the withdrawals to become payable. */
function deadlineOf(due: readonly Due[], { timestamp }: Run): { deadlineAt?: bigint } {
  const leaving = due.filter(({ account }) => isLeaving(account));
  if (leaving.length === 0) return {};
  const unknown = timestamp + UNKNOWN_DEADLINE_SECONDS;
  const times = leaving.map(({ account }) => account.chain.withdrawableAt ?? unknown);
  return { deadlineAt: times.reduce((first, at) => (at < first ? at : first)) };
}

function dueOf(account: Account): Due {
  const { fees, stamps } = account.vouchers!;
  const value = unsettledFees(account);
  const rows = value > 0n ? [fees.row] : [];
  const raisesCeiling = stamps.stamps > account.chain.stampsSigned;
  if (raisesCeiling && !(rows.length > 0 && stamps.row === fees.row)) rows.push(stamps.row);
  return { account, rows, value };
}
