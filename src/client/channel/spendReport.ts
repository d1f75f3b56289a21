import type { Address } from "../../protocol/bytes.ts";
import type { Spend, SpendStore } from "../ports.ts";
import { dayOf, dayText } from "./spend.ts";

/** First and last day, both included, as `2026-11-30`, in UTC; from the first to the last there are when left out. */
export interface SpendDays {
  from?: string;
  to?: string;
}

const PAGE = 1_000;

/** Who spent what, in the order of day, app, user, kind. Throws RangeError for what is no day. */
export async function* spendRows(
  store: Pick<SpendStore, "spendPage">,
  channel: Address,
  { from = "1970-01-01", to = "9999-12-31" }: SpendDays = {},
): AsyncGenerator<Spend> {
  const days = { from: parseDay(from), to: parseDay(to) };
  for (let after: Spend | undefined; ;) {
    const page = await store.spendPage(channel, days, after, PAGE);
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1);
  }
}

export const SPEND_COLUMNS = ["day", "app", "user", "kind", "envelopes", "postagePico", "stampUnits", "gasWei"];

/** A row as a spreadsheet shows it. */
export function spendLine({ day, app, user, kind, count, ...amounts }: Spend): object {
  return { day: dayText(day), app: inert(app), user: inert(user), kind, envelopes: count, ...amounts };
}

/** Spreadsheets compute what begins like this, and a user's name may be the user's choice. */
function inert(name: string): string {
  return /^[=+\-@]/.test(name) ? `'${name}` : name;
}

function parseDay(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  if (Number.isNaN(ms) || dayText(dayOf(ms)) !== text) throw new RangeError(`"${text}" is no day: write 2026-11-30`);
  return dayOf(ms);
}
