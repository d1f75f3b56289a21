import { expect } from "chai";

import { bitsOf, isQuorum, nodesOf } from "../../../src/daemon/reports/quorum.ts";

const listOf = (weights: bigint[]) => ({
  version: 1n,
  seats: weights.map((weight, i) => ({ nodeId: 100 * (i + 1), weight, attestationKey: new Uint8Array() })),
});

describe("daemon/reports/quorum", () => {
  it("30: is more than two thirds of the weight and more than half of the seats, as on chain", () => {
    const six = listOf([1n, 1n, 1n, 1n, 1n, 1n]);
    expect(isQuorum(six, new Set([100, 200, 300, 400])), "two thirds exactly").to.equal(false);
    expect(isQuorum(six, new Set([100, 200, 300, 400, 500]))).to.equal(true);
    const heavy = listOf([100n, 100n, 1n, 1n]);
    expect(isQuorum(heavy, new Set([100, 200])), "half of the seats").to.equal(false);
    expect(isQuorum(heavy, new Set([100, 200, 300]))).to.equal(true);
    expect(isQuorum(heavy, new Set([100, 200, 999])), "who is no seat").to.equal(false);
    expect(isQuorum(listOf([]), new Set())).to.equal(false);
  });

  it("names nodes by position and back", () => {
    const list = listOf([1n, 1n, 1n]);
    expect(bitsOf(list, new Set([100, 300, 999]))).to.equal(0b101n);
    expect(nodesOf(list, 0b101n)).to.deep.equal([100, 300]);
  });
});
