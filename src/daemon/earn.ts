import type { Log } from "../platform/log.ts";
import type { DaemonChain } from "./ports.ts";
import type { SettlePolicy } from "./settle.ts";

const DISTRIBUTE_GAS = 150_000n;
const CLAIM_GAS = 70_000n;
const WEI = 10n ** 18n;

export interface EarnOptions {
  nodeId: number;
  chain: DaemonChain;
  policy: SettlePolicy;
  log: Log;
}

/** Moves collected fees into the stream and claims this node's share, when either is worth its gas or on demand. */
export class Earner {
  readonly #options: EarnOptions;

  constructor(options: EarnOptions) {
    this.#options = options;
  }

  async distribute(demand: boolean): Promise<bigint> {
    const { chain, log } = this.#options;
    const amount = await chain.undistributed();
    if (amount === 0n || !(demand || (await this.#isWorth(amount, DISTRIBUTE_GAS)))) return 0n;
    await chain.distribute();
    log.info({ amount }, "distributed collected fees");
    return amount;
  }

  /** Base units that went to the payout address. */
  async claim(demand: boolean): Promise<bigint> {
    const { chain, nodeId, log } = this.#options;
    const claimable = await chain.claimable(nodeId);
    if (claimable === 0n || !(demand || (await this.#isWorth(claimable, CLAIM_GAS)))) return 0n;
    const amount = await chain.claim(nodeId);
    log.info({ amount }, "claimed");
    return amount;
  }

  async #isWorth(amount: bigint, gas: bigint): Promise<boolean> {
    const { chain, policy } = this.#options;
    const cost = (gas * (await chain.gasPrice()) * policy.nativeTokenPrice) / WEI;
    return amount * policy.maxGasBps >= cost * 10_000n;
  }
}
