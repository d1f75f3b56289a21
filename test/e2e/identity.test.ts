import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect } from "chai";

import { IdentifierKind } from "#proto/xmtp/identity/associations/association_pb.ts";
import { ReplicationApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { localWallet } from "../../scripts/local/localChain.ts";
import type { LocalNetwork, LocalNode } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";
import { clientEnvelopeOf } from "../../src/client/publish/lookup.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { IDENTITY_ORIGINATOR, readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { deployAccounts } from "../contracts/identityWorld.ts";
import type { Actor } from "../support/identityActors.ts";
import { memberOf, passkey, wallet } from "../support/identityActors.ts";
import type { Device, Who } from "./support/device.ts";
import { startDevice } from "./support/device.ts";
import { startOneNodeGateway } from "./support/oneNodeGateway.ts";
import { loadInboxes, sequenceRandomUpdates, untilIndexed } from "./support/randomInboxes.ts";

const USD = 1_000_000n;
const DEPLOYER = 17;
const MOST_POLLS = 300;
const NOBODY = `0x${"0".repeat(64)}`;

const ALICE: Who = { kind: "wallet", n: 2_001 };
const SECOND: Who = { kind: "wallet", n: 2_002 };
const OLD: Who = { kind: "wallet", n: 2_003, isOld: true };
const STRANGER: Who = { kind: "wallet", n: 2_004 };
const PAT: Who = { kind: "passkey", n: 2_005 };

function nodeClient(url: string) {
  return createClient(
    ReplicationApi,
    createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1", nodeOptions: { agent: false } }),
  );
}

/** An installation as contracts name it. */
const installationMember = (identifier: string) => memberOf({ kind: "installation", identifier });

describe("identity with real XMTP clients", function () {
  this.timeout(360_000);
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-identity-"));
  let network: LocalNetwork;
  const devices: Device[] = [];
  const opened = async (name: string, who: Who, gatewayUrl = network.gateway.url) => {
    const device = startDevice(directory, name);
    devices.push(device);
    return { device, who, ...(await device.open({ gatewayUrl, rpcUrl: network.chain.url }, who)) };
  };
  const registered = async (name: string, who: Who) => {
    const one = await opened(name, who);
    await one.device.register(who);
    return one;
  };
  const registry = () => network.contracts.identityRegistry;
  const isMember = (inboxId: string, member: Pick<Actor, "kind" | "identifier">) =>
    registry().isMember(`0x${inboxId}`, memberOf(member));
  const updates = async () =>
    (await registry().queryFilter(registry().filters.IdentityUpdateCreated())).map(({ args }) => args);

  before(async () => {
    network = await startLocalNetwork({ directory, nodes: 2, deposit: 5n * USD, headroom: 20n });
  });

  after(async () => {
    for (const device of devices) device.leave();
    await network?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("adds a second installation, links a second wallet, passes recovery on, and revokes all of it", async () => {
    const phone = await registered("phone", ALICE);
    const { inboxId } = phone;
    expect(await registry().installationCount(`0x${inboxId}`)).to.equal(1n);
    const laptop = await registered("laptop", ALICE);
    expect(laptop.inboxId).to.equal(inboxId);
    const both = [phone.installation, laptop.installation].sort();
    for (const { device } of [phone, laptop]) expect((await device.inbox()).installations).to.deep.equal(both);
    expect(await registry().installationCount(`0x${inboxId}`)).to.equal(2n);
    for (const one of both) expect(await isMember(inboxId, { kind: "installation", identifier: one })).to.equal(true);
    expect((await registry().logOf(`0x${inboxId}`)).count).to.equal(2n);

    await laptop.device.revokeInstallation(phone.installation, ALICE);
    expect((await laptop.device.inbox()).installations).to.deep.equal([laptop.installation]);
    expect(await registry().isMember(`0x${inboxId}`, installationMember(phone.installation))).to.equal(false);
    expect(await registry().installationCount(`0x${inboxId}`)).to.equal(1n);

    const second = memberOf(wallet(2_002));
    const stranger = await opened("stranger", STRANGER);
    await laptop.device.link(SECOND);
    expect(await registry().inboxOf(second)).to.equal(`0x${inboxId}`);
    expect(await stranger.device.find(SECOND)).to.equal(inboxId);
    expect(await stranger.device.canMessage(SECOND)).to.equal(true);
    const ethereum = (n: number) => `ethereum ${wallet(n).identifier}`;
    expect((await laptop.device.inbox()).identifiers).to.deep.equal([ethereum(2_001), ethereum(2_002)].sort());

    await laptop.device.unlink(SECOND, ALICE);
    expect(await registry().inboxOf(second)).to.equal(NOBODY);
    expect(await stranger.device.find(SECOND)).to.equal(undefined);
    expect((await laptop.device.inbox()).identifiers).to.deep.equal([ethereum(2_001)]);

    await laptop.device.changeRecovery(SECOND, ALICE);
    expect((await laptop.device.inbox()).recovery).to.equal(ethereum(2_002));
    const recovery = await registry().recoveryOf(`0x${inboxId}`);
    expect({ kind: Number(recovery.kind), key: recovery.key }).to.deep.equal(second);
    expect((await registry().logOf(`0x${inboxId}`)).count).to.equal(6n);
  });

  it("registers a smart account, a passkey and a wallet that writes v of 0 or 1, and they all talk", async () => {
    const deployer = localWallet(DEPLOYER).connect(network.chain.provider);
    const [first, other] = await deployAccounts({ deployer, chainId: 31_337n }, 2, () => 0n);
    const block = await network.chain.provider.getBlockNumber();
    // One says at which block it was asked, for the other the client takes the latest one.
    const [account, secondAccount, pat, old] = await Promise.all([
      registered("account", { kind: "account", n: 1_000, address: first!.identifier, block }),
      registered("second-account", { kind: "account", n: 1_001, address: other!.identifier }),
      registered("pat", PAT),
      registered("old", OLD),
    ]);
    const pairs = [
      [account, first!],
      [secondAccount, other!],
      [pat, passkey(2_005)],
      [old, wallet(2_003)],
    ] as const;
    for (const [{ inboxId, installation }, member] of pairs) {
      expect(await registry().inboxOf(memberOf(member))).to.equal(`0x${inboxId}`);
      expect(await isMember(inboxId, { kind: "installation", identifier: installation })).to.equal(true);
    }
    for (const who of [account.who, secondAccount.who, OLD]) {
      expect(await pat.device.canMessage(who)).to.equal(true);
    }
    // libxmtp takes every answer for one about an Ethereum address, so it finds no passkey; the node does.
    const node = nodeClient(network.nodes[0]!.url);
    const request = { identifier: passkey(2_005).identifier, identifierKind: IdentifierKind.PASSKEY };
    const { responses } = await node.getInboxIds({ requests: [request] });
    expect(responses[0]).to.include({ ...request, inboxId: pat.inboxId });

    for (const peer of [account, secondAccount, pat]) {
      const dm = await old.device.openDm(peer.inboxId);
      await old.device.send(dm, "a penny for your thoughts");
      expect(await peer.device.read(dm)).to.include("a penny for your thoughts");
      await peer.device.send(dm, "here they are");
      expect(await old.device.read(dm)).to.include("here they are");
    }
  });

  it("has sequenced what clients published, byte for byte", async () => {
    const all = await updates();
    expect(all).to.have.length(10);
    expect(await logOf(network.nodes[1]!, IDENTITY_ORIGINATOR)).to.deep.equal(all.map(({ update }) => update));
    for (const { inboxId, update, sequenceId } of all) {
      const [textHash] = await network.contracts.identityVerifier.verify(inboxId, update);
      expect(await registry().sequenceIdOf(inboxId, textHash)).to.equal(sequenceId);
    }
  });

  it("loads every inbox that random updates made, as TypeScript and the contract see it", async () => {
    const reading = opened("reader", STRANGER);
    const { states, accepted } = await sequenceRandomUpdates(network, { updates: 60, inboxes: 15, seed: 20 });
    expect(accepted).to.have.length(60);
    await untilIndexed(network.nodes[0]!.url, network);
    await untilIndexed(network.nodes[1]!.url, network);
    const reader = await reading;
    expect(await loadInboxes(reader.device, states)).to.deep.equal([]);
  });

  it("serves every inbox from a node that lost its data and has nothing but the chain, and the rest from its peer", async () => {
    const [node, peer] = network.nodes as [LocalNode, LocalNode];
    const inboxIds = [...new Set((await updates()).map(({ inboxId }) => inboxId.slice(2)))];
    const veteran = await opened("veteran", STRANGER);
    const known = await veteran.device.inboxes(inboxIds);
    const identities = await logOf(node, IDENTITY_ORIGINATOR);
    // A node must not publish on an empty log, it would number from 1 again: nobody is left who would.
    for (const device of devices) device.leave();
    await Promise.all([node.kill(), peer.kill()]);
    for (const file of readdirSync(join(directory, `node-${node.nodeId}`))) {
      if (file.includes(".sqlite")) rmSync(join(directory, `node-${node.nodeId}`, file));
    }
    await node.restart();
    await untilIndexed(node.url, network);
    expect(await logOf(node, IDENTITY_ORIGINATOR)).to.deep.equal(identities);

    const gateway = await startOneNodeGateway(node.nodeId, node.url);
    try {
      const reader = await opened("fresh", STRANGER, gateway.url);
      expect(await reader.device.inboxes(inboxIds)).to.deep.equal(known);
      for (const who of [ALICE, OLD]) expect(await reader.device.find(who)).to.be.oneOf(inboxIds);
    } finally {
      await gateway.close();
    }

    await peer.restart();
    const published = await logOf(peer, peer.nodeId);
    expect(published).to.have.length.above(0);
    for (let i = 0; i < MOST_POLLS && (await logOf(node, peer.nodeId)).length < published.length; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await logOf(node, peer.nodeId)).to.deep.equal(published);
  });
});

/** The client envelopes that a node serves of an originator, in order. */
async function logOf({ url }: LocalNode, originatorId: number): Promise<string[]> {
  const { envelopes } = await nodeClient(url).queryEnvelopes({ query: { originatorNodeIds: [originatorId] } });
  return envelopes.map((envelope) => toHex(clientEnvelopeOf(readOriginatorEnvelope(envelope).payerEnvelope)));
}
