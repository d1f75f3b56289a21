import { keccak256, toUtf8Bytes } from "ethers";

import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import type { ChainEndpoint, Head, Heads } from "../../../src/daemon/follow/ports.ts";
import type { ChannelOnChain, JournalBlock } from "../../../src/daemon/ports.ts";
import type { Address, Hex } from "../../../src/protocol/bytes.ts";

export type EventKind = "deposit" | "request" | "cancel" | "withdraw" | "settle";

export interface FakeEvent {
  kind: EventKind;
  channel: Address;
  amount: bigint;
}

interface Block {
  head: Head;
  events: FakeEvent[];
  states: ReadonlyMap<Address, ChannelOnChain>;
}

export const CHANNELS = [1, 2, 3, 4].map((i): Address => `0x${i.toString(16).padStart(40, "0")}`);
const START_SECONDS = BigInt(Date.UTC(2026, 0, 1)) / 1_000n;

/** A chain of blocks with channel events, whose tip a test may take back down to the final block. */
export class FakeChain {
  /** Blocks between the newest and the safe and final ones. */
  safeLag = 10;
  finalLag = 70;
  blockSeconds = 2n;
  #blocks: Block[] = [];
  /** Also of forks that were left. */
  readonly #byHash = new Map<Hex, Block>();
  #forks = 0;
  #final = 0;

  constructor() {
    this.#add([]);
  }

  get latest(): number {
    return this.#blocks.length - 1;
  }

  mine(...blocks: FakeEvent[][]): void {
    for (const events of blocks.length === 0 ? [[]] : blocks) this.#add(events);
  }

  mineEmpty(count: number): void {
    for (let i = 0; i < count; i++) this.#add([]);
  }

  /** Takes back up to `depth` blocks (never a final one) and mines others: what `remake` makes of their events. */
  reorg(depth: number, remake: (events: FakeEvent[]) => FakeEvent[], extra = 1): void {
    const from = Math.max(this.#final + 1, this.#blocks.length - depth);
    const dropped = this.#blocks.splice(from);
    this.#forks++;
    for (const { events } of dropped) this.#add(remake(events));
    this.mineEmpty(extra);
  }

  /** As a chain must never do: everything above block `to` is made anew, final or not. */
  breakFinality(to: number, remake = (events: FakeEvent[]) => events): void {
    const dropped = this.#blocks.splice(to + 1);
    this.#forks++;
    this.#final = Math.min(this.#final, to);
    for (const { events } of dropped) this.#add(remake(events));
    this.mineEmpty(1);
  }

  /** A chain that has the same past and goes its own way from here. */
  fork(): FakeChain {
    const other = new FakeChain();
    other.#blocks = [...this.#blocks];
    for (const [hash, block] of this.#byHash) other.#byHash.set(hash, block);
    Object.assign(other, { safeLag: this.safeLag, finalLag: this.finalLag });
    other.#final = this.#final;
    other.#forks = this.#forks + 1_000;
    return other;
  }

  at(number: number): Block | undefined {
    return this.#blocks[number];
  }

  byHash(hash: Hex): Block | undefined {
    return this.#byHash.get(hash);
  }

  /** The newest block, seen by one who is some blocks behind. */
  heads(lag = 0): Heads {
    const latest = Math.max(0, this.latest - lag);
    const safe = Math.max(this.#final > latest ? latest : this.#final, latest - this.safeLag);
    const finalized = Math.min(latest, this.#final);
    const head = (number: number) => this.#blocks[number]!.head;
    return { latest: head(latest), safe: head(safe), finalized: head(finalized) };
  }

  state(channel: Address, number = this.latest): ChannelOnChain {
    return this.#blocks[number]!.states.get(channel) ?? EMPTY_CHANNEL;
  }

  eventBlocks(from: number, to: number): JournalBlock[] {
    return this.#blocks
      .slice(from, to + 1)
      .flatMap(({ head, events }) =>
        events.length === 0
          ? []
          : [{ number: head.number, hash: head.hash, touched: [...new Set(events.map((e) => e.channel))].sort() }],
      );
  }

  #add(events: FakeEvent[]): void {
    const number = this.#blocks.length;
    const parent = this.#blocks.at(-1);
    const states = events.length === 0 && parent ? parent.states : new Map(parent?.states ?? []);
    const mined = events.filter((event) => apply(states as Map<Address, ChannelOnChain>, event));
    const hash = keccak256(toUtf8Bytes(`${parent?.head.hash}:${number}:${this.#forks}`)) as Hex;
    const timestamp = START_SECONDS + BigInt(number) * this.blockSeconds;
    const block = { head: { number: BigInt(number), hash, timestamp }, events: mined, states };
    this.#blocks.push(block);
    this.#byHash.set(hash, block);
    this.#final = Math.max(this.#final, number - this.finalLag);
  }
}

/** False for a transaction that reverts: it leaves no event. */
function apply(states: Map<Address, ChannelOnChain>, { kind, channel, amount }: FakeEvent): boolean {
  const now = states.get(channel) ?? EMPTY_CHANNEL;
  const free = now.deposited - now.feesSpent;
  const next = { ...now };
  if (kind === "deposit") next.deposited += amount;
  else if (kind === "request" && amount <= free) next.pendingWithdrawal = amount;
  else if (kind === "cancel" && now.pendingWithdrawal > 0n) next.pendingWithdrawal = 0n;
  else if (kind === "withdraw" && now.pendingWithdrawal > 0n && now.pendingWithdrawal <= free) {
    next.deposited -= now.pendingWithdrawal;
    next.pendingWithdrawal = 0n;
  } else if (kind === "settle" && amount <= free) next.feesSpent += amount;
  else return false;
  states.set(channel, next);
  return true;
}

/** One endpoint of a fake chain, with whatever a test makes wrong with it. */
export class FakeEndpoint implements ChainEndpoint {
  chain: FakeChain;
  lag = 0;
  isDown = false;
  /** Leaves out events of this channel. */
  hides: Address | undefined;
  /** What it makes of states. */
  forge: (state: ChannelOnChain) => ChannelOnChain = (state) => state;
  /** Hash that it names for a final block. */
  forgedFinal: Hex | undefined;
  /** Called before each answer. */
  onCall: () => void = () => {};
  readonly asked: string[] = [];

  readonly name: string;

  constructor(name: string, chain: FakeChain) {
    this.name = name;
    this.chain = chain;
  }

  async heads(): Promise<Heads> {
    this.#answer("heads");
    const heads = this.chain.heads(this.lag);
    return this.forgedFinal ? { ...heads, finalized: { ...heads.finalized, hash: this.forgedFinal } } : heads;
  }

  async peek(fromBlock: bigint) {
    this.#answer("peek");
    const { latest } = this.chain.heads(this.lag);
    return { latest, blocks: this.#blocks(fromBlock, latest.number) };
  }

  async events(fromBlock: bigint, toBlock: bigint) {
    this.#answer("events");
    const { latest } = this.chain.heads(this.lag);
    const end = toBlock <= latest.number ? toBlock : latest.number;
    const endHash = this.chain.at(Number(toBlock))?.head.hash;
    return { blocks: this.#blocks(fromBlock, end), endHash: toBlock <= latest.number ? endHash : undefined };
  }

  async hashOf(number: bigint) {
    this.#answer("hashOf");
    const heads = this.chain.heads(this.lag);
    if (number > heads.latest.number) return undefined;
    if (this.forgedFinal && number === heads.finalized.number) return this.forgedFinal;
    return this.chain.at(Number(number))?.head.hash;
  }

  async channels(channels: readonly Address[], blockHash: Hex) {
    this.#answer("channels");
    const block = this.chain.byHash(blockHash);
    if (!block || block.head.number > this.chain.heads(this.lag).latest.number) throw new Error("unknown block");
    return channels.map((channel) => this.forge(block.states.get(channel) ?? EMPTY_CHANNEL));
  }

  #blocks(from: bigint, to: bigint): JournalBlock[] {
    return this.chain.eventBlocks(Number(from), Number(to)).flatMap((block) => {
      const touched = block.touched.filter((channel) => channel !== this.hides);
      return touched.length === 0 ? [] : [{ ...block, touched }];
    });
  }

  #answer(call: string): void {
    this.asked.push(call);
    if (this.isDown) throw new Error("connection refused");
    this.onCall();
  }
}
