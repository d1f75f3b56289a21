import { setImmediate } from "node:timers/promises";

import { CannotAttestError } from "./errors.ts";
import type { Fact } from "./facts.ts";
import { unpackFacts } from "./facts.ts";
import type { FactStore } from "./ports.ts";

const PAGES = 16;

/**
 * What is known of an originator's log after a sequence id, in order and without a gap, to the end of what was metered.
 * Throws CannotAttestError `history_missing` where metering began later or a stretch was dropped.
 */
export async function* readFacts(
  store: Pick<FactStore, "pages">,
  originatorId: number,
  after: bigint,
): AsyncGenerator<Fact> {
  let known = after;
  for (;;) {
    const pages = await store.pages(originatorId, known, PAGES);
    for (const page of pages) {
      // Others get their turn: a range may have millions.
      await setImmediate();
      if (page.after > known) {
        throw new CannotAttestError(
          "history_missing",
          `nothing is known of the log of originator ${originatorId} from ${known + 1n} to ${page.after}: ` +
            "this ledger began later. It attests again once a final report covers that",
          { originatorId, sequenceId: known + 1n },
        );
      }
      for (const fact of unpackFacts(page.facts)) if (fact.sequenceId > known) yield fact;
      known = page.last;
    }
    if (pages.length < PAGES) return;
  }
}
