import type { Address } from "../../protocol/bytes.ts";
import { formatUnits, picoToUnitsUp, unitsToPico } from "../../protocol/units.ts";
import { GatewayError } from "../errors.ts";
import type { Spend, Spender, SpendScope, SpendTotal } from "../ports.ts";
import { dayText, startOfDay } from "./spend.ts";

/** What may be spent on a day, from midnight to midnight UTC; unlimited where left out. */
export interface DailyBudget {
  /** Base units, for fees and, in full, for ceilings of stamps. */
  postage?: bigint;
  /** Wei, for gas of commits and identity updates. */
  gasWei?: bigint;
}

/** Of each user, of each app, and of everybody together. */
export interface Budgets {
  user?: DailyBudget;
  app?: DailyBudget;
  all?: DailyBudget;
}

/** What is about to be spent, at most. */
export interface Outlay {
  day: number;
  spender: Spender;
  pico: bigint;
  wei: bigint;
}

export interface BudgetBookOptions {
  channel: Address;
  budgets: Budgets;
}

/** What the store has of a day, at the moment of the decision. */
export type ReadSpend = (scope: SpendScope) => Promise<SpendTotal>;

type Share = keyof Budgets;
interface Sum {
  pico: bigint;
  wei: bigint;
}

/** Days of users and apps whose sums are remembered; others are read from the store again. */
const MOST_REMEMBERED = 20_000;
const SHARES: readonly Share[] = ["user", "app", "all"];

/**
 * Holds spenders to their budgets of a day. Counted is what was spent and what is reserved, so that publishes which are under way
 * at once cannot exceed a budget together. Not for concurrent use: the ledger asks in its turn.
 */
export class BudgetBook {
  readonly #options: BudgetBookOptions;
  readonly #spent = new Map<string, Sum>();
  readonly #reserved = new Map<string, Sum>();

  constructor(options: BudgetBookOptions) {
    this.#options = options;
  }

  /** Throws GatewayError `budget_exhausted` unless all of it fits; nothing is reserved by asking. */
  async check(outlays: readonly Outlay[], read: ReadSpend): Promise<void> {
    for (const share of SHARES) {
      const budget = this.#options.budgets[share];
      if (!budget) continue;
      const wanted = new Map<string, Outlay>();
      for (const outlay of outlays) {
        const name = nameOf(share, outlay.day, outlay.spender);
        const { pico, wei } = wanted.get(name) ?? { pico: 0n, wei: 0n };
        wanted.set(name, { ...outlay, pico: pico + outlay.pico, wei: wei + outlay.wei });
      }
      for (const [name, outlay] of wanted) await this.#checkOne(share, budget, name, outlay, read);
    }
  }

  async #checkOne(
    share: Share,
    budget: DailyBudget,
    name: string,
    { day, spender, pico, wei }: Outlay,
    read: ReadSpend,
  ): Promise<void> {
    const spent = await this.#spentBy(share, name, { day, spender }, read);
    const reserved = this.#reserved.get(name) ?? { pico: 0n, wei: 0n };
    const before = { pico: spent.pico + reserved.pico, wei: spent.wei + reserved.wei };
    const renewsAt = startOfDay(day + 1);
    const { channel } = this.#options;
    const whose = share === "all" ? "this gateway" : `${share} "${spender[share]}"`;
    const until = `it begins anew at ${new Date(renewsAt).toISOString()}`;
    if (pico > 0n && budget.postage !== undefined && before.pico + pico > unitsToPico(budget.postage)) {
      const words = `${whose} has ${formatUnits(budget.postage)} USD of postage for ${dayText(day)} (UTC), and uses it up`;
      const numbers = {
        ...{ channel, required: picoToUnitsUp(before.pico + pico), available: budget.postage },
        authorised: picoToUnitsUp(before.pico),
      };
      throw new GatewayError("budget_exhausted", `${words}: ${until}`, { retryable: false, renewsAt, numbers });
    }
    if (wei > 0n && budget.gasWei !== undefined && before.wei + wei > budget.gasWei) {
      const words = `${whose} has ${budget.gasWei} wei for gas for ${dayText(day)} (UTC), this may take ${wei}`;
      const rest = budget.gasWei > before.wei ? budget.gasWei - before.wei : 0n;
      throw new GatewayError("budget_exhausted", `${words}, and ${rest} are left: ${until}`, {
        ...{ retryable: false, renewsAt },
      });
    }
  }

  reserve(outlay: Outlay): void {
    this.#reserve(outlay, 1n);
  }

  free(outlay: Outlay): void {
    this.#reserve(outlay, -1n);
  }

  /** What is in the store from now on. */
  spend(rows: readonly Spend[]): void {
    for (const { day, postagePico, stampUnits, gasWei, ...spender } of rows) {
      for (const share of SHARES) {
        // What is not remembered is read when it is asked for.
        const known = this.#spent.get(nameOf(share, day, spender));
        if (!known) continue;
        known.pico += postagePico + unitsToPico(stampUnits);
        known.wei += gasWei;
      }
    }
  }

  #reserve({ day, spender, pico, wei }: Outlay, sign: bigint): void {
    for (const share of SHARES) {
      if (!this.#options.budgets[share]) continue;
      const name = nameOf(share, day, spender);
      const sum = this.#reserved.get(name) ?? { pico: 0n, wei: 0n };
      const next = { pico: sum.pico + sign * pico, wei: sum.wei + sign * wei };
      if (next.pico === 0n && next.wei === 0n) this.#reserved.delete(name);
      else this.#reserved.set(name, next);
    }
  }

  async #spentBy(share: Share, name: string, of: Pick<Outlay, "day" | "spender">, read: ReadSpend): Promise<Sum> {
    const { day, spender } = of;
    const { app, user } = spender;
    const known = this.#spent.get(name) ?? sumOf(await read(scope()));
    this.#spent.delete(name);
    if (this.#spent.size >= MOST_REMEMBERED) this.#spent.delete(this.#spent.keys().next().value!);
    this.#spent.set(name, known);
    return known;

    function scope(): SpendScope {
      return { day, ...(share === "all" ? {} : { app }), ...(share === "user" ? { user } : {}) };
    }
  }
}

function sumOf({ postagePico, stampUnits, gasWei }: SpendTotal): Sum {
  return { pico: postagePico + unitsToPico(stampUnits), wei: gasWei };
}

function nameOf(share: Share, day: number, { app, user }: Spender): string {
  return JSON.stringify([day, ...(share === "all" ? [] : [app]), ...(share === "user" ? [user] : [])]);
}
