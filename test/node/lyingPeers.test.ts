import { create, fromBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { expect } from "chai";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ReplicationApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import type { GrpcServer } from "../../src/platform/grpcServer.ts";
import { startGrpcServer } from "../../src/platform/grpcServer.ts";
import { concatBytes } from "../../src/protocol/bytes.ts";
import { addressOf, signDigest } from "../../src/protocol/ecdsa.ts";
import { originatorDigest, signPayerEnvelope } from "../../src/protocol/envelope.ts";
import { groupMessage, originatorEnvelope, payerEnvelope } from "../support/envelopes.ts";
import { ManualClock } from "../support/manualClock.ts";
import { POSTAGE_KEY, TestNetwork, keyOf, payer, query, reached } from "./support/network.ts";

interface Forgery {
  n?: number;
  sequenceId: bigint;
  originatorId?: number;
  target?: number;
  key?: Uint8Array;
  contentType?: number;
  payer?: Uint8Array;
}

/** An envelope of node 200, with what a test spoils. */
function envelope({ n = 1, sequenceId, originatorId = 200, target = 200, ...rest }: Forgery): OriginatorEnvelope {
  const unsignedClientEnvelope = groupMessage(n, { contentType: rest.contentType ?? 1 });
  const fields = { unsignedClientEnvelope, targetOriginator: target, retentionDays: 60 };
  const payerBytes = rest.payer ?? signPayerEnvelope(fields, POSTAGE_KEY);
  const place = { originatorId, sequenceId, originatorNs: 1_700_000_000_000_000_000n + (sequenceId % 1_000n) };
  return fromBinary(OriginatorEnvelopeSchema, originatorEnvelope(payerBytes, place, rest.key ?? keyOf(200)));
}

/** A field of so many bytes that nobody knows. */
function unknownBytes(length: number): Uint8Array {
  return new BinaryWriter().tag(15, WireType.LengthDelimited).bytes(new Uint8Array(length)).finish();
}

function asVarint(payerBytes: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(4, WireType.Varint).bytes(payerBytes).finish();
}

/** An envelope with bytes behind what its node signed, signed again. */
function lengthened(
  { unsignedOriginatorEnvelope: unsigned }: OriginatorEnvelope,
  more: Uint8Array,
): OriginatorEnvelope {
  const unsignedOriginatorEnvelope = concatBytes(unsigned, more);
  const bytes = signDigest(originatorDigest(unsignedOriginatorEnvelope), keyOf(200));
  const proof = { case: "originatorSignature" as const, value: { bytes } };
  return create(OriginatorEnvelopeSchema, { unsignedOriginatorEnvelope, proof });
}

describe("node/replication from peers that lie", () => {
  let network: TestNetwork;
  const servers: GrpcServer[] = [];
  beforeEach(() => (network = new TestNetwork()));
  afterEach(async () => {
    await Promise.all([network.close(), ...servers.splice(0).map((server) => server.close())]);
  });

  /** A peer that sends these frames whatever it is asked, then stays silent; registered as `id`. */
  async function lyingPeer(
    id: number,
    frames: (originator: number) => OriginatorEnvelope[][],
    when = Promise.resolve(),
  ): Promise<GrpcServer> {
    const server = await startGrpcServer({
      host: "127.0.0.1",
      port: 0,
      maxMessageBytes: 1_000_000,
      routes: (router) =>
        router.service(ReplicationApi, {
          async *subscribeOriginators({ filter }, { signal }) {
            await when;
            for (const envelopes of frames(filter!.originatorNodeIds[0]!)) {
              yield { response: { case: "envelopes", value: { envelopes } } };
            }
            await new Promise((resolve) => signal.addEventListener("abort", resolve));
          },
        }),
    });
    servers.push(server);
    network.chain.nodes.push({ id, signer: addressOf(keyOf(id)), isCanonical: true, httpAddress: server.url });
    return server;
  }

  it("stores nothing that the originator did not sign, or that it may not originate, and what is good after it", async () => {
    await lyingPeer(200, () => [
      [
        envelope({ sequenceId: 1n, key: keyOf(300) }),
        envelope({ sequenceId: 900n, key: keyOf(300) }),
        envelope({ sequenceId: 1n, originatorId: 300, target: 300 }),
        envelope({ sequenceId: 2n ** 63n }),
        fromBinary(OriginatorEnvelopeSchema, new Uint8Array()),
      ],
      [
        envelope({ n: 2, sequenceId: 2n, contentType: 3 }),
        envelope({ n: 3, sequenceId: 3n, target: 300 }),
        envelope({ n: 4, sequenceId: 4n, payer: new Uint8Array(40).fill(0xff) }),
        envelope({ n: 5, sequenceId: 5n }),
      ],
    ]);
    const node = await network.start(100);
    await reached(node, 200, 5n);
    expect((await query(node.client)).map(({ sequenceId }) => sequenceId)).to.deep.equal([5n]);
  });

  it("stores nothing of which FaultProofs could not read another copy", async () => {
    const longPayer = (bytes: number) => concatBytes(payerEnvelope(9, 200, POSTAGE_KEY), unknownBytes(bytes));
    await lyingPeer(200, () => [
      [envelope({ sequenceId: 1n, payer: longPayer(266_240) })],
      [
        lengthened(envelope({ n: 2, sequenceId: 2n }), unknownBytes(1_024)),
        // Field 4 with the wire type of a varint, which Go skips and other readers take for the payer envelope.
        lengthened(envelope({ n: 3, sequenceId: 3n }), asVarint(longPayer(1_024))),
        lengthened(envelope({ n: 4, sequenceId: 4n }), unknownBytes(500)),
        envelope({ n: 5, sequenceId: 5n, payer: longPayer(200_000) }),
      ],
    ]);
    const node = await network.start(100);
    await reached(node, 200, 5n);
    expect((await query(node.client)).map(({ sequenceId }) => sequenceId)).to.deep.equal([4n, 5n]);
  });

  it("stores an envelope once when it is sent again, altered, or out of order", async () => {
    const twice = payerEnvelope(9, 200, POSTAGE_KEY);
    await lyingPeer(200, () => [
      [envelope({ n: 1, sequenceId: 5n }), envelope({ n: 1, sequenceId: 5n }), envelope({ n: 2, sequenceId: 5n })],
      [envelope({ n: 3, sequenceId: 4n }), envelope({ sequenceId: 8n, payer: twice })],
    ]);
    const node = await network.start(100);
    await reached(node, 200, 8n);
    const stored = await query(node.client);
    expect(stored.map(({ sequenceId }) => sequenceId)).to.deep.equal([5n, 8n]);
    expect(stored[0]!.payerEnvelope).to.deep.equal(payerEnvelope(1, 200, POSTAGE_KEY));
  });

  it("takes what an originator signed before it rotated its key", async () => {
    const old = (sequenceId: bigint) => envelope({ n: Number(sequenceId), sequenceId, key: keyOf(400) });
    network.chain.pastKeys.set(`200:${addressOf(keyOf(400))}`, 1_700_000_000n);
    await lyingPeer(200, () => [[old(1n), old(2n), envelope({ n: 3, sequenceId: 3n })]]);
    const node = await network.start(100);
    await reached(node, 200, 3n);
    expect(await query(node.client)).to.have.length(3);
    expect(network.chain.keyQuestions).to.equal(1);
  });

  it("reads the registry again when a signature does not fit, and takes a rotated key", async () => {
    let send = () => {};
    const rotated = new Promise<void>((resolve) => (send = resolve));
    await lyingPeer(200, () => [[envelope({ sequenceId: 1n, key: keyOf(400) })]], rotated);
    const clock = new ManualClock();
    const node = await network.start(100, { clock });
    network.chain.nodes.find(({ id }) => id === 200)!.signer = addressOf(keyOf(400));
    clock.advance(10_000);
    send();
    await reached(node, 200, 1n);
  });

  it("reads a dead originator's envelopes from another peer, but not across a hole", async () => {
    const honest = (sequenceId: bigint) =>
      envelope({ n: Number(sequenceId), sequenceId, originatorId: 300, target: 300, key: keyOf(300) });
    network.chain.nodes.push({
      id: 300,
      signer: addressOf(keyOf(300)),
      isCanonical: true,
      httpAddress: "http://127.0.0.1:1",
    });
    await lyingPeer(200, (originator) => (originator === 300 ? [[honest(1n), honest(2n), honest(4n)]] : []));
    const node = await network.start(100);
    await reached(node, 300, 2n);
    // A second helper has what the first one withheld.
    await lyingPeer(400, (originator) => (originator === 300 ? [[honest(2n), honest(3n), honest(4n)]] : []));
    await node.refresh();
    await reached(node, 300, 4n);
    const ids = (await query(node.client)).map(({ sequenceId }) => sequenceId);
    expect(ids).to.deep.equal([1n, 2n, 3n, 4n]);
  });

  it("goes on with the originator itself when it is back", async () => {
    const first = await network.start(100);
    const second = await network.start(200);
    await first.client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100), payer(2, 100)] });
    await reached(second, 100, 2n);
    await network.stop(100);
    const third = await network.start(300);
    await reached(third, 100, 2n);
    const again = await network.start(100);
    await again.client.publishPayerEnvelopes({ payerEnvelopes: [payer(3, 100)] });
    await Promise.all([reached(second, 100, 3n), reached(third, 100, 3n)]);
  });
});
