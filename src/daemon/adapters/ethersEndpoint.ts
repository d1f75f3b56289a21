import { isError } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { RpcAnswerTooLargeError } from "../../contracts/rpc/rpcTransport.ts";
import { readSettledRows } from "../../contracts/settledRows.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import type { FinalityPolicy } from "../follow/finality.ts";
import type { ChainEndpoint, Head } from "../follow/ports.ts";
import { RangeRefusedError } from "../follow/ports.ts";
import type { ChannelOnChain, JournalBlock } from "../ports.ts";

export interface EthersEndpointOptions {
  /** What logs and alarms call it. */
  name: string;
  /** Calls made in one turn go out together. */
  provider: { send(method: string, params: unknown[]): Promise<unknown> };
  contracts: Pick<Contracts, "postageChannels">;
  finality: FinalityPolicy;
}

/** What an endpoint answered is not what was asked for. */
export class MalformedAnswerError extends Error {
  override readonly name = "MalformedAnswerError";
}

const EVENTS = [
  "Deposit",
  "WithdrawalRequested",
  "WithdrawalCancelled",
  "Withdrawn",
  "Settled",
  "StampsCharged",
] as const;
/** A settlement has 500 rows at most, a range 2,000 blocks: more is not our chain. */
const MOST_LOGS = 100_000;

/** One endpoint, read with plain JSON-RPC: nothing is taken as it comes. */
export function ethersEndpoint({ name, provider, contracts, finality }: EthersEndpointOptions): ChainEndpoint {
  const { interface: abi } = contracts.postageChannels;
  const topics = new Map(EVENTS.map((event) => [abi.getEvent(event).topicHash, event]));
  let address: Promise<Address> | undefined;
  const contract = () => (address ??= contracts.postageChannels.getAddress().then(toAddress));

  const malformed = (what: string) => new MalformedAnswerError(`${name} answered ${what}`);

  async function headAt(block: string | bigint): Promise<Head | undefined> {
    const tag = typeof block === "bigint" ? quantity(block) : block;
    const answer = await provider.send("eth_getBlockByNumber", [tag, false]);
    if (answer === null || answer === undefined) return undefined;
    const { number, hash, timestamp } = answer as Record<string, unknown>;
    if (!isQuantity(number) || !isHash(hash) || !isQuantity(timestamp)) throw malformed(`no whole ${tag} block`);
    if (typeof block === "bigint" && BigInt(number) !== block) throw malformed(`block ${number}, not ${tag}`);
    return { number: BigInt(number), hash: toHash(hash), timestamp: BigInt(timestamp) };
  }

  async function requiredHead(block: string | bigint): Promise<Head> {
    const head = await headAt(block);
    if (!head) throw malformed(`no ${typeof block === "bigint" ? `block ${block}` : `${block} block`}`);
    return head;
  }

  async function logs(fromBlock: bigint, toBlock: bigint | "latest"): Promise<JournalBlock[]> {
    const to = toBlock === "latest" ? toBlock : quantity(toBlock);
    const filter = {
      address: await contract(),
      topics: [[...topics.keys()]],
      fromBlock: quantity(fromBlock),
      toBlock: to,
    };
    let answer: unknown;
    try {
      answer = await provider.send("eth_getLogs", [filter]);
    } catch (cause) {
      if (!isRefusal(cause)) throw cause;
      throw new RangeRefusedError(`${name} refuses logs of blocks ${fromBlock} to ${toBlock}`, { cause });
    }
    if (!Array.isArray(answer)) throw malformed("no list of logs");
    if (answer.length > MOST_LOGS) throw new RangeRefusedError(`${name} answered ${answer.length} logs`);
    return blocksOf(answer as unknown[], await contract(), fromBlock, toBlock === "latest" ? undefined : toBlock);
  }

  /** Logs of other contracts, of other events or of other blocks are passed over; one log twice is one. */
  function blocksOf(answer: unknown[], ours: Address, from: bigint, to: bigint | undefined): JournalBlock[] {
    const blocks = new Map<bigint, { hash: Hex; touched: Set<Address> }>();
    for (const log of answer) {
      const {
        address: emitter,
        topics: logTopics,
        data,
        blockNumber,
        blockHash,
        removed,
      } = (log ?? {}) as Record<string, unknown>;
      if (removed === true || typeof emitter !== "string" || emitter.toLowerCase() !== ours) continue;
      if (!isQuantity(blockNumber) || !isHash(blockHash)) throw malformed("a log without its block");
      const number = BigInt(blockNumber);
      if (number < from || (to !== undefined && number > to)) continue;
      const channels = channelsOf(logTopics, data);
      if (!channels) continue;
      const block = blocks.get(number) ?? { hash: toHash(blockHash), touched: new Set() };
      if (block.hash !== toHash(blockHash)) throw malformed(`two hashes of block ${number}`);
      for (const channel of channels) block.touched.add(channel);
      blocks.set(number, block);
    }
    return [...blocks]
      .map(([number, { hash, touched }]) => ({ number, hash, touched: [...touched].sort() }))
      .sort((a, b) => (a.number < b.number ? -1 : 1));
  }

  function channelsOf(logTopics: unknown, data: unknown): Address[] | undefined {
    if (!Array.isArray(logTopics) || !topics.has(String(logTopics[0]))) return undefined;
    try {
      const event = abi.parseLog({ topics: logTopics as string[], data: String(data) })!;
      return event.name === "Settled" ? settledChannels(String(event.args.rows)) : [toAddress(String(event.args[0]))];
    } catch {
      throw malformed("a log that cannot be read");
    }
  }

  return {
    name,

    async heads() {
      if (finality.kind === "tags") {
        const [latest, safe, finalized] = await Promise.all(["latest", "safe", "finalized"].map(requiredHead));
        return ordered({ latest: latest!, safe: safe!, finalized: finalized! });
      }
      const latest = await requiredHead("latest");
      const [safe, finalized] = await Promise.all([below(latest, finality.safe), below(latest, finality.finalized)]);
      return ordered({ latest, safe, finalized });
    },

    async peek(fromBlock) {
      const [latest, blocks] = await Promise.all([requiredHead("latest"), logs(fromBlock, "latest")]);
      return { latest, blocks };
    },

    async events(fromBlock, toBlock) {
      const [blocks, end] = await Promise.all([logs(fromBlock, toBlock), headAt(toBlock)]);
      return { blocks, endHash: end?.hash };
    },

    async hashOf(number) {
      return (await headAt(number))?.hash;
    },

    async channels(channels, blockHash) {
      const data = abi.encodeFunctionData("getChannels", [[...channels]]);
      const answer = await provider.send("eth_call", [{ to: await contract(), data }, { blockHash }]);
      const states = decodeChannels(answer);
      if (states.length !== channels.length) throw malformed(`${states.length} of ${channels.length} channels`);
      return states;
    },
  };

  function decodeChannels(answer: unknown): ChannelOnChain[] {
    try {
      const [states] = abi.decodeFunctionResult("getChannels", String(answer)) as unknown as [ChannelOnChain[]];
      return [...states].map(({ deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal }) => ({
        ...{ deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal },
      }));
    } catch (cause) {
      throw new MalformedAnswerError(`${name} answered no channels`, { cause });
    }
  }

  function below({ number }: Head, depth: bigint): Promise<Head> {
    return requiredHead(number > depth ? number - depth : 0n);
  }

  function ordered(heads: { latest: Head; safe: Head; finalized: Head }) {
    const { latest, safe, finalized } = heads;
    if (finalized.number > safe.number || safe.number > latest.number) {
      throw malformed(`heads out of order: ${latest.number}, ${safe.number}, ${finalized.number}`);
    }
    return heads;
  }
}

/** The chain's own no, such as for a range that is too wide: not a lost connection. */
function isRefusal(error: unknown): boolean {
  if (error instanceof RpcAnswerTooLargeError) return true;
  return isError(error, "UNKNOWN_ERROR") && "error" in error;
}

const quantity = (value: bigint) => `0x${value.toString(16)}`;
const toHash = (text: string) => text.toLowerCase() as Hex;

function isQuantity(value: unknown): value is string {
  return typeof value === "string" && /^0x[0-9a-f]{1,13}$/i.test(value);
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^0x[0-9a-f]{64}$/i.test(value);
}

/** The channels of a `Settled` event. */
export function settledChannels(rows: string): Address[] {
  return readSettledRows(rows).map(({ channel }) => channel);
}
