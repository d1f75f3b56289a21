import { expect } from "chai";
import fc from "fast-check";

import { CannotAttestError } from "../../../src/daemon/reports/errors.ts";
import { LogWalk } from "../../../src/daemon/reports/logWalk.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { fromHex, toHex } from "../../../src/protocol/bytes.ts";
import { keccak256 } from "../../../src/protocol/keccak.ts";
import { rangeTree } from "../../../src/protocol/report/leaves.ts";
import { picoToUnitsUp } from "../../../src/protocol/units.ts";
import { RETENTION_DAYS, payerEnvelope } from "../../support/envelopes.ts";
import { MemoryLog, OTHER_KEY, PAYER, PAYER_KEY, RATES, openBooks } from "../support.ts";
import { EPOCH, EPOCH_END, IN_EPOCH_NS, SECOND_NS, ratesOf, reportAll, sourcesOf } from "./support.ts";

const OTHER = addressOf(OTHER_KEY);
const BUSY = { ...RATES, targetRatePerMinute: 5n };
const USD = 1_000_000n;

/** A daemon that has metered the log, in pieces if it is told where. */
async function metered(log: MemoryLog, rates = RATES) {
  const books = await openBooks(":memory:", log);
  books.rateBook.update([rates], RETENTION_DAYS);
  await books.meter.drain();
  return { ...books, facts: books.reports };
}

describe("daemon/reports: what a report says", () => {
  it("is the same to the byte on nodes that heard of the envelopes in another order and in other pieces", async () => {
    const entries = [100, 200, 300].flatMap((id) =>
      Array.from({ length: 30 }, (_, n) => ({ id, n: n % 25, ns: IN_EPOCH_NS + BigInt(n) * 7n * SECOND_NS })),
    );
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(2)), fc.nat(8), async (choices, pieces) => {
        const digests: string[] = [];
        for (const isShuffled of [false, true]) {
          const log = new MemoryLog();
          const books = await openBooks(":memory:", log);
          books.rateBook.update([BUSY], RETENTION_DAYS);
          const queues = [100, 200, 300].map((id) => entries.filter((entry) => entry.id === id));
          for (let i = 0; queues.some(({ length }) => length > 0); i++) {
            const chosen = isShuffled ? queues[choices.next().value!]! : queues.find(({ length }) => length > 0)!;
            const entry = chosen.shift();
            if (!entry) continue;
            log.append(entry.id, payerEnvelope(entry.n, entry.id, entry.n % 2 ? PAYER_KEY : OTHER_KEY), entry.ns);
            if (isShuffled && i % (pieces + 1) === 0) await books.meter.drain();
          }
          await books.meter.drain();
          const { digest, usage } = await reportAll(sourcesOf(books.reports, {}, ratesOf(BUSY)), [100, 200, 300]);
          digests.push(digest);
          for (const channel of [PAYER, OTHER]) {
            const { usagePico } = (await books.ledger.account(channel))!;
            expect(usage.find(channel)!.usagePico, "what the ledger says").to.equal(usagePico);
          }
          await books.close();
        }
        expect(digests[0]).to.equal(digests[1]);
      }),
      { numRuns: 8 },
    );
  });

  it("has a range's root over sequence ids and hashes of payer envelopes, minutes and count", async () => {
    const log = new MemoryLog();
    for (let n = 0; n < 5; n++)
      log.append(200, payerEnvelope(n, 200, PAYER_KEY), IN_EPOCH_NS + BigInt(n) * 60n * SECOND_NS);
    log.append(200, fromHex("ffff"), IN_EPOCH_NS + 600n * SECOND_NS);
    const { facts } = await metered(log);
    const { ranges } = await reportAll(sourcesOf(facts), [200]);
    const stored = await log.read(200, 0n, 10);
    const entries = stored.map(({ sequenceId, envelope }) => {
      return { sequenceId, payerEnvelopeHash: toHex(keccak256(readOriginatorEnvelope(envelope).payerEnvelope)) };
    });
    const minute = Number(IN_EPOCH_NS / SECOND_NS / 60n);
    expect(ranges).to.deep.equal([
      {
        ...{ originatorId: 200, firstSequenceId: 1n, lastSequenceId: 6n, firstMinute: minute, lastMinute: minute + 10 },
        ...{ count: 6n, root: rangeTree(entries).root },
      },
    ]);
  });

  it("ends a range before the first envelope dated after the epoch, whatever comes then", async () => {
    const log = new MemoryLog();
    const end = EPOCH_END * SECOND_NS;
    for (const [n, ns] of [IN_EPOCH_NS, end - 1n, end, IN_EPOCH_NS].entries()) {
      log.append(200, payerEnvelope(n, 200, PAYER_KEY), ns);
    }
    const { facts } = await metered(log);
    const first = await reportAll(sourcesOf(facts), [200]);
    expect(first.ranges[0]!.lastSequenceId).to.equal(2n);
    const next = await reportAll(sourcesOf(facts), [200], { epoch: EPOCH + 1n }, first);
    expect(next.ranges[0]).to.include({ firstSequenceId: 3n, lastSequenceId: 4n, count: 2n });
    const fees = next.usage.find(PAYER)!.usagePico;
    const both = await reportAll(sourcesOf(facts), [200], { epoch: EPOCH + 1n });
    expect(both.usage.find(PAYER)!.usagePico, "the same in one report as in two").to.equal(fees);
  });

  it("counts a copy, and what is in another node's log, for nobody", async () => {
    const log = new MemoryLog();
    const once = payerEnvelope(1, 200, PAYER_KEY);
    log.append(200, once, IN_EPOCH_NS);
    const { facts } = await metered(log);
    const clean = await reportAll(sourcesOf(facts), [200]);
    const stolen = new MemoryLog();
    // The thief's log is metered first: what it copies must not cost what its own target's log says.
    for (let i = 0; i < 20; i++) stolen.append(100, payerEnvelope(i, 100, OTHER_KEY), IN_EPOCH_NS);
    for (let i = 0; i < 20; i++) stolen.append(100, once, IN_EPOCH_NS);
    stolen.append(200, once, IN_EPOCH_NS);
    stolen.append(200, once, IN_EPOCH_NS);
    const other = await metered(stolen, BUSY);
    const report = await reportAll(sourcesOf(other.facts, {}, ratesOf(BUSY)), [100, 200]);
    expect(report.usage.find(PAYER)).to.deep.equal(clean.usage.find(PAYER));
    expect((await other.ledger.account(PAYER))!.usagePico).to.equal(clean.usage.find(PAYER)!.usagePico);
  });

  it("takes rates by each envelope's date, and congestion back into the parent's range", async () => {
    const log = new MemoryLog();
    for (let n = 0; n < 20; n++) log.append(200, payerEnvelope(n, 200, PAYER_KEY), IN_EPOCH_NS);
    const { facts, ledger } = await metered(log, BUSY);
    const sources = sourcesOf(facts, {}, ratesOf(BUSY));
    const walk = new LogWalk({ store: facts, originatorId: 200, after: 0n, endsAt: EPOCH_END });
    const half = await reportAll(sources, [200], { ranges: [(await walk.upTo(9n))!.range] });
    const rest = await reportAll(sources, [200], { epoch: EPOCH + 1n }, half);
    expect(rest.usage.find(PAYER)!.usagePico).to.equal((await ledger.account(PAYER))!.usagePico);
  });

  it("says of a voucher what usage needs of it and the deposit backs (so that all daemons say the same)", async () => {
    const log = new MemoryLog();
    log.append(200, payerEnvelope(1, 200, PAYER_KEY), IN_EPOCH_NS);
    const { facts } = await metered(log);
    const amountWith = async (deposited: bigint, signed: bigint, more = {}) => {
      const money = { backing: { [PAYER]: { deposited, ...more } }, signed: { [PAYER]: signed } };
      return (await reportAll(sourcesOf(facts, money), [200])).usage.find(PAYER)!;
    };
    const { usagePico } = await amountWith(0n, 0n);
    const needed = picoToUnitsUp(usagePico);
    expect(needed > 1n).to.equal(true);
    const authorised = async (...args: Parameters<typeof amountWith>) => (await amountWith(...args)).authorisedAmount;
    expect(await authorised(USD, USD)).to.equal(needed);
    expect(await authorised(USD, 2n * USD)).to.equal(needed);
    expect(await authorised(USD, 1n)).to.equal(1n);
    expect(await authorised(1n, USD)).to.equal(1n);
    expect(await authorised(needed, USD, { stampsSpent: 1n })).to.equal(needed - 1n);
    expect(await authorised(USD, 0n, { feesSpent: needed - 1n })).to.equal(needed - 1n);
  });

  it("case 33a: an originator that lets unpaid traffic in is debited, its peers are not, and only once", async () => {
    const dear = { ...RATES, messageFeePico: 300_000_000_000n }; // 0.30 USD
    const log = new MemoryLog();
    for (let n = 0; n < 10; n++) log.append(100, payerEnvelope(n, 100, PAYER_KEY), IN_EPOCH_NS);
    for (let n = 0; n < 10; n++) log.append(200, payerEnvelope(n, 200, OTHER_KEY), IN_EPOCH_NS);
    const { facts } = await metered(log, dear);
    const paid = { backing: { [PAYER]: { deposited: 100n * USD } }, signed: { [PAYER]: 100n * USD } };
    const sources = sourcesOf(facts, paid, ratesOf(dear));
    const report = await reportAll(sources, [100, 200]);
    expect(report.unpaidChannels).to.deep.equal([OTHER]);
    const unpaid = report.usage.find(OTHER)!.usagePico;
    const allowed = USD * 1_000_000n + unpaid / 100n;
    expect(report.debits).to.deep.equal([{ nodeId: 200, amount: (unpaid - allowed) / 1_000_000n }]);
    log.append(100, payerEnvelope(77, 100, PAYER_KEY), EPOCH_END * SECOND_NS);
    const later = await metered(log, dear);
    const next = await reportAll(
      sourcesOf(later.facts, paid, ratesOf(dear)),
      [100, 200],
      { epoch: EPOCH + 1n },
      report,
    );
    expect(next.debits, "unpaid at the parent already").to.deep.equal([]);
    expect(next.usage.find(OTHER)!.usagePico).to.equal(unpaid);
  });

  it("does not take unseen history to be empty", async () => {
    const log = new MemoryLog();
    for (let n = 0; n < 3; n++) log.append(200, payerEnvelope(n, 200, PAYER_KEY), IN_EPOCH_NS);
    const { facts, meter } = await metered(log);
    for (let n = 3; n < 6; n++) log.append(200, payerEnvelope(n, 200, PAYER_KEY), IN_EPOCH_NS);
    await meter.drain();
    await facts.forget(200, 3n);
    const missing = await reportAll(sourcesOf(facts), [200]).catch((error: unknown) => error);
    expect(missing).to.be.instanceOf(CannotAttestError);
    expect(missing).to.deep.include({ why: "history_missing", at: { originatorId: 200, sequenceId: 1n } });
    const walk = new LogWalk({ store: facts, originatorId: 200, after: 3n, endsAt: EPOCH_END });
    expect((await walk.whole()).range).to.include({ firstSequenceId: 4n, lastSequenceId: 6n, count: 3n });
  });

  it("knows the range that ends at any sequence id, also after the log has grown", async () => {
    const log = new MemoryLog();
    const { facts, meter } = await metered(log);
    const walk = new LogWalk({ store: facts, originatorId: 200, after: 0n, endsAt: EPOCH_END });
    const hashes: string[] = [];
    for (let n = 0; n < 12; n++) {
      const bytes = payerEnvelope(n, 200, PAYER_KEY);
      log.append(200, bytes, IN_EPOCH_NS);
      hashes.push(toHex(keccak256(bytes)));
      await meter.drain();
      const whole = await walk.whole();
      expect(await walk.upTo(BigInt(n + 2))).to.equal(undefined);
      for (let last = 0; last <= n; last++) {
        const entries = hashes.slice(0, last + 1).map((hash, i) => {
          return { sequenceId: BigInt(i + 1), payerEnvelopeHash: hash as `0x${string}` };
        });
        const range = await walk.upTo(BigInt(last + 1));
        expect(range!.range.root).to.equal(rangeTree(entries).root);
        if (last === n) expect(range).to.deep.equal(whole);
      }
    }
  });
});
