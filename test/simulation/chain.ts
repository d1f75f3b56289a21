import { keccak256, toUtf8Bytes } from "ethers";

import { fastRecoverAddress } from "../../src/platform/fastEcdsa.ts";
import type { Address, Hex } from "../../src/protocol/bytes.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import type { PostageDomain, SignedVoucher } from "../../src/protocol/voucher.ts";
import { VOUCHER_ROW_LENGTH, readVoucher } from "../../src/protocol/voucher.ts";
import type { Random } from "./random.ts";
import type { ReportCall, ReportRules, SimReport } from "./reports/rules.ts";
import { SimRevert } from "./reports/rules.ts";
import type { VirtualClock } from "./virtualClock.ts";

export const BLOCK_SECONDS = 2;
/** Below the newest block. */
export const SAFE_DEPTH = 20;
export const FINAL_DEPTH = 70;
export const WITHDRAWAL_DELAY_SECONDS = 240n;
export const GWEI = 10n ** 9n;
export const USUAL_BASE_FEE = GWEI / 10n;
/** What others pay on top. */
export const TIP = GWEI / 1_000n;
const GAS_USED = 60_000n;
const LEAST_BASE_FEE = GWEI / 100n;

export interface SimChannel {
  deposited: bigint;
  feesSpent: bigint;
  pendingWithdrawal: bigint;
  readyAt: bigint;
}

/** All that the contracts and accounts hold after a block. */
export interface SimState {
  channels: Map<Address, SimChannel>;
  nonces: Map<Address, number>;
  wei: Map<Address, bigint>;
  /** Fees collected, passed on, and claimed per node. */
  collected: bigint;
  distributed: bigint;
  claimed: Map<number, bigint>;
  withdrawn: bigint;
  reports: readonly SimReport[];
}

/** What a payer does on chain. Applied in some block, in several after reorgs, or in none. */
export interface PayerAction {
  channel: Address;
  apply(channel: SimChannel, timestamp: bigint, state: SimState): boolean;
}

/** Read once: ethers' own object recovers its sender's key each time it is asked who that is. */
export interface SimTransaction {
  hash: Hex;
  from: Address;
  to: Address | null;
  nonce: number;
  data: string;
  gasLimit: bigint;
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
}

export interface SimReceipt {
  hash: Hex;
  isSuccess: boolean;
  /** What `settle` collected, per channel; the effect of the others. */
  effect: string;
}

export interface SimBlock {
  number: bigint;
  hash: Hex;
  timestamp: bigint;
  baseFee: bigint;
  state: SimState;
  touched: Address[];
  actions: PayerAction[];
  transactions: SimTransaction[];
  receipts: Map<Hex, SimReceipt>;
}

/** A call of a daemon: what the contracts would take as ABI, here as JSON. */
export type SimCall = { do: "settle"; rows: Hex } | { do: "distribute" } | { do: "claim"; nodeId: number } | ReportCall;

export const CONTRACT: Address = `0x${"c0".repeat(20)}`;

export function encodeCall(call: SimCall): Hex {
  return `0x${Buffer.from(JSON.stringify(call)).toString("hex")}`;
}

export function decodeCall(data: string): SimCall {
  return JSON.parse(Buffer.from(data.slice(2), "hex").toString()) as SimCall;
}

/** The contracts' rules of money, blocks, a pool of transactions, and reorganisations. */
export class SimChain {
  readonly blocks: SimBlock[] = [];
  readonly pool = new Map<Hex, SimTransaction>();
  readonly nodeIds: readonly number[];
  /** Without it there are no reports. */
  reportRules: ReportRules | undefined;
  baseFee = USUAL_BASE_FEE;
  #actions: PayerAction[] = [];
  #fork = 0;
  readonly #domain: PostageDomain;
  readonly #clock: VirtualClock;
  readonly #vouchers = new Map<Hex, SignedVoucher | undefined>();

  constructor(domain: PostageDomain, nodeIds: readonly number[], clock: VirtualClock, wei: Map<Address, bigint>) {
    this.#domain = domain;
    this.#clock = clock;
    this.nodeIds = nodeIds;
    const state: SimState = {
      ...{ channels: new Map(), nonces: new Map(), wei: new Map(wei), claimed: new Map() },
      ...{ collected: 0n, distributed: 0n, withdrawn: 0n, reports: [] },
    };
    this.#push(state, [], [], [], new Map());
  }

  get head(): SimBlock {
    return this.blocks.at(-1)!;
  }

  at(number: bigint): SimBlock | undefined {
    return number < 0n ? undefined : this.blocks[Number(number)];
  }

  act(action: PayerAction): void {
    this.#actions.push(action);
  }

  /** One more block, with what is due and pays enough. */
  mine(random: Random): void {
    const state = copyOf(this.head.state);
    const timestamp = this.#timestamp();
    const touched = new Set<Address>();
    const actions = this.#actions.splice(0).filter((action) => {
      const before = state.channels.get(action.channel);
      const channel = { ...(before ?? { deposited: 0n, feesSpent: 0n, pendingWithdrawal: 0n, readyAt: 0n }) };
      if (!action.apply(channel, timestamp, state)) return false;
      state.channels.set(action.channel, channel);
      touched.add(action.channel);
      return true;
    });
    const transactions: SimTransaction[] = [];
    const receipts = new Map<Hex, SimReceipt>();
    for (const transaction of this.#includable(state, random)) {
      const { from } = transaction;
      if ((state.nonces.get(from) ?? 0) !== transaction.nonce) continue;
      state.nonces.set(from, transaction.nonce + 1);
      state.wei.set(from, (state.wei.get(from) ?? 0n) - GAS_USED * this.baseFee);
      const effect = this.#execute(state, transaction, touched);
      const { hash } = transaction;
      receipts.set(hash, { hash, isSuccess: effect !== undefined, effect: effect ?? "" });
      transactions.push(transaction);
      this.pool.delete(hash);
    }
    this.#push(state, [...touched], actions, transactions, receipts);
    for (const [hash, { from, nonce }] of this.pool) {
      if (nonce < (state.nonces.get(from) ?? 0)) this.pool.delete(hash);
    }
  }

  /** Takes the newest blocks back and mines as many and one more; what was in them mostly comes again. */
  reorg(depth: number, random: Random): void {
    const dropped = this.blocks.splice(Math.max(1, this.blocks.length - depth));
    this.#fork++;
    for (const { actions, transactions } of dropped) {
      this.#actions.push(...actions.filter(() => random.chance(0.8)));
      for (const transaction of transactions) {
        if (random.chance(0.7)) this.pool.set(transaction.hash, transaction);
      }
    }
    if (random.chance(0.5)) this.#actions.reverse();
    for (let i = 0; i <= dropped.length; i++) this.mine(random);
  }

  /** What a call would do now, in the words of its receipt. Throws when it would revert. */
  simulate(data: string, state = this.head.state): string {
    return this.#run(copyOf(state), decodeCall(data), new Set());
  }

  #includable(state: SimState, random: Random): SimTransaction[] {
    const paying = [...this.pool.values()].filter(
      ({ maxFeePerGas, from, gasLimit }) =>
        maxFeePerGas >= this.baseFee && (state.wei.get(from) ?? 0n) >= gasLimit * maxFeePerGas && random.chance(0.9),
    );
    return paying.sort((a, b) => a.nonce - b.nonce || (a.maxFeePerGas > b.maxFeePerGas ? -1 : 1));
  }

  /** Undefined when it reverts. */
  #execute(state: SimState, { to, data }: SimTransaction, touched: Set<Address>): string | undefined {
    // A filled gap: nothing happens.
    if (to !== CONTRACT) return "";
    try {
      return this.#run(state, decodeCall(data), touched);
    } catch (error) {
      if (error instanceof SimRevert) return undefined;
      throw error;
    }
  }

  #run(state: SimState, call: SimCall, touched: Set<Address>): string {
    switch (call.do) {
      case "settle":
        return this.#settle(state, call.rows, touched);
      case "distribute": {
        const amount = state.collected - state.distributed;
        state.distributed = state.collected;
        return String(amount);
      }
      case "claim": {
        const amount = this.claimable(call.nodeId, state);
        state.claimed.set(call.nodeId, (state.claimed.get(call.nodeId) ?? 0n) + amount);
        return String(amount);
      }
      default: {
        if (!this.reportRules) throw new SimRevert("no code");
        state.reports = this.reportRules.run(state.reports, call, this.#timestamp());
        return call.do;
      }
    }
  }

  claimable(nodeId: number, state = this.head.state): bigint {
    return state.distributed / BigInt(this.nodeIds.length) - (state.claimed.get(nodeId) ?? 0n);
  }

  /** PostageChannels.settle: a row never reverts and never lowers anything. */
  #settle(state: SimState, rows: Hex, touched: Set<Address>): string {
    const bytes = fromHex(rows);
    const collected: Record<string, string> = {};
    for (let i = 0; i + VOUCHER_ROW_LENGTH <= bytes.length; i += VOUCHER_ROW_LENGTH) {
      const voucher = this.#read(bytes.subarray(i, i + VOUCHER_ROW_LENGTH));
      const before = voucher && state.channels.get(voucher.channel);
      if (!voucher || !before) continue;
      const fees = voucher.fees < before.deposited ? voucher.fees : before.deposited;
      if (fees <= before.feesSpent) continue;
      collected[voucher.channel] = String(fees - before.feesSpent);
      state.collected += fees - before.feesSpent;
      state.channels.set(voucher.channel, { ...before, feesSpent: fees });
      touched.add(voucher.channel);
    }
    return JSON.stringify(collected);
  }

  /** Rows are read again in every simulation and reorg. */
  #read(row: Uint8Array): SignedVoucher | undefined {
    const key: Hex = `0x${Buffer.from(row).toString("hex")}`;
    if (this.#vouchers.has(key)) return this.#vouchers.get(key);
    let voucher: SignedVoucher | undefined;
    try {
      voucher = readVoucher(this.#domain, row, fastRecoverAddress);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
    this.#vouchers.set(key, voucher);
    return voucher;
  }

  /** Gas drifts, and sometimes costs a hundred times as much for some minutes. */
  drift(random: Random): void {
    const factor = random.chance(0.002) ? 100 : random.chance(0.02) ? 0.01 : 0.9 + random.unit() * 0.2;
    const next = BigInt(Math.floor(Number(this.baseFee) * factor));
    this.baseFee = next < LEAST_BASE_FEE ? LEAST_BASE_FEE : next > 100n * GWEI ? 100n * GWEI : next;
  }

  #timestamp(): bigint {
    const now = BigInt(Math.floor(this.#clock.now() / 1_000));
    const last = this.blocks.at(-1)?.timestamp ?? 0n;
    return now > last ? now : last + 1n;
  }

  #push(
    state: SimState,
    touched: Address[],
    actions: PayerAction[],
    transactions: SimTransaction[],
    receipts: Map<Hex, SimReceipt>,
  ): void {
    const number = BigInt(this.blocks.length);
    const hash = keccak256(toUtf8Bytes(`${number}/${this.#fork}`)) as Hex;
    const timestamp = this.#timestamp();
    this.blocks.push({
      number,
      hash,
      timestamp,
      baseFee: this.baseFee,
      state,
      touched,
      actions,
      transactions,
      receipts,
    });
  }
}

function copyOf(state: SimState): SimState {
  const { channels, nonces, wei, claimed } = state;
  return {
    ...state,
    ...{ channels: new Map(channels), nonces: new Map(nonces), wei: new Map(wei), claimed: new Map(claimed) },
  };
}
