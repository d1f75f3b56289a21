import { Interface } from "ethers";

import { abis } from "../../src/contracts/abis.ts";
import type { RpcTransport } from "../../src/contracts/rpc/rpcTransport.ts";
import { GAS_PRICE_ORACLE } from "../../src/daemon/adapters/dataFee.ts";
import type { ChannelOnChain } from "../../src/daemon/ports.ts";
import type { Address, Hex } from "../../src/protocol/bytes.ts";
import type { FakeChain, FakeEvent } from "../../test/daemon/follow/fakeChain.ts";

interface Call {
  id: number;
  method: string;
  params: unknown[];
}

const CHANNELS = new Interface(abis.postageChannels);
const RATES = new Interface(abis.rateRegistry);
const NODES = new Interface(abis.nodeRegistry);
const FEES = new Interface(abis.feeDistributor);
const SEATS = new Interface(abis.nodeSeats);
const ORACLE = new Interface(["function getL1FeeUpperBound(uint256) view returns (uint256)"]);
const ZERO = `0x${"0".repeat(40)}`;
const EPOCH_SECONDS = 43_200;

const word = (value: bigint | number) => `0x${value.toString(16)}`;
const padded = (value: bigint, bytes: number) => value.toString(16).padStart(bytes * 2, "0");

/** JSON-RPC of a fake chain, as far as a daemon asks: the channels are its own, everything else stands still. */
export function simulatedRpc(chain: FakeChain, chainId: number, postageChannels: string): RpcTransport {
  const answer = ({ id, method, params }: Call) => {
    try {
      return { jsonrpc: "2.0", id, result: resultOf(method, params) };
    } catch (error) {
      return { jsonrpc: "2.0", id, error: { code: -32_000, message: (error as Error).message } };
    }
  };

  function resultOf(method: string, params: unknown[]): unknown {
    switch (method) {
      case "eth_chainId":
        return word(chainId);
      case "eth_gasPrice":
        return word(10_000_000n);
      case "eth_getCode":
        // The chain is Base: it has the oracle of what data costs on L1.
        return params[0] === GAS_PRICE_ORACLE ? "0x60" : "0x";
      case "eth_getBlockByNumber":
        return block(String(params[0]));
      case "eth_getLogs":
        return logs(params[0] as { fromBlock: string; toBlock: string });
      case "eth_call":
        return call(params[0] as { data: string }, params[1]);
      default:
        throw new Error(`the simulated chain does not know ${method}`);
    }
  }

  function block(tag: string): object | null {
    const heads = chain.heads();
    const head = tag in heads ? heads[tag as keyof typeof heads] : chain.at(Number(tag))?.head;
    if (!head) return null;
    const nothing = {
      nonce: `0x${"0".repeat(16)}`,
      difficulty: "0x0",
      gasLimit: "0x0",
      gasUsed: "0x0",
      miner: ZERO,
      extraData: "0x",
    };
    const { hash, number, timestamp } = head;
    const linked = { parentHash: hash, transactions: [], baseFeePerGas: "0x0" };
    return { ...nothing, ...linked, hash, number: word(number), timestamp: word(timestamp) };
  }

  function logs({ fromBlock, toBlock }: { fromBlock: string; toBlock: string }): object[] {
    const last = toBlock === "latest" ? chain.latest : Number(toBlock);
    return Array.from({ length: Math.max(0, last - Number(fromBlock) + 1) }, (_, i) => Number(fromBlock) + i).flatMap(
      (number) => {
        const { head, events } = chain.at(number)!;
        const place = { address: postageChannels, blockNumber: word(head.number), blockHash: head.hash };
        return encodeEvents(events).map((event) => ({ ...place, ...event }));
      },
    );
  }

  function call({ data }: { data: string }, at: unknown): string {
    if (data.startsWith(CHANNELS.getFunction("getChannels")!.selector)) {
      const [keys] = CHANNELS.decodeFunctionData("getChannels", data) as unknown as [string[]];
      const { blockHash } = at as { blockHash: Hex };
      const { number } = chain.byHash(blockHash)!.head;
      const states = [...keys].map((key) => chain.state(key.toLowerCase() as Address, Number(number)));
      return CHANNELS.encodeFunctionResult("getChannels", [states.map(wholeState)]);
    }
    const known: [Interface, string, unknown][] = [
      [ORACLE, "getL1FeeUpperBound", 10_000_000_000n],
      [CHANNELS, "uncollected", 0n],
      [FEES, "remainder", 0n],
      [FEES, "claimable", 0n],
      [FEES, "epochSeconds", EPOCH_SECONDS],
      [FEES, "streaming", 0n],
      [SEATS, "latestVersion", 1n],
      [SEATS, "rollOver", 1n],
      [RATES, "getRatesCount", 1n],
      [RATES, "getRates", [[100n, 200n, 300n, 6_000n, 0n]]],
      [RATES, "retentionDays", 60],
      [NODES, "getAllNodes", []],
    ];
    for (const [abi, name, value] of known) {
      if (data.startsWith(abi.getFunction(name)!.selector)) return abi.encodeFunctionResult(name, [value]);
    }
    throw new Error(`the simulated chain does not know the call ${data.slice(0, 10)}`);
  }

  return async (body) => {
    const calls = JSON.parse(body) as Call | Call[];
    return Array.isArray(calls) ? calls.map(answer) : answer(calls);
  };
}

function wholeState(state: ChannelOnChain): unknown[] {
  const { deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal } = state;
  return [deposited, feesSpent, stampsSpent, stampsSigned, ZERO, pendingWithdrawal, 0n, 0n, 0n];
}

/** The settlements of a block in one event, as a daemon's transaction has it. */
function encodeEvents(events: readonly FakeEvent[]): { topics: string[]; data: string }[] {
  const settled = events.filter(({ kind }) => kind === "settle");
  const rows = settled.map(({ channel, amount }) => channel.slice(2) + padded(amount, 8) + padded(0n, 8)).join("");
  const singles = events.flatMap(({ kind, channel, amount }) => {
    if (kind === "deposit") return [CHANNELS.encodeEventLog("Deposit", [channel, amount])];
    if (kind === "request") return [CHANNELS.encodeEventLog("WithdrawalRequested", [channel, amount, 0, 0])];
    return [];
  });
  return settled.length === 0 ? singles : [...singles, CHANNELS.encodeEventLog("Settled", [ZERO, 0, 0, `0x${rows}`])];
}
