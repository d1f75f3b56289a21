import { expect } from "chai";

import { SpendDays } from "../../../src/client/console/spendDays.ts";
import type { Spend, SpendKey } from "../../../src/client/ports.ts";
import { toAddress } from "../../../src/protocol/bytes.ts";
import { ManualClock } from "../../support/manualClock.ts";

const DAY_MS = 86_400_000;
const CHANNEL = toAddress(`0x${"aa".repeat(20)}`);
const EMPTY = { count: 1n, postagePico: 0n, stampUnits: 0n, gasWei: 0n };

const orderOf = ({ day, app, user, kind }: SpendKey) => JSON.stringify([String(day).padStart(9, "0"), app, user, kind]);

/** Rows in order, as the store pages through them. */
function storeOf(rows: Spend[]) {
  const asked: number[] = [];
  return {
    asked,
    async spendPage(_: string, days: { from: number; to: number }, after: SpendKey | undefined, limit: number) {
      asked.push(days.from);
      return rows
        .filter(({ day }) => day >= days.from && day <= days.to)
        .sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
        .filter((row) => after === undefined || orderOf(row) > orderOf(after))
        .slice(0, limit);
    },
  };
}

describe("client/console/spendDays", () => {
  const setting = (rows: (today: number) => Spend[], hours = 6) => {
    const clock = new ManualClock();
    // So many hours into a day.
    clock.advance(DAY_MS - (clock.now() % DAY_MS) + hours * 3_600_000);
    const today = Math.floor(clock.now() / DAY_MS);
    const store = storeOf(rows(today));
    return { clock, today, store, days: new SpendDays(store, CHANNEL, clock) };
  };
  const row = (day: number, user: string, changes: Partial<Spend> = {}): Spend => ({
    ...EMPTY,
    ...{ day, app: "", user, kind: "message" },
    ...changes,
  });

  it("sums by day, kind and spender, the largest first, and leaves out what is older than a fortnight", async () => {
    const { days } = setting((today) => [
      row(today - 14, "old", { postagePico: 99n }),
      row(today - 13, "ann", { postagePico: 5n }),
      row(today, "ann", { postagePico: 7n, count: 2n }),
      row(today, "ann", { kind: "commit", postagePico: 1n, gasWei: 11n }),
      row(today, "bob", { postagePico: 20n, stampUnits: 3n }),
    ]);
    const { spend, todayPico, todayWei } = await days.summary();
    expect(spend.days.length).to.equal(2);
    expect(spend.days[1]!.kinds).to.deep.equal([
      { kind: "commit", envelopes: 1, postagePico: "1" },
      { kind: "message", envelopes: 3, postagePico: "27" },
    ]);
    expect(spend.days[1]).to.include({ stampUnits: "3", gasWei: "11" });
    expect(spend.spenders).to.deep.equal([
      { app: "", user: "bob", envelopes: 1, postagePico: "20" },
      { app: "", user: "ann", envelopes: 4, postagePico: "13" },
    ]);
    expect([spend.spenderCount, spend.isPartial]).to.deep.equal([2, false]);
    expect([todayPico, todayWei]).to.deep.equal([3_000_028n, 11n]);
  });

  it("takes the rate of the week from its first day with spending, and none from nothing", async () => {
    const weekly = setting((today) => [row(today - 2, "ann", { postagePico: 225n })]);
    expect((await weekly.days.summary()).perDayPico, "over two days and a quarter").to.equal(100n);
    const young = setting((today) => [row(today, "ann", { postagePico: 100n })], 1);
    expect((await young.days.summary()).perDayPico, "over a quarter of a day, not an hour").to.equal(400n);
    const quiet = setting((today) => [row(today - 7, "ann", { postagePico: 100n })]);
    expect((await quiet.days.summary()).perDayPico).to.equal(undefined);
  });

  it("reads today soon again and other days seldom, and so many rows of a day at most", async () => {
    const many = setting((today) =>
      Array.from({ length: 3_000 }, (_, i) => row(today, `user-${i}`, { postagePico: 1n })),
    );
    expect((await many.days.summary()).spend).to.include({ spenderCount: 3_000, isPartial: false });
    const { asked } = many.store;
    const first = asked.length;
    await many.days.summary();
    expect(asked.length, "nothing is read twice at once").to.equal(first);
    many.clock.advance(5_000);
    await many.days.summary();
    expect([...new Set(asked.slice(first))]).to.deep.equal([many.today]);
  });
});
