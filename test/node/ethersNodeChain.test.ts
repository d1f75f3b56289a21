import { expect } from "chai";
import type { Provider } from "ethers";
import { Contract, Wallet, concat, toBeHex } from "ethers";

import { ethersNodeChain } from "../../src/node/adapters/ethersNodeChain.ts";
import { smartAccountVerifier } from "../../src/contracts/smartAccountVerifier.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { fromHex, toHex } from "../../src/protocol/bytes.ts";
import { deployedWorld, registerNode } from "../contracts/fixtures.ts";
import type { World } from "../contracts/fixtures.ts";
import { groupMessage } from "../support/envelopes.ts";
import { ManualClock } from "../support/manualClock.ts";
import { identityEnvelope } from "./support/identity.ts";

/** Initcode of a contract that answers every call with these bytes, or with a revert. */
function answering(word: string, opcode = "f3"): string {
  const runtime = `0x7f${word}60005260206000${opcode}`;
  const length = (runtime.length - 2) / 2;
  return concat([`0x60${length.toString(16)}80600b6000396000f3`, runtime]);
}

const MAGIC = `1626ba7e${"00".repeat(28)}`;

describe("node/adapters/ethersNodeChain", () => {
  let world: World;
  const clock = new ManualClock();
  before(async () => (world = await deployedWorld()));

  function chainOver(provider: Pick<Provider, "getBlock" | "getLogs" | "call"> = world.ethers.provider) {
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
    const { clientEnvelope, subject } = identityEnvelope(1);
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
    const flaky: Pick<Provider, "getBlock" | "getLogs" | "call"> = {
      call: (transaction) => provider.call(transaction),
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

  it("believes a smart account's yes, and nothing else", async () => {
    const { provider } = world.ethers;
    const verify = smartAccountVerifier(provider, world.chainId);
    const question = {
      chainId: world.chainId,
      hash: new Uint8Array(32).fill(7),
      signature: new Uint8Array(65).fill(1),
    };
    const deploy = async (data: string) => {
      const receipt = await (await world.deployer.sendTransaction({ data })).wait();
      return receipt!.contractAddress!.toLowerCase() as Address;
    };
    const before = await provider.getBlockNumber();
    const yes = await deploy(answering(MAGIC));
    const no = await deploy(answering("00".repeat(32)));
    const reverts = await deploy(answering(MAGIC, "fd"));
    const nobody = world.stranger.address.toLowerCase() as Address;
    const blockNumber = BigInt(await provider.getBlockNumber());
    const ask = (account: Address, changes = {}) => verify({ ...question, account, blockNumber, ...changes });
    expect(await ask(yes)).to.equal(true);
    expect(await ask(no)).to.equal(false);
    expect(await ask(reverts)).to.equal(false);
    expect(await ask(nobody)).to.equal(false);
    expect(await ask(yes, { chainId: 1n })).to.equal(false);
    expect(await ask(yes, { blockNumber: BigInt(before) })).to.equal(false);
    const counterfactual = fromHex(`${"00".repeat(96)}${"6492".repeat(16)}`);
    expect(await ask(yes, { signature: counterfactual })).to.equal(false);
  });

  it("hands the account hash and signature as ERC-1271 has them", async () => {
    const hash = new Uint8Array(32).fill(9);
    const signature = new Uint8Array(70).fill(5);
    const encoded = new Contract(world.stranger.address, [
      "function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)",
    ]).interface.encodeFunctionData("isValidSignature", [hash, signature]);
    let data = "";
    const spy: Pick<Provider, "call"> = { call: async (transaction) => (data = transaction.data ?? "") };
    const account = world.stranger.address.toLowerCase() as Address;
    const question = { chainId: world.chainId, account, hash, signature, blockNumber: 1n };
    await smartAccountVerifier(spy, world.chainId)(question);
    expect(data.endsWith(encoded.slice(2))).to.equal(true);
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
