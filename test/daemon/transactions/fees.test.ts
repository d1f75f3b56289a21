import { expect } from "chai";

import type { FeeTerms } from "../../../src/daemon/transactions/fees.ts";
import { feeCap, raised, replacementFees, wantedFees } from "../../../src/daemon/transactions/fees.ts";
import { GWEI } from "./fakeMempool.ts";

const HASH = `0x${"00".repeat(32)}` as const;
const market = (gwei: bigint, timestamp = 0n) => ({
  ...{ baseFeePerGas: gwei * GWEI, priorityFeePerGas: GWEI / 10n, timestamp },
});
const terms = (change: Partial<FeeTerms> = {}): FeeTerms => ({
  ...{ gasLimit: 100_000n, budgetWei: 1_000n * GWEI * 100_000n, createdAt: 0, ...change },
});

describe("daemon/transactions/fees", () => {
  it("is economical without a hurry, whatever the budget", () => {
    expect(wantedFees(terms(), market(10n), 5)).to.deep.equal({
      maxFeePerGas: 20n * GWEI + GWEI / 10n,
      maxPriorityFeePerGas: GWEI / 10n,
    });
  });

  it("rises to what the budget allows ten minutes before the deadline, never falls on the way, and never above", () => {
    const urgent = terms({ deadlineAt: 90_600n });
    let before = 0n;
    for (let now = 0n; now <= 100_000n; now += 1_000n) {
      const { maxFeePerGas, maxPriorityFeePerGas } = wantedFees(urgent, market(10n, now), 3);
      expect(maxFeePerGas >= before && maxFeePerGas <= feeCap(urgent), `at ${now}`).to.equal(true);
      expect(maxPriorityFeePerGas <= maxFeePerGas).to.equal(true);
      before = maxFeePerGas;
    }
    expect(wantedFees(urgent, market(10n, 0n), 0).maxFeePerGas).to.equal(20n * GWEI + GWEI / 10n);
    expect(wantedFees(urgent, market(10n, 90_000n), 0).maxFeePerGas).to.equal(feeCap(urgent));
  });

  it("does not give half the value away as a tip when the deadline is near: tips grow with attempts", () => {
    const late = terms({ deadlineAt: 1n });
    expect(wantedFees(late, market(10n, 10n), 0).maxPriorityFeePerGas).to.equal(GWEI / 10n);
    expect(wantedFees(late, market(10n, 10n), 3).maxPriorityFeePerGas).to.equal((GWEI / 10n) * 8n);
    const most = wantedFees(late, market(10n, 10n), 60);
    expect(most.maxPriorityFeePerGas + 10n * GWEI <= most.maxFeePerGas).to.equal(true);
  });

  it("counts a deadline in the chain's time when this machine's clock is an hour ahead", () => {
    const ahead = terms({ createdAt: 3_600_000, deadlineAt: 4_000n });
    expect(wantedFees(ahead, market(10n, 10n), 0).maxFeePerGas).to.equal(feeCap(ahead));
  });

  it("raises both fees by an eighth at least, up to the cap and not a wei beyond", () => {
    expect([raised(0n), raised(1n), raised(8n), raised(100n)]).to.deep.equal([1n, 2n, 9n, 113n]);
    const last = { hash: HASH, maxFeePerGas: 80n, maxPriorityFeePerGas: 8n, sentAt: 0 };
    const wanted = { maxFeePerGas: 81n, maxPriorityFeePerGas: 1n };
    expect(replacementFees(last, wanted, 90n)).to.deep.equal({ maxFeePerGas: 90n, maxPriorityFeePerGas: 9n });
    expect(replacementFees(last, wanted, 89n)).to.equal(undefined);
    expect(replacementFees(last, { maxFeePerGas: 200n, maxPriorityFeePerGas: 150n }, 100n)).to.deep.equal({
      maxFeePerGas: 100n,
      maxPriorityFeePerGas: 100n,
    });
  });
});
