import type { Log } from "../platform/log.ts";
import type { Cost, GasPolicy } from "./gasPolicy.ts";
import { demandBudgetWei, gasBudgetWei, isWorth, transactionBytes } from "./gasPolicy.ts";
import type { DaemonChain } from "./ports.ts";
import type { SendTerms } from "./transactions/send.ts";
import type { Turns } from "./turns.ts";

const DISTRIBUTE_GAS = 150_000n;
const CLAIM_GAS = 80_000n;
/** Of a version with some twenty seats: a blob of 208 bytes a seat, and the sum of the keys. */
const ROLL_OVER_GAS = 1_200_000n;
/** Epochs over which fees are paid. */
const STREAM_EPOCHS = 14n;
const DISTRIBUTE = "distribute";
const ROLL_OVER = "rollOver";

export interface EarnerOptions {
  nodeId: number;
  chain: DaemonChain;
  policy: GasPolicy;
  turns: Turns;
  log: Log;
}

/**
 * Moves collected fees into the stream, claims this node's share and has the registry write who attests, when each is
 * worth its gas or on demand.
 */
export class Earner {
  readonly #options: EarnerOptions;
  /** Once it is so it stays so. */
  #hasVersion = false;

  constructor(options: EarnerOptions) {
    this.#options = options;
  }

  /** By turns, because once is enough for all. Base units that were waiting. */
  async distribute(demand: boolean): Promise<bigint> {
    const { chain, log } = this.#options;
    const amount = await chain.undistributed();
    const isDue = amount > 0n && (demand || (await this.#isWorth(amount, DISTRIBUTE_GAS)));
    if (!(await this.#isMine(DISTRIBUTE, isDue, demand))) return 0n;
    await chain.distribute(await this.#terms(amount, DISTRIBUTE_GAS, demand));
    log.info({ amount }, "distributed collected fees");
    return amount;
  }

  /** Base units that went to the payout address. */
  async claim(demand: boolean): Promise<bigint> {
    const { chain, nodeId, log } = this.#options;
    const claimable = await chain.claimable(nodeId);
    // On demand also when nothing is left over: a claim pays a debit too, and ends the suspension.
    if (!demand && (claimable === 0n || !(await this.#isWorth(claimable, CLAIM_GAS)))) return 0n;
    const amount = await chain.claim(nodeId, await this.#terms(claimable, CLAIM_GAS, demand));
    log.info({ amount }, "claimed");
    return amount;
  }

  /**
   * By turns. Reports are signed by the seats of the registry's latest version and decide who earns an epoch's pay: that
   * is what a version is worth. The first one is written whatever it is worth, once in the life of a network: without it
   * there is no report, and before fees flow nothing would ever be worth anything.
   */
  async rollOver(): Promise<boolean> {
    const { chain, log } = this.#options;
    this.#hasVersion ||= await chain.hasVersion();
    const value = (await chain.streaming()) / STREAM_EPOCHS;
    const isWorthIt = !this.#hasVersion || (await this.#isWorth(value, ROLL_OVER_GAS));
    const isDue = isWorthIt && (await chain.isRollOverDue());
    if (!(await this.#isMine(ROLL_OVER, isDue, false))) return false;
    const terms = await this.#terms(value, ROLL_OVER_GAS, !this.#hasVersion);
    await chain.rollOver({ ...terms, isDemanded: false });
    log.info({}, "had the registry write a version");
    return true;
  }

  async #isMine(work: string, isDue: boolean, demand: boolean): Promise<boolean> {
    const { chain, turns } = this.#options;
    if (demand || !isDue) {
      if (!isDue) turns.keepOnly(new Set(), work);
      return isDue;
    }
    const { timestamp } = await chain.heads();
    return turns.isMine(work, timestamp, await turns.waitSeconds(timestamp));
  }

  async #isWorth(value: bigint, gas: bigint): Promise<boolean> {
    return isWorth(this.#options.policy, { value, ...(await this.#cost(gas)), urgent: false });
  }

  /** None of these calls has an argument longer than a word. */
  async #cost(gas: bigint): Promise<Cost> {
    const { chain } = this.#options;
    const dataWei = transactionBytes(0) * ((await chain.dataFeePerByte?.()) ?? 0n);
    return { gas, gasPrice: await chain.gasPrice(), dataWei };
  }

  async #terms(value: bigint, gas: bigint, demand: boolean): Promise<SendTerms> {
    const cost = await this.#cost(gas);
    const worth = gasBudgetWei(this.#options.policy, { value, ...cost, urgent: false });
    const asked = demand ? demandBudgetWei(cost) : 0n;
    return { lane: "routine", isDemanded: demand, budgetWei: worth > asked ? worth : asked };
  }
}
