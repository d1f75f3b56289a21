import { Code, ConnectError } from "@connectrpc/connect";

import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Hold } from "../holdings/ports.ts";
import type { Answer, Candidate } from "./answers.ts";
import type { Lookup } from "./lookup.ts";

/** A publish is looked for this often before its caller is told that nobody knows. */
const FIRST_LOOKS_MS = [0, 200, 500, 1_000, 2_000, 3_000];
const LOOK_EVERY_MS = 5_000;
/** Envelopes, and their bytes, of publishes that are under way or open. */
const MOST_OPEN = 10_000;
const MOST_OPEN_BYTES = 64 * 1024 * 1024;

export interface FatesOptions {
  lookup: Lookup;
  /** What is found is noted before anybody hears of it. */
  conclude: (answers: ReadonlyMap<string, Answer>) => Promise<void>;
  /** The meter looks itself whether the node's log has more. */
  doubtLog: () => void;
  /** Meters the node's log to its end. */
  meter: () => Promise<void>;
  clock: Clock;
  log: Log;
  /** After this, what the node does not serve it will not store any more: longer than any request of its own takes. */
  graceMs: number;
}

/** A call whose answer is missing. */
export interface OpenCall {
  candidates: readonly Candidate[];
  admission: Hold;
  /** Highest sequence id that was known before it was sent. */
  above: bigint;
}

interface Open extends OpenCall {
  since: number;
  lookedAt: number;
}

/**
 * Publishes of which nobody knows yet whether the node stored them. Their postage stays reserved and nothing of them is
 * sent again, until they are found, or a while later the node's log was metered without them.
 */
export class Fates {
  readonly #options: FatesOptions;
  readonly #open = new Map<string, Open>();
  #taken = 0;
  #takenBytes = 0;
  readonly #stopped = new AbortController();

  constructor(options: FatesOptions) {
    this.#options = options;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /**
   * Makes room for a publish, whose fate may come to be open, before it is sent. False while there is none: nothing more may
   * be sent then. The room is given back by `give`, or when the fate of what was left to `resolve` is known.
   */
  take(candidates: readonly Candidate[]): boolean {
    const bytes = bytesOf(candidates);
    if (this.#taken + candidates.length > MOST_OPEN || this.#takenBytes + bytes > MOST_OPEN_BYTES) return false;
    this.#taken += candidates.length;
    this.#takenBytes += bytes;
    return true;
  }

  give(candidates: readonly Candidate[]): void {
    this.#taken -= candidates.length;
    this.#takenBytes -= bytesOf(candidates);
  }

  /** Looks for a call that has just ended without an answer. Throws Unavailable when it cannot be found now. */
  async resolve(call: OpenCall): Promise<ReadonlyMap<string, Answer>> {
    const { clock } = this.#options;
    const open = { ...call, since: clock.now(), lookedAt: clock.now() };
    for (const { key } of call.candidates) this.#open.set(key, open);
    for (const waitMs of FIRST_LOOKS_MS) {
      if (waitMs > 0) await clock.sleep(waitMs, this.#stopped.signal).catch(() => {});
      const found = await this.#look(open);
      if (found) return found;
      if (this.#stopped.signal.aborted) break;
    }
    throw stillUnknown();
  }

  /** Whether an envelope's fate is open. */
  has(key: string): boolean {
    return this.#open.has(key);
  }

  /** For an envelope that came again while its fate is open. Throws Unavailable when it is still not known. */
  async lookAgain(key: string): Promise<Answer> {
    const open = this.#open.get(key);
    const found = open && (await this.#look(open));
    const answer = found?.get(key);
    if (!answer) throw stillUnknown();
    return answer;
  }

  /** Looks after what is open; to be called every second or so. Rejects when the log cannot be metered now. */
  async round(): Promise<void> {
    const { clock, graceMs, doubtLog, meter, log } = this.#options;
    for (const open of new Set(this.#open.values())) {
      // Each look may take as long as a node that does not answer.
      if (this.#stopped.signal.aborted) return;
      const now = clock.now();
      if (now - open.lookedAt < LOOK_EVERY_MS) continue;
      open.lookedAt = now;
      if ((await this.#look(open)) || now - open.since < graceMs) continue;
      // Its postage is free when the meter, from now on, comes to the end of the log and has not met it.
      doubtLog();
      open.admission.release(true);
      await meter();
      this.#close(open);
      log.warn({ envelopes: open.candidates.length }, "a publish got no answer, and the node has not stored it");
    }
  }

  /** No more waiting: what is open is left to the next start, which meters the node's log first. */
  stop(): void {
    this.#stopped.abort(new Error("the proxy stops"));
  }

  /** The answers of all its envelopes; undefined when one is missing, or the node cannot be asked. */
  async #look(open: Open): Promise<ReadonlyMap<string, Answer> | undefined> {
    const { lookup, conclude, log } = this.#options;
    const answers = new Map<string, Answer>();
    try {
      for (const candidate of open.candidates) {
        const answer = await lookup.inTopic(candidate, open.above);
        if (!answer) return undefined;
        answers.set(candidate.key, answer);
      }
      await conclude(answers);
    } catch (error) {
      log.debug({ error: String(error) }, "a publish without an answer could not be looked up");
      return undefined;
    }
    // Another look may have been quicker; a reservation is released once.
    if (this.#close(open)) open.admission.release(true);
    return answers;
  }

  #close(open: Open): boolean {
    let wasOpen = false;
    for (const { key } of open.candidates) {
      if (this.#open.get(key) !== open) continue;
      this.#open.delete(key);
      wasOpen = true;
    }
    if (wasOpen) this.give(open.candidates);
    return wasOpen;
  }
}

function bytesOf(candidates: readonly Candidate[]): number {
  return candidates.reduce((sum, { read }) => sum + read.bytes.length, 0);
}

function stillUnknown(): ConnectError {
  return new ConnectError(
    "the node behind this proxy gave no answer, and whether it stored the envelopes is not known yet: send the same bytes again",
    Code.Unavailable,
  );
}
