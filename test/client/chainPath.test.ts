import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { GatewayError } from "../../src/client/errors.ts";
import type { GatewayChain } from "../../src/client/ports.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import { readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { clientEnvelopeOf } from "../../src/client/publish/lookup.ts";
import { TopicKind, topicBytes } from "../../src/protocol/topics.ts";
import { groupMessage } from "../support/envelopes.ts";
import { readVectors } from "../support/vectors.ts";
import { GatewayHarness, publish } from "./support/gatewayHarness.ts";

const updates = readVectors<{ updates: { bytes: string }[] }>("identity-updates").updates.map(({ bytes }) =>
  fromBinary(IdentityUpdateSchema, fromHex(bytes)),
);
/** Three updates of one inbox, made by a real client: create, add, revoke. */
const LOG_A = updates.slice(3, 6);

function envelopeOf(update: IdentityUpdate): Uint8Array {
  return toBinary(
    ClientEnvelopeSchema,
    create(ClientEnvelopeSchema, {
      aad: { targetTopic: topicBytes(TopicKind.identityUpdate, fromHex(update.inboxId)) },
      payload: { case: "identityUpdate", value: update },
    }),
  );
}

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  try {
    await promise;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("it did not fail");
}

describe("client/gateway on chain", () => {
  let harness: GatewayHarness;
  beforeEach(() => (harness = new GatewayHarness()));
  afterEach(() => harness.stop());

  it("sequences an inbox's updates and answers with what the nodes serve, without postage", async () => {
    const gateway = await harness.start();
    for (const [i, update] of LOG_A.entries()) {
      const [answer] = await harness.settle(publish(gateway, envelopeOf(update)));
      const read = readOriginatorEnvelope(answer!);
      expect(read).to.include({ originatorId: 1, sequenceId: BigInt(i + 1) });
      expect(clientEnvelopeOf(read.payerEnvelope)).to.deep.equal(envelopeOf(update));
      expect(read.proof.case).to.equal("blockchainProof");
    }
    expect(gateway.status()).to.include({ usagePico: 0n, authorised: 0n, openAttempts: 0 });
  });

  it("refuses invalid updates with the reason, before any transaction", async () => {
    const gateway = await harness.start();
    await harness.settle(publish(gateway, envelopeOf(LOG_A[0]!)));
    const forged = fromBinary(IdentityUpdateSchema, toBinary(IdentityUpdateSchema, LOG_A[1]!));
    forged.clientTimestampNs += 1_000_000_000n;
    const cases: [Uint8Array, string][] = [
      [envelopeOf(forged), "does not hold"],
      [envelopeOf(create(IdentityUpdateSchema, { ...LOG_A[1]!, actions: [] })), "no action"],
      [envelopeOf(updates[7]!), "does not exist yet"],
      [envelopeOf(updates[0]!), "smart account"],
    ];
    for (const [bytes, reason] of cases) {
      const error = await harness.settle(failure(publish(gateway, bytes)));
      expect(error.code, reason).to.equal(Code.InvalidArgument);
      expect(error.rawMessage).to.contain(reason);
    }
    expect(harness.network.transactions).to.have.length(1);
    expect(gateway.status().openAttempts).to.equal(0);
  });

  it("takes for done what the registry would not take again, when the nodes serve it", async () => {
    const bytes = envelopeOf(LOG_A[0]!);
    const chain = harness.network.chain();
    await chain.addIdentityUpdate(fromHex(LOG_A[0]!.inboxId), bytes, new AbortController().signal);
    // The first two nodes have not indexed it yet.
    for (const node of harness.network.nodes.slice(0, 2)) node.serves = () => harness.clock.now() > lateUntil;
    const lateUntil = harness.clock.now() + 1_000;
    const tooOld = async () => {
      throw new GatewayError("invalid_identity_update", "the account's block is too old", { retryable: false });
    };
    const gateway = await harness.start({ chain: { ...chain, addIdentityUpdate: tooOld } });
    const [answer] = await harness.settle(publish(gateway, bytes));
    expect(readOriginatorEnvelope(answer!)).to.include({ originatorId: 1, sequenceId: 1n });
    const error = await harness.settle(failure(publish(gateway, envelopeOf(LOG_A[1]!))));
    expect(error.rawMessage).to.contain("too old");
    expect(gateway.status().openAttempts).to.equal(0);
  });

  it("takes for done what somebody sequenced with other bytes around the same text", async () => {
    const relayed = fromBinary(IdentityUpdateSchema, toBinary(IdentityUpdateSchema, LOG_A[0]!));
    relayed.clientTimestampNs ^= 1n;
    const signal = new AbortController().signal;
    await harness.network.chain().addIdentityUpdate(fromHex(relayed.inboxId), envelopeOf(relayed), signal);
    const gateway = await harness.start();
    const [answer] = await harness.settle(publish(gateway, envelopeOf(LOG_A[0]!)));
    const read = readOriginatorEnvelope(answer!);
    expect(read.sequenceId).to.equal(1n);
    expect(clientEnvelopeOf(read.payerEnvelope)).to.deep.equal(envelopeOf(relayed));
    expect(harness.network.transactions).to.have.length(1);
  });

  it("does not take another inbox's update for its own", async () => {
    const chain = harness.network.chain();
    const other = updates[1]!;
    await chain.addIdentityUpdate(fromHex(other.inboxId), envelopeOf(other), new AbortController().signal);
    const addIdentityUpdate = async () => ({ sequenceId: 1n, transactionHash: undefined });
    const gateway = await harness.start({ chain: { ...chain, addIdentityUpdate } });
    const error = await harness.settle(failure(publish(gateway, envelopeOf(LOG_A[0]!))));
    expect(error.rawMessage).to.contain("other bytes at 1:1");
  });

  it("does not take other bytes for a commit", async () => {
    const chain = harness.network.chain();
    const group = new Uint8Array(16).fill(0xab);
    await chain.addMessage(group, groupMessage(1, { contentType: 3 }), new AbortController().signal);
    const addMessage = async () => ({ sequenceId: 1n, transactionHash: undefined });
    const gateway = await harness.start({ chain: { ...chain, addMessage } });
    const error = await harness.settle(failure(publish(gateway, groupMessage(2, { contentType: 3 }))));
    expect(error.rawMessage).to.contain("other bytes at 0:1");
  });

  it("waits while entries are paused", async () => {
    const chain = harness.network.chain();
    const pausedUntil = harness.clock.now() + 5_000;
    const addMessage: GatewayChain["addMessage"] = async (...args) => {
      if (harness.clock.now() >= pausedUntil) return chain.addMessage(...args);
      throw new GatewayError("refused_by_chain", "PausableEntriesPaused", { retryable: true });
    };
    const gateway = await harness.start({ chain: { ...chain, addMessage } });
    await harness.settle(publish(gateway, groupMessage(1, { contentType: 3 })));
    expect(harness.clock.now()).to.be.greaterThan(pausedUntil - 1);
  });

  it("answers an update that is sequenced already from the log, whoever sent it", async () => {
    const gateway = await harness.start();
    const bytes = envelopeOf(LOG_A[0]!);
    const inboxId = fromHex(LOG_A[0]!.inboxId);
    const never = new AbortController().signal;
    await harness.network.chain().addIdentityUpdate(inboxId, bytes, never);
    const [answer] = await harness.settle(publish(gateway, bytes));
    expect(readOriginatorEnvelope(answer!).sequenceId).to.equal(1n);
    expect(harness.network.transactions).to.have.length(1);
  });

  it("sends commits to the chain, each once", async () => {
    const gateway = await harness.start();
    const commit = groupMessage(1, { contentType: 3 });
    const [answers, again] = await harness.settle(
      Promise.all([publish(gateway, commit, groupMessage(2, { contentType: 2 })), publish(gateway, commit)]),
    );
    expect(answers.map((answer) => readOriginatorEnvelope(answer).originatorId)).to.deep.equal([0, 0]);
    expect(readOriginatorEnvelope(again[0]!).sequenceId).to.equal(readOriginatorEnvelope(answers[0]!).sequenceId);
    expect(harness.network.transactions.map(({ kind }) => kind)).to.deep.equal(["commit", "commit"]);
  });

  it("holds a commit while the chain is away, and sends it when it is back", async () => {
    const gateway = await harness.start();
    harness.network.chainIsDown = true;
    const call = publish(gateway, groupMessage(1, { contentType: 3 }));
    await harness.run(20_000, 100);
    expect(gateway.status().held).to.equal(1);
    harness.network.chainIsDown = false;
    expect(readOriginatorEnvelope((await harness.settle(call))[0]!).originatorId).to.equal(0);
  });

  it("answers FailedPrecondition when the contract refuses", async () => {
    const chain: GatewayChain = {
      ...harness.network.chain(),
      addMessage: async () => {
        throw new GatewayError("refused_by_chain", "not ordered", { retryable: false });
      },
    };
    const gateway = await harness.start({ chain });
    const error = await harness.settle(failure(publish(gateway, groupMessage(1, { contentType: 3 }))));
    expect(error.code).to.equal(Code.FailedPrecondition);
    expect(gateway.status().openAttempts).to.equal(0);
  });

  it("waits until the nodes serve what is sequenced", async () => {
    const gateway = await harness.start();
    let isIndexed = false;
    for (const node of harness.network.nodes) node.serves = () => isIndexed;
    let isAnswered = false;
    const call = publish(gateway, groupMessage(1, { contentType: 3 })).finally(() => (isAnswered = true));
    await harness.run(20_000, 100);
    expect(isAnswered).to.equal(false);
    expect(
      gateway.status().nodes.every(({ isAvailable }) => isAvailable),
      "nobody is late alone",
    ).to.equal(true);
    isIndexed = true;
    await harness.settle(call);
  });

  it("finds after a restart what was sent before", async () => {
    const gateway = await harness.start({ limits: { holdSeconds: 2 } });
    for (const node of harness.network.nodes) node.serves = () => false;
    const commit = groupMessage(1, { contentType: 3 });
    const error = await harness.settle(failure(publish(gateway, commit)), 100);
    expect(error.code).to.equal(Code.Unavailable);
    await harness.settle(gateway.close());
    for (const node of harness.network.nodes) node.serves = () => true;
    const restarted = await harness.start();
    expect(restarted.status().openAttempts).to.equal(1);
    await harness.settle(publish(restarted, commit));
    expect(restarted.status().openAttempts).to.equal(0);
    expect(harness.network.transactions).to.have.length(1);
  });
});
