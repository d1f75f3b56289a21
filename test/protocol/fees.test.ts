import { expect } from "chai";
import fc from "fast-check";

import type { CongestionWindow, Rates } from "../../src/protocol/fees.ts";
import { baseFeePico, congestionFeePico, congestionUnits, minuteOf, ratesAt } from "../../src/protocol/fees.ts";
import { picoToUnitsUp, formatUnits } from "../../src/protocol/units.ts";
import { readVectors } from "../support/vectors.ts";

const PUBLISHED: Rates = {
  messageFeePico: 100n,
  storageFeePico: 200n,
  congestionFeePico: 300n,
  targetRatePerMinute: 6_000n,
  startAt: 1_000n,
};

describe("protocol/fees", () => {
  for (const { target, w, units } of readVectors<{ congestion: { target: number; w: number[]; units: number }[] }>(
    "fees",
  ).congestion) {
    it(`congestion of [${w.join(" ")}] at a target of ${target} is ${units} units`, () => {
      const window = w.map(BigInt) as unknown as CongestionWindow;
      expect(congestionUnits(BigInt(target), window)).to.equal(BigInt(units));
    });
  }

  it("agrees with the exponential formula wherever floating point can tell", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.nat(40_000), (target, load) => {
        const r = load / target;
        const exact = (100 * (Math.exp(4 * (r - 1)) - 1)) / (Math.exp(2) - 1);
        if (r < 1.5 && Math.abs(exact - Math.round(exact)) < 1e-9) return;
        const units = r <= 1 ? 0 : r >= 1.5 ? 100 : Math.trunc(exact);
        expect(congestionUnits(BigInt(target), [BigInt(load), 0n, 0n, 0n, 0n])).to.equal(BigInt(units));
      }),
      { numRuns: 5_000 },
    );
  });

  it("charges the vector envelope 2,244,100 picodollars", () => {
    expect(baseFeePico(PUBLISHED, 187, 60)).to.equal(2_244_100n);
    expect(congestionFeePico(PUBLISHED, [9_000n, 0n, 0n, 0n, 0n])).to.equal(30_000n);
  });

  it("takes the last rates that have started", () => {
    const later = { ...PUBLISHED, startAt: 2_000n };
    expect(ratesAt([PUBLISHED, later], 1_999n)).to.equal(PUBLISHED);
    expect(ratesAt([PUBLISHED, later], 2_000n)).to.equal(later);
    expect(ratesAt([PUBLISHED, later], 0n), "dated before there were rates").to.equal(PUBLISHED);
    expect(() => ratesAt([], 999n)).to.throw("no rates are known");
  });

  it("rounds a charge up to base units and counts minutes from 1970", () => {
    expect([0n, 1n, 1_000_000n, 1_000_001n].map(picoToUnitsUp)).to.deep.equal([0n, 1n, 1n, 2n]);
    expect(minuteOf(59_999_999_999n)).to.equal(0n);
    expect(minuteOf(60_000_000_000n)).to.equal(1n);
    expect(formatUnits(-1_234_567n)).to.equal("-1.234567");
  });
});
