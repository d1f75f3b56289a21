import { concatBytes } from "../protocol/bytes.ts";
import type { Address } from "../protocol/bytes.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { exposurePico, unsettledFees } from "./account.ts";
import { unitsToPico } from "../protocol/units.ts";
import type { Ledger } from "./ledger.ts";
import type { Account, DaemonChain, SettleResult } from "./ports.ts";

/** Rows of one transaction: about 5.3 million gas. */
const MOST_ROWS = 500;
const PAGE = 1_000;
/** Gas of one more row and of a transaction's fixed part. */
const ROW_GAS = 10_600n;
const BASE_GAS = 40_000n;
/** A daemon whose turn comes later waits this long per place. */
const TURN_SECONDS = 60n;
const WEI = 10n ** 18n;

export interface SettlePolicy {
  /** Gas may cost at most this part of what a row collects, in basis points. */
  maxGasBps: bigint;
  /** Price of the chain's own token: base units of the fee token for 1e18 wei. */
  nativeTokenPrice: bigint;
  /** See GateOptions. A channel at four fifths of it is due whatever gas costs. */
  exposureCap: bigint;
}

export interface SettlerOptions {
  nodeId: number;
  ledger: Ledger;
  chain: DaemonChain;
  policy: SettlePolicy;
  clock: Clock;
  log: Log;
}

type Reason = "withdrawal" | "exposure" | "value" | "demand";

/** Puts due vouchers on chain. Any daemon can; they take turns so that they seldom collide. */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #dueSince = new Map<Address, bigint>();

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /**
   * Settles what is due and whose turn has come; with `demand` every voucher that would collect something.
   * Answers one result per transaction.
   */
  async run(demand: boolean): Promise<SettleResult[]> {
    const { ledger, chain } = this.#options;
    const gasPrice = await chain.gasPrice();
    const { timestamp } = await chain.heads();
    const turnAt = demand ? 0n : await this.#turnSeconds(timestamp);
    const results: SettleResult[] = [];
    const still = new Set<Address>();
    let after: Address | undefined;
    do {
      const page = await ledger.accounts(after, PAGE);
      const due: Account[] = [];
      for (const account of page) {
        const reason = demand ? demandReason(account) : this.#reason(account, gasPrice);
        if (!reason) continue;
        still.add(account.channel);
        const since = this.#dueSince.get(account.channel) ?? timestamp;
        this.#dueSince.set(account.channel, since);
        // A payer who leaves has a deadline; nobody waits for a turn then.
        if (reason === "withdrawal" || timestamp - since >= turnAt) due.push(account);
      }
      for (let i = 0; i < due.length; i += MOST_ROWS) {
        const result = await this.#settle(due.slice(i, i + MOST_ROWS));
        if (result) results.push(result);
      }
      after = page.at(-1)?.channel;
    } while (after);
    for (const channel of this.#dueSince.keys()) if (!still.has(channel)) this.#dueSince.delete(channel);
    return results;
  }

  #reason(account: Account, gasPrice: bigint): Reason | undefined {
    const { policy } = this.#options;
    const value = unsettledFees(account);
    if (value === 0n) return undefined;
    if (account.chain.pendingWithdrawal > 0n) return "withdrawal";
    if (exposurePico(account) * 5n >= unitsToPico(policy.exposureCap) * 4n) return "exposure";
    const cost = ((ROW_GAS + BASE_GAS) * gasPrice * policy.nativeTokenPrice) / WEI;
    return value * policy.maxGasBps >= cost * 10_000n ? "value" : undefined;
  }

  /** `epoch` picks who is first; each next seat waits longer. */
  async #turnSeconds(timestamp: bigint): Promise<bigint> {
    const { chain, nodeId } = this.#options;
    const seats = (await chain.nodes()).filter(({ isCanonical }) => isCanonical).map((node) => node.nodeId);
    const place = seats.sort((a, b) => a - b).indexOf(nodeId);
    if (place < 0) return BigInt(seats.length) * TURN_SECONDS;
    const epoch = timestamp / (await chain.epochSeconds());
    const count = BigInt(seats.length);
    return ((((BigInt(place) - epoch) % count) + count) % count) * TURN_SECONDS;
  }

  /** Reads the channels again first: another daemon may have settled them, and a row that does nothing costs gas. */
  async #settle(accounts: readonly Account[]): Promise<SettleResult | undefined> {
    const { chain, log } = this.#options;
    const channels = accounts.map(({ channel }) => channel);
    const states = await chain.channels(channels);
    const rows = accounts.flatMap((account, i) => {
      const now = { ...account, chain: states[i]! };
      const { fees, stamps } = now.vouchers!;
      const wanted = [];
      if (unsettledFees(now) > 0n) wanted.push(fees.row);
      if (stamps.stamps > now.chain.stampsSigned && !(stamps.row === fees.row && wanted.length > 0))
        wanted.push(stamps.row);
      return wanted;
    });
    if (rows.length === 0) return undefined;
    const result = await chain.settle(concatBytes(...rows));
    log.info({ ...result, rows: rows.length }, "settled");
    return result;
  }
}

function demandReason(account: Account): Reason | undefined {
  return unsettledFees(account) > 0n ? "demand" : undefined;
}
