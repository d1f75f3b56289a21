import { expect } from "chai";
import type { Provider } from "ethers";
import { Wallet, toBeHex } from "ethers";

import { ethersNodeChain } from "../../src/node/adapters/ethersNodeChain.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { deployedWorld, registerNode } from "../contracts/fixtures.ts";
import type { World } from "../contracts/fixtures.ts";
import { groupMessage } from "../support/envelopes.ts";
import { ManualClock } from "../support/manualClock.ts";
import { vectorEvent } from "./support/identity.ts";

describe("node/adapters/ethersNodeChain", () => {
  let world: World;
  const clock = new ManualClock();
  before(async () => (world = await deployedWorld()));

  function chainOver(provider: Pick<Provider, "getBlock" | "getLogs"> = world.ethers.provider) {
    return ethersNodeChain({ record: world.record, contracts: world, provider, clock });
  }

  it("reads nodes and terms", async () => {
    const id = await registerNode(world, 0, world.operator.address);
    const [node] = await chainOver().registeredNodes();
    const signer = new Wallet(toBeHex(0x2000, 32)).address.toLowerCase();
    expect(node).to.deep.equal({ id: Number(id), signer, isCanonical: false, httpAddress: "http://127.0.0.1:5050" });
    const { rates, retentionDays } = await chainOver().terms();
    expect(retentionDays).to.equal(60);
    expect(rates[0]).to.include({ messageFeePico: 100n, storageFeePico: 200n, startAt: 0n });
  });

  it("reads both kinds of events in the chain's order, with their blocks", async () => {
    const first = (await world.ethers.provider.getBlockNumber()) + 1;
    const commit = groupMessage(1, { contentType: 3 });
    const { clientEnvelope, subject } = vectorEvent(1);
    await world.commitBroadcaster.addMessage(toHex(new Uint8Array(16).fill(0xab)), toHex(commit));
    await world.identityRegistry.addIdentityUpdate(toHex(subject), toHex(clientEnvelope));
    const head = await chainOver().latestBlock();
    const events = await chainOver().events(first, head.number);
    expect(events.map(({ kind, sequenceId }) => `${kind} ${sequenceId}`)).to.deep.equal(["commit 1", "identity 1"]);
    expect(events[0]!.clientEnvelope).to.deep.equal(commit);
    expect(events[1]).to.deep.include({ subject, clientEnvelope, blockNumber: head.number, blockHash: head.hash });
    const block = await world.ethers.provider.getBlock(head.number);
    expect(events[1]!.blockTimestamp).to.equal(BigInt(block!.timestamp));
    expect(await chainOver().block(head.number + 1)).to.equal(undefined);
  });

  it("asks for halves when an endpoint refuses a range, and tries a failed call again", async () => {
    const { provider } = world.ethers;
    const asked: number[] = [];
    let failures = 2;
    const flaky: Pick<Provider, "getBlock" | "getLogs"> = {
      getLogs: async (filter) => {
        const { fromBlock, toBlock } = filter as { fromBlock: number; toBlock: number };
        asked.push(toBlock - fromBlock + 1);
        if (toBlock - fromBlock > 3) throw new Error("query returned more than 10000 results");
        return provider.getLogs(filter);
      },
      getBlock: async (tag) => {
        if (failures-- > 0) throw new Error("socket hang up");
        return provider.getBlock(tag);
      },
    };
    const head = ticking(clock, () => chainOver(flaky).latestBlock());
    expect((await head).number).to.equal(await provider.getBlockNumber());
    const { number } = await head;
    expect(await chainOver(flaky).events(0, number)).to.deep.equal(await chainOver().events(0, number));
    expect(Math.max(...asked)).to.equal(number + 1);
  });
});

/** Moves the clock while a call sleeps between attempts. */
async function ticking<T>(clock: ManualClock, call: () => Promise<T>): Promise<T> {
  let done = false;
  const result = call().finally(() => (done = true));
  while (!done) {
    clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return result;
}
