import { attest } from "../../protocol/report/bls.ts";
import { rollCallDigest } from "../../protocol/report/report.ts";
import { placeInTurn } from "../turns.ts";
import type { ReporterOptions } from "./options.ts";
import type { RollCall } from "./ports.ts";

/** Without a report, and until a roll call that nobody closes is over. As in the contract. */
const SILENCE_SECONDS = 259_200n;
const ANSWERING_SECONDS = 86_400n;
/** Every seat looks so often whether it is time; so turns have to be further apart. */
const TEND_MS = 300_000;
const TURN_SECONDS = 600n;
/** A call has to be closed within two days. */
const MOST_TURNS = 24n;

type Step = "open" | "close";
type Options = Pick<
  ReporterOptions,
  "chain" | "nodeId" | "nodes" | "domain" | "attestationKey" | "recorder" | "clock" | "log"
>;

/**
 * When no quorum is there to attest, the chain itself asks who still is: answers at once, whoever opened the call, because
 * a seat that does not is jailed; opens and closes calls by turns, when that is worth its gas.
 */
export class RollCalls {
  readonly #options: Options;
  #tendedAt: number | undefined;
  /** What was due at the last look, and since when, in unix seconds of the chain. */
  #due: { step: Step; since: bigint } | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Rejects as chain and transactions do. */
  async step(): Promise<void> {
    const { chain, clock } = this.#options;
    const call = await chain.rollCall();
    await this.#answer(call);
    const now = clock.elapsed();
    if (this.#tendedAt !== undefined && now - this.#tendedAt < TEND_MS) return;
    await this.#tend(call);
    this.#tendedAt = now;
  }

  async #answer(call: RollCall | undefined): Promise<void> {
    const { chain, domain, attestationKey, recorder, log } = this.#options;
    const position = call ? this.#positionIn(call) : -1;
    const isAnswered = !call || call.isClosed || position < 0 || hasAnswered(call, position);
    const isOpen = !isAnswered && (await chain.now()) < call.answerUntil;
    recorder?.set("rollCallUnanswered", isOpen ? 1 : 0);
    if (!isOpen) return;
    log.warn({ number: call.number, answerUntil: call.answerUntil }, "a roll call asks whether this node is there");
    const signature = attest(rollCallDigest(domain, call.number), attestationKey);
    await chain.answerRollCall(1n << BigInt(position), signature, call.answerUntil);
    recorder?.set("rollCallUnanswered", 0);
  }

  async #tend(call: RollCall | undefined): Promise<void> {
    const { chain, log } = this.#options;
    const now = await chain.now();
    const step = await this.#stepAt(now, call);
    // The chain has the last word: what it would refuse is not due.
    if (!step || !(await chain.isRollCallDue(step))) {
      this.#due = undefined;
      return;
    }
    if (this.#due?.step !== step) this.#due = { step, since: now };
    if (now - this.#due.since < (await this.#turnSeconds(now))) return;
    if (step === "open" && (await chain.openRollCall())) log.warn({}, "no report for three days: opened a roll call");
    if (step === "close" && (await chain.closeRollCall()))
      log.warn({ number: call?.number }, "closed a roll call: seats that did not answer are jailed");
  }

  /** As far as can be told without asking the chain what it would do. */
  async #stepAt(now: bigint, call: RollCall | undefined): Promise<Step | undefined> {
    const { chain, log } = this.#options;
    const isUnderWay = call && now < call.answerUntil - ANSWERING_SECONDS + SILENCE_SECONDS;
    if (isUnderWay) {
      const all = call.seats.seats.map((_, position) => position);
      if (call.isClosed || now < call.answerUntil || all.every((position) => hasAnswered(call, position)))
        return undefined;
      const position = this.#positionIn(call);
      if (position < 0 || hasAnswered(call, position)) return "close";
      log.error(
        { number: call.number },
        "this node did not answer a roll call in time: others may close it, and jail it",
      );
      return undefined;
    }
    const [{ length, epoch }, epochSeconds] = await Promise.all([chain.head(), chain.epochSeconds()]);
    // A report is accepted after its epoch's end, so that it is not time before that.
    return length > 0n && now >= (epoch + 1n) * epochSeconds + SILENCE_SECONDS ? "open" : undefined;
  }

  async #turnSeconds(now: bigint): Promise<bigint> {
    const { chain, nodes, nodeId } = this.#options;
    const turn = placeInTurn(nodes(), nodeId, now / (await chain.epochSeconds())).place ?? MOST_TURNS;
    return (turn < MOST_TURNS ? turn : MOST_TURNS) * TURN_SECONDS;
  }

  #positionIn({ seats }: RollCall): number {
    return seats.seats.findIndex((seat) => seat.nodeId === this.#options.nodeId);
  }
}

function hasAnswered({ answered }: RollCall, position: number): boolean {
  return ((answered >> BigInt(position)) & 1n) === 1n;
}
