import { expect } from "chai";
import fc from "fast-check";

import { openSqliteStore } from "../../../src/client/adapters/sqliteStore.ts";
import type { GatewayStore, KeptReceipt } from "../../../src/client/ports.ts";
import type { Contradicted } from "../../../src/client/receipts/proveReceipt.ts";
import { accuse } from "../../../src/client/receipts/accuse.ts";
import { proveReceipt } from "../../../src/client/receipts/proveReceipt.ts";
import { ReceiptProver } from "../../../src/client/receipts/receiptProver.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { rangeTree } from "../../../src/protocol/report/leaves.ts";
import { proveEntry } from "../../../src/protocol/report/logProofs.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { CHANNEL } from "../support/fakeNetwork.ts";
import { FakeReports, NEVER, hashAt, honestPart } from "./fakeReports.ts";
import { commitReceipts, keyOfNode, keptReceipt, signedEnvelope } from "./support.ts";

const OTHER: Hex = `0x${"5a".repeat(32)}`;

async function find(reports: FakeReports, receipt: KeptReceipt, library = reports.library()) {
  await library.refresh(NEVER);
  return proveReceipt(receipt, library, NEVER);
}

describe("client/receipts/proveReceipt", () => {
  let reports: FakeReports;
  beforeEach(() => (reports = new FakeReports()));

  it("finds a receipt in the report that covers it, the last one or an earlier one", async () => {
    const first = reports.add({ 200: honestPart(200, 1n, 9n, [3n, 9n]) });
    const second = reports.add({ 100: honestPart(100, 1n, 2n, [1n]), 200: honestPart(200, 10n, 20n, [12n]) });
    for (const [id, digest] of [
      [3n, first],
      [9n, first],
      [12n, second],
    ] as const) {
      const finding = await find(reports, keptReceipt(200, id));
      expect(finding.kind === "included" && finding.report.digest, `${id}`).to.equal(digest);
    }
  });

  it("is contradicted by another envelope, or none, at its place: proved either way", async () => {
    const entries = [...honestPart(200, 1n, 9n, [3n, 6n]).entries, { sequenceId: 8n, payerEnvelopeHash: OTHER }];
    reports.add({ 200: { first: 1n, last: 9n, entries } });
    for (const [id, hash] of [
      [8n, OTHER],
      [1n, undefined],
      [4n, undefined],
      [9n, undefined],
    ] as const) {
      expect(await find(reports, keptReceipt(200, id)), `${id}`).to.include({
        kind: "contradicted",
        payerEnvelopeHash: hash,
      });
    }
    reports.add({ 200: { first: 10n, last: 12n, entries: [] } });
    const empty = await find(reports, keptReceipt(200, 11n));
    expect(empty).to.include({ kind: "contradicted", payerEnvelopeHash: undefined });
  });

  it("case 33d: a receipt later than the range, of an originator without one, or before the first report is not covered", async () => {
    expect(await find(reports, keptReceipt(200, 1n)), "no report yet").to.deep.equal({ kind: "notCovered" });
    reports.add({ 200: honestPart(200, 5n, 9n, [5n]) });
    for (const id of [4n, 10n, 2n ** 64n - 1n]) {
      expect(await find(reports, keptReceipt(200, id)), `${id}`).to.deep.equal({ kind: "notCovered" });
    }
    expect(await find(reports, keptReceipt(100, 5n))).to.deep.equal({ kind: "notCovered" });
  });

  it("case 33d: an empty range, of an originator that withholds, covers nothing", async () => {
    reports.add({ 200: honestPart(200, 1n, 0n, []) });
    for (const id of [1n, 2n]) expect(await find(reports, keptReceipt(200, id))).to.deep.equal({ kind: "notCovered" });
  });

  it("case 33d: a report that is not final yet, or was vetoed, says nothing", async () => {
    reports.add({ 200: honestPart(200, 1n, 9n, [1n]) });
    const library = reports.library();
    reports.finalCount = 0;
    expect(await find(reports, keptReceipt(200, 2n), library)).to.deep.equal({ kind: "notCovered" });
    // It is vetoed; the one that is built instead ends before the receipt.
    reports.made.pop();
    reports.add({ 200: honestPart(200, 1n, 1n, [1n]) }, 7n, { round: 1 });
    expect(await find(reports, keptReceipt(200, 2n), library)).to.deep.equal({ kind: "notCovered" });
  });

  it("believes nobody who serves something else, and asks the next", async () => {
    const digest = reports.add({ 100: honestPart(100, 1n, 3n, [2n]), 200: honestPart(200, 1n, 9n, [3n, 5n]) });
    const [{ report, ranges }] = reports.made as [(typeof reports.made)[0]];
    const shorter = [ranges[0]!, { ...ranges[1]!, lastSequenceId: 2n }];
    const lies: Parameters<typeof reports.liars.set>[1][] = [
      { report: async () => ({ report, ranges: shorter }) },
      { report: async () => ({ report, ranges: [] }) },
      { report: async () => ({ report: { ...report, epoch: 9n }, ranges }) },
      { report: async () => Promise.reject(new Error("it answered 404")) },
      { report: async () => new Promise(() => setImmediate(() => reports.clock.advance(2_000))) },
      { entry: async () => ({ entries: [] }) },
      { entry: (address, place) => reports.honest.entry(address, { ...place, sequenceId: 5n }, NEVER) },
      { entry: (address, place) => reports.honest.entry(address, { ...place, originatorId: 100 }, NEVER) },
      {
        entry: async (address, place) => {
          const { entries } = await reports.honest.entry(address, place, NEVER);
          return { entries: entries.map((entry) => ({ ...entry, payerEnvelopeHash: OTHER })) };
        },
      },
    ];
    for (const [i, lie] of lies.entries()) {
      reports.liars = new Map([
        [100, lie],
        [200, lie],
      ]);
      const finding = await find(reports, keptReceipt(200, 3n));
      expect(finding.kind === "included" && finding.report.digest, `lie ${i}`).to.equal(digest);
      reports.liars.set(300, lie);
      const unserved = await find(reports, keptReceipt(200, 3n));
      expect(unserved.kind, `lie ${i}, told by all`).to.equal("unserved");
      if (unserved.kind === "unserved") expect(unserved.error.problems).to.have.length(3);
    }
  });

  it("asks no more nodes than the limit, and reads each report once", async () => {
    reports.seats = Array.from({ length: 30 }, (_, i) => 100 * (i + 1));
    reports.add({ 200: honestPart(200, 1n, 9n, [3n]) });
    reports.add({ 200: honestPart(200, 10n, 19n, [13n]) });
    const library = reports.library();
    await find(reports, keptReceipt(200, 3n), library);
    await find(reports, keptReceipt(200, 13n), library);
    expect(reports.asked.filter((one) => one.endsWith("report"))).to.have.length(2);
    const down = async () => Promise.reject(new Error("down"));
    for (const id of reports.seats) reports.liars.set(id, { entry: down });
    reports.asked = [];
    expect((await find(reports, keptReceipt(200, 3n), library)).kind).to.equal("unserved");
    expect(reports.asked).to.have.length(6);
  });

  it("rejects when the chain does not answer, and takes that for no finding", async () => {
    reports.chainIsDown = true;
    expect(await find(reports, keptReceipt(200, 3n)).catch((error: Error) => error.message)).to.contain("refused");
  });

  it("agrees with the log, whatever is in it and wherever reports end", async () => {
    const part = fc.record({ length: fc.integer({ min: 0, max: 6 }), there: fc.array(fc.boolean(), { maxLength: 6 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 5 }), async (parts) => {
        const own = new FakeReports();
        const expected = new Map<bigint, string>();
        let next = 1n;
        for (const { length, there } of parts) {
          const ids = Array.from({ length }, (_, i) => next + BigInt(i));
          const kept = ids.filter((_, i) => there[i]);
          for (const id of ids) expected.set(id, kept.includes(id) ? "included" : "contradicted");
          own.add({ 200: honestPart(200, next, next + BigInt(length) - 1n, kept) });
          next += BigInt(length);
        }
        const library = own.library();
        await library.refresh(NEVER);
        for (let id = 1n; id < next + 2n; id++) {
          const { kind } = await proveReceipt(keptReceipt(200, id), library, NEVER);
          expect(kind, `${id}`).to.equal(expected.get(id) ?? "notCovered");
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("client/receipts/accuse", () => {
  let reports: FakeReports;
  let contradicted: Contradicted;
  const receipt = keptReceipt(200, 4n);
  beforeEach(async () => {
    reports = new FakeReports();
    reports.add({ 100: honestPart(100, 1n, 3n, [2n]), 200: honestPart(200, 1n, 9n, [3n, 5n]) });
    contradicted = (await find(reports, receipt)) as Contradicted;
    expect(contradicted.kind).to.equal("contradicted");
  });

  const reasonOf = async (of = receipt, by = contradicted) => {
    const accusation = await accuse(of, by, reports.chain(), NEVER);
    return accusation.kind === "none" ? accusation.reason : accusation.kind;
  };

  it("asks the chain before it accuses, with what FaultProofs will ask", async () => {
    const accusation = await accuse(receipt, contradicted, reports.chain(), NEVER);
    const { digest } = reports.made[0]!;
    expect(accusation).to.include({ kind: "evidence", report: digest });
    expect(reports.claims).to.have.length(1);
    expect(reports.claims[0]).to.include({ report: digest, nodeId: 200, sequenceId: 4n });
    expect(reports.claims[0]!.payerEnvelopeHash).to.equal(hashAt(200, 4n));
    reports.judges = false;
    expect(await reasonOf()).to.contain("sees no contradiction");
  });

  it("case 33d: accuses nobody of a report that is not final, or that the node did not attest", async () => {
    reports.finalCount = 0;
    expect(await reasonOf()).to.equal("the report is not final");
    reports.finalCount = 1;
    reports.signersOf.set(reports.made[0]!.digest, 0b101n);
    expect(await reasonOf()).to.contain("did not attest");
    reports.seats = [100, 300];
    expect(await reasonOf()).to.contain("no seat");
    expect(reports.claims).to.deep.equal([]);
  });

  it("case 33d: accuses nobody of a receipt from outside the range", async () => {
    for (const id of [10n, 0n]) expect(await reasonOf(keptReceipt(200, id))).to.contain("outside the range");
    expect(reports.claims).to.deep.equal([]);
  });

  it("accuses nobody of what a stranger signed, or under a key retired too long ago", async () => {
    const forged = { ...receipt, envelope: signedEnvelope(200, 4n, {}, new Uint8Array(32).fill(0x77)) };
    expect(await reasonOf(forged)).to.contain("no key signed");
    const name = `200:${addressOf(keyOfNode(200))}`;
    reports.keys.set(name, { retiredAt: 900_000n, takenUntil: reports.time });
    expect(await reasonOf()).to.contain("retired too long ago");
    reports.keys.set(name, { retiredAt: 900_000n, takenUntil: reports.time + 1n });
    expect(await reasonOf()).to.equal("evidence");
  });

  it("accuses nobody when the bytes are of another place than the receipt says", async () => {
    expect(await reasonOf({ ...receipt, envelope: signedEnvelope(200, 5n) })).to.contain("reads its bytes");
    expect(await reasonOf({ ...receipt, envelope: signedEnvelope(100, 4n) })).to.contain("reads its bytes");
    expect(await reasonOf({ ...receipt, envelope: Uint8Array.of(1, 2, 3) })).to.contain("reads its bytes");
  });
});

describe("client/receipts/receiptProver", () => {
  let reports: FakeReports;
  let store: GatewayStore;
  beforeEach(() => {
    reports = new FakeReports();
    store = openSqliteStore(":memory:");
  });
  afterEach(() => store.close());

  const proverOf = (library = reports.library()) =>
    new ReceiptProver({
      ...{ store, channel: CHANNEL, chain: reports.chain(), library, log: silentLog },
      ...{ clock: reports.clock, chainTimeoutMs: 1_000 },
    });
  const left = async () => (await store.receipts(CHANNEL, undefined, 10_000)).map(({ sequenceId }) => sequenceId);

  it("lets go of what is in the logs, keeps what is not covered, and what is contradicted with its evidence", async () => {
    await commitReceipts(
      store,
      [3n, 4n, 5n, 10n].map((id) => keptReceipt(200, id)),
    );
    const prover = proverOf();
    expect(await prover.round(NEVER), "no report yet").to.deep.equal({ included: 0, contradicted: 0, unserved: 0 });
    const digest = reports.add({ 200: honestPart(200, 1n, 9n, [3n, 5n]) });
    expect(await prover.round(NEVER)).to.deep.equal({ included: 2, contradicted: 1, unserved: 0 });
    expect(await left()).to.deep.equal([4n, 10n]);
    const { contradiction } = (await store.receipt(CHANNEL, { originatorId: 200, sequenceId: 4n }))!;
    expect(contradiction).to.deep.equal({ report: digest, proof: reports.claims[0]!.proof, reason: undefined });
    expect(await prover.round(NEVER), "once is enough").to.deep.equal({ included: 0, contradicted: 0, unserved: 0 });
  });

  it("notes why nothing convicts", async () => {
    await commitReceipts(store, [keptReceipt(200, 4n)]);
    reports.add({ 200: honestPart(200, 1n, 9n, [3n]) }, 0b101n);
    await proverOf().round(NEVER);
    const [kept] = await store.receipts(CHANNEL, undefined, 1);
    expect(kept!.contradiction!.proof).to.equal(undefined);
    expect(kept!.contradiction!.reason).to.contain("did not attest");
  });

  it("keeps everything, and stops early, when nobody serves", async () => {
    await commitReceipts(
      store,
      Array.from({ length: 40 }, (_, i) => keptReceipt(200, BigInt(i + 1))),
    );
    reports.add({ 200: honestPart(200, 1n, 40n, [1n]) });
    for (const id of reports.seats) reports.liars.set(id, { entry: async () => Promise.reject(new Error("down")) });
    const prover = proverOf();
    expect((await prover.round(NEVER)).unserved).to.equal(5);
    expect(await left()).to.have.length(40);
    reports.liars.clear();
    expect((await prover.round(NEVER)).contradicted, "goes on where it was").to.equal(35);
    await prover.round(NEVER);
    expect(reports.claims).to.have.length(39);
  });

  it("forgets nothing, and notes nothing, when the chain fails in the middle", async () => {
    await commitReceipts(store, [keptReceipt(200, 4n)]);
    reports.add({ 200: honestPart(200, 1n, 9n, []) });
    const library = reports.library();
    await library.refresh(NEVER);
    reports.chainIsDown = true;
    const failed = await proverOf(library)
      .prove(keptReceipt(200, 4n), NEVER)
      .catch(() => "failed");
    expect(failed).to.equal("failed");
    expect((await store.receipts(CHANNEL, undefined, 1))[0]!.contradiction).to.equal(undefined);
  });

  it("asks for at most 500 proofs a round, and comes to all of them", async () => {
    await commitReceipts(
      store,
      Array.from({ length: 730 }, (_, i) => keptReceipt(200, BigInt(i + 1))),
    );
    const ids = Array.from({ length: 730 }, (_, i) => BigInt(i + 1));
    reports.add({ 200: honestPart(200, 1n, 730n, ids) });
    const [, entries] = [...reports.made[0]!.entries][0]!;
    const proofs = new Map<bigint, Awaited<ReturnType<typeof reports.honest.entry>>>();
    // Building the tree anew for each proof would take the test minutes.
    const tree = rangeTree(entries);
    for (const id of ids) proofs.set(id, proveEntry(tree, entries, id));
    reports.honest.entry = async (_, { sequenceId }) => proofs.get(sequenceId)!;
    const prover = proverOf();
    expect((await prover.round(NEVER)).included).to.equal(500);
    expect((await prover.round(NEVER)).included).to.equal(230);
    expect(await left()).to.deep.equal([]);
  }).timeout(180_000);
});
