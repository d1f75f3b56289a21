import { expect } from "chai";
import { concat, keccak256, toBeHex } from "ethers";
import fc from "fast-check";

import { ProtocolError } from "../../../src/protocol/errors.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { fromHex, toHex } from "../../../src/protocol/bytes.ts";
import type { Debit } from "../../../src/protocol/report/debits.ts";
import {
  DEBIT_CAP_AMOUNT,
  boundedDebits,
  debitAmountOf,
  debitsHash,
  mostSeatsHit,
  packDebits,
  sharesOfUnpaid,
  unpackDebits,
  unpaidPicoOf,
} from "../../../src/protocol/report/debits.ts";

const USD = 1_000_000_000_000n;
const channel: Address = `0x${"01".repeat(20)}`;
const nodeIds = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const amounts = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const debitLists = fc
  .uniqueArray(fc.record({ nodeId: nodeIds, amount: amounts }), { selector: ({ nodeId }) => nodeId, maxLength: 20 })
  .map((debits) => debits.sort((a, b) => a.nodeId - b.nodeId));
const shares = (unpaid: bigint, before: bigint, originated: [number, bigint][]) =>
  sharesOfUnpaid({ channel, unpaidPico: unpaid, unpaidPicoAtParent: before, originatedPico: new Map(originated) });

describe("protocol/report/debits", () => {
  it("packs rows as the distributor takes them, and reads them back", () => {
    const property = fc.property(debitLists, (debits) => {
      const rows = concat(debits.flatMap(({ nodeId, amount }) => [toBeHex(nodeId, 4), toBeHex(amount, 8)]));
      expect(toHex(packDebits(debits))).to.equal(rows);
      expect(debitsHash(debits)).to.equal(keccak256(rows));
      expect(unpackDebits(packDebits(debits))).to.deep.equal(debits);
    });
    fc.assert(property, { numRuns: 100 });
    expect(debitsHash([])).to.equal(keccak256("0x"));
  });

  it("refuses what does not ascend, and rows that are none", () => {
    const twice: Debit[] = [
      { nodeId: 100, amount: 1n },
      { nodeId: 100, amount: 2n },
    ];
    expect(() => packDebits(twice)).to.throw(RangeError, "ascend");
    const rows = concat([toBeHex(100, 4), toBeHex(1, 8), toBeHex(100, 4), toBeHex(2, 8)]);
    for (const bad of [rows, "0x00", rows.slice(0, -2)]) {
      expect(() => unpackDebits(fromHex(bad)))
        .to.throw(ProtocolError)
        .with.property("code", "malformed_report");
    }
  });

  it("unpaid is what neither voucher nor deposit covers", () => {
    expect(unpaidPicoOf(5_000_000n, 5n)).to.equal(0n);
    expect(unpaidPicoOf(5_000_001n, 5n)).to.equal(1n);
    expect(unpaidPicoOf(0n, 5n)).to.equal(0n);
  });

  it("shares what became unpaid by what each originated, floored, the rest to the lowest id", () => {
    expect([
      ...shares(10n, 0n, [
        [300, 1n],
        [100, 1n],
        [200, 1n],
      ]),
    ]).to.deep.equal([
      [100, 4n],
      [200, 3n],
      [300, 3n],
    ]);
    // case 33a: who let nothing in answers for nothing.
    expect([
      ...shares(10n, 4n, [
        [100, 0n],
        [200, 9n],
      ]),
    ]).to.deep.equal([[200, 6n]]);
    for (const none of [shares(4n, 4n, [[100, 1n]]), shares(3n, 4n, [[100, 1n]]), shares(9n, 0n, [[100, 0n]])]) {
      expect(none.size).to.equal(0);
    }
  });

  it("shares add up to what became unpaid, and none exceeds its part by more than the rounding", () => {
    const picos = fc.uniqueArray(fc.tuple(nodeIds, fc.bigInt({ min: 1n, max: 2n ** 70n })), {
      selector: ([id]) => id,
      minLength: 1,
      maxLength: 10,
    });
    const property = fc.property(fc.bigInt({ min: 1n, max: 2n ** 80n }), picos, (added, originated) => {
      const found = shares(added + 5n, 5n, originated);
      const total = originated.reduce((sum, [, pico]) => sum + pico, 0n);
      expect([...found.values()].reduce((a, b) => a + b)).to.equal(added);
      const lowest = Math.min(...originated.map(([id]) => id));
      for (const [id, pico] of originated) {
        const excess = found.get(id)! - (added * pico) / total;
        expect(excess >= 0n && excess < (id === lowest ? 10n : 1n)).to.equal(true);
      }
    });
    fc.assert(property, { numRuns: 200 });
  });

  it("the allowance is a dollar and a hundredth of what was originated; a debit has a cap", () => {
    expect(debitAmountOf(USD, 0n)).to.equal(0n);
    expect(debitAmountOf(USD + 999_999n, 0n)).to.equal(0n);
    expect(debitAmountOf(USD + 1_000_000n, 0n)).to.equal(1n);
    expect(debitAmountOf(2n * USD, 100n * USD)).to.equal(0n);
    expect(debitAmountOf(3n * USD, 100n * USD)).to.equal(1_000_000n);
    expect(debitAmountOf(0n, 100n * USD)).to.equal(0n);
    expect(debitAmountOf(10_001n * USD, 0n)).to.equal(DEBIT_CAP_AMOUNT);
    expect(debitAmountOf(1_000_000n * USD, 0n)).to.equal(DEBIT_CAP_AMOUNT);
  });

  it("too many debits leave the largest, ties the lower ids; ascending, none of nothing", () => {
    const debits = [
      [500, 5n],
      [100, 7n],
      [300, 7n],
      [200, 7n],
      [400, 0n],
    ] as const;
    const bounded = (most: number) =>
      boundedDebits(
        debits.map(([nodeId, amount]) => ({ nodeId, amount })),
        most,
      );
    expect(bounded(2).map(({ nodeId }) => nodeId)).to.deep.equal([100, 200]);
    expect(bounded(9).map(({ nodeId }) => nodeId)).to.deep.equal([100, 200, 300, 500]);
    for (const none of [0, -1]) expect(bounded(none)).to.deep.equal([]);
  });

  it("a report hits a tenth of the seats, at least one", () => {
    expect([0, 1, 9, 10, 19, 20, 90].map(mostSeatsHit)).to.deep.equal([1, 1, 1, 1, 1, 2, 9]);
  });
});
