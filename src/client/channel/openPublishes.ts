import type { Attempt, AttemptKey, LedgerNews, Refusal } from "../ports.ts";
import type { BudgetBook, Outlay } from "./budgetBook.ts";
import { dayOf } from "./spend.ts";

type Step = Pick<LedgerNews, "addAttempts" | "removeAttempts" | "addRefusals" | "removeRefusals" | "gone">;

/** What an attempt may still cost. */
export function outlayOf({ startedAt, spender, reservedPico, reservedWei }: Attempt): Outlay {
  return { day: dayOf(startedAt), spender, pico: reservedPico, wei: reservedWei };
}

function idOf({ envelopeHash, originatorId }: AttemptKey): string {
  return `${envelopeHash}:${originatorId}`;
}

/**
 * Publishes that are not booked: those under way, whose cost is reserved, and those that a node refused. Memory of what the store
 * has; it changes by the steps that were committed, and by nothing else.
 */
export class OpenPublishes {
  readonly #budgets: Pick<BudgetBook, "reserve" | "free">;
  readonly #attempts = new Map<string, Attempt>();
  /** In the order of their time. */
  readonly #refusals = new Map<string, Refusal>();
  /** Envelopes with an attempt, to find them without a scan. */
  readonly #byEnvelope = new Map<string, Set<string>>();
  #inFlightPico = 0n;

  constructor(
    budgets: Pick<BudgetBook, "reserve" | "free">,
    attempts: readonly Attempt[],
    refusals: readonly Refusal[],
  ) {
    this.#budgets = budgets;
    this.apply({ addAttempts: attempts, addRefusals: refusals });
  }

  /** Reserved for envelopes whose fate is not known. */
  get inFlightPico(): bigint {
    return this.#inFlightPico;
  }

  attempts(): Attempt[] {
    return [...this.#attempts.values()];
  }

  attemptsOf(envelopeHash: string): Attempt[] {
    return [...(this.#byEnvelope.get(envelopeHash) ?? [])].map((id) => this.#attempts.get(id)!);
  }

  attempt(key: AttemptKey): Attempt | undefined {
    return this.#attempts.get(idOf(key));
  }

  /** Those of them that are under way. */
  held(keys: readonly AttemptKey[]): Attempt[] {
    return keys.map((key) => this.attempt(key)).filter((attempt) => attempt !== undefined);
  }

  refusals(): Refusal[] {
    return [...this.#refusals.values()];
  }

  refusal(key: AttemptKey): Refusal | undefined {
    return this.#refusals.get(idOf(key));
  }

  apply({ addAttempts = [], removeAttempts = [], addRefusals = [], removeRefusals = [], gone }: Step): void {
    if (gone) this.#bury(gone);
    for (const key of removeAttempts) this.#forget(key);
    for (const attempt of addAttempts) this.#remember(attempt);
    for (const key of removeRefusals) this.#refusals.delete(idOf(key));
    for (const refusal of addRefusals) this.#refusals.set(idOf(refusal), refusal);
  }

  #bury(gone: readonly bigint[]): void {
    for (const [id, { process, ...attempt }] of this.#attempts) {
      if (process !== undefined && gone.includes(process)) this.#attempts.set(id, attempt);
    }
  }

  #remember(attempt: Attempt): void {
    // A known one comes again with another amount of gas.
    this.#forget(attempt);
    const id = idOf(attempt);
    this.#attempts.set(id, attempt);
    this.#inFlightPico += attempt.reservedPico;
    this.#budgets.reserve(outlayOf(attempt));
    const ids = this.#byEnvelope.get(attempt.envelopeHash) ?? new Set();
    this.#byEnvelope.set(attempt.envelopeHash, ids.add(id));
  }

  #forget(key: AttemptKey): void {
    const id = idOf(key);
    const attempt = this.#attempts.get(id);
    if (!attempt) return;
    this.#inFlightPico -= attempt.reservedPico;
    this.#budgets.free(outlayOf(attempt));
    this.#attempts.delete(id);
    const ids = this.#byEnvelope.get(key.envelopeHash);
    ids?.delete(id);
    if (ids?.size === 0) this.#byEnvelope.delete(key.envelopeHash);
  }
}
