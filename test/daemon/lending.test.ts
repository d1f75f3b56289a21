import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import fc from "fast-check";

import { isWithinShare } from "../../src/daemon/backing.ts";
import { Lent } from "../../src/daemon/holdings/lent.ts";
import { unitsToPico } from "../../src/protocol/units.ts";
import { RETENTION_DAYS, payerEnvelope } from "../support/envelopes.ts";
import { NODE_ID, PAYER, PAYER_KEY, RATES, openBooks, refusalOf } from "./support.ts";

const USD = 1_000_000n;
const FLOOR_PICO = unitsToPico(10_000n);
/** Of one test message: 100 + 200 * 223 bytes * 60 days, in picodollars. */
const FEE_PICO = 100n + 200n * BigInt(payerEnvelope(1, NODE_ID, PAYER_KEY).length) * 60n;

describe("daemon/lending", () => {
  it("58: all nodes together lend one headroom once, and each at most 0.01 USD beyond it", () => {
    const cases = fc.record({
      seats: fc.integer({ min: 1, max: 90 }),
      headroom: fc.bigInt(0n, 5n * USD),
      fees: fc.array(fc.bigInt(1n, unitsToPico(2_000n)), { minLength: 1, maxLength: 300 }),
    });
    fc.assert(
      fc.property(cases, ({ seats, headroom, fees }) => {
        const nodes = Array.from({ length: seats }, () => new Lent());
        const headroomPico = unitsToPico(headroom);
        let lost = 0n;
        for (const lent of nodes) {
          // No node sees what the others let in.
          let used = 0n;
          for (const fee of fees) {
            if (used + fee > headroomPico) continue;
            const free = { freePico: headroomPico - used, lentPico: lent.pico(PAYER) };
            if (!isWithinShare({ ...free, feePico: fee, seats })) continue;
            lent.lend(PAYER, fee);
            used += fee;
          }
          const share = headroomPico / BigInt(seats);
          expect(used <= (share > FLOOR_PICO ? share : FLOOR_PICO)).to.equal(true);
          lost += used;
        }
        expect(lost <= headroomPico + BigInt(seats) * FLOOR_PICO).to.equal(true);
      }),
    );
  });

  it("58: the gate refuses what is above its share, and lends again when a majority has spoken", async () => {
    const books = await openBooks();
    books.state.seats = 4;
    await books.fund(PAYER, { deposited: 5n * USD });
    // Ten messages cost the floor, which is what each of four nodes lends of a headroom of 0.04 USD.
    books.rateBook.update([{ ...RATES, messageFeePico: 1_000_000_000n - FEE_PICO + 100n }], RETENTION_DAYS);
    const fees = 40_000n;
    const most = 10;
    for (let n = 0; n < most; n++) await books.publish(n, fees);
    const refusal = await refusalOf(books.publish(most, fees));
    expect([refusal.refusal, refusal.code]).to.deep.equal(["lending_limit", Code.ResourceExhausted]);
    expect(books.state.sharesUsed, "gossip is asked for").to.equal(1);
    await books.holdings.noteRound();
    await books.publish(most, fees);
  });

  it("takes back what the node did not store, and limits nobody who is alone", async () => {
    const books = await openBooks();
    books.state.seats = 4;
    await books.fund(PAYER, { deposited: 5n * USD });
    const { admission } = await books.publish(1, 40_000n);
    expect(books.holdings.lentPico(PAYER)).to.equal(FEE_PICO);
    admission.release(false);
    expect(books.holdings.lentPico(PAYER)).to.equal(0n);
    expect(books.holdings.isLent).to.equal(false);
    const alone = { freePico: 0n, lentPico: FLOOR_PICO, feePico: FLOOR_PICO * 100n, seats: 1 };
    expect(isWithinShare(alone)).to.equal(true);
  });

  it("lets in one call a round that is dearer than a share: else it could never be sent", () => {
    const dear = { freePico: FLOOR_PICO * 3n, feePico: FLOOR_PICO * 3n, seats: 10 };
    expect(isWithinShare({ ...dear, lentPico: 0n })).to.equal(true);
    expect(isWithinShare({ ...dear, lentPico: FLOOR_PICO * 3n }), "not a second one").to.equal(false);
  });

  it("gives a larger share to a larger headroom", () => {
    const share = (free: bigint, lent: bigint, fee: bigint) =>
      isWithinShare({ freePico: free, lentPico: lent, feePico: fee, seats: 10 });
    expect(share(FLOOR_PICO * 49n, FLOOR_PICO, FLOOR_PICO * 4n)).to.equal(true);
    expect(share(FLOOR_PICO * 49n, FLOOR_PICO, FLOOR_PICO * 4n + 1n)).to.equal(false);
    expect(share(FLOOR_PICO * 45n, FLOOR_PICO * 5n, 1n), "the rest is the others'").to.equal(false);
    expect(share(FLOOR_PICO * 95n, FLOOR_PICO * 5n, FLOOR_PICO * 5n), "a larger voucher came").to.equal(true);
  });
});
