import { create, toBinary } from "@bufbuild/protobuf";
import { concatBytes } from "@noble/hashes/utils.js";
import { expect } from "chai";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { Comparer, MOST_PENDING } from "../../../src/daemon/faults/compare.ts";
import { KeyBook } from "../../../src/daemon/faults/keyBook.ts";
import type { EvidenceStore, PeerLogs } from "../../../src/daemon/faults/ports.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { fromHex } from "../../../src/protocol/bytes.ts";
import { signPayerEnvelope } from "../../../src/protocol/envelope.ts";
import { groupMessage, originatorEnvelope } from "../../support/envelopes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { readVectors } from "../../support/vectors.ts";
import { PAYER_KEY } from "../support.ts";
import {
  ACCUSED,
  FilledLog,
  OWN,
  PEER,
  allOf,
  bareFields,
  envelopeOf,
  keyOf,
  ledgerFile,
  lengthened,
  listeningLog,
  salts,
  signerOf,
} from "./support.ts";

type Answer = (page: { originatorId: number; after: bigint; limit: number }) => Promise<Uint8Array[]>;

describe("comparing logs", () => {
  /** A daemon with its own log, and peers whose copy a test fills, or which answer as the test says. */
  async function fresh(peers = [PEER]) {
    const own = ledgerFile();
    const built = build(await own.open(), peers);
    return { ...built, close: () => own.remove() };
  }

  function build(store: EvidenceStore, peers: number[]) {
    const clock = new ManualClock();
    const [own, theirs] = [new FilledLog(), new FilledLog()];
    const { log, lines } = listeningLog();
    const asked: string[] = [];
    const keyQuestions: Address[] = [];
    const state: { answer: Answer; isKeyOf: (nodeId: number, signer: Address) => boolean } = {
      answer: async ({ originatorId, after, limit }) =>
        (await theirs.read(originatorId, after, limit)).map(({ envelope }) => envelope),
      isKeyOf: (nodeId, signer) => signer === signerOf(nodeId),
    };
    const peerLogs: PeerLogs = {
      read: async (address, page) => {
        asked.push(`${address} ${page.originatorId} ${page.after}`);
        return state.answer(page);
      },
    };
    const isKeyOf = async (nodeId: number, signer: Address) => {
      keyQuestions.push(signer);
      return state.isKeyOf(nodeId, signer);
    };
    const keys = new KeyBook({ isKeyOf }, clock);
    const comparer = new Comparer({
      ...{ nodeId: OWN, envelopeLog: own, store, peers: peerLogs, keys, randomSalt: salts(), clock, log },
    });
    const nodes = [OWN, ...peers].map((nodeId) => ({ nodeId, httpAddress: `http://${nodeId}`, isCanonical: true }));
    const round = () => comparer.round(nodes, new AbortController().signal);
    const both = (nodeId: number, sequenceId: bigint) => {
      own.set(nodeId, sequenceId);
      theirs.set(nodeId, sequenceId);
    };
    return { own, theirs, both, store, round, state, asked, keyQuestions, lines, clock };
  }

  type Built = Awaited<ReturnType<typeof fresh>>;
  let at: Built;
  beforeEach(async () => (at = await fresh()));
  afterEach(() => at.close());

  describe("what convicts", () => {
    it("another time, or another payer envelope, under one sequence id: kept with both envelopes", async () => {
      at.both(ACCUSED, 1n);
      at.own.set(ACCUSED, 2n, envelopeOf(ACCUSED, 2n, { ns: 5n }));
      at.theirs.set(ACCUSED, 2n, envelopeOf(ACCUSED, 2n, { ns: 6n }));
      at.own.set(ACCUSED, 3n, envelopeOf(ACCUSED, 3n, { n: 5 }));
      at.theirs.set(ACCUSED, 3n, envelopeOf(ACCUSED, 3n, { n: 6 }));
      await at.round();
      const found = await allOf(at.store);
      expect(found.map(({ nodeId, sequenceId, fault, state }) => [nodeId, sequenceId, fault, state])).to.deep.equal([
        [ACCUSED, 3n, "equivocation", "found"],
        [ACCUSED, 2n, "equivocation", "found"],
      ]);
      expect(found[1]!.envelopes.map((bytes) => Buffer.from(bytes))).to.deep.equal(
        [envelopeOf(ACCUSED, 2n, { ns: 5n }), envelopeOf(ACCUSED, 2n, { ns: 6n })].map((bytes) => Buffer.from(bytes)),
      );
      expect(found[0]!.salt).not.to.equal(found[1]!.salt);
    });

    it("an envelope for another node: in the own log, and in a peer's where the own node would not store it", async () => {
      at.both(ACCUSED, 1n);
      at.theirs.set(ACCUSED, 2n, envelopeOf(ACCUSED, 2n, { target: PEER }));
      at.both(ACCUSED, 3n);
      at.own.set(PEER, 7n, envelopeOf(PEER, 7n, { target: ACCUSED }));
      await at.round();
      const found = await allOf(at.store);
      expect(found.map(({ nodeId, sequenceId, fault }) => [nodeId, sequenceId, fault])).to.deep.equal([
        [ACCUSED, 2n, "wrongTarget"],
        [PEER, 7n, "wrongTarget"],
      ]);
    });

    it("two envelopes in one answer, of which the own log has none", async () => {
      at.both(ACCUSED, 1n);
      at.both(ACCUSED, 3n);
      const two = [5n, 6n].map((ns) => envelopeOf(ACCUSED, 2n, { ns }));
      at.state.answer = async () => [...two, envelopeOf(ACCUSED, 3n)];
      await at.round();
      expect((await allOf(at.store)).map(({ sequenceId }) => sequenceId)).to.deep.equal([2n]);
    });

    it("counts a message once, however often it is met", async () => {
      at.own.set(ACCUSED, 1n, envelopeOf(ACCUSED, 1n, { ns: 5n }));
      at.theirs.set(ACCUSED, 1n, envelopeOf(ACCUSED, 1n, { ns: 6n }));
      await at.round();
      const [salt] = (await allOf(at.store)).map((one) => one.salt);
      await at.store.setComparedTo(ACCUSED, PEER, 0n);
      at.theirs.set(ACCUSED, 1n, envelopeOf(ACCUSED, 1n, { ns: 7n }));
      await at.round();
      const again = await allOf(at.store);
      expect(again).to.have.length(1);
      expect(again[0]!.salt, "the salt of a commitment is never lost").to.equal(salt);
      expect(at.lines.filter(({ level }) => level === "warn")).to.have.length(1);
    });

    it("the own node's: kept, never open, and shouted", async () => {
      at.own.set(OWN, 1n, envelopeOf(OWN, 1n, { ns: 5n }));
      at.theirs.set(OWN, 1n, envelopeOf(OWN, 1n, { ns: 6n }));
      await at.round();
      expect(await at.store.open()).to.deep.equal([]);
      expect((await allOf(at.store))[0]).to.include({ state: "givenUp", reason: "it is this node's own" });
      expect(at.lines.filter(({ level }) => level === "error")).to.have.length(1);
    });
  });

  describe("what does not", () => {
    it("the honest pair of a stock node: another expiry only", async () => {
      const {
        originatorEnvelope: first,
        sameSequenceOtherExpiry: other,
        nodeAddress,
      } = readVectors<{
        originatorEnvelope: string;
        nodeAddress: string;
        sameSequenceOtherExpiry: { unsignedOriginatorEnvelope: string; originatorSignature: string };
      }>("envelope");
      const field = (tag: number, bytes: Uint8Array) => {
        const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
        return concatBytes(Uint8Array.of(tag, ...length), bytes);
      };
      const second = concatBytes(
        field(0x0a, fromHex(other.unsignedOriginatorEnvelope)),
        field(0x12, field(0x0a, fromHex(other.originatorSignature))),
      );
      // The vector's node is 100: here a daemon of another node looks at it.
      at.own.set(100, 12345n, fromHex(first));
      at.theirs.set(100, 12345n, second);
      at.state.isKeyOf = (_, signer) => signer === nodeAddress.toLowerCase();
      await at.round();
      expect(await allOf(at.store)).to.deep.equal([]);
      expect(await at.store.comparedTo(100, PEER)).to.equal(12345n);
      expect(at.keyQuestions, "nothing to ask the chain about").to.deep.equal([]);
    });

    it("gaps, a payer envelope sent again, time that goes backwards, and what only one has so far", async () => {
      at.both(ACCUSED, 1n);
      for (const log of [at.own, at.theirs]) log.set(ACCUSED, 5n, envelopeOf(ACCUSED, 5n, { ns: 1n }));
      at.own.set(ACCUSED, 7n);
      at.theirs.set(ACCUSED, 6n);
      at.theirs.set(ACCUSED, 8n);
      at.own.set(PEER, 1n);
      await at.round();
      expect(await allOf(at.store)).to.deep.equal([]);
      expect(await at.store.comparedTo(ACCUSED, PEER), "as far as both have").to.equal(7n);
      expect(await at.store.comparedTo(PEER, PEER)).to.equal(0n);
    });

    it("a copy that the node did not sign, whoever serves it; and the chain is asked about a key once a round", async () => {
      const forged = envelopeOf(ACCUSED, 1n, { ns: 9n, key: keyOf(PEER) });
      at.own.set(ACCUSED, 1n);
      at.theirs.set(ACCUSED, 1n, forged);
      await at.round();
      await at.store.setComparedTo(ACCUSED, PEER, 0n);
      await at.round();
      expect(await allOf(at.store)).to.deep.equal([]);
      expect(at.keyQuestions).to.deep.equal([signerOf(ACCUSED), signerOf(PEER), signerOf(PEER)]);
    });

    it("a signature over nothing, cut short, or of the wrong length", async () => {
      at.own.set(ACCUSED, 1n);
      const good = envelopeOf(ACCUSED, 1n, { ns: 9n });
      const broken = Uint8Array.from(good);
      broken.fill(0, broken.length - 65);
      at.theirs.set(ACCUSED, 1n, broken);
      await at.round();
      expect(await allOf(at.store)).to.deep.equal([]);
    });

    it("originators of the chain: their bytes differ from node to node", async () => {
      for (const id of [0, 1, 13]) {
        at.own.set(id, 1n, envelopeOf(ACCUSED, 1n, { ns: 1n }));
        at.theirs.set(id, 1n, envelopeOf(ACCUSED, 1n, { ns: 2n }));
      }
      await at.round();
      expect(at.asked).to.deep.equal([]);
    });
  });

  describe("a peer that misbehaves", () => {
    it("does not answer: its turn is over, the others get theirs", async () => {
      await at.close();
      at = await fresh([PEER, 400]);
      at.both(ACCUSED, 1n);
      const answer = at.state.answer;
      at.state.answer = async () => {
        throw new Error("connection refused");
      };
      await at.round();
      at.state.answer = answer;
      await at.round();
      expect(at.asked).to.deep.equal(["http://300 200 0", "http://400 200 0"]);
      expect(await at.store.comparedTo(ACCUSED, 400)).to.equal(1n);
    });

    it("sends other originators' envelopes, duplicates, any order: the honest rest counts", async () => {
      for (const id of [1n, 2n, 3n]) at.own.set(ACCUSED, id);
      const answer = [3n, 1n, 1n, 2n].map((id) => envelopeOf(ACCUSED, id));
      at.state.answer = async () => [envelopeOf(PEER, 99n), ...answer, envelopeOf(OWN, 1n), Uint8Array.of(10, 1, 255)];
      await at.round();
      expect(await allOf(at.store)).to.deep.equal([]);
      expect(await at.store.comparedTo(ACCUSED, PEER)).to.equal(3n);
    });

    it("sends no protobuf at all, or none among others", async () => {
      at.own.set(ACCUSED, 1n);
      at.state.answer = async () => [Uint8Array.of(255, 255, 255)];
      await at.round();
      expect(await at.store.comparedTo(ACCUSED, PEER)).to.equal(0n);
      at.state.answer = async () => [Uint8Array.of(255, 255, 255), envelopeOf(ACCUSED, 1n, { ns: 9n })];
      await at.round();
      expect((await allOf(at.store)).map(({ sequenceId }) => sequenceId)).to.deep.equal([1n]);
    });

    it("moves nobody's cursor with another originator's envelope, nor with more than was asked for", async () => {
      for (let id = 1n; id <= 120n; id++) at.own.set(ACCUSED, id);
      at.state.answer = async ({ after }) => (after === 0n ? [envelopeOf(ACCUSED, 1n), envelopeOf(PEER, 99n)] : []);
      await at.round();
      expect(await at.store.comparedTo(ACCUSED, PEER)).to.equal(1n);
      const many = Array.from({ length: 119 }, (_, i) => envelopeOf(ACCUSED, BigInt(i + 2)));
      at.state.answer = async ({ after }) => (after === 1n ? many : []);
      await at.round();
      expect(await at.store.comparedTo(ACCUSED, PEER)).to.equal(101n);
    });

    it("has always one more page: a round reads so many pages and no more", async () => {
      for (let id = 1n; id <= 40n; id++) at.own.set(ACCUSED, id);
      for (let node = 300; node <= 1_500; node += 100) at.own.set(node, 1n);
      // One envelope an answer, for as long as it is asked.
      at.state.answer = async ({ originatorId, after }) => [envelopeOf(originatorId, after + 1n)];
      await at.round();
      expect(at.asked.filter((line) => line.includes(" 200 "))).to.have.length(16);
      expect(at.asked.length).to.be.at.most(128);
      expect(
        at.asked.some((line) => line.includes(" 1500 ")),
        "a long log does not keep the others waiting",
      ).to.equal(true);
    });

    it("answers the same page again and again: no progress, no loop", async () => {
      for (const id of [1n, 2n, 3n]) at.own.set(ACCUSED, id);
      await at.store.setComparedTo(ACCUSED, PEER, 2n);
      at.state.answer = async () => [1n, 2n].map((id) => envelopeOf(ACCUSED, id));
      await at.round();
      expect(at.asked).to.have.length(1);
    });

    it("names a sequence id of 64 bits", async () => {
      at.own.set(ACCUSED, 1n);
      at.state.answer = async () => [envelopeOf(ACCUSED, 2n ** 64n - 1n, { target: PEER })];
      await at.round();
      expect((await allOf(at.store)).map(({ sequenceId }) => sequenceId)).to.deep.equal([2n ** 64n - 1n]);
      expect(await at.store.comparedTo(ACCUSED, PEER)).to.equal(1n);
    });

    it("forges a key for every envelope: a round asks the chain about so many, and the next goes on", async () => {
      for (let id = 1n; id <= 60n; id++) at.own.set(ACCUSED, id);
      at.state.answer = async ({ after }) =>
        Array.from({ length: 60 }, (_, i) => BigInt(i + 1))
          .filter((id) => id > after)
          .map((id) => envelopeOf(ACCUSED, id, { ns: 9n, key: new Uint8Array(32).fill(Number(id)) }));
      await at.round();
      expect(at.keyQuestions.length).to.equal(32);
      await at.round();
      expect(at.keyQuestions.length).to.equal(61);
      expect(await at.store.comparedTo(ACCUSED, PEER)).to.equal(60n);
    });

    it("sends the largest envelopes that there are: its turn ends when it sent enough", async () => {
      for (let node = 200; node <= 1_500; node += 100) at.own.set(node, 1n);
      const unsignedOriginatorEnvelope = new Uint8Array(30 * 1024 * 1024);
      const large = toBinary(
        OriginatorEnvelopeSchema,
        create(OriginatorEnvelopeSchema, { unsignedOriginatorEnvelope }),
      );
      at.state.answer = async () => [large];
      await at.round();
      expect(at.asked).to.have.length(3);
    });

    it("cannot be read because its pages are too large: fewer envelopes are asked for until they can", async () => {
      for (let id = 1n; id <= 60n; id++) at.both(ACCUSED, id);
      at.theirs.set(ACCUSED, 60n, envelopeOf(ACCUSED, 60n, { ns: 9n }));
      const { answer } = at.state;
      const limits: number[] = [];
      at.state.answer = async (page) => {
        limits.push(page.limit);
        if (page.limit > 30) throw new Error("resource exhausted");
        return answer(page);
      };
      for (let i = 0; i < 10; i++) await at.round();
      expect(limits).to.deep.equal([100, 10, 20, 40, 4, 8, 16, 32, 4]);
      expect((await allOf(at.store)).map(({ sequenceId }) => sequenceId)).to.deep.equal([60n]);
    });

    it("uses up its time with slow pages", async () => {
      for (const node of [200, 300, 400]) at.own.set(node, 1n);
      at.state.answer = async ({ originatorId }) => {
        at.clock.advance(61_000);
        return [envelopeOf(originatorId, 1n)];
      };
      await at.round();
      expect(at.asked).to.have.length(1);
      await at.round();
      expect(at.asked, "its next turn begins with the next originator").to.have.length(2);
      expect(at.asked[1]).to.not.equal(at.asked[0]);
    });
  });

  it("keeps a bounded number pending for a node that equivocates with everything, and loses none of the rest", async () => {
    for (let id = 1n; id <= 40n; id++) {
      at.own.set(ACCUSED, id, envelopeOf(ACCUSED, id, { ns: 5n }));
      at.theirs.set(ACCUSED, id, envelopeOf(ACCUSED, id, { ns: 6n }));
    }
    at.own.set(PEER, 1n, envelopeOf(PEER, 1n, { ns: 5n }));
    at.theirs.set(PEER, 1n, envelopeOf(PEER, 1n, { ns: 6n }));
    await at.round();
    await at.round();
    expect(await at.store.openCount(ACCUSED)).to.equal(MOST_PENDING);
    expect(await at.store.openCount(PEER), "another node's does not wait for it").to.equal(1);
    const asked = at.asked.length;
    await at.round();
    expect(at.asked.length, "nobody is asked about it meanwhile").to.equal(asked);
    for (const key of await at.store.open()) await at.store.change(key, { state: "paid" }, 1);
    await at.round();
    const ids = (await at.store.open()).map(({ sequenceId }) => sequenceId);
    expect(ids).to.deep.equal(Array.from({ length: MOST_PENDING }, (_, i) => BigInt(i + 17)));
  });

  describe("what the contract would have to walk field by field", () => {
    const wayward = (fields: number, client = 64) => {
      const unsignedClientEnvelope = groupMessage(1, { padding: client });
      const payer = signPayerEnvelope({ unsignedClientEnvelope, targetOriginator: PEER, retentionDays: 60 }, PAYER_KEY);
      const place = { originatorId: ACCUSED, sequenceId: 1n, originatorNs: 1n };
      return originatorEnvelope(concatBytes(payer, bareFields(fields)), place, keyOf(ACCUSED));
    };
    const twice = (fields: number) =>
      [5n, 6n].map((ns) => lengthened(envelopeOf(ACCUSED, 1n, { ns }), bareFields(fields), keyOf(ACCUSED)));
    const errors = () => at.lines.filter(({ level }) => level === "error").map(({ message }) => message);

    async function compared(envelopes: Uint8Array[]) {
      at.both(ACCUSED, 2n);
      at.state.answer = async () => [...envelopes, envelopeOf(ACCUSED, 2n)];
      await at.round();
      expect(await at.store.comparedTo(ACCUSED, PEER), "the log goes on being compared").to.equal(2n);
      return (await allOf(at.store)).map(({ fault }) => fault);
    }

    it("keeps no equivocation of more than one transaction can read, and says so", async () => {
      expect(await compared(twice(4_100))).to.deep.equal([]);
      expect(errors()).to.deep.equal(["a node signed what convicts it, in an envelope too large for the chain"]);
    });

    it("keeps an equivocation around payer envelopes of any kind: they are hashed, not walked", async () => {
      const pair = [5n, 6n].map((originatorNs) =>
        originatorEnvelope(bareFields(50_000), { originatorId: ACCUSED, sequenceId: 1n, originatorNs }, keyOf(ACCUSED)),
      );
      expect(await compared(pair)).to.deep.equal(["equivocation"]);
    });

    it("keeps an equivocation with some odd fields", async () => {
      expect(await compared(twice(3_000))).to.deep.equal(["equivocation"]);
    });

    it("keeps no wrong target whose payer envelope is too long to be walked", async () => {
      expect(await compared([wayward(8_000)])).to.deep.equal([]);
      expect(errors()).to.have.length(1);
    });

    it("keeps a wrong target with a message of any size: its bytes are one field", async () => {
      expect(await compared([wayward(7_000, 200_000)])).to.deep.equal(["wrongTarget"]);
    });

    it("keeps the equivocation when the wrong target beside it is too long to be walked", async () => {
      expect(await compared([wayward(8_000), envelopeOf(ACCUSED, 1n)])).to.deep.equal(["equivocation"]);
    });
  });

  it("asks nobody while there is nothing new, and goes on after a restart where it was", async () => {
    for (let id = 1n; id <= 150n; id++) at.both(ACCUSED, id);
    await at.round();
    expect(at.asked).to.deep.equal(["http://300 200 0", "http://300 200 100"]);
    await at.round();
    expect(at.asked).to.have.length(2);
  });

  it("does not hold for good that a key is nobody's: it may be the node's after a rotation", async () => {
    const { own, theirs, store, round, state } = at;
    for (const [id, log] of [
      [1n, own],
      [1n, theirs],
      [2n, own],
      [2n, theirs],
    ] as const) {
      log.set(ACCUSED, id, envelopeOf(ACCUSED, id, { ns: log === own ? 5n : 6n, key: keyOf(700) }));
    }
    await round();
    expect(await allOf(store)).to.deep.equal([]);
    await store.setComparedTo(ACCUSED, PEER, 1n);
    state.isKeyOf = (_, signer) => signer === signerOf(700);
    await round();
    expect((await allOf(store)).map(({ sequenceId }) => sequenceId)).to.deep.equal([2n]);
  });

  it("takes evidence under an older key of the node's", async () => {
    const { own, theirs, store, round, state } = at;
    own.set(ACCUSED, 1n, envelopeOf(ACCUSED, 1n, { key: keyOf(700) }));
    theirs.set(ACCUSED, 1n, envelopeOf(ACCUSED, 1n, { ns: 3n }));
    state.isKeyOf = (nodeId, signer) => signer === signerOf(nodeId) || signer === signerOf(700);
    await round();
    expect(await allOf(store)).to.have.length(1);
  });
});
