import type { Clock } from "../platform/clock.ts";
import type { Gossip } from "./gossip.ts";
import type { Holdings } from "./holdings/ports.ts";
import type { Loop } from "./loop.ts";
import type { Recorder } from "./metrics/ports.ts";
import type { RegisteredNode } from "./ports.ts";

/** Between two rounds, however much is asked for. */
const SOONEST_MS = 500;

export interface TalkOptions {
  gossip: Gossip;
  holdings: Pick<Holdings, "isLent" | "noteRound">;
  nodes: () => readonly RegisteredNode[];
  recorder: Recorder;
  clock: Clock;
}

/** Rounds of gossip, and what hangs on them: after one that a majority answers everything may be lent again. */
export class Talk {
  readonly #options: TalkOptions;
  #loop: Loop | undefined;
  #toldAt = 0;
  #waiting = 0;

  constructor(options: TalkOptions) {
    this.#options = options;
  }

  /** Takes packed voucher rows from a peer or a payer; answers how many were of use. */
  async receive(rows: Uint8Array, caller?: string): Promise<number> {
    const { gossip, recorder } = this.#options;
    recorder.set("gossipWaiting", ++this.#waiting);
    try {
      const taken = await gossip.receive(rows, caller);
      recorder.count("gossipRowsTaken", taken);
      return taken;
    } finally {
      recorder.set("gossipWaiting", --this.#waiting);
    }
  }

  async round(signal: AbortSignal): Promise<void> {
    const { gossip, holdings, nodes, recorder, clock } = this.#options;
    this.#toldAt = clock.now();
    // Somebody waits for this round only while something is lent.
    const isMajority = await gossip.round(nodes(), signal, holdings.isLent);
    recorder.count("gossipRounds", 1, { result: isMajority ? "majority" : "minority" });
    if (isMajority) await holdings.noteRound();
  }

  /** Which loop runs the rounds. */
  runBy(loop: Loop): void {
    this.#loop = loop;
  }

  /** A payer waits for a round; but not so often that gossip is all there is. */
  soon(): void {
    if (this.#options.clock.now() - this.#toldAt >= SOONEST_MS) this.#loop?.wake();
  }
}
