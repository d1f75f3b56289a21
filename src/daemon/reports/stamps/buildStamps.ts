import type { Hex } from "../../../protocol/bytes.ts";
import { isInForce } from "../../../protocol/stamps/rules.ts";
import { CannotAttestError } from "../errors.ts";
import type { ReadEvidence, StampSources } from "./evidence.ts";
import { useKey } from "./evidence.ts";
import type { ReportedWelcome } from "./nextStamps.ts";
import { nextStamps } from "./nextStamps.ts";
import type { ReportStamps } from "./stampRows.ts";

/** A welcome of a range, as facts have it. */
export interface RangeWelcome extends Omit<ReportedWelcome, "inbox" | "isWaived"> {
  /** The installation key that it is addressed to. */
  key: Hex;
}

/** What a report covers, unix seconds: from the end of its parent's epoch, 0 for the first, to that of its own. */
export interface Covered {
  startsAt: bigint;
  endsAt: bigint;
}

/**
 * What a report of an epoch says of stamps. Rejects with CannotAttestError `behind` while the identity log is not read up to
 * the epoch's end.
 *
 * A welcome counts from the end of the parent's epoch on, however far back its originator dates it: otherwise one that
 * favours a spammer would leave the recipient no time to report it. A waiver holds or not by the originator's date.
 */
export async function buildStamps(
  sources: StampSources,
  parent: ReportStamps,
  welcomes: readonly RangeWelcome[],
  { said, waivers }: ReadEvidence,
  { startsAt, endsAt }: Covered,
): Promise<ReportStamps> {
  const { store } = sources;
  const [cursor, terms] = [await store.inboxCursor(), await sources.termsAt(endsAt)];
  // Strictly: the epoch's last block may be followed by one of the same second.
  if (!cursor || cursor.at < endsAt) {
    throw new CannotAttestError("behind", `the identity log is not read to the end of the epoch at ${endsAt} yet`);
  }
  const listings = await store.listingsOf(welcomes.map(({ key }) => key));
  const reported = welcomes.flatMap((one): ReportedWelcome[] => {
    const listing = listings.get(one.key);
    const seconds = one.seconds < startsAt ? startsAt : one.seconds;
    if (!listing || seconds < listing.listedAt + terms.settlesSeconds) return [];
    const waiver = waivers.get(useKey(one));
    const isWaived = waiver?.inbox === listing.inbox && isInForce(waiver, one.seconds);
    return [{ ...one, seconds, inbox: listing.inbox, isWaived }];
  });
  return nextStamps(parent, reported, said, terms, endsAt);
}
