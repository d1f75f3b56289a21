import type { MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect } from "chai";

import { D14nMigrationApi } from "#proto/xmtp/migration/api/v1/migration_pb.ts";
import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import type { SubscribeTopicsResponseSchema } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";
import {
  PublishApi,
  QueryApi,
  SubscribeTopicsResponse_SubscriptionStatus as Status,
} from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { readOriginatorEnvelope, signPayerEnvelope } from "../../src/protocol/envelope.ts";
import { topicBytes } from "../../src/protocol/topics.ts";
import { groupMessage } from "../support/envelopes.ts";
import type { NodeClient } from "./support/network.ts";
import { GROUP_TOPIC, POSTAGE_KEY, TestNetwork, payer, query, reached, refusalOf } from "./support/network.ts";

const OTHER_TOPIC = topicBytes(0, new Uint8Array(16).fill(0x01));
const GROUP = new Uint8Array(16).fill(0xab);

type TopicsFrame = MessageShape<typeof SubscribeTopicsResponseSchema>;

/** Takes frames from a stream until `enough` says so, then ends it. */
async function take<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  enough: (frames: T[]) => boolean | Promise<boolean>,
): Promise<T[]> {
  const stop = new AbortController();
  const frames: T[] = [];
  try {
    for await (const frame of open(stop.signal)) {
      frames.push(frame);
      if (await enough(frames)) break;
    }
  } finally {
    stop.abort();
  }
  return frames;
}

function idsOf(frames: TopicsFrame[]): string[] {
  return frames.flatMap(({ response }) =>
    response.case === "envelopes"
      ? response.value.envelopes.map((envelope) => {
          const { originatorId, sequenceId } = readOriginatorEnvelope(envelope);
          return `${originatorId}:${sequenceId}`;
        })
      : [],
  );
}

function statusesOf(frames: TopicsFrame[]): (Status | "envelopes")[] {
  return frames.map(({ response }) => (response.case === "statusUpdate" ? response.value.status : "envelopes"));
}

describe("node/api", () => {
  let network: TestNetwork;
  beforeEach(() => (network = new TestNetwork()));
  afterEach(() => network.close());

  const publish = (client: NodeClient, from: number, to: number) =>
    client.publishPayerEnvelopes({
      payerEnvelopes: Array.from({ length: to - from + 1 }, (_, i) => payer(from + i, 100)),
    });

  it("serves pages after a cursor that may name originators it has never heard of", async () => {
    const { client } = await network.start(100);
    await publish(client, 1, 5);
    const page = async (after: bigint, limit: number) => {
      const lastSeen = { nodeIdToSequenceId: { 100: after, 4_000: 7n, 0: 2n ** 64n - 1n } };
      const { envelopes } = await client.queryEnvelopes({ query: { topics: [GROUP_TOPIC], lastSeen }, limit });
      return envelopes.map((envelope) => readOriginatorEnvelope(envelope).sequenceId);
    };
    expect(await page(0n, 2)).to.deep.equal([1n, 2n]);
    expect(await page(2n, 100)).to.deep.equal([3n, 4n, 5n]);
    expect(await page(2n ** 64n - 1n, 0)).to.deep.equal([]);
    expect(await query(client, [OTHER_TOPIC])).to.deep.equal([]);
  });

  it("ends a page before 4 MB, and the next one goes on", async () => {
    const { client } = await network.start(100);
    const big = (n: number) => {
      const unsignedClientEnvelope = groupMessage(n, { padding: 260_000 });
      const fields = { unsignedClientEnvelope, targetOriginator: 100, retentionDays: 60 };
      return fromBinary(PayerEnvelopeSchema, signPayerEnvelope(fields, POSTAGE_KEY));
    };
    await client.publishPayerEnvelopes({ payerEnvelopes: Array.from({ length: 20 }, (_, n) => big(n)) });
    const first = await query(client);
    expect(first).to.have.length(16);
    const lastSeen = { nodeIdToSequenceId: { 100: 16n } };
    const { envelopes } = await client.queryEnvelopes({ query: { topics: [GROUP_TOPIC], lastSeen } });
    expect(envelopes).to.have.length(4);
    const topics = Array.from({ length: 200 }, () => GROUP_TOPIC);
    expect((await refusalOf(client.getNewestEnvelope({ topics }))).code).to.equal(Code.ResourceExhausted);
  });

  it("answers the newest envelope per topic, in the order of the request", async () => {
    const { client } = await network.start(100);
    await publish(client, 1, 3);
    const { results } = await client.getNewestEnvelope({ topics: [OTHER_TOPIC, GROUP_TOPIC, GROUP_TOPIC] });
    const ids = results.map(
      ({ originatorEnvelope }) => originatorEnvelope && readOriginatorEnvelope(originatorEnvelope).sequenceId,
    );
    expect(ids).to.deep.equal([undefined, 3n, 3n]);
  });

  it("speaks QueryApi, PublishApi and D14nMigrationApi on the same address", async () => {
    const { url } = await network.start(100);
    const transport = createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1", nodeOptions: { agent: false } });
    await createClient(PublishApi, transport).publishPayerEnvelopes({ payerEnvelopes: [payer(1, 100)] });
    const { envelopes } = await createClient(QueryApi, transport).queryEnvelopes({ query: { topics: [GROUP_TOPIC] } });
    expect(envelopes).to.have.length(1);
    expect((await createClient(D14nMigrationApi, transport).fetchD14nCutover({})).timestampNs).to.equal(0n);
  });

  it("leaves other requests to the fallback", async () => {
    const { url } = await network.start(100, { fallback: (_, response) => response.end("daemon") });
    expect(await (await fetch(`${url}/status`)).text()).to.equal("daemon");
  });

  it("refuses requests that ask for nothing, for too much, or for no topic", async () => {
    const { client } = await network.start(100);
    const never = new AbortController().signal;
    const first = async (stream: AsyncIterable<unknown>) => {
      for await (const _ of stream) return;
    };
    const many = Array.from({ length: 10_001 }, () => GROUP_TOPIC);
    const cases: [call: () => Promise<unknown>, says: RegExp][] = [
      [() => client.queryEnvelopes({}), /the query is missing/],
      [() => client.queryEnvelopes({ query: {} }), /neither a topic nor an originator/],
      [() => client.queryEnvelopes({ query: { topics: [GROUP_TOPIC], originatorNodeIds: [100] } }), /not both/],
      [() => client.queryEnvelopes({ query: { topics: [new Uint8Array(5)] } }), /is no topic/],
      [() => client.queryEnvelopes({ query: { topics: many } }), /at most 10000 topics, this has 10001/],
      [() => client.getNewestEnvelope({ topics: many }), /at most 10000/],
      [() => first(client.subscribeTopics({}, { signal: never })), /names no topic/],
      [() => first(client.subscribeEnvelopes({ query: {} }, { signal: never })), /neither/],
      [() => first(client.subscribeOriginators({}, { signal: never })), /filter is missing/],
      [
        () => first(client.subscribeOriginators({ filter: { originatorNodeIds: [100] } }, { signal: never })),
        /last_seen is missing/,
      ],
      [
        () => first(client.subscribeOriginators({ filter: { lastSeen: {} } }, { signal: never })),
        /names no originator/,
      ],
    ];
    for (const [call, says] of cases) {
      const refusal = await refusalOf(call());
      expect(refusal.rawMessage).to.match(says);
      expect(refusal.code).to.equal(Code.InvalidArgument);
    }
  });

  describe("subscriptions", () => {
    it("tell STARTED, history, CATCHUP_COMPLETE, then what arrives, then WAITING", async () => {
      const { client } = await network.start(100, { keepAliveMs: 1_500 });
      await publish(client, 1, 3);
      const filters = [{ topic: GROUP_TOPIC, lastSeen: { nodeIdToSequenceId: { 100: 1n, 77: 5n } } }];
      const frames = await take(
        (signal) => client.subscribeTopics({ filters }, { signal }),
        async (all) => {
          const last = statusesOf(all).at(-1);
          if (last === Status.CATCHUP_COMPLETE) await publish(client, 4, 5);
          return last === Status.WAITING;
        },
      );
      expect(statusesOf(frames)).to.deep.equal([
        Status.STARTED,
        "envelopes",
        Status.CATCHUP_COMPLETE,
        "envelopes",
        Status.WAITING,
      ]);
      expect(idsOf(frames)).to.deep.equal(["100:2", "100:3", "100:4", "100:5"]);
    });

    it("deliver everything once and in order while it is being published", async () => {
      const { client } = await network.start(100);
      await publish(client, 1, 50);
      const filters = [{ topic: GROUP_TOPIC }, { topic: OTHER_TOPIC }];
      const subscribers = Array.from({ length: 3 }, () =>
        take(
          (signal) => client.subscribeTopics({ filters }, { signal }),
          (frames) => idsOf(frames).length >= 200,
        ),
      );
      for (let n = 51; n <= 200; n += 10) await publish(client, n, n + 9);
      const expected = Array.from({ length: 200 }, (_, i) => `100:${i + 1}`);
      for (const frames of await Promise.all(subscribers)) expect(idsOf(frames)).to.deep.equal(expected);
    });

    it("deliver what other nodes originate and what the chain orders", async () => {
      const [first, second] = [await network.start(100), await network.start(200)];
      const frames = take(
        (signal) => first.client.subscribeTopics({ filters: [{ topic: GROUP_TOPIC }] }, { signal }),
        async (all) => {
          if (statusesOf(all).at(-1) === Status.CATCHUP_COMPLETE) {
            await second.client.publishPayerEnvelopes({ payerEnvelopes: [payer(1, 200)] });
            await reached(first, 200, 1n);
            const clientEnvelope = groupMessage(2, { contentType: 3 });
            network.chain.mine({ kind: "commit", subject: GROUP, clientEnvelope });
          }
          return idsOf(all).length === 2;
        },
      );
      expect(idsOf(await frames)).to.deep.equal(["200:1", "0:1"]);
    });

    it("deliver what takes a commit's place after a reorganisation, though its id was there before", async () => {
      const { client } = await network.start(100);
      const commit = (n: number) => ({
        kind: "commit" as const,
        subject: GROUP,
        clientEnvelope: groupMessage(n, { contentType: 3 }),
      });
      const frames = await take(
        (signal) => client.subscribeTopics({ filters: [{ topic: GROUP_TOPIC }] }, { signal }),
        (all) => {
          if (statusesOf(all).at(-1) === Status.CATCHUP_COMPLETE) network.chain.mine(commit(1));
          else if (idsOf(all).length === 1 && statusesOf(all).at(-1) === "envelopes") {
            network.chain.reorganise(0);
            network.chain.mine(commit(2));
          }
          return idsOf(all).length === 2;
        },
      );
      expect(idsOf(frames)).to.deep.equal(["0:1", "0:1"]);
    });

    it("give SubscribeEnvelopes and SubscribeOriginators a frame at once and keep them alive", async () => {
      const { client } = await network.start(100, { keepAliveMs: 20 });
      await publish(client, 1, 2);
      const counts = (frames: { length: number }[]) => frames.map(({ length }) => length);
      const envelopes = await take(
        (signal) => client.subscribeEnvelopes({ query: { topics: [GROUP_TOPIC] } }, { signal }),
        (frames) => frames.length === 3,
      );
      expect(counts(envelopes.map((frame) => frame.envelopes))).to.deep.equal([0, 2, 0]);
      const filter = { originatorNodeIds: [100, 300], lastSeen: { nodeIdToSequenceId: { 100: 1n } } };
      const originators = await take(
        (signal) => client.subscribeOriginators({ filter }, { signal }),
        (frames) => frames.length === 3,
      );
      expect(counts(originators.map(({ response }) => response.value!.envelopes))).to.deep.equal([0, 1, 0]);
    });

    it("leave nothing behind when the client goes, and end when the node closes", async () => {
      const { client, ...node } = await network.start(100, { keepAliveMs: 10 });
      const open = (signal: AbortSignal) => client.subscribeTopics({ filters: [{ topic: GROUP_TOPIC }] }, { signal });
      await take(open, (frames) => frames.length === 2);
      // The server notices at its next frame.
      while (node.stats().streams > 0) await new Promise((resolve) => setImmediate(resolve));
      const closing = take(open, (frames) => {
        if (frames.length === 2) void network.stop(100);
        return false;
      });
      await closing.catch(() => {});
    });
  });
});
