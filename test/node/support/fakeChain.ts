import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import type { ChainBlock, ChainEvent, NetworkTerms, NodeChain, RegisteredNode } from "../../../src/node/ports.ts";

export type FakeEvent = Pick<ChainEvent, "kind" | "subject" | "clientEnvelope">;

interface FakeBlock extends ChainBlock {
  events: ChainEvent[];
}

/** A chain in memory that a test mines, reorganises and cuts off. */
export class FakeChain implements NodeChain {
  readonly deploymentBlock = 1;
  nodes: RegisteredNode[] = [];
  network: NetworkTerms = {
    retentionDays: 60,
    rates: [
      {
        messageFeePico: 100n,
        storageFeePico: 200n,
        congestionFeePico: 300n,
        targetRatePerMinute: 6_000n,
        startAt: 0n,
      },
    ],
  };
  /** Thrown by every call while it is set. */
  failure: Error | undefined;
  #fork = 0n;
  #blocks: FakeBlock[] = [];

  constructor() {
    this.mine();
  }

  /** Appends a block with these events; sequence ids go on as the contracts count them. */
  mine(...events: FakeEvent[]): FakeBlock {
    const number = this.#blocks.length;
    const hash = toHex(uintToBytes((this.#fork << 64n) + BigInt(number), 32));
    const block: FakeBlock = { number, hash, events: [] };
    this.#blocks.push(block);
    for (const [logIndex, event] of events.entries()) {
      const sequenceId = BigInt(this.#all().filter(({ kind }) => kind === event.kind).length + 1);
      const transactionHash = toHex(uintToBytes((this.#fork << 64n) + (BigInt(number) << 16n) + BigInt(logIndex), 32));
      const position = { blockNumber: number, blockHash: hash, blockTimestamp: 1_700_000_000n + BigInt(number) * 2n };
      block.events.push({ ...event, ...position, sequenceId, transactionHash, logIndex });
    }
    return block;
  }

  /** Drops the blocks after `number`; the ones mined from now on have other hashes. */
  reorganise(number: number): void {
    this.#blocks.length = number + 1;
    this.#fork++;
  }

  get head(): number {
    return this.#blocks.length - 1;
  }

  registeredNodes = async (): Promise<RegisteredNode[]> => this.#answer(() => this.nodes.map((node) => ({ ...node })));

  /** Keys that nodes had before, as `id:signer`, and when they were retired. */
  pastKeys = new Map<string, bigint>();
  /** How often this was asked about a key. */
  keyQuestions = 0;

  nodeKey = async (nodeId: number, signer: Address): Promise<{ retiredAt?: bigint } | undefined> =>
    this.#answer(() => {
      this.keyQuestions++;
      const retiredAt = this.pastKeys.get(`${nodeId}:${signer}`);
      if (retiredAt !== undefined) return { retiredAt };
      return this.nodes.some((one) => one.id === nodeId && one.signer === signer) ? {} : undefined;
    });

  async terms(): Promise<NetworkTerms> {
    return this.#answer(() => this.network);
  }

  latestBlock = async (): Promise<ChainBlock> => this.#answer(() => this.#position(this.#blocks.at(-1)!));

  block = async (number: number): Promise<ChainBlock | undefined> =>
    this.#answer(() => {
      const block = this.#blocks[number];
      return block && this.#position(block);
    });

  events = async (first: number, last: number): Promise<ChainEvent[]> =>
    this.#answer(() => this.#all().filter(({ blockNumber }) => blockNumber >= first && blockNumber <= last));

  #all(): ChainEvent[] {
    return this.#blocks.flatMap(({ events }) => events);
  }

  #position({ number, hash }: FakeBlock): { number: number; hash: Hex } {
    return { number, hash };
  }

  #answer<T>(answer: () => T): T {
    if (this.failure) throw this.failure;
    return answer();
  }
}
