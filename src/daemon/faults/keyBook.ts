import type { Clock } from "../../platform/clock.ts";
import { NewestMap } from "../../platform/newestMap.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { FaultChain } from "./ports.ts";

/** Keys that are remembered, and the questions that the chain is asked in one round at most. */
const REMEMBERED = 4_096;
const QUESTIONS_PER_ROUND = 32;
/** A retired key is none after a while. */
const REMEMBERED_MS = 600_000;

/** More questions than one round may ask the chain; the next round goes on. */
export class TooManyKeys extends Error {
  override readonly name = "TooManyKeys";
}

/**
 * Whose key is whose. That a key is nobody's holds for the round only: it may be registered meanwhile, or the RPC that
 * answered may have been behind. Questions are counted, so a peer that serves forgeries cannot make this daemon ask all
 * the time.
 */
export class KeyBook {
  readonly #chain: Pick<FaultChain, "isKeyOf">;
  readonly #clock: Clock;
  /** When the chain said yes. */
  readonly #keys = new NewestMap<string, number>(REMEMBERED);
  readonly #noKeys = new Set<string>();
  #left = QUESTIONS_PER_ROUND;

  constructor(chain: Pick<FaultChain, "isKeyOf">, clock: Clock) {
    this.#chain = chain;
    this.#clock = clock;
  }

  startRound(): void {
    this.#left = QUESTIONS_PER_ROUND;
    this.#noKeys.clear();
  }

  /** Rejects with TooManyKeys when the round's questions are used up, and when the chain does not answer. */
  async isKeyOf(nodeId: number, signer: Address): Promise<boolean> {
    const question = `${nodeId}:${signer}`;
    if (this.#noKeys.has(question)) return false;
    const at = this.#keys.get(question);
    const now = this.#clock.now();
    if (at !== undefined && now - at < REMEMBERED_MS) return true;
    if (this.#left-- <= 0) throw new TooManyKeys("no more keys are looked up in this round");
    if (!(await this.#chain.isKeyOf(nodeId, signer))) {
      this.#keys.delete(question);
      this.#noKeys.add(question);
      return false;
    }
    this.#keys.set(question, now);
    return true;
  }
}
