import type { Contracts } from "../../contracts/connectContracts.ts";
import { chunksOf } from "../../platform/chunks.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { fromHex } from "../../protocol/bytes.ts";
import type { ChainEndpoint } from "../follow/ports.ts";
import type { IdentityUpdateOnChain, StampChain } from "../stamps/ports.ts";

export interface EthersStampsOptions {
  contracts: Pick<Contracts, "identityRegistry" | "rateRegistry" | "stamps">;
  provider: { send(method: string, params: unknown[]): Promise<unknown> };
  /** Knows which block is safe. */
  endpoint: Pick<ChainEndpoint, "heads">;
  /** The first block that can have an update. */
  deploymentBlock: bigint;
}

const BLOCKS_PER_CALL = 2_000n;
const FEWEST_BLOCKS = 50n;
const BLOCKS_AT_ONCE = 50;

/** RateRegistry, Stamps and the identity log, read only. */
export function ethersStamps({ contracts, provider, endpoint, deploymentBlock }: EthersStampsOptions): StampChain {
  const { identityRegistry, rateRegistry, stamps } = contracts;
  const { interface: abi } = identityRegistry;
  const topic = abi.getEvent("IdentityUpdateCreated").topicHash;
  let span = BLOCKS_PER_CALL;
  let price: bigint | undefined;

  async function logs(
    from: bigint,
    to: bigint,
  ): Promise<{ block: bigint; update: Omit<IdentityUpdateOnChain, "at"> }[]> {
    const filter = {
      address: await identityRegistry.getAddress(),
      topics: [topic],
      fromBlock: hex(from),
      toBlock: hex(to),
    };
    const answer = await provider.send("eth_getLogs", [filter]);
    if (!Array.isArray(answer)) throw new Error("the endpoint answered no list of logs");
    return (answer as { topics: string[]; data: string; blockNumber: string }[]).map(
      ({ topics, data, blockNumber }) => {
        const event = abi.parseLog({ topics, data });
        if (!event) throw new Error("the endpoint answered a log of another event");
        const { inboxId, update, sequenceId } = event.args as unknown as {
          inboxId: string;
          update: string;
          sequenceId: bigint;
        };
        const block = BigInt(blockNumber);
        if (block < from || block > to) throw new Error(`the endpoint answered a log of block ${block}, not asked for`);
        return { block, update: { sequenceId, inbox: inboxId.toLowerCase() as Hex, clientEnvelope: fromHex(update) } };
      },
    );
  }

  async function timesOf(blocks: readonly bigint[]): Promise<Map<bigint, bigint>> {
    const times = new Map<bigint, bigint>();
    for (const some of chunksOf(blocks, BLOCKS_AT_ONCE)) {
      const found = await Promise.all(
        some.map((number) => provider.send("eth_getBlockByNumber", [hex(number), false])),
      );
      for (const [i, block] of found.entries()) {
        const timestamp = (block as { timestamp?: string } | null)?.timestamp;
        if (timestamp === undefined) throw new Error(`the endpoint does not serve block ${some[i]}`);
        times.set(some[i]!, BigInt(timestamp));
      }
    }
    return times;
  }

  return {
    // Immutable: asked once.
    async price() {
      price ??= await rateRegistry.stampPrice();
      return price;
    },

    async sharesAt(at) {
      const { recipientsBps, silentBps } = await stamps.sharesAt(at);
      return { recipientsBps: Number(recipientsBps), silentBps: Number(silentBps) };
    },

    async updatesAfter(block) {
      const { safe } = await endpoint.heads();
      const from = block === undefined ? deploymentBlock : block + 1n;
      if (safe.number < from) return undefined;
      const to = safe.number < from + span - 1n ? safe.number : from + span - 1n;
      let found: Awaited<ReturnType<typeof logs>>;
      try {
        found = await logs(from, to);
      } catch (error) {
        // Some endpoints take fewer blocks at once, or answer with less.
        span = span / 2n > FEWEST_BLOCKS ? span / 2n : FEWEST_BLOCKS;
        throw error;
      }
      const times = await timesOf([...new Set([...found.map((one) => one.block), to])]);
      const updates = found.map((one) => ({ ...one.update, at: times.get(one.block)! }));
      updates.sort((a, b) => (a.sequenceId < b.sequenceId ? -1 : 1));
      return { readTo: to, readToAt: times.get(to)!, isEnd: to === safe.number, updates };
    },
  };
}

const hex = (value: bigint) => `0x${value.toString(16)}`;
