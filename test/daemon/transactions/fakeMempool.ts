import { Transaction, keccak256, toUtf8Bytes } from "ethers";

import type { Call, Market, PastPrice, Receipt, TransactionChain } from "../../../src/daemon/transactions/chain.ts";
import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import type { ManualClock } from "../../support/manualClock.ts";

export const GWEI = 10n ** 9n;
export const CONTRACT: Address = `0x${"c0".repeat(20)}`;
const FINAL_AFTER = 3;

/** How one client says it. */
export interface Dialect {
  known: string;
  nonceTooLow: string;
  nonceTooHigh?: string;
  replacementUnderpriced: string;
  underpriced?: string;
  noMoney: string;
  code?: number;
}

export const GETH: Dialect = {
  known: "already known",
  nonceTooLow: "nonce too low: next nonce 5, tx nonce 4",
  replacementUnderpriced: "replacement transaction underpriced",
  noMoney: "insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1",
  code: -32000,
};

interface Block {
  number: bigint;
  hash: Hex;
  transactions: Transaction[];
}

/** A chain with a pool, which a test makes lose, refuse, reorganise and lie. Deterministic; blocks come when asked for. */
export class FakeMempool implements TransactionChain {
  baseFee = GWEI;
  tip = GWEI / 10n;
  dialect = GETH;
  gas = 150_000n;
  /** What a call to the contract does in a simulation. */
  simulate: (call: Call) => void = () => {};
  /** Calls that are mined as reverted. */
  reverts: (data: string) => boolean = () => false;
  /** Loses what is broadcast, answering as if it had not. */
  losesNext = 0;
  /** Takes it and then fails to answer. */
  failsAfterNext = 0;
  dataFeePerByte = 0n;
  /** Base fees of all blocks, newest first. */
  readonly prices: PastPrice[] = [];
  pastPrices?: TransactionChain["pastPrices"];
  readonly pool: Transaction[] = [];
  readonly broadcasts: Transaction[] = [];
  /** Blocks that an endpoint lags behind when it tells receipts. */
  receiptLag = 0;
  /** Answers of `nonce` lag by so many. */
  nonceLag = 0;
  readonly #balances = new Map<string, bigint>();
  readonly #foreign = new Set<string>();
  #blocks: Block[] = [{ number: 0n, hash: hashOf("genesis"), transactions: [] }];
  #fork = 0;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get head(): Block {
    return this.#blocks.at(-1)!;
  }

  /** Mined calls of the contract with an effect, in order. */
  get done(): Transaction[] {
    return this.#blocks.flatMap(({ transactions }) => transactions).filter((mined) => this.#hasEffect(mined));
  }

  mined(from: string): Transaction[] {
    const all = this.#blocks.flatMap(({ transactions }) => transactions);
    return all.filter((mined) => mined.from!.toLowerCase() === from);
  }

  setBalance(account: string, wei: bigint): void {
    this.#balances.set(account, wei);
  }

  /** Puts what pays enough into a block. */
  mine(blocks = 1): void {
    for (let i = 0; i < blocks; i++) {
      const number = BigInt(this.#blocks.length);
      const transactions: Transaction[] = [];
      const byPrice = [...this.pool].sort((a, b) => a.nonce - b.nonce);
      for (const candidate of byPrice) {
        if (candidate.maxFeePerGas! < this.baseFee + (candidate.maxPriorityFeePerGas! > 0n ? 1n : 0n)) continue;
        const used = this.#used(candidate.from!) + transactions.filter(({ from }) => from === candidate.from).length;
        if (candidate.nonce === used) transactions.push(candidate);
      }
      this.prices.unshift({ timestamp: BigInt(Math.floor(this.#clock.now() / 1_000)), baseFeePerGas: this.baseFee });
      this.#blocks.push({ number, hash: hashOf(`${number}/${this.#fork}`), transactions });
      for (const { hash } of transactions) this.#remove(hash!);
      for (const left of [...this.pool]) if (left.nonce < this.#used(left.from!)) this.#remove(left.hash!);
    }
  }

  /** Drops the newest blocks; their transactions are forgotten or go back to the pool. */
  reorg(depth: number, returns: boolean): void {
    const dropped = this.#blocks.splice(-depth).flatMap(({ transactions }) => transactions);
    this.#fork++;
    if (returns) this.pool.push(...dropped);
  }

  drop(): void {
    this.pool.length = 0;
  }

  /** Another program's transaction with the same key. */
  addForeign(raw: Hex): void {
    const transaction = Transaction.from(raw);
    this.#foreign.add(transaction.hash!);
    for (const other of this.pool.filter(
      ({ from, nonce }) => from === transaction.from && nonce === transaction.nonce,
    )) {
      this.#remove(other.hash!);
    }
    this.pool.push(transaction);
  }

  async estimateGas(call: Call): Promise<bigint> {
    this.simulate(call);
    return this.gas;
  }

  async market(): Promise<Market> {
    const timestamp = BigInt(Math.floor(this.#clock.now() / 1_000));
    const { baseFee: baseFeePerGas, tip: priorityFeePerGas, dataFeePerByte } = this;
    return { baseFeePerGas, priorityFeePerGas, timestamp, dataFeePerByte };
  }

  async nonce(account: Address, at: "latest" | "pending" | "finalized"): Promise<number> {
    if (at === "finalized") return this.#used(account, this.#blocks.length - FINAL_AFTER);
    const used = Math.max(0, this.#used(account) - this.nonceLag);
    if (at === "latest") return used;
    let next = used;
    while (this.pool.some((pooled) => pooled.from!.toLowerCase() === account && pooled.nonce === next)) next++;
    return next;
  }

  async balance(account: Address): Promise<bigint> {
    return this.#balances.get(account) ?? 10n ** 20n;
  }

  async receipt(hash: Hex): Promise<Receipt | undefined> {
    for (const block of this.#blocks.slice(0, this.#blocks.length - this.receiptLag)) {
      const mined = block.transactions.find((other) => other.hash === hash);
      if (!mined) continue;
      const isSuccess = !this.reverts(mined.data);
      const logs = this.#hasEffect(mined) ? [{ address: CONTRACT, topics: [hash], data: "0x" as const }] : [];
      return {
        ...{ hash, blockNumber: block.number, blockHash: block.hash, isSuccess, gasUsed: this.gas, logs },
        to: mined.to === null ? null : (mined.to.toLowerCase() as Address),
        contractAddress: null,
      };
    }
    return undefined;
  }

  async isKnown(hash: Hex): Promise<boolean> {
    return this.pool.some((pooled) => pooled.hash === hash) || (await this.receipt(hash)) !== undefined;
  }

  async finalizedBlock(): Promise<bigint> {
    return BigInt(Math.max(0, this.#blocks.length - 1 - FINAL_AFTER));
  }

  async blockHash(number: bigint): Promise<Hex | undefined> {
    return this.#blocks[Number(number)]?.hash;
  }

  async broadcast(raw: Hex): Promise<void> {
    const transaction = Transaction.from(raw);
    this.broadcasts.push(transaction);
    if (this.losesNext > 0) {
      this.losesNext--;
      return;
    }
    this.#admit(transaction);
    if (this.failsAfterNext > 0) {
      this.failsAfterNext--;
      throw new Error("socket hang up");
    }
  }

  #admit(transaction: Transaction): void {
    const { known, nonceTooLow, nonceTooHigh, replacementUnderpriced, underpriced, noMoney } = this.dialect;
    const from = transaction.from!;
    if (this.pool.some(({ hash }) => hash === transaction.hash)) throw this.#says(known);
    if (transaction.nonce < this.#used(from)) throw this.#says(nonceTooLow);
    const cost = transaction.gasLimit * transaction.maxFeePerGas!;
    if ((this.#balances.get(from.toLowerCase()) ?? 10n ** 20n) < cost) throw this.#says(noMoney);
    const own = this.pool.filter((pooled) => pooled.from === from);
    const before = own.find(({ nonce }) => nonce === transaction.nonce);
    if (!before && nonceTooHigh && transaction.nonce > this.#used(from) + own.length) throw this.#says(nonceTooHigh);
    if (underpriced && transaction.maxFeePerGas! < this.baseFee) throw this.#says(underpriced);
    if (before) {
      const isEnough = (["maxFeePerGas", "maxPriorityFeePerGas"] as const).every(
        (field) => transaction[field]! * 10n >= before[field]! * 11n,
      );
      if (!isEnough) throw this.#says(replacementUnderpriced);
      this.#remove(before.hash!);
    }
    this.pool.push(transaction);
  }

  /** As ethers hands an answer of an endpoint on. */
  #says(message: string): Error {
    const error = { code: this.dialect.code ?? -32000, message };
    return Object.assign(new Error("could not coalesce error"), { code: "UNKNOWN_ERROR", error });
  }

  #hasEffect(mined: Transaction): boolean {
    return mined.to?.toLowerCase() === CONTRACT && !this.reverts(mined.data) && !this.#foreign.has(mined.hash!);
  }

  #used(account: string, upTo = this.#blocks.length): number {
    const blocks = this.#blocks.slice(0, Math.max(0, upTo));
    const of = account.toLowerCase();
    return blocks.flatMap(({ transactions }) => transactions).filter(({ from }) => from!.toLowerCase() === of).length;
  }

  #remove(hash: string): void {
    const at = this.pool.findIndex((other) => other.hash === hash);
    if (at >= 0) this.pool.splice(at, 1);
  }
}

function hashOf(text: string): Hex {
  return keccak256(toUtf8Bytes(text)) as Hex;
}
