import { create } from "@bufbuild/protobuf";
import { expect } from "chai";

import { IdentifierKind, IdentityActionSchema } from "#proto/xmtp/identity/associations/association_pb.ts";
import {
  GetInboxIdsRequestSchema,
  QueryEnvelopesRequestSchema,
} from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { fromHex } from "../../src/protocol/bytes.ts";
import { readOriginatorEnvelope, readPayerEnvelope } from "../../src/protocol/envelope.ts";
import { ChainIndexer } from "../../src/node/chain/indexer.ts";
import { getInboxIds, queryEnvelopes } from "../../src/node/api/query.ts";
import { NodeStore } from "../../src/node/store/store.ts";
import { silentLog } from "../../src/platform/log.ts";
import { groupMessage } from "../support/envelopes.ts";
import type { ActionPlan, Actor } from "../support/identityActors.ts";
import { inboxOf as inboxOfOwner, wallet } from "../support/identityActors.ts";
import { ManualClock } from "../support/manualClock.ts";
import type { FakeEvent } from "./support/fakeChain.ts";
import { FakeChain } from "./support/fakeChain.ts";
import { VECTOR, identityTopic, updateEvent, vectorEvent, vectorUpdate } from "./support/identity.ts";
import { GROUP_TOPIC } from "./support/network.ts";

const GROUP = new Uint8Array(16).fill(0xab);
const add = (signer: Actor, member: Actor): ActionPlan => ({ do: "add", member, signer });
const revoke = (signer: Actor, member: Actor): ActionPlan => ({ do: "revoke", member, signer });
const created = (owner: Actor) => updateEvent(inboxOfOwner(owner), { do: "create", owner });
const linked = (owner: Actor, member: Actor) => updateEvent(inboxOfOwner(owner), add(owner, member));
const revoked = (owner: Actor, member: Actor) => updateEvent(inboxOfOwner(owner), revoke(owner, member));
const [alice, bob, carol] = [wallet(1), wallet(2), wallet(3)];

function commit(n: number, contentType = 3): FakeEvent {
  return { kind: "commit", subject: GROUP, clientEnvelope: groupMessage(n, { contentType }) };
}

describe("node/chain", () => {
  let chain: FakeChain;
  let store: NodeStore;
  let indexer: ChainIndexer;

  beforeEach(() => {
    chain = new FakeChain();
    store = new NodeStore(":memory:", silentLog);
    indexer = newIndexer();
  });
  afterEach(() => store.close());

  function newIndexer(
    options: { confirmations?: number; blocksPerStep?: number; clock?: ManualClock } = {},
  ): ChainIndexer {
    const ports = { chain, store, clock: new ManualClock(), log: silentLog, pollMs: 10 };
    return new ChainIndexer({ ...ports, confirmations: 0, blocksPerStep: 1_000, ...options });
  }

  async function index(): Promise<void> {
    while (await indexer.step());
  }

  function on(topic: Uint8Array) {
    const { envelopes } = queryEnvelopes(store, create(QueryEnvelopesRequestSchema, { query: { topics: [topic] } }));
    return envelopes.map((envelope) => readOriginatorEnvelope(envelope));
  }

  function inboxOf(identifier: string, identifierKind = IdentifierKind.ETHEREUM): string | undefined {
    return getInboxIds(store, create(GetInboxIdsRequestSchema, { requests: [{ identifier, identifierKind }] }))
      .responses[0]!.inboxId;
  }

  const onGroup = () => on(GROUP_TOPIC).map(({ payerEnvelope }) => payerEnvelope.length && payerEnvelope);
  const idsOn = (topic: Uint8Array) => on(topic).map(({ sequenceId }) => sequenceId);

  it("serves commits as originator 0 and identity updates as 1, with the event's id, time and transaction", async () => {
    const update = vectorUpdate(VECTOR.wallet);
    const block = chain.mine(commit(1), vectorEvent(VECTOR.wallet), commit(2));
    await index();
    const envelopes = [...on(GROUP_TOPIC), ...on(identityTopic(update))];
    expect(envelopes.map(({ originatorId, sequenceId }) => [originatorId, sequenceId])).to.deep.equal([
      [0, 1n],
      [0, 2n],
      [1, 1n],
    ]);
    for (const [i, envelope] of envelopes.entries()) {
      const event = block.events[[0, 2, 1][i]!]!;
      expect(envelope.originatorNs).to.equal(event.blockTimestamp * 1_000_000_000n);
      const transactionHash = fromHex(event.transactionHash);
      expect(envelope.proof).to.deep.include({ case: "blockchainProof" });
      expect(envelope.proof.value).to.have.deep.property("transactionHash", transactionHash);
      expect([envelope.baseFeePico, envelope.congestionFeePico]).to.deep.equal([0n, 0n]);
      expect(() => readPayerEnvelope(envelope.payerEnvelope)).to.throw("payer signature is not one");
    }
  });

  it("dates an event no later than it serves it, however far the chain's clock runs ahead", async () => {
    chain.mine(commit(1));
    indexer = newIndexer({ clock: new ManualClock(1_600_000_000_000) });
    await index();
    expect(on(GROUP_TOPIC)[0]!.originatorNs).to.equal(1_600_000_000_000_000_000n);
  });

  it("follows every update that real clients made, and knows whose wallets and passkeys they are", async () => {
    chain.mine(...[VECTOR.wallet, VECTOR.passkey, ...VECTOR.logA, ...VECTOR.logB].map((i) => vectorEvent(i)));
    await index();
    expect(idsOn(identityTopic(vectorUpdate(VECTOR.logA[0])))).to.deep.equal([3n, 4n, 5n]);
    expect(idsOn(identityTopic(vectorUpdate(VECTOR.logB[0])))).to.deep.equal([6n, 7n]);
    const linked = vectorUpdate(VECTOR.logB[1]);
    const action = linked.actions[0]!.kind;
    const wallet = action.case === "add" ? action.value.newMemberIdentifier!.kind.value : undefined;
    expect(inboxOf(wallet as string)).to.equal(linked.inboxId);
    const passkey = vectorUpdate(VECTOR.passkey);
    const created = passkey.actions[0]!.kind;
    const key = created.case === "createInbox" ? created.value.initialIdentifier : "";
    expect(inboxOf(key, IdentifierKind.PASSKEY)).to.equal(passkey.inboxId);
    expect(inboxOf(key)).to.equal(undefined);
  });

  it("serves what the registry sequenced as it is, without a second opinion", async () => {
    const [first, second] = VECTOR.logA;
    // No signature here holds, and the account of the last one would have to be asked at a block of years ago.
    const forged = vectorEvent(second, (update) => (update.clientTimestampNs += 1_000_000_000n));
    chain.mine(vectorEvent(first), forged, vectorEvent(VECTOR.account));
    await index();
    expect(idsOn(identityTopic(vectorUpdate(first)))).to.deep.equal([1n, 2n]);
    const account = vectorUpdate(VECTOR.account);
    expect(idsOn(identityTopic(account))).to.deep.equal([3n]);
    const created = account.actions[0]!.kind;
    expect(inboxOf(created.case === "createInbox" ? created.value.initialIdentifier : "")).to.equal(account.inboxId);
  });

  it("passes over what is no update at its place, and serves what comes after it", async () => {
    const [first, second, third] = VECTOR.logA;
    const elsewhere = { ...vectorEvent(first), subject: fromHex(vectorUpdate(VECTOR.wallet).inboxId) };
    const garbage: FakeEvent = { kind: "identity", subject: new Uint8Array(32), clientEnvelope: new Uint8Array(99) };
    const { clientEnvelope, ...event } = vectorEvent(second);
    const cut = { ...event, clientEnvelope: clientEnvelope.subarray(0, -1) };
    const empty = { ...event, clientEnvelope: new Uint8Array() };
    const message = { ...event, clientEnvelope: groupMessage(1) };
    chain.mine(elsewhere, garbage, vectorEvent(first), cut, empty, message, vectorEvent(second));
    chain.mine(garbage, vectorEvent(third));
    await index();
    expect(idsOn(identityTopic(vectorUpdate(first)))).to.deep.equal([3n, 7n, 9n]);
    expect(idsOn(identityTopic(vectorUpdate(VECTOR.wallet)))).to.deep.equal([]);
    expect(store.reader.originators().map(({ lastSequenceId }) => lastSequenceId)).to.deep.equal([9n]);
  });

  it("never crashes over random changes to updates, nor over members that it does not know", async () => {
    const changed: FakeEvent[] = [];
    for (const vector of [VECTOR.wallet, VECTOR.passkey, ...VECTOR.logA]) {
      const { clientEnvelope, ...event } = vectorEvent(vector);
      for (let i = 40; i < clientEnvelope.length; i += 7) {
        changed.push({ ...event, clientEnvelope: clientEnvelope.with(i, clientEnvelope[i]! ^ (1 << (i % 8))) });
      }
    }
    const bare = (update: ReturnType<typeof vectorUpdate>) => {
      const owner = { initialIdentifier: "somebody", initialIdentifierKind: 99 as IdentifierKind };
      update.actions = [
        create(IdentityActionSchema, { kind: { case: "createInbox", value: owner } }),
        create(IdentityActionSchema, { kind: { case: "add", value: {} } }),
        create(IdentityActionSchema, { kind: { case: "revoke", value: {} } }),
        create(IdentityActionSchema),
      ];
    };
    chain.mine(...changed, vectorEvent(VECTOR.wallet, bare));
    await index();
    expect(store.chain.cursor()!.number).to.equal(chain.head);
    expect(store.reader.last(1).sequenceId).to.equal(BigInt(changed.length + 1));
    expect(inboxOf("somebody")).to.equal(undefined);
  });

  it("serves through the commit contract only commits and proposals of the event's group", async () => {
    const otherGroup = { ...commit(3), subject: new Uint8Array(16).fill(1) };
    const update = { ...vectorEvent(VECTOR.wallet), kind: "commit" as const };
    chain.mine(commit(1, 1), otherGroup, update, commit(4, 2), commit(5));
    await index();
    expect(onGroup()).to.have.length(2);
    expect(idsOn(GROUP_TOPIC)).to.deep.equal([4n, 5n]);
  });

  it("has the latest link win, and falls back to the one before when that is revoked", async () => {
    const address = carol.identifier;
    chain.mine(created(alice), created(bob), linked(alice, carol));
    await index();
    expect(inboxOf(address)).to.equal(inboxOfOwner(alice));
    expect(inboxOf(address.toUpperCase().replace("0X", "0x"))).to.equal(inboxOfOwner(alice));
    chain.mine(linked(bob, carol));
    await index();
    expect(inboxOf(address)).to.equal(inboxOfOwner(bob));
    chain.mine(revoked(bob, carol));
    await index();
    expect(inboxOf(address)).to.equal(inboxOfOwner(alice));
    chain.mine(revoked(alice, carol));
    await index();
    expect(inboxOf(address)).to.equal(undefined);
  });

  it("applies the actions of one update in their order, and takes a link that is repeated for a new one", async () => {
    const address = carol.identifier;
    chain.mine(created(alice), created(bob), linked(alice, carol), linked(bob, carol));
    await index();
    expect(inboxOf(address)).to.equal(inboxOfOwner(bob));
    chain.mine(linked(alice, carol));
    await index();
    expect(inboxOf(address)).to.equal(inboxOfOwner(alice));
    // Within one update: the last word counts.
    chain.mine(updateEvent(inboxOfOwner(alice), revoke(alice, carol), add(alice, carol), add(alice, carol)));
    await index();
    expect(inboxOf(address)).to.equal(inboxOfOwner(alice));
    const common = chain.head;
    chain.mine(updateEvent(inboxOfOwner(alice), add(alice, carol), revoke(alice, carol)));
    await index();
    expect(inboxOf(address)).to.equal(inboxOfOwner(bob));
    chain.reorganise(common);
    chain.mine();
    await index();
    expect(inboxOf(address)).to.equal(inboxOfOwner(alice));
  });

  it("undoes what a reorganisation takes, and serves what comes instead under the same ids", async () => {
    chain.mine(created(alice), linked(alice, carol), commit(1));
    await index();
    const common = chain.head;
    const link = revoked(alice, carol);
    chain.mine(link, commit(2), created(bob));
    await index();
    expect(inboxOf(carol.identifier)).to.equal(undefined);
    expect(inboxOf(bob.identifier)).to.equal(inboxOfOwner(bob));
    const before = onGroup();
    chain.reorganise(common);
    chain.mine(commit(7));
    chain.mine(commit(8));
    await index();
    expect(inboxOf(carol.identifier)).to.equal(inboxOfOwner(alice));
    expect(inboxOf(bob.identifier)).to.equal(undefined);
    expect(idsOn(GROUP_TOPIC)).to.deep.equal([1n, 2n, 3n]);
    expect(onGroup()[0]).to.deep.equal(before[0]);
    expect(onGroup()[1]).not.to.deep.equal(before[1]);
    chain.mine(link);
    await index();
    expect(inboxOf(carol.identifier)).to.equal(undefined);
  });

  it("does not take a lagging endpoint for a reorganisation", async () => {
    chain.mine(commit(1));
    await index();
    chain.mine(commit(2));
    await index();
    const head = chain.head;
    const { block } = chain;
    chain.latestBlock = async () => (await block(head - 1))!;
    chain.block = async (number) => (number < head ? block(number) : undefined);
    await index();
    expect(idsOn(GROUP_TOPIC)).to.deep.equal([1n, 2n]);
  });

  it("notices a reorganisation while it reads, and stores nothing of the mixture", async () => {
    chain.mine(commit(1));
    const { events } = chain;
    chain.events = async (first, last) => {
      const read = await events(first, last);
      chain.events = events;
      chain.reorganise(0);
      chain.mine(commit(2));
      return read;
    };
    expect(await indexer.step()).to.equal(true);
    expect(onGroup()).to.deep.equal([]);
    await index();
    expect(onGroup()).to.have.length(1);
  });

  it("goes on from its cursor after a restart", async () => {
    const [first, second, third] = VECTOR.logA;
    chain.mine(vectorEvent(first), vectorEvent(second));
    await index();
    const asked: number[] = [];
    const { events } = chain;
    chain.events = (from, to) => (asked.push(from), events(from, to));
    indexer = newIndexer();
    chain.mine(vectorEvent(third));
    await index();
    expect(asked).to.deep.equal([chain.head]);
    expect(idsOn(identityTopic(vectorUpdate(first)))).to.deep.equal([1n, 2n, 3n]);
  });

  it("reads long ranges in steps and leaves the unconfirmed head alone", async () => {
    for (let n = 1; n <= 9; n++) chain.mine(commit(n));
    indexer = newIndexer({ blocksPerStep: 4, confirmations: 3 });
    await index();
    expect(idsOn(GROUP_TOPIC)).to.deep.equal([1n, 2n, 3n, 4n, 5n, 6n]);
    expect(store.chain.cursor()!.number).to.equal(6);
  });
});
