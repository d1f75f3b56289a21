import { fromBinary } from "@bufbuild/protobuf";
import { expect } from "chai";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { KeyRing } from "../../../src/daemon/keyRing.ts";
import { NotServedYetError } from "../../../src/daemon/ports.ts";
import type { Upstream, UpstreamQuery } from "../../../src/daemon/proxy/ports.ts";
import { StockLog } from "../../../src/daemon/proxy/stockLog.ts";
import { Tail } from "../../../src/daemon/proxy/tail.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { originatorEnvelope, payerEnvelope } from "../../support/envelopes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { NODE_ID, PAYER_KEY } from "../support.ts";
import { NODE_KEY, Registry, errorOf, until } from "./support.ts";

const PEER = 200;
const PEER_KEY = new Uint8Array(32).fill(0x44);
const SECONDS = 1_000_000_000n;

function envelope(originatorId: number, sequenceId: bigint, key: Uint8Array, { ns = 1n } = {}) {
  const payer = payerEnvelope(Number(sequenceId), originatorId, PAYER_KEY);
  const bytes = originatorEnvelope(payer, { originatorId, sequenceId, originatorNs: ns }, key);
  return { sequenceId, message: fromBinary(OriginatorEnvelopeSchema, bytes) };
}

/** A node of which each frame and answer is the test's. */
class FakeUpstream implements Pick<Upstream, "query" | "subscribe"> {
  readonly logs = new Map<number, { sequenceId: bigint; message: OriginatorEnvelope }[]>();
  readonly queries: UpstreamQuery[] = [];
  readonly subscriptions: Map<number, bigint>[] = [];
  isDown = false;
  #streams: { push: (envelopes: OriginatorEnvelope[]) => void; fail: (error: Error) => void }[] = [];

  put(originatorId: number, one: { sequenceId: bigint; message: OriginatorEnvelope }, isStreamed = true): void {
    this.logs.set(originatorId, [...(this.logs.get(originatorId) ?? []), one]);
    if (isStreamed) for (const { push } of this.#streams) push([one.message]);
  }

  frame(...envelopes: OriginatorEnvelope[]): void {
    for (const { push } of this.#streams) push(envelopes);
  }

  breakStreams(): void {
    for (const { fail } of this.#streams.splice(0)) fail(new Error("connection reset"));
  }

  async query(query: UpstreamQuery): Promise<OriginatorEnvelope[]> {
    if (this.isDown) throw new Error("connection refused");
    this.queries.push(query);
    const [id] = query.originatorIds!;
    const after = query.lastSeen.get(id!)!;
    const rows = (this.logs.get(id!) ?? []).filter(({ sequenceId }) => sequenceId > after);
    return rows.slice(0, query.limit).map(({ message }) => message);
  }

  async *subscribe(lastSeen: ReadonlyMap<number, bigint>, signal: AbortSignal): AsyncGenerator<OriginatorEnvelope[]> {
    if (this.isDown) throw new Error("connection refused");
    this.subscriptions.push(new Map(lastSeen));
    const frames: OriginatorEnvelope[][] = [[]];
    let wake = () => {};
    let failure: Error | undefined;
    const fail = (error: Error) => {
      failure = error;
      wake();
    };
    this.#streams.push({ push: (envelopes) => (frames.push(envelopes), wake()), fail });
    signal.addEventListener("abort", () => fail(signal.reason as Error));
    for (const [id, after] of lastSeen) {
      const rows = (this.logs.get(id) ?? []).filter(({ sequenceId }) => sequenceId > after);
      if (rows.length > 0) frames.push(rows.map(({ message }) => message));
    }
    for (;;) {
      if (failure) throw failure;
      const frame = frames.shift();
      if (frame) yield frame;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
}

describe("daemon/proxy/stockLog", () => {
  let upstream: FakeUpstream;
  let registry: Registry;
  let clock: ManualClock;
  let log: StockLog;
  let cursors: Map<number, bigint>;
  let breaks: number;
  let appended: number[];

  beforeEach(async () => {
    upstream = new FakeUpstream();
    registry = new Registry();
    registry.keys.set(`${PEER}:${addressOf(PEER_KEY)}`, {});
    clock = new ManualClock();
    cursors = new Map();
    breaks = 0;
    appended = [];
    log = new StockLog({
      ...{ nodeId: NODE_ID, upstream, clock, log: silentLog, keys: new KeyRing(registry, clock) },
      nodeIds: () => [NODE_ID, PEER],
      cursorOf: async (id) => cursors.get(id) ?? 0n,
      onBreak: () => breaks++,
      ...{ silenceMs: 90_000, backoffMs: 100, maxBackoffMs: 1_000 },
    });
    log.onAppend((id) => appended.push(id));
  });

  afterEach(() => log.stop());

  const ids = async (originatorId: number, after = 0n, limit = 500) =>
    (await log.read(originatorId, after, limit)).map(({ sequenceId }) => sequenceId);
  const connected = async () => {
    expect(await log.originators()).to.deep.equal([NODE_ID, PEER]);
    await until(clock, () => log.isConnected, 0);
  };

  it("gives what the stream brings, with gaps, from where the meter is, and asks once whether that is all", async () => {
    for (const id of [3n, 7n, 40n]) upstream.put(PEER, envelope(PEER, id, PEER_KEY));
    cursors.set(PEER, 3n);
    await connected();
    expect(upstream.subscriptions).to.deep.equal([
      new Map([
        [NODE_ID, 0n],
        [PEER, 3n],
      ]),
    ]);
    await until(clock, () => appended.length > 0, 0);
    expect(await ids(PEER, 3n)).to.deep.equal([7n, 40n]);
    expect(await ids(PEER, 3n, 1)).to.deep.equal([7n]);
    expect(upstream.queries).to.have.length(0);
    for (let i = 0; i < 3; i++) expect(await ids(PEER, 40n)).to.deep.equal([]);
    expect(upstream.queries).to.have.length(1);
    upstream.put(PEER, envelope(PEER, 41n, PEER_KEY));
    await until(clock, () => appended.length > 1, 0);
    expect(await ids(PEER, 40n)).to.deep.equal([41n]);
    expect(upstream.queries).to.have.length(1);
  });

  it("asks the node for what is older, without disturbing the stream", async () => {
    for (const id of [1n, 2n, 3n]) upstream.put(PEER, envelope(PEER, id, PEER_KEY));
    cursors.set(PEER, 3n);
    await connected();
    expect(await ids(PEER, 0n, 2)).to.deep.equal([1n, 2n]);
    expect(upstream.subscriptions).to.have.length(1);
  });

  it("passes over what its originator did not sign, in streams and in answers", async () => {
    upstream.put(PEER, envelope(PEER, 1n, NODE_KEY));
    upstream.put(PEER, envelope(PEER, 2n, PEER_KEY));
    upstream.put(PEER, envelope(PEER, 3n, NODE_KEY));
    expect(await ids(PEER)).to.deep.equal([2n]);
    expect(await ids(PEER, 2n)).to.deep.equal([]);
    await connected();
    await until(clock, () => appended.length > 0, 0);
    upstream.put(PEER, envelope(PEER, 4n, NODE_KEY));
    upstream.put(PEER, envelope(PEER, 5n, PEER_KEY));
    await until(clock, () => appended.length > 1, 0);
    expect(await ids(PEER)).to.deep.equal([2n, 5n]);
  });

  it("keeps what was signed before a rotation, and not what is signed with the old key later", async () => {
    registry.keys.set(`${PEER}:${addressOf(PEER_KEY)}`, { retiredAt: 1_000n });
    upstream.put(PEER, envelope(PEER, 1n, PEER_KEY, { ns: 999n * SECONDS }));
    upstream.put(PEER, envelope(PEER, 2n, PEER_KEY, { ns: 1_121n * SECONDS }));
    expect(await ids(PEER)).to.deep.equal([1n]);
  });

  it("knows nothing while the chain cannot say whose key it is: neither an envelope nor the end", async () => {
    upstream.put(PEER, envelope(PEER, 1n, PEER_KEY));
    registry.isDown = true;
    await log.originators();
    expect((await errorOf(log.read(PEER, 0n, 10))).message).to.include("the chain does not answer");
    registry.isDown = false;
    await until(clock, () => appended.includes(PEER), 500);
    expect(await ids(PEER)).to.deep.equal([1n]);
  });

  it("goes on where it was when a stream breaks, and does not take the end for known meanwhile", async () => {
    upstream.put(PEER, envelope(PEER, 1n, PEER_KEY));
    await connected();
    await until(clock, () => appended.length > 0, 0);
    expect(await ids(PEER, 1n)).to.deep.equal([]);
    upstream.isDown = true;
    upstream.breakStreams();
    await until(clock, () => breaks > 0, 0);
    expect(log.isConnected).to.equal(false);
    expect((await errorOf(log.read(PEER, 1n, 10))).message).to.include("refused");
    upstream.isDown = false;
    upstream.put(PEER, envelope(PEER, 2n, PEER_KEY), false);
    await until(clock, () => log.isConnected, 100);
    expect(upstream.subscriptions.at(-1)!.get(PEER)).to.equal(1n);
    expect(await ids(PEER, 1n)).to.deep.equal([2n]);
  });

  it("gives up a stream that is silent for 90 s, and not one that has keep-alives", async () => {
    await connected();
    for (let i = 0; i < 10; i++) {
      clock.advance(30_000);
      upstream.frame();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(upstream.subscriptions).to.have.length(1);
    await until(clock, () => upstream.subscriptions.length === 2, 30_000);
    expect(breaks).to.equal(1);
  });

  it("keeps a bounded tail, and says what it does not reach back to", () => {
    const tail = new Tail(5n);
    for (let id = 6n; id <= 30n; id++) tail.push({ sequenceId: id, envelope: new Uint8Array(250_000) });
    expect(tail.end).to.equal(30n);
    expect(tail.after(14n, 100)).to.have.length(16);
    expect(tail.after(13n, 100), "13 is forgotten, 14 is not").to.equal(undefined);
    expect(tail.after(20n, 3)!.map(({ sequenceId }) => sequenceId)).to.deep.equal([21n, 22n, 23n]);
  });

  it("does not end before what the node has answered", async () => {
    await connected();
    upstream.put(NODE_ID, envelope(NODE_ID, 1n, NODE_KEY));
    await until(clock, () => appended.length > 0, 0);
    expect(await ids(NODE_ID, 1n)).to.deep.equal([]);
    log.noteAnswered(4n);
    expect(await errorOf(log.read(NODE_ID, 1n, 10))).to.be.instanceOf(NotServedYetError);
    expect(await ids(PEER)).to.deep.equal([]);
    // Served before it is streamed.
    upstream.put(NODE_ID, envelope(NODE_ID, 4n, NODE_KEY), false);
    expect(await ids(NODE_ID, 1n)).to.deep.equal([4n]);
    expect(await ids(NODE_ID, 4n)).to.deep.equal([]);
  });

  it("59: an originator that signs each envelope with another key holds up its own log and nobody else's", async () => {
    await connected();
    upstream.put(PEER, envelope(PEER, 1n, PEER_KEY));
    await until(clock, () => appended.includes(PEER), 0);
    for (let id = 2n; id <= 60n; id++) upstream.put(PEER, envelope(PEER, id, new Uint8Array(32).fill(Number(id))));
    upstream.put(PEER, envelope(PEER, 61n, PEER_KEY));
    upstream.put(NODE_ID, envelope(NODE_ID, 1n, NODE_KEY));
    await until(clock, () => appended.includes(NODE_ID), 0);
    expect(breaks).to.equal(0);
    expect(log.isConnected).to.equal(true);
    expect(await ids(NODE_ID)).to.deep.equal([1n]);
    // Nothing of it is lost: it is looked through as fast as the chain may be asked.
    expect(await ids(PEER)).to.deep.equal([1n]);
    const refusals = new Set<string>();
    for (let tries = 0; tries < 10; tries++) {
      const found = await ids(PEER, 1n).catch((error: Error) => void refusals.add(error.name));
      if (found) {
        expect(found).to.deep.equal([61n]);
        break;
      }
      clock.advance(61_000);
    }
    expect([...refusals]).to.deep.equal(["ForgedLogError"]);
    expect(await ids(PEER, 1n)).to.deep.equal([61n]);
  });

  it("is not led in circles by a node whose answers do not go on", async () => {
    upstream.query = async () => [envelope(PEER, 3n, PEER_KEY).message];
    expect((await errorOf(log.read(PEER, 5n, 10))).message).to.include("does not go on after 5");
  });
});
