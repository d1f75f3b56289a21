import { Transaction } from "ethers";

import type { ChainEndpoint, Head, Heads } from "../../src/daemon/follow/ports.ts";
import { InconsistentError } from "../../src/daemon/follow/ports.ts";
import type { ChannelOnChain, JournalBlock } from "../../src/daemon/ports.ts";
import type { Call, Market, Receipt, TransactionChain } from "../../src/daemon/transactions/chain.ts";
import type { Address, Hex } from "../../src/protocol/bytes.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import type { SimBlock, SimChain, SimTransaction } from "./chain.ts";
import { CONTRACT, FINAL_DEPTH, SAFE_DEPTH, TIP } from "./chain.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "./virtualClock.ts";

const GAS = 100_000n;

/** What may go wrong between a daemon and its endpoint. */
export interface RpcFaults {
  /** Of every call. */
  failureChance: number;
  mostDelayMs: number;
  /** Blocks behind the chain. */
  mostLag: number;
  /** Leaves events out of an answer about logs. */
  omitChance: number;
}

/** One endpoint of the simulated chain: late, unreliable, sometimes silent, and now and then wrong about logs. */
export class SimRpc implements ChainEndpoint, TransactionChain {
  readonly name: string;
  faults: RpcFaults;
  /** Answers nothing at all. */
  isDown = false;
  calls = 0;
  readonly #chain: SimChain;
  readonly #clock: VirtualClock;
  readonly #random: Random;

  constructor(name: string, chain: SimChain, clock: VirtualClock, random: Random, faults: RpcFaults) {
    this.name = name;
    this.#chain = chain;
    this.#clock = clock;
    this.#random = random;
    this.faults = faults;
  }

  heads(): Promise<Heads> {
    return this.#answer((view) => ({
      latest: headOf(view.at(-1)!),
      safe: headOf(below(view, SAFE_DEPTH)),
      finalized: headOf(below(view, FINAL_DEPTH)),
    }));
  }

  peek(fromBlock: bigint): Promise<{ latest: Head; blocks: JournalBlock[] }> {
    return this.#answer((view) => ({
      latest: headOf(view.at(-1)!),
      blocks: this.#eventsOf(view.slice(Number(fromBlock))),
    }));
  }

  events(fromBlock: bigint, toBlock: bigint): Promise<{ blocks: JournalBlock[]; endHash: Hex | undefined }> {
    return this.#answer((view) => ({
      blocks: this.#eventsOf(view.slice(Number(fromBlock), Number(toBlock) + 1)),
      endHash: view[Number(toBlock)]?.hash,
    }));
  }

  hashOf(number: bigint): Promise<Hex | undefined> {
    return this.#answer((view) => view[Number(number)]?.hash);
  }

  blockHash(number: bigint): Promise<Hex | undefined> {
    return this.hashOf(number);
  }

  channels(channels: readonly Address[], blockHash: Hex): Promise<ChannelOnChain[]> {
    return this.#answer((view) => {
      const block = view.find(({ hash }) => hash === blockHash);
      if (!block) throw new InconsistentError(`there is no block ${blockHash}`);
      return channels.map((channel) => channelAt(block, channel));
    });
  }

  estimateGas({ to, data }: Call): Promise<bigint> {
    return this.#answer((view) => {
      if (to === CONTRACT) this.#chain.simulate(data, view.at(-1)!.state);
      return GAS;
    });
  }

  market(): Promise<Market> {
    return this.#answer((view) => {
      const { timestamp } = view.at(-1)!;
      return { baseFeePerGas: this.#chain.baseFee, priorityFeePerGas: TIP, timestamp };
    });
  }

  nonce(account: Address, at: "latest" | "pending" | "finalized"): Promise<number> {
    return this.#answer((view) => {
      const { state } = at === "finalized" ? below(view, FINAL_DEPTH) : view.at(-1)!;
      let nonce = state.nonces.get(account) ?? 0;
      const isPooled = () =>
        [...this.#chain.pool.values()].some((sent) => sent.from === account && sent.nonce === nonce);
      while (at === "pending" && isPooled()) nonce++;
      return nonce;
    });
  }

  balance(account: Address): Promise<bigint> {
    return this.#answer((view) => view.at(-1)!.state.wei.get(account) ?? 0n);
  }

  receipt(hash: Hex): Promise<Receipt | undefined> {
    return this.#answer((view) => {
      const block = view.find(({ receipts }) => receipts.has(hash));
      const found = block?.receipts.get(hash);
      if (!block || !found) return undefined;
      const transaction = block.transactions.find((other) => other.hash === hash)!;
      const { to } = transaction;
      const data: Hex = `0x${Buffer.from(found.effect).toString("hex")}`;
      const logs = found.effect === "" ? [] : [{ address: CONTRACT, topics: [], data }];
      const where = { blockNumber: block.number, blockHash: block.hash };
      return { hash, ...where, isSuccess: found.isSuccess, gasUsed: GAS, to, contractAddress: null, logs };
    });
  }

  isKnown(hash: Hex): Promise<boolean> {
    return this.#answer((view) => this.#chain.pool.has(hash) || view.some(({ receipts }) => receipts.has(hash)));
  }

  finalizedBlock(): Promise<bigint> {
    return this.#answer((view) => below(view, FINAL_DEPTH).number);
  }

  /** Taken or refused as a pool does; the answer may be lost after it was taken. */
  async broadcast(raw: Hex): Promise<void> {
    await this.#answer((view) => {
      const transaction = transactionOf(raw);
      const { from, hash: own } = transaction;
      const { state } = view.at(-1)!;
      if (this.#chain.pool.has(own)) throw new Error("already known");
      if (transaction.nonce < (state.nonces.get(from) ?? 0)) throw new Error("nonce too low");
      const cost = transaction.gasLimit * transaction.maxFeePerGas;
      if ((state.wei.get(from) ?? 0n) < cost) throw new Error("insufficient funds for gas * price + value");
      for (const [hash, other] of this.#chain.pool) {
        if (other.from !== from || other.nonce !== transaction.nonce) continue;
        const isRaised = (was: bigint, is: bigint) => is * 10n >= was * 11n;
        if (
          !isRaised(other.maxFeePerGas, transaction.maxFeePerGas) ||
          !isRaised(other.maxPriorityFeePerGas, transaction.maxPriorityFeePerGas)
        ) {
          throw new Error("replacement transaction underpriced");
        }
        this.#chain.pool.delete(hash);
      }
      this.#chain.pool.set(own, transaction);
    });
    if (this.#random.chance(this.faults.failureChance)) throw new Error("socket hang up");
  }

  /** What the contracts' views say, of one moment. */
  read<T>(question: (block: SimBlock) => T): Promise<T> {
    return this.#answer((view) => question(view.at(-1)!));
  }

  /** Of the last block with an earlier timestamp. */
  readBefore<T>(instant: bigint, question: (block: SimBlock) => T): Promise<T> {
    return this.#answer((view) => {
      if (view.at(-1)!.timestamp < instant) throw new Error(`the chain has not come to ${instant} yet`);
      return question(view.findLast(({ timestamp }) => timestamp < instant)!);
    });
  }

  async #answer<T>(question: (view: readonly SimBlock[]) => T): Promise<T> {
    this.calls++;
    const { failureChance, mostDelayMs, mostLag } = this.faults;
    if (mostDelayMs > 0) await this.#clock.sleep(this.#random.between(1, mostDelayMs));
    if (this.isDown || this.#random.chance(failureChance)) throw new Error(`${this.name} does not answer`);
    const lag = mostLag > 0 && this.#random.chance(0.2) ? this.#random.between(1, mostLag) : 0;
    const { blocks } = this.#chain;
    return question(blocks.slice(0, Math.max(1, blocks.length - lag)));
  }

  #eventsOf(blocks: readonly SimBlock[]): JournalBlock[] {
    return blocks
      .filter(({ touched }) => touched.length > 0 && !this.#random.chance(this.faults.omitChance))
      .map(({ number, hash, touched }) => ({ number, hash, touched }));
  }
}

/** A channel as `getChannels` tells it. */
export function channelAt({ state }: SimBlock, channel: Address): ChannelOnChain {
  const { deposited = 0n, feesSpent = 0n, pendingWithdrawal = 0n, readyAt } = state.channels.get(channel) ?? {};
  const withdrawable = pendingWithdrawal > 0n && readyAt !== undefined ? { withdrawableAt: readyAt } : {};
  return { deposited, feesSpent, stampsSpent: 0n, stampsSigned: 0n, pendingWithdrawal, ...withdrawable };
}

function transactionOf(raw: Hex): SimTransaction {
  const { hash, from, to, nonce, data, gasLimit, maxFeePerGas, maxPriorityFeePerGas } = Transaction.from(raw);
  return {
    ...{ hash: hash as Hex, from: toAddress(from!), to: to === null ? null : toAddress(to) },
    ...{ nonce, data, gasLimit, maxFeePerGas: maxFeePerGas!, maxPriorityFeePerGas: maxPriorityFeePerGas! },
  };
}

function headOf({ number, hash, timestamp }: SimBlock): Head {
  return { number, hash, timestamp };
}

function below(view: readonly SimBlock[], depth: number): SimBlock {
  return view[Math.max(0, view.length - 1 - depth)]!;
}
