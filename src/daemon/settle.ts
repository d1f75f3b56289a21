import { setImmediate } from "node:timers/promises";

import type { Address } from "../protocol/bytes.ts";
import { concatBytes } from "../protocol/bytes.ts";
import { unitsToPico } from "../protocol/units.ts";
import type { Log } from "../platform/log.ts";
import { exposurePico, unsettledFees } from "./account.ts";
import type { GasPolicy } from "./gasPolicy.ts";
import { isWorth } from "./gasPolicy.ts";
import type { Ledger } from "./ledger.ts";
import type { Account, DaemonChain, SettleResult } from "./ports.ts";
import type { Turns } from "./turns.ts";

/** Rows of one transaction: about 5.3 million gas. */
const MOST_ROWS = 500;
const PAGE = 1_000;
/** Gas of one row with its share of a transaction's fixed part, when few rows share it. */
const ROW_GAS = 50_000n;

export interface SettlePolicy extends GasPolicy {
  /** Most that one channel may have carried and not settled, in base units. Four fifths of it are due. */
  exposureCap: bigint;
}

export interface SettlerOptions {
  ledger: Ledger;
  chain: DaemonChain;
  policy: SettlePolicy;
  turns: Turns;
  log: Log;
}

/** Puts due vouchers on chain. Any daemon can; they take turns so that they seldom collide. */
export class Settler {
  readonly #options: SettlerOptions;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /**
   * Settles what is due and whose turn has come; with `demand` every voucher that would collect something.
   * Answers one result per transaction.
   */
  async run(demand: boolean): Promise<SettleResult[]> {
    const { ledger, chain, turns } = this.#options;
    const gasPrice = await chain.gasPrice();
    const { timestamp } = await chain.heads();
    const wait = demand ? 0n : await turns.waitSeconds(timestamp);
    const results: SettleResult[] = [];
    const due = new Set<string>();
    let after: Address | undefined;
    do {
      const page = await ledger.accounts(after, PAGE);
      await setImmediate();
      const ripe = page.filter((account) => {
        if (!(demand ? unsettledFees(account) > 0n : this.#isDue(account, gasPrice))) return false;
        due.add(account.channel);
        return demand || turns.isMine(account.channel, timestamp, wait);
      });
      // Those who leave first: theirs is a deadline.
      ripe.sort((a, b) => Number(b.chain.pendingWithdrawal > 0n) - Number(a.chain.pendingWithdrawal > 0n));
      for (let i = 0; i < ripe.length; i += MOST_ROWS) {
        const result = await this.#settle(ripe.slice(i, i + MOST_ROWS));
        if (result) results.push(result);
      }
      after = page.at(-1)?.channel;
    } while (after);
    if (!demand) turns.keepOnly(due);
    return results;
  }

  /**
   * Due when gas is a small part of the value; when the payer is leaving or its exposure nears the cap, when it is at
   * most half of it. Never more: else a payer who asks for one unit back could burn every operator's gas.
   */
  #isDue(account: Account, gasPrice: bigint): boolean {
    const { policy } = this.#options;
    const isLeaving = account.chain.pendingWithdrawal > 0n;
    const isExposed = exposurePico(account) * 5n >= unitsToPico(policy.exposureCap) * 4n;
    const value = unsettledFees(account);
    return isWorth(policy, { value, gas: ROW_GAS, gasPrice, urgent: isLeaving || isExposed });
  }

  /** Reads the channels again first: another daemon may have settled them, and a row that does nothing costs gas. */
  async #settle(accounts: readonly Account[]): Promise<SettleResult | undefined> {
    const { chain, log } = this.#options;
    const states = await chain.channels(accounts.map(({ channel }) => channel));
    const rows = accounts.flatMap((account, i) => rowsWorthSending({ ...account, chain: states[i]! }));
    if (rows.length === 0) return undefined;
    const result = await chain.settle(concatBytes(...rows));
    log.info({ ...result, rows: rows.length }, "settled");
    return result;
  }
}

function rowsWorthSending(account: Account): Uint8Array[] {
  const { fees, stamps } = account.vouchers!;
  const rows = unsettledFees(account) > 0n ? [fees.row] : [];
  const raisesCeiling = stamps.stamps > account.chain.stampsSigned;
  if (raisesCeiling && !(rows.length > 0 && stamps.row === fees.row)) rows.push(stamps.row);
  return rows;
}
