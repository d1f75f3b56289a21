import type { Attempt, GatewayStore, LedgerCommit, Refusal } from "../../../src/client/ports.ts";

export interface RecordedStep extends LedgerCommit {
  gone?: readonly bigint[];
}

/** What goes wrong with one turn. */
export type TurnFault = "none" | "rolledBack" | "answerLost";

/** Everything that any process committed, in the order in which it became visible. */
export class TurnRecorder {
  readonly #steps = new Map<bigint, RecordedStep>();
  /** Taken one a turn, by whoever is next. */
  faults: TurnFault[] = [];

  /** Of the revisions, from 1; each follows the one before. */
  get steps(): RecordedStep[] {
    return [...this.#steps].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, step]) => step);
  }

  /** A store whose turns are written down, and go wrong as it is told. */
  over(store: GatewayStore): GatewayStore {
    const { shared } = store;
    if (!shared) throw new Error("not a store for several");
    return {
      ...store,
      shared: {
        leave: (channel, process) => shared.leave(channel, process),
        turn: async (channel, ask, work) => {
          const fault = this.faults.shift() ?? "none";
          const done: RecordedStep[] = [];
          const result = await shared.turn(channel, ask, async (turn) => {
            const value = await work({
              ...turn,
              commit: async (steps) => {
                await turn.commit(steps);
                done.push(...steps);
              },
              bury: async (gone, state) => {
                await turn.bury(gone, state);
                done.push({ channel, state, gone });
              },
            });
            if (fault === "rolledBack") throw new Error("the turn was rolled back");
            return value;
          });
          for (const step of done) this.#steps.set(step.state.revision, step);
          if (fault === "answerLost") throw new Error("nobody heard that the turn was committed");
          return result;
        },
      },
    };
  }
}

/** What is open after some steps, computed as plainly as it can be. */
export class Replay {
  readonly attempts = new Map<string, Attempt>();
  readonly refusals = new Map<string, Refusal>();
  readonly spent = new Map<string, bigint>();

  take(step: RecordedStep): void {
    const { addAttempts = [], removeAttempts = [], addRefusals = [], removeRefusals = [] } = step;
    const { spend = [], gone = [] } = step;
    for (const [id, { process, ...attempt }] of this.attempts) {
      if (process !== undefined && gone.includes(process)) this.attempts.set(id, attempt);
    }
    const idOf = (key: { envelopeHash: string; originatorId: number }) => `${key.envelopeHash}:${key.originatorId}`;
    for (const key of removeAttempts) this.attempts.delete(idOf(key));
    for (const { process, ...attempt } of addAttempts) {
      // What is sent was said first, and stays.
      const { payerEnvelope } = this.attempts.get(idOf(attempt)) ?? attempt;
      this.attempts.set(idOf(attempt), { ...attempt, payerEnvelope, ...(process === undefined ? {} : { process }) });
    }
    for (const key of removeRefusals) this.refusals.delete(idOf(key));
    for (const refusal of addRefusals) this.refusals.set(idOf(refusal), refusal);
    for (const { user, postagePico, stampUnits } of spend) {
      this.spent.set(user, (this.spent.get(user) ?? 0n) + postagePico + stampUnits * 1_000_000n);
    }
  }

  get inFlightPico(): bigint {
    return [...this.attempts.values()].reduce((sum, { reservedPico }) => sum + reservedPico, 0n);
  }

  /** Spent and reserved, in picodollars. */
  burdenOf(user: string): bigint {
    const own = [...this.attempts.values()].filter(({ spender }) => spender.user === user);
    return own.reduce((sum, { reservedPico }) => sum + reservedPico, this.spent.get(user) ?? 0n);
  }
}
