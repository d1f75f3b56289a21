import { WINDOW_MINUTES } from "../rateBook.ts";
import type { RateBook } from "../rateBook.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import { CannotAttestError } from "./errors.ts";
import { FactKind } from "./facts.ts";
import type { FactStore } from "./ports.ts";
import { readFacts } from "./readFacts.ts";
import type { RangeWelcome } from "./stamps/buildStamps.ts";
import { hexOf } from "../store/encode.ts";

/** Minutes of one log that congestion remembers; when there are twice as many the oldest are forgotten. */
const REMEMBERED_MINUTES = 10_080;
const NS = 1_000_000_000n;

/** Picodollars that each originator let in for each channel. */
export type Originated = Map<Address, Map<number, bigint>>;

/**
 * Adds what a range let in. Fees are computed anew from the log: by the rates at each envelope's date, with congestion of
 * lower sequence ids, back to where the parent's range began. Nothing depends on when, or in which pieces, it was metered.
 *
 * Throws CannotAttestError `behind` when the log is not metered to the range's end, `history_missing` as readFacts does.
 * @param from where the parent's range of the originator began, or this one where there is none: excluded
 */
export async function addOriginated(
  to: Originated,
  store: Pick<FactStore, "pages">,
  rates: Pick<RateBook, "feePico">,
  range: LogRange,
  from: bigint,
  onWelcome: (welcome: RangeWelcome) => void = () => {},
): Promise<void> {
  const { originatorId, firstSequenceId, lastSequenceId, count } = range;
  if (count === 0n) return;
  const minutes = new Minutes();
  let seen = 0n;
  for await (const { sequenceId, kind, seconds, size, payer, welcome } of readFacts(store, originatorId, from)) {
    if (sequenceId > lastSequenceId) break;
    if (sequenceId >= firstSequenceId) seen++;
    if (kind === FactKind.free) continue;
    if (sequenceId >= firstSequenceId && kind === FactKind.charged) {
      const ofChannel = to.get(payer) ?? new Map<number, bigint>();
      to.set(payer, ofChannel);
      if (welcome) {
        const [id, key] = [hexOf(welcome.id), hexOf(welcome.key)];
        onWelcome({ payer, welcome: id, key, seconds, originatorId, sequenceId });
      }
      const fee = rates.feePico(minutes.counts, seconds * NS, size);
      ofChannel.set(originatorId, (ofChannel.get(originatorId) ?? 0n) + fee);
    }
    minutes.note(seconds / 60n);
  }
  if (seen === count) return;
  throw new CannotAttestError(
    "behind",
    `${seen} of ${count} envelopes of originator ${originatorId} are metered here`,
    {
      originatorId,
      sequenceId: lastSequenceId,
    },
  );
}

/** Messages per minute of one log. Forgets by what it holds and not by a clock, so every node forgets the same. */
class Minutes {
  #counts = new Map<bigint, bigint>();

  get counts(): ReadonlyMap<bigint, bigint> {
    return this.#counts;
  }

  note(minute: bigint): void {
    this.#counts.set(minute, (this.#counts.get(minute) ?? 0n) + 1n);
    if (this.#counts.size < 2 * REMEMBERED_MINUTES + Number(WINDOW_MINUTES)) return;
    const newest = [...this.#counts].sort(([a], [b]) => (a < b ? 1 : -1)).slice(0, REMEMBERED_MINUTES);
    this.#counts = new Map(newest);
  }
}
