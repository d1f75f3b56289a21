import type { Address } from "../../protocol/bytes.ts";
import type { Book } from "../backing.ts";
import { newStamps, shortfall, stampShortfall } from "../backing.ts";
import type { Charge } from "../ports.ts";
import { PostageRefused } from "../refusal.ts";
import type { Ask } from "./ports.ts";

/** `here` and `elsewhere`: held by this process or another one. */
export type Standing = "free" | "here" | "elsewhere" | "charged";

/** What the moment of a decision knows. */
export interface Moment {
  bookOf: (channel: Address) => Book;
  standingOf: (charge: Charge) => Standing;
}

/**
 * The charges of a call that are to be held for it, or why it is not let in. The one decision, in memory and over a
 * database; whoever asks sees to it that nothing changes between this and the hold.
 */
export function decide(
  { channels, charges, hasVoucher, terms }: Ask,
  { bookOf, standingOf }: Moment,
): PostageRefused | Charge[] {
  const fresh: Charge[] = [];
  for (const charge of charges) {
    const standing = standingOf(charge);
    if (standing === "elsewhere") return inProgress();
    if (standing === "free") fresh.push(charge);
  }
  const now = terms();
  for (const channel of channels) {
    const feePico = fresh.reduce((sum, charge) => (charge.channel === channel ? sum + charge.feePico : sum), 0n);
    const refusal = feePico > 0n ? shortfall(bookOf(channel), feePico, hasVoucher, now) : undefined;
    if (refusal) return refusal;
  }
  return withStamps(channels, fresh, bookOf);
}

/** After the fees, so that whoever lacks both signs for both at once, with the numbers of the second answer. */
function withStamps(
  channels: readonly Address[],
  fresh: readonly Charge[],
  bookOf: Moment["bookOf"],
): PostageRefused | Charge[] {
  if (fresh.every(({ stamp }) => !stamp)) return [...fresh];
  const held: Charge[] = [];
  for (const channel of channels) {
    const book = bookOf(channel);
    const own = newStamps(
      book,
      fresh.filter((charge) => charge.channel === channel),
    );
    const refusal = stampShortfall(book, own);
    if (refusal) return refusal;
    held.push(...own);
  }
  return held;
}

/** Whether the node has stored it or will, nobody knows yet: the payer must not take it elsewhere. */
export function inProgress(): PostageRefused {
  const problem = "another process of this node has this envelope under way, or had a moment ago";
  return new PostageRefused("in_progress", `${problem}: send the same bytes here again soon`);
}

/** More than this a process does not hold: what it let in is not being metered. */
export const MOST_HELD = 50_000;

export function tooMuchHeld(): PostageRefused {
  return new PostageRefused("busy", `${MOST_HELD} messages wait to be metered here: try again soon, or another node`);
}
