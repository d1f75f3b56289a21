import type { PayerView, SpendDay, SpenderRow } from "../../console/views.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Address } from "../../protocol/bytes.ts";
import { unitsToPico } from "../../protocol/units.ts";
import { dayOf, dayText, startOfDay } from "../channel/spend.ts";
import type { Spend, SpendStore } from "../ports.ts";

const SHOWN_DAYS = 14;
const WEEK_DAYS = 7;
const PAGE = 1_000;
/** Rows of one day that are read, one for each user and kind; what is beyond is missing, and said to be. */
const MOST_ROWS = 50_000;
const KEPT_SPENDERS = 1_000;
const SHOWN_SPENDERS = 10;
/** Today is read again soon, days that are over seldom: a publish is booked on the day on which it began. */
const FRESH_MS = { today: 5_000, before: 300_000 };
const DAY_MS = 86_400_000;
/** A rate is not taken from less: the first message of a week says nothing of the next. */
const LEAST_RATE_MS = DAY_MS / 4;

interface Sum {
  readAt: number;
  day: SpendDay;
  postagePico: bigint;
  gasWei: bigint;
  stampUnits: bigint;
  spenders: Map<string, { app: string; user: string; envelopes: bigint; postagePico: bigint }>;
  spenderCount: number;
  isPartial: boolean;
}

export interface SpendSummary extends Pick<PayerView, "spend"> {
  todayPico: bigint;
  todayWei: bigint;
  /** Per day, with stamps; undefined when nothing was spent in a week. */
  perDayPico: bigint | undefined;
}

/** Who spent what in the last fortnight, read day by day. */
export class SpendDays {
  readonly #store: Pick<SpendStore, "spendPage">;
  readonly #channel: Address;
  readonly #clock: Clock;
  readonly #sums = new Map<number, Sum>();

  constructor(store: Pick<SpendStore, "spendPage">, channel: Address, clock: Clock) {
    this.#store = store;
    this.#channel = channel;
    this.#clock = clock;
  }

  async summary(): Promise<SpendSummary> {
    const now = this.#clock.now();
    const today = dayOf(now);
    for (const day of this.#sums.keys()) if (day <= today - SHOWN_DAYS) this.#sums.delete(day);
    const sums: Sum[] = [];
    for (let day = today - SHOWN_DAYS + 1; day <= today; day++) sums.push(await this.#sumOf(day, day === today));
    const week = sums.slice(-WEEK_DAYS);
    const first = week.findIndex((sum) => sum.day.kinds.length > 0 || sum.stampUnits > 0n);
    const spentPico = week.reduce((all, one) => all + one.postagePico + unitsToPico(one.stampUnits), 0n);
    const sinceMs = first < 0 ? 0 : Math.max(LEAST_RATE_MS, now - startOfDay(today - WEEK_DAYS + 1 + first));
    const last = sums.at(-1)!;
    return {
      ...{ todayPico: last.postagePico + unitsToPico(last.stampUnits), todayWei: last.gasWei },
      perDayPico: first < 0 ? undefined : (spentPico * BigInt(DAY_MS)) / BigInt(Math.round(sinceMs)),
      spend: {
        days: sums.map(({ day }) => day).filter(({ kinds, stampUnits }) => kinds.length > 0 || stampUnits !== "0"),
        ...spendersOf(sums),
        isPartial: sums.some(({ isPartial }) => isPartial),
      },
    };
  }

  async #sumOf(day: number, isToday: boolean): Promise<Sum> {
    const known = this.#sums.get(day);
    const freshMs = isToday ? FRESH_MS.today : FRESH_MS.before;
    if (known && this.#clock.elapsed() - known.readAt < freshMs) return known;
    const rows: Spend[] = [];
    let isPartial = false;
    for (let after: Spend | undefined; ; after = rows.at(-1)) {
      const page = await this.#store.spendPage(this.#channel, { from: day, to: day }, after, PAGE);
      rows.push(...page);
      if (page.length < PAGE) break;
      if (rows.length >= MOST_ROWS) {
        isPartial = true;
        break;
      }
    }
    const sum = { ...sumUp(day, rows), readAt: this.#clock.elapsed(), isPartial };
    this.#sums.set(day, sum);
    return sum;
  }
}

function sumUp(day: number, rows: readonly Spend[]): Omit<Sum, "readAt" | "isPartial"> {
  let [postagePico, gasWei, stampUnits] = [0n, 0n, 0n];
  const kinds = new Map<string, { count: bigint; postagePico: bigint }>();
  const spenders: Sum["spenders"] = new Map();
  for (const row of rows) {
    postagePico += row.postagePico;
    gasWei += row.gasWei;
    stampUnits += row.stampUnits;
    const kind = kinds.get(row.kind) ?? { count: 0n, postagePico: 0n };
    kinds.set(row.kind, { count: kind.count + row.count, postagePico: kind.postagePico + row.postagePico });
    const { app, user } = row;
    const key = JSON.stringify([app, user]);
    const one = spenders.get(key) ?? { app, user, envelopes: 0n, postagePico: 0n };
    const spent = { envelopes: one.envelopes + row.count, postagePico: one.postagePico + row.postagePico };
    spenders.set(key, { app, user, ...spent });
  }
  const largest = [...spenders].sort(([, a], [, b]) => byPico(a, b)).slice(0, KEPT_SPENDERS);
  return {
    ...{ postagePico, gasWei, stampUnits, spenders: new Map(largest), spenderCount: spenders.size },
    day: {
      day: dayText(day),
      kinds: [...kinds].map(([kind, of]) => ({
        ...{ kind, envelopes: Number(of.count), postagePico: String(of.postagePico) },
      })),
      ...{ stampUnits: String(stampUnits), gasWei: String(gasWei) },
    },
  };
}

function spendersOf(sums: readonly Sum[]): { spenders: SpenderRow[]; spenderCount: number } {
  const all: Sum["spenders"] = new Map();
  for (const { spenders } of sums) {
    for (const [key, { app, user, envelopes, postagePico }] of spenders) {
      const one = all.get(key) ?? { app, user, envelopes: 0n, postagePico: 0n };
      const sum = { envelopes: one.envelopes + envelopes, postagePico: one.postagePico + postagePico };
      all.set(key, { app, user, ...sum });
    }
  }
  const most = Math.max(0, ...sums.map(({ spenderCount }) => spenderCount));
  return {
    spenders: [...all.values()]
      .sort(byPico)
      .slice(0, SHOWN_SPENDERS)
      .map(({ app, user, envelopes, postagePico }) => ({
        ...{ app, user, envelopes: Number(envelopes), postagePico: String(postagePico) },
      })),
    spenderCount: Math.max(all.size, most),
  };
}

const byPico = (a: { postagePico: bigint }, b: { postagePico: bigint }) =>
  a.postagePico < b.postagePico ? 1 : a.postagePico > b.postagePico ? -1 : 0;
