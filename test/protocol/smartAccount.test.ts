import { expect } from "chai";
import type { Provider } from "ethers";
import { Contract, concat } from "ethers";

import type { Address } from "../../src/protocol/bytes.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import { deployedWorld } from "../contracts/fixtures.ts";
import type { World } from "../contracts/fixtures.ts";
import { smartAccountVerifier } from "../support/smartAccountVerifier.ts";

/** Initcode of a contract that answers every call with these bytes, or with a revert. */
function answering(word: string, opcode = "f3"): string {
  const runtime = `0x7f${word}60005260206000${opcode}`;
  const length = (runtime.length - 2) / 2;
  return concat([`0x60${length.toString(16)}80600b6000396000f3`, runtime]);
}

const MAGIC = `1626ba7e${"00".repeat(28)}`;

describe("support/smartAccountVerifier", () => {
  let world: World;
  before(async () => (world = await deployedWorld()));
  after(() => world.net.close());

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
