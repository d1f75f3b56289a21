/** Fees: what a message costs, to the picodollar, by anybody's arithmetic. */
import assert from "node:assert/strict";

import {
  PICO_PER_UNIT,
  baseFeePico,
  congestionFeePico,
  congestionUnits,
  formatUnits,
  minuteOf,
  picoToUnitsUp,
  ratesAt,
  unitsToPico,
} from "pennyblack/protocol";

const rates = {
  messageFeePico: 100n,
  storageFeePico: 200n, // a byte and day
  congestionFeePico: 300n, // a unit, of which there are 0 to 100
  targetRatePerMinute: 10_000n,
  startAt: 0n,
};
const raised = { ...rates, messageFeePico: 200n, startAt: 1_900_000_000n };

// Rates are a history: a message is charged by those of its own second.
assert.equal(ratesAt([rates, raised], 1_899_999_999n), rates);
assert.equal(ratesAt([rates, raised], 1_900_000_000n), raised);

const base = baseFeePico(rates, 223, 60);
assert.equal(base, 100n + 200n * 223n * 60n);

// Of the minute of the message and the four before it, at its node: 25,000 where 10,000 are the target cost more.
const window = [25_000n, 20_000n, 9_000n, 0n, 0n] as const;
const units = congestionUnits(rates.targetRatePerMinute, window);
assert.equal(congestionFeePico(rates, window), units * rates.congestionFeePico);
assert.equal(minuteOf(1_800_000_000_000_000_000n), 30_000_000n);

// Picodollars off chain, base units on chain; one rounding, up, when a voucher is signed.
const owed = picoToUnitsUp(base + congestionFeePico(rates, window));
assert.ok(unitsToPico(owed) >= base && PICO_PER_UNIT === 1_000_000n);
assert.equal(formatUnits(1_500_000n), "1.500000");
