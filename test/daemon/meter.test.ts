import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { fromHex, concatBytes } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import { picoToUnitsUp } from "../../src/protocol/units.ts";
import { ForgedLogError } from "../../src/daemon/ports.ts";
import { LedgerDomainError, MeterOvertakenError } from "../../src/daemon/store/errors.ts";
import { RETENTION_DAYS, payerEnvelope } from "../support/envelopes.ts";
import {
  DOMAIN,
  MemoryLog,
  NODE_ID,
  OTHER_KEY,
  PAYER,
  PAYER_KEY,
  RATES,
  openBooks,
  refusalOf,
  storeAt,
} from "./support.ts";

const NS = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;

function feeOf(bytes: Uint8Array): bigint {
  return 100n + 200n * BigInt(bytes.length) * 60n;
}

describe("daemon/meter", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "pennyblack-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it("comes to the same usage on every daemon, whatever the order in which it hears of originators", async () => {
    const logs = [new MemoryLog(), new MemoryLog()];
    const originators = [
      [100, 200, 300],
      [300, 100, 200],
    ];
    for (const [i, log] of logs.entries()) {
      for (const id of originators[i]!)
        for (let n = 0; n < 40; n++) log.append(id, payerEnvelope(n, id, PAYER_KEY), NS);
    }
    const books = await Promise.all(logs.map((log) => openBooks(":memory:", log)));
    for (const { meter } of books) await meter.drain();
    const usage = await Promise.all(books.map(async ({ ledger }) => (await ledger.account(PAYER))!.usagePico));
    expect(usage[0]).to.equal(usage[1]);
    const fees = [100, 200, 300].map((id) => 40n * feeOf(payerEnvelope(0, id, PAYER_KEY)));
    expect(usage[0]).to.equal(fees.reduce((sum, fee) => sum + fee));
  });

  it("bills altered copies once, at canonical size and the network's retention (59)", async () => {
    const log = new MemoryLog();
    const original = payerEnvelope(1, 200, PAYER_KEY);
    const copies = [
      original,
      original,
      concatBytes(original, fromHex("7a0161")),
      concatBytes(original, fromHex("20ed02")),
    ];
    for (const copy of copies) log.append(200, copy, NS);
    const { meter, ledger } = await openBooks(":memory:", log);
    await meter.drain();
    expect((await ledger.account(PAYER))!.usagePico).to.equal(feeOf(original));
    const worseFirst = new MemoryLog();
    for (const copy of copies.reverse()) worseFirst.append(200, copy, NS);
    const other = await openBooks(":memory:", worseFirst);
    await other.meter.drain();
    expect((await other.ledger.account(PAYER))!.usagePico).to.equal(feeOf(original));
  });

  it("counts congestion from the log alone, also across a restart", async () => {
    const log = new MemoryLog();
    const path = join(directory, "ledger.sqlite");
    const once = new MemoryLog();
    const busy = { ...RATES, targetRatePerMinute: 20n };
    for (let n = 0; n < 24; n++) {
      const bytes = payerEnvelope(n % 3, 200, OTHER_KEY); // mostly duplicates: they load the network and cost nothing
      once.append(200, bytes, NS);
      log.append(200, bytes, NS);
    }
    const late = payerEnvelope(7, 200, PAYER_KEY);
    once.append(200, late, NS);
    const straight = await openBooks(":memory:", once);
    straight.rateBook.update([busy], RETENTION_DAYS);
    await straight.meter.drain();
    const before = await openBooks(path, log);
    before.rateBook.update([busy], RETENTION_DAYS);
    await before.meter.drain();
    await before.close();
    log.append(200, late, NS);
    const after = await openBooks(path, log);
    after.rateBook.update([busy], RETENTION_DAYS);
    await after.meter.drain();
    const expected = (await straight.ledger.account(PAYER))!.usagePico;
    expect((await after.ledger.account(PAYER))!.usagePico).to.equal(expected);
    expect(expected, "w0 is 24 of 20: 19 units").to.equal(feeOf(late) + 19n * RATES.congestionFeePico);
  });

  it("charges after a crash what the node had stored, once (D1, D2)", async () => {
    const path = join(directory, "ledger.sqlite");
    const log = new MemoryLog();
    const first = await openBooks(path, log);
    await first.fund(PAYER, { deposited: 5_000_000n });
    await first.deliver(1, 1_000n);
    const { bytes, ns } = await first.publish(2, 1_000n);
    log.append(NODE_ID, bytes, ns); // stored by the node, and then the power fails
    await first.close();
    const second = await openBooks(path, log);
    await second.meter.drain();
    const account = (await second.ledger.account(PAYER))!;
    expect(account.usagePico).to.equal(feeOf(payerEnvelope(1, NODE_ID, PAYER_KEY)) + feeOf(bytes));
    expect(account.vouchers!.fees.fees, "an acknowledged voucher").to.equal(1_000n);
    const needed = picoToUnitsUp(account.usagePico + feeOf(bytes));
    await second.fund(PAYER, { deposited: needed - 1n });
    expect((await refusalOf(second.publish(3, 1_000n))).refusal).to.equal("deposit_short");
  });

  it("passes over what nobody can be charged for", async () => {
    const log = new MemoryLog();
    log.append(200, fromHex("ffff"), NS);
    log.append(200, payerEnvelope(1, 200, PAYER_KEY), NS);
    const { meter, ledger, store } = await openBooks(":memory:", log);
    await meter.drain();
    expect((await ledger.account(PAYER))!.usagePico).to.equal(feeOf(payerEnvelope(1, 200, PAYER_KEY)));
    expect(await store.meterCursor(200)).to.equal(2n);
    expect(await ledger.account(addressOf(OTHER_KEY))).to.equal(undefined);
  });

  it("refuses the ledger of another chain, and a second writer on the same stretch (53)", async () => {
    const path = join(directory, "ledger.sqlite");
    const store = await storeAt(path);
    const stretch = { originatorId: 200, after: 0n, upTo: 5n, charges: [], minuteCounts: new Map<bigint, bigint>() };
    await store.ledger.meter(stretch);
    const again = await store.ledger.meter(stretch).catch((error: unknown) => error);
    expect(again).to.be.instanceOf(MeterOvertakenError);
    await store.close();
    const other = await storeAt(path, { domain: { ...DOMAIN, chainId: 1n } }).catch((error: unknown) => error);
    expect(other).to.be.instanceOf(LedgerDomainError);
    expect((other as Error).message).to.include("its own file");
  });

  it("is not stopped by a node that dates a message before there were rates", async () => {
    const log = new MemoryLog();
    const [early, usual] = [payerEnvelope(1, 200, PAYER_KEY), payerEnvelope(2, 300, PAYER_KEY)];
    log.append(200, early, 1n);
    log.append(300, usual, NS);
    const { meter, ledger, rateBook } = await openBooks(":memory:", log);
    rateBook.update([{ ...RATES, startAt: 1_700_000_000n }], RETENTION_DAYS);
    await meter.drain();
    expect((await ledger.account(PAYER))!.usagePico).to.equal(feeOf(early) + feeOf(usual));
  });

  it("59: a log full of forgeries keeps neither the gate shut nor postage reserved", async () => {
    const log = new MemoryLog();
    log.append(100, payerEnvelope(1, 100, PAYER_KEY), NS);
    log.append(200, payerEnvelope(2, 200, PAYER_KEY), NS);
    const { meter, ledger } = await openBooks(":memory:", log);
    const read = log.read.bind(log);
    log.read = async (originatorId, ...rest) => {
      if (originatorId === 200) throw new ForgedLogError("nothing but forgeries");
      return read(originatorId, ...rest);
    };
    ledger.reservations.add({ channel: PAYER, digest: "of what another process has metered", feePico: 7n });
    ledger.reservations.markStored(PAYER, "of what another process has metered");
    await meter.drain();
    expect(ledger.reservations.count).to.equal(0);
    expect((await ledger.account(PAYER))!.usagePico).to.equal(feeOf(payerEnvelope(1, 100, PAYER_KEY)));
  });

  it("goes on with the other originators when one log cannot be read", async () => {
    const log = new MemoryLog();
    log.append(200, payerEnvelope(1, 200, PAYER_KEY), NS);
    log.append(300, payerEnvelope(2, 300, PAYER_KEY), NS);
    const read = log.read.bind(log);
    log.read = async (id, after, limit) => {
      if (id === 200) throw new Error("disk error");
      return read(id, after, limit);
    };
    const { meter, ledger } = await openBooks(":memory:", log);
    let problem = "";
    await meter.drain().catch((error: Error) => (problem = error.message));
    expect(problem).to.equal("1 logs could not be metered");
    expect((await ledger.account(PAYER))!.usagePico).to.equal(feeOf(payerEnvelope(2, 300, PAYER_KEY)));
  });
});
