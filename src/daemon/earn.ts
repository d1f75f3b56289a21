import type { Log } from "../platform/log.ts";
import type { GasPolicy } from "./gasPolicy.ts";
import { isWorth } from "./gasPolicy.ts";
import type { DaemonChain } from "./ports.ts";
import type { Turns } from "./turns.ts";

const DISTRIBUTE_GAS = 150_000n;
const CLAIM_GAS = 80_000n;
const DISTRIBUTE = "distribute";

export interface EarnerOptions {
  nodeId: number;
  chain: DaemonChain;
  policy: GasPolicy;
  turns: Turns;
  log: Log;
}

/** Moves collected fees into the stream and claims this node's share, when either is worth its gas or on demand. */
export class Earner {
  readonly #options: EarnerOptions;

  constructor(options: EarnerOptions) {
    this.#options = options;
  }

  /** By turns, because once is enough for all. Base units that were waiting. */
  async distribute(demand: boolean): Promise<bigint> {
    const { chain, turns, log } = this.#options;
    const amount = await chain.undistributed();
    if (!demand) {
      const isDue = await this.#isWorth(amount, DISTRIBUTE_GAS);
      const { timestamp } = await chain.heads();
      if (!isDue) turns.keepOnly(new Set());
      if (!isDue || !turns.isMine(DISTRIBUTE, timestamp, await turns.waitSeconds(timestamp))) return 0n;
    }
    if (amount === 0n) return 0n;
    await chain.distribute();
    log.info({ amount }, "distributed collected fees");
    return amount;
  }

  /** Base units that went to the payout address. */
  async claim(demand: boolean): Promise<bigint> {
    const { chain, nodeId, log } = this.#options;
    const claimable = await chain.claimable(nodeId);
    // On demand also when nothing is left over: a claim pays a debit too, and ends the suspension.
    if (!demand && (claimable === 0n || !(await this.#isWorth(claimable, CLAIM_GAS)))) return 0n;
    const amount = await chain.claim(nodeId);
    log.info({ amount }, "claimed");
    return amount;
  }

  async #isWorth(value: bigint, gas: bigint): Promise<boolean> {
    const { chain, policy } = this.#options;
    return isWorth(policy, { value, gas, gasPrice: await chain.gasPrice(), urgent: false });
  }
}
