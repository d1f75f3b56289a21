import { expect } from "chai";
import type { LogDescription } from "ethers";
import { Interface, hexlify, id } from "ethers";

import { identityRegistryAbi } from "#abi/IdentityRegistry.ts";

import { groupMessage } from "../support/envelopes.ts";
import { deployedWorld } from "./fixtures.ts";
import type { World } from "./fixtures.ts";

/** What xmtpd was compiled with: docs/contracts/commit-broadcaster.md lists what it calls and parses. */
const GROUP_MESSAGE_BROADCASTER = new Interface([
  "function addMessage(bytes16 groupId, bytes clientEnvelope)",
  "event MessageSent(bytes16 indexed groupId, bytes message, uint64 indexed sequenceId)",
]);
const IDENTITY_UPDATE_BROADCASTER = new Interface([
  "function addIdentityUpdate(bytes32 inboxId, bytes clientEnvelope)",
  "event IdentityUpdateCreated(bytes32 indexed inboxId, bytes update, uint64 indexed sequenceId)",
]);

const GROUP = `0x${"ab".repeat(16)}`;
const commit = (n: number) => hexlify(groupMessage(n, { contentType: 3 }));

/** Compares what calldata and logs depend on: selectors, topics, types and which arguments are indexed. */
function expectContains(ours: Interface, stock: Interface): void {
  stock.forEachFunction(({ selector, inputs, outputs }) => {
    const own = ours.getFunction(selector);
    expect(own?.inputs.map(({ type }) => type)).to.deep.equal(inputs.map(({ type }) => type));
    expect(own?.outputs).to.have.length(outputs.length);
    expect(own?.payable).to.equal(false);
  });
  stock.forEachEvent(({ topicHash, inputs }) => {
    const shape = (all: typeof inputs) =>
      all.map(({ name, type, indexed }) => ({ name, type, indexed: indexed === true }));
    expect(shape(ours.getEvent(topicHash)!.inputs)).to.deep.equal(shape(inputs));
  });
}

describe("stock gateways and nodes", () => {
  let world: World;
  before(async () => (world = await deployedWorld()));
  after(() => world.net.close());

  /** As xmtpd does: every log of the receipt that its ABI parses. */
  async function send(data: string): Promise<LogDescription[]> {
    const to = await world.commitBroadcaster.getAddress();
    const receipt = await (await world.stranger.sendTransaction({ to, data })).wait();
    expect(receipt!.status).to.equal(1);
    return receipt!.logs.map((log) => GROUP_MESSAGE_BROADCASTER.parseLog(log)).filter((log) => log !== null);
  }

  it("have the selectors and topics that the network uses", () => {
    expect(GROUP_MESSAGE_BROADCASTER.getFunction("addMessage")!.selector).to.equal(
      id("addMessage(bytes16,bytes)").slice(0, 10),
    );
    expect(GROUP_MESSAGE_BROADCASTER.getEvent("MessageSent")!.topicHash).to.equal(
      id("MessageSent(bytes16,bytes,uint64)"),
    );
    expectContains(world.commitBroadcaster.interface, GROUP_MESSAGE_BROADCASTER);
    expectContains(new Interface(identityRegistryAbi), IDENTITY_UPDATE_BROADCASTER);
  });

  it("find their message in the receipt of a call that estimates its own gas, from any account", async () => {
    const data = GROUP_MESSAGE_BROADCASTER.encodeFunctionData("addMessage", [GROUP, commit(1)]);
    const [event, ...others] = await send(data);
    expect(others).to.deep.equal([]);
    expect(event!.name).to.equal("MessageSent");
    expect(event!.args.toObject()).to.deep.equal({ groupId: GROUP, message: commit(1), sequenceId: 1n });
  });

  it("index by address and topic what a batch sequenced, in ascending ids, and nothing that it refused", async () => {
    const groups = [GROUP, GROUP, GROUP];
    const batch = [commit(2), hexlify(groupMessage(3)), commit(4)];
    await send(world.commitBroadcaster.interface.encodeFunctionData("addMessages", [groups, batch]));
    const address = await world.commitBroadcaster.getAddress();
    const topics = [GROUP_MESSAGE_BROADCASTER.getEvent("MessageSent")!.topicHash];
    const logs = await world.ethers.provider.getLogs({ address, topics, fromBlock: 0 });
    const events = logs.map((log) => GROUP_MESSAGE_BROADCASTER.parseLog(log)!.args);
    expect(events.map(({ sequenceId }) => sequenceId as bigint)).to.deep.equal([1n, 2n, 3n]);
    expect(events.map(({ message }) => message as string)).to.deep.equal([commit(1), commit(2), commit(4)]);
  });

  it("fail on estimating what is refused, and see a retry of the same bytes as refused: that differs", async () => {
    const to = await world.commitBroadcaster.getAddress();
    const refused: [string, string][] = [
      [hexlify(groupMessage(1)), "CommitBroadcasterNotOrdered"],
      [commit(1), "CommitBroadcasterAlreadySequenced"],
    ];
    for (const [envelope, error] of refused) {
      const data = GROUP_MESSAGE_BROADCASTER.encodeFunctionData("addMessage", [GROUP, envelope]);
      await expect(world.stranger.estimateGas({ to, data })).to.be.revertedWithCustomError(
        world.commitBroadcaster,
        error,
      );
    }
  });

  it("find none of the tools for operators and migrations, which publishing and serving do not need", () => {
    const absent = [
      "bootstrapMessages(bytes16[],bytes[],uint64[])",
      "bootstrapIdentityUpdates(bytes32[],bytes[],uint64[])",
      "paused()",
      "updatePauseStatus()",
      "minPayloadSize()",
      "maxPayloadSize()",
      "payloadBootstrapper()",
    ];
    for (const signature of absent) {
      const selector = id(signature).slice(0, 10);
      for (const abi of [world.commitBroadcaster.interface, new Interface(identityRegistryAbi)]) {
        expect(abi.getFunction(selector), signature).to.equal(null);
      }
    }
  });
});
