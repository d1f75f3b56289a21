import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect } from "chai";

import { HealthCheckResponse_ServingStatus as Serving, Health } from "#proto/grpc/health/v1/health_pb.ts";
import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";
import type { PayerEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ClientEnvelopeSchema, PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { bytesToUint, concatBytes, uintToBytes } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import {
  encodePayerEnvelope,
  readOriginatorEnvelope,
  readPayerEnvelope,
  recoverOriginator,
  signPayerEnvelope,
} from "../../src/protocol/envelope.ts";
import type { Admission, PublishGate } from "../../src/node/ports.ts";
import { groupMessage, payerEnvelope } from "../support/envelopes.ts";
import { vectorEvent } from "./support/identity.ts";
import { POSTAGE_KEY, TestNetwork, clientOf, keyOf, payer, query, refusalOf } from "./support/network.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

function signed(client: Uint8Array, targetOriginator = 100): PayerEnvelope {
  const fields = { unsignedClientEnvelope: client, targetOriginator, retentionDays: 60 };
  return fromBinary(PayerEnvelopeSchema, signPayerEnvelope(fields, POSTAGE_KEY));
}

/** The same payer and digest in other bytes: the signature's twin with the other s. */
function altered(n: number): PayerEnvelope {
  const { payerSignature, ...fields } = readPayerEnvelope(payerEnvelope(n, 100, POSTAGE_KEY));
  const s = ORDER - bytesToUint(payerSignature.subarray(32, 64));
  const v = Uint8Array.of(1 - payerSignature[64]!);
  const twin = concatBytes(payerSignature.subarray(0, 32), uintToBytes(s, 32), v);
  return fromBinary(PayerEnvelopeSchema, encodePayerEnvelope({ ...fields, payerSignature: twin }));
}

/** A gate that notes what it was asked and decides as the test says. */
class SpyGate implements PublishGate {
  isOpen = () => true;
  readonly calls: { count: number; voucherHeader: string | null }[] = [];
  readonly released: boolean[] = [];
  decide: () => Promise<void> = async () => {};

  async admit({ envelopes, voucherHeader }: Parameters<PublishGate["admit"]>[0]): Promise<Admission> {
    this.calls.push({ count: envelopes.length, voucherHeader });
    await this.decide();
    return { release: (stored) => this.released.push(stored) };
  }
}

describe("node/publish", () => {
  let network: TestNetwork;
  beforeEach(() => (network = new TestNetwork()));
  afterEach(() => network.close());

  it("answers with envelopes signed by the node, numbered from 1, in the order of the call", async () => {
    const { client } = await network.start(100);
    const { originatorEnvelopes } = await client.publishPayerEnvelopes({
      payerEnvelopes: [payer(2, 100), payer(1, 100)],
    });
    const read = originatorEnvelopes.map((envelope) => readOriginatorEnvelope(envelope));
    expect(read.map(({ sequenceId }) => sequenceId)).to.deep.equal([1n, 2n]);
    expect(read.map((envelope) => recoverOriginator(envelope))).to.deep.equal(Array(2).fill(addressOf(keyOf(100))));
    expect(read.map(({ payerEnvelope: bytes }) => bytes)).to.deep.equal(
      [2, 1].map((n) => payerEnvelope(n, 100, POSTAGE_KEY)),
    );
    expect(read[1]!.originatorNs > read[0]!.originatorNs).to.equal(true);
    expect(await query(client)).to.deep.equal(read);
  });

  it("stores a payer's envelope once: again, altered, twice in one call, at the same time, after a restart", async () => {
    let { client } = await network.start(100);
    const publish = async (...payerEnvelopes: PayerEnvelope[]) =>
      (await client.publishPayerEnvelopes({ payerEnvelopes })).originatorEnvelopes;
    const [first] = await publish(payer(1, 100));
    expect(await publish(payer(1, 100), altered(1), payer(1, 100))).to.deep.equal([first, first, first]);
    const same = await Promise.all(Array.from({ length: 8 }, () => publish(payer(2, 100), payer(3, 100))));
    for (const answer of same) expect(answer).to.deep.equal(same[0]);
    await network.stop(100);
    ({ client } = await network.start(100));
    expect(await publish(payer(1, 100))).to.deep.equal([first]);
    const fresh = readOriginatorEnvelope((await publish(payer(4, 100)))[0]!);
    expect(fresh.sequenceId).to.equal(4n);
    expect(await query(client)).to.have.length(4);
  });

  it("61: answers publishes that are under way when it closes, within a limit, and takes no more", async () => {
    const gate = new SpyGate();
    gate.decide = () => new Promise((resolve) => setTimeout(resolve, 1_500));
    const { client } = await network.start(100, { gate });
    const answered = client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100)] });
    while (gate.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await network.stop(100);
    expect((await answered).originatorEnvelopes).to.have.length(1);
    expect(gate.released).to.deep.equal([true]);
    const late = clientOf(`http://127.0.0.1:${network.portOf(100)}`).publishPayerEnvelopes({
      payerEnvelopes: [payer(2, 100)],
    });
    expect((await refusalOf(late)).code).to.equal(Code.Unavailable);
    // One that takes for ever is cut.
    gate.decide = () => new Promise((resolve) => setTimeout(resolve, 3_000));
    const { client: again } = await network.start(100, { gate, callsEndMs: 200, drainMs: 200 });
    const cut = refusalOf(again.publishPayerEnvelopes({ payerEnvelopes: [payer(3, 100)] }));
    while (gate.calls.length === 1) await new Promise((resolve) => setTimeout(resolve, 5));
    const from = Date.now();
    await network.stop(100);
    expect(Date.now() - from).to.be.below(2_000);
    await cut;
  });

  it("stores the same client envelope once per payer, so that nobody can block another's message", async () => {
    const { client } = await network.start(100);
    const other = new Uint8Array(32).fill(0x12);
    await client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100), payer(1, 100, other)] });
    expect(await query(client)).to.have.length(2);
  });

  describe("refuses with InvalidArgument and stores nothing of the call", () => {
    const nodeOnly = concatBytes(Uint8Array.of(4), uintToBytes(100n, 4));
    const padding = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [i + 1, 2n ** 60n]));
    const report = toBinary(
      ClientEnvelopeSchema,
      create(ClientEnvelopeSchema, {
        aad: { targetTopic: nodeOnly, dependsOn: { nodeIdToSequenceId: padding } },
        payload: { case: "payerReport", value: {} },
      }),
    );
    const cases: [what: string, envelopes: () => PayerEnvelope[], says: RegExp][] = [
      ["an envelope for another node", () => [payer(1, 100), payer(2, 200)], /signed for originator 200, this is node/],
      ["a commit", () => [signed(groupMessage(1, { contentType: 3 }))], /CommitBroadcaster.addMessage/],
      ["a proposal", () => [signed(groupMessage(1, { contentType: 2 }))], /CommitBroadcaster.addMessage/],
      ["an identity update", () => [signed(vectorEvent(1).clientEnvelope)], /IdentityRegistry.addIdentityUpdate/],
      ["a report between nodes", () => [signed(report)], /nobody may publish/],
      ["an oversized payload", () => [signed(groupMessage(1, { padding: 262_144 }))], /wrong_size/],
      ["a client envelope that is no protobuf", () => [signed(new Uint8Array(100).fill(0xff))], /malformed_envelope/],
      ["a payer signature that is none", () => [unsigned()], /bad_signature/],
      ["an empty call", () => [], /no envelope/],
      ["a call with too many", () => Array.from({ length: 101 }, (_, n) => payer(n, 100)), /at most 100/],
    ];
    function unsigned(): PayerEnvelope {
      const envelope = payer(1, 100);
      envelope.payerSignature!.bytes = new Uint8Array(65);
      return envelope;
    }
    for (const [what, envelopes, says] of cases) {
      it(what, async () => {
        const gate = new SpyGate();
        const { client } = await network.start(100, { gate });
        const refusal = await refusalOf(client.publishPayerEnvelopes({ payerEnvelopes: envelopes() }));
        expect(refusal.code).to.equal(Code.InvalidArgument);
        expect(refusal.rawMessage).to.match(says);
        expect(gate.calls).to.deep.equal([]);
        expect(await query(client)).to.deep.equal([]);
      });
    }
  });

  it("answers a body that is no protobuf, or too long, with an error, and goes on", async () => {
    const { url, client } = await network.start(100);
    const send = async (message: Uint8Array) => {
      const body = concatBytes(Uint8Array.of(0), uintToBytes(BigInt(message.length), 4), message);
      const headers = { "content-type": "application/grpc-web+proto" };
      const method = `${url}/xmtp.xmtpv4.message_api.PublishApi/PublishPayerEnvelopes`;
      const response = await fetch(method, { method: "POST", headers, body });
      const text = await response.text();
      return Number(response.headers.get("grpc-status") ?? /grpc-status: (\d+)/.exec(text)![1]);
    };
    // The framework's code for bytes that it cannot parse, as in other gRPC servers.
    expect(await send(new Uint8Array(50).fill(0xff))).to.equal(Code.Internal);
    expect(await send(new Uint8Array(8 * 1024 * 1024 + 1))).to.equal(Code.ResourceExhausted);
    await client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100)] });
  });

  describe("with a gate", () => {
    it("shows it what is new and the voucher, and tells it what became of it", async () => {
      const gate = new SpyGate();
      const { client } = await network.start(100, { gate });
      await client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100)] });
      await client.publishPayerEnvelopes(
        { payerEnvelopes: [payer(1, 100), payer(2, 100), payer(2, 100), payer(3, 100)] },
        { headers: { "x-postage-voucher": "abc" } },
      );
      await client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100)] });
      expect(gate.calls).to.deep.equal([
        { count: 1, voucherHeader: null },
        { count: 2, voucherHeader: "abc" },
      ]);
      expect(gate.released).to.deep.equal([true, true]);
    });

    it("passes its refusal on with details, stores nothing, and takes the envelope once it is paid", async () => {
      const gate = new SpyGate();
      const { client } = await network.start(100, { gate });
      const detail = { desc: PostageRefusalSchema, value: { code: "voucher_short", required: 7n } };
      gate.decide = async () => {
        throw new ConnectError("raise the voucher", Code.FailedPrecondition, undefined, [detail]);
      };
      const refusal = await refusalOf(client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100)] }));
      expect(refusal.code).to.equal(Code.FailedPrecondition);
      expect(refusal.findDetails(PostageRefusalSchema)).to.have.nested.property("[0].required", 7n);
      expect(await query(client)).to.deep.equal([]);
      gate.decide = async () => {};
      await client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100)] });
      expect(await query(client)).to.have.length(1);
      expect(gate.released).to.deep.equal([true]);
    });

    it("says Unavailable when the gate breaks", async () => {
      const gate = new SpyGate();
      gate.decide = () => Promise.reject(new Error("the ledger's disk is full"));
      const { client } = await network.start(100, { gate });
      const refusal = await refusalOf(client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100)] }));
      expect(refusal.code).to.equal(Code.Unavailable);
      expect(refusal.rawMessage).not.to.contain("disk");
    });
  });

  describe("says Unavailable and fails its health check", () => {
    async function expectUnready(
      url: string,
      client: Awaited<ReturnType<TestNetwork["start"]>>["client"],
      says: RegExp,
    ) {
      const refusal = await refusalOf(client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100)] }));
      expect(refusal.code).to.equal(Code.Unavailable);
      expect(refusal.rawMessage).to.match(says);
      const health = createClient(Health, createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1" }));
      expect((await health.check({})).status).to.equal(Serving.NOT_SERVING);
    }

    it("while it never reached the chain, and serves when it does", async () => {
      network.chain.failure = new Error("connection refused");
      const node = await network.start(100);
      await expectUnready(node.url, node.client, /registry and rates/);
      network.chain.failure = undefined;
      expect(await node.refresh()).to.equal(true);
      await node.client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100)] });
    });

    it("while the registry has another key or no entry for it", async () => {
      const { url, client, ...node } = await network.start(100);
      network.chain.nodes[0]!.signer = addressOf(keyOf(200));
      await node.refresh();
      await expectUnready(url, client, /the registry has/);
      network.chain.nodes = [];
      await node.refresh();
      await expectUnready(url, client, /not in the registry/);
    });
  });
});
