import { PICO_PER_UNIT, formatUnits, picoToUnitsUp, unitsToPico } from "../protocol/units.ts";
import { VOUCHER_HEADER } from "../protocol/voucher.ts";
import { authorisedFees, availableFees, backedFees, exposurePico, signedCeiling } from "./account.ts";
import type { Hex } from "../protocol/bytes.ts";
import type { Account, Charge } from "./ports.ts";
import { PostageRefused } from "./refusal.ts";

/** What is lent a channel between two rounds of gossip whatever its headroom: 0.01 USD. */
const LEAST_SHARE_PICO = unitsToPico(10_000n);
const DOUBT_STEPS = 1_000_000;

/** What holds for every channel at a moment. */
export interface Terms {
  /** Most that one channel may have carried and not settled, in base units. */
  exposureCap: bigint;
  /** 0 while everything may be lent, up to 1 when nothing may: grows while the chain cannot be read. */
  chainDoubt: number;
  /** False while envelopes that other nodes took before this one started are still on their way here. */
  isCaughtUp: boolean;
  /** How many nodes may lend the same headroom. */
  seats: number;
}

/** What is known of a channel when a message of it is to be let in. */
export interface Book {
  account: Account;
  /** Fees of what was let in and is not metered yet. */
  heldPico: bigint;
  /** What was let in since vouchers were last exchanged with a majority of seats. */
  lentPico: bigint;
  /** Base units of its ceiling that stamps use. */
  stampsUsed: bigint;
  /** Prices of stamps of what was let in and is not metered yet, by inbox. */
  heldStamps: ReadonlyMap<Hex, bigint>;
}

/** What of a call's stamps is not held already: one per inbox, however many of its installations are written to. */
export function newStamps({ heldStamps }: Pick<Book, "heldStamps">, charges: readonly Charge[]): Charge[] {
  const inboxes = new Set(heldStamps.keys());
  return charges.map((charge) => {
    const { stamp, ...rest } = charge;
    if (!stamp) return charge;
    if (inboxes.has(stamp.inbox)) return rest;
    inboxes.add(stamp.inbox);
    return charge;
  });
}

/** Why stamps are not to be let in; undefined when the signed ceiling covers them. What it promises the deposit backs: fees give way. */
export function stampShortfall(book: Book, charges: readonly Charge[]): PostageRefused | undefined {
  const price = charges.reduce((sum, { stamp }) => sum + (stamp?.price ?? 0n), 0n);
  if (price === 0n) return undefined;
  const { account, stampsUsed, heldStamps } = book;
  const { channel, chain } = account;
  const held = [...heldStamps.values()].reduce((sum, one) => sum + one, 0n);
  const required = stampsUsed + held + price;
  const authorised = signedCeiling(account);
  if (required <= authorised) return undefined;
  const why = charges.find(({ stamp }) => stamp?.why)?.stamp?.why;
  const problem = `a first message to a stranger needs a stamp of ${formatUnits(price)}${why ? ` (${why})` : ""}`;
  return new PostageRefused(
    "stamp_missing",
    `${problem}: sign a ceiling of ${formatUnits(required)} for stamps, ${formatUnits(authorised)} is signed; or send a waiver`,
    { channel, required, authorised, available: chain.deposited },
  );
}

/** Why `feePico` more is not to be let in; undefined when it is backed. */
export function shortfall(
  { account, heldPico, lentPico }: Book,
  feePico: bigint,
  hasVoucher: boolean,
  { exposureCap, chainDoubt, isCaughtUp, seats }: Terms,
): PostageRefused | undefined {
  const { channel } = account;
  // Until the other nodes' logs are here, what the chain has collected says more than what was metered.
  const settledPico = account.chain.feesSpent * PICO_PER_UNIT;
  const knownPico = isCaughtUp || account.usagePico > settledPico ? account.usagePico : settledPico;
  const usagePico = knownPico + heldPico + feePico;
  const required = picoToUnitsUp(usagePico);
  const authorised = authorisedFees(account);
  const available = availableFees(account);
  const numbers = { channel, required, authorised, available };
  if (usagePico > available * PICO_PER_UNIT) {
    const problem = `channel ${channel} backs ${formatUnits(available)} of fees, ${formatUnits(required)} are needed`;
    return new PostageRefused("deposit_short", `${problem}: deposit more`, numbers);
  }
  const backedPico = backedFees(account) * PICO_PER_UNIT;
  if (usagePico > backedPico) {
    const code = hasVoucher || authorised > 0n ? "voucher_short" : "voucher_missing";
    const problem = `vouchers of channel ${channel} cover ${formatUnits(authorised)}, ${formatUnits(required)} are needed`;
    return new PostageRefused(code, `${problem}: send a larger one as ${VOUCHER_HEADER}`, numbers);
  }
  if (!isWithinShare({ freePico: backedPico - (usagePico - feePico), lentPico, feePico, seats })) {
    const problem = `channel ${channel} has used this node's share of its headroom until the nodes have spoken`;
    return new PostageRefused("lending_limit", `${problem}: try again soon, another node, or prepay more`, numbers);
  }
  const trust = BigInt(Math.floor((1 - chainDoubt) * DOUBT_STEPS));
  const capPico = (exposureCap * PICO_PER_UNIT * trust) / BigInt(DOUBT_STEPS);
  if (exposurePico({ ...account, usagePico }) <= capPico) return undefined;
  return trust < BigInt(DOUBT_STEPS)
    ? new PostageRefused("chain_unread", "the chain cannot be read at this node: use another node", numbers)
    : new PostageRefused("exposure_cap", `channel ${channel} has too much unsettled here: try again soon`, numbers);
}

/**
 * Whether `feePico` more is within this node's share. The same headroom can be shown to every node at once, so between two
 * rounds of gossip that a majority of seats answers each lends only its share of it.
 */
export function isWithinShare({
  freePico,
  lentPico,
  feePico,
  seats,
}: {
  /** What is signed for, backed and not used yet, before this. */
  freePico: bigint;
  lentPico: bigint;
  feePico: bigint;
  seats: number;
}): boolean {
  // One call is let in whatever it costs: else what is dearer than a share could never be sent.
  if (seats <= 1 || lentPico === 0n) return true;
  // What was lent here is part of the headroom that is being shared.
  const share = (freePico + lentPico) / BigInt(seats);
  return lentPico + feePico <= (share > LEAST_SHARE_PICO ? share : LEAST_SHARE_PICO);
}
