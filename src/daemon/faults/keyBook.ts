import type { Clock } from "../../platform/clock.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { FaultChain } from "./ports.ts";

/** Answers that are remembered, and the questions that the chain is asked in one round at most. */
const REMEMBERED = 4_096;
const QUESTIONS_PER_ROUND = 32;
/** A key that is none today may be one after a rotation, and a retired one is none after a while. */
const REMEMBERED_MS = 600_000;

/** More questions than one round may ask the chain; the next round goes on. */
export class TooManyKeys extends Error {
  override readonly name = "TooManyKeys";
}

/** Whose key is whose, asked once: a peer that serves forgeries must not make this daemon ask all the time. */
export class KeyBook {
  readonly #chain: Pick<FaultChain, "isKeyOf">;
  readonly #clock: Clock;
  readonly #answers = new Map<string, { isKey: boolean; at: number }>();
  #left = QUESTIONS_PER_ROUND;

  constructor(chain: Pick<FaultChain, "isKeyOf">, clock: Clock) {
    this.#chain = chain;
    this.#clock = clock;
  }

  startRound(): void {
    this.#left = QUESTIONS_PER_ROUND;
  }

  /** Rejects with TooManyKeys when the round's questions are used up, and when the chain does not answer. */
  async isKeyOf(nodeId: number, signer: Address): Promise<boolean> {
    const question = `${nodeId}:${signer}`;
    const known = this.#answers.get(question);
    const now = this.#clock.now();
    if (known && now - known.at < REMEMBERED_MS) return known.isKey;
    if (this.#left-- <= 0) throw new TooManyKeys("no more keys are looked up in this round");
    const isKey = await this.#chain.isKeyOf(nodeId, signer);
    if (this.#answers.size >= REMEMBERED) this.#answers.delete(this.#answers.keys().next().value!);
    this.#answers.set(question, { isKey, at: now });
    return isKey;
  }
}
