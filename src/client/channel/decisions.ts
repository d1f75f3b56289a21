import type { Hex } from "../../protocol/bytes.ts";
import { FIRST_NODE_ID } from "../../protocol/envelope.ts";
import { unitsToPico } from "../../protocol/units.ts";
import { GatewayError } from "../errors.ts";
import type { Attempt, AttemptKey, KeptReceipt, Spender, StoredAnswer } from "../ports.ts";
import type { Change, LedgerBook } from "./ledgerBook.ts";
import { outlayOf } from "./openPublishes.ts";
import type { ChannelTerms, StampTerms, VoucherSigner } from "./signing.ts";
import { dayOf, spendFor, stampSpend, unnamedSpend } from "./spend.ts";
import type { Decide, Decided, Look } from "./turns.ts";

/** Refusals kept for verification; beyond, the oldest are forgotten. */
const MOST_REFUSALS = 10_000;

/** What decisions are made on. */
export interface Desk {
  book: LedgerBook;
  signer: VoucherSigner;
  isShared: boolean;
}

const decided = <T>(result: T, change?: Change): Decided<T> => ({ result, ...(change ? { change } : {}) });
const isSame = (a: AttemptKey, b: AttemptKey) => a.envelopeHash === b.envelopeHash && a.originatorId === b.originatorId;
const only = (change?: Change): Decided<void> => decided(undefined, change);

/** Envelopes that are another process's matter, or have its answer. */
async function elsewhere({ book, isShared }: Desk, hashes: readonly Hex[], look: Look): Promise<Hex[]> {
  if (!isShared) return [];
  const found: Hex[] = [];
  for (const hash of hashes) {
    const isTheirs = book.open.attemptsOf(hash).some((attempt) => book.isElsewhere(attempt));
    if (isTheirs || (await look.isAnswered(hash))) found.push(hash);
  }
  return found;
}

/** Attempts at these envelopes that nobody publishes, as this process does from now on. */
async function taken({ book, isShared }: Desk, hashes: readonly Hex[], look: Look): Promise<Attempt[]> {
  if (!isShared) return [];
  const free = hashes.flatMap((hash) => book.open.attemptsOf(hash)).filter((attempt) => !book.isOwn(attempt));
  return Promise.all(
    free.map(async (attempt) => book.owned({ ...attempt, payerEnvelope: await look.payerEnvelope(attempt) })),
  );
}

export interface ReservedRows {
  kind: "reserved";
  /** As they are to be sent: one that was reserved before is sent as it was then. */
  attempts: Attempt[];
  /** Whether one of them was reserved before, and may have been sent. */
  isAgain: boolean;
  voucherRow: Uint8Array;
}

/** Nothing was reserved: another process has these under way, or has answered them. */
export interface Elsewhere {
  kind: "elsewhere";
  envelopeHashes: Hex[];
}

export function reserve(
  desk: Desk,
  attempts: readonly Attempt[],
  terms: () => ChannelTerms,
): Decide<(ReservedRows & { isNew: boolean }) | Elsewhere> {
  const { book, signer } = desk;
  return async (look) => {
    const hashes = attempts.map(({ envelopeHash }) => envelopeHash);
    const envelopeHashes = await elsewhere(desk, hashes, look);
    if (envelopeHashes.length > 0) return decided({ kind: "elsewhere", envelopeHashes });
    const found = await taken(desk, hashes, look);
    const known = (key: AttemptKey) => found.find((one) => isSame(one, key)) ?? book.open.attempt(key);
    const rows = attempts.map((attempt) => known(attempt) ?? book.owned(attempt));
    const fresh = rows.filter((attempt) => !book.open.attempt(attempt));
    await book.budgets.check(fresh.map(outlayOf), look.spendTotal);
    const added = fresh.reduce((sum, { reservedPico }) => sum + reservedPico, 0n);
    const voucherRow = signer.rowFor(book.totalWith(added), terms());
    const isNew = voucherRow !== book.state.voucherRow;
    const removeRefusals = fresh.filter((attempt) => book.open.refusal(attempt));
    const isAgain = fresh.length < rows.length;
    const result = { kind: "reserved" as const, attempts: rows, isAgain, voucherRow, isNew };
    // A voucher that nobody has seen must never be forgotten; an attempt that a power cut takes was never answered.
    const change = { voucherRow, addAttempts: [...found, ...fresh], removeRefusals, isFlushedLater: !isNew };
    return decided(result, isNew || change.addAttempts.length > 0 ? change : undefined);
  };
}

export function note(desk: Desk, attempt: Attempt): Decide<boolean> {
  const { book } = desk;
  return async (look) => {
    if ((await elsewhere(desk, [attempt.envelopeHash], look)).length > 0) return decided(false);
    const found = await taken(desk, [attempt.envelopeHash], look);
    const addAttempts = book.open.attempt(attempt) ? found : [...found, book.owned(attempt)];
    return decided(true, addAttempts.length > 0 ? { addAttempts } : undefined);
  };
}

export function reserveGas({ book, isShared }: Desk, key: AttemptKey, mostWei: bigint): Decide<void> {
  return async (look) => {
    const attempt = book.open.attempt(key);
    if (isShared && !(attempt && book.isOwn(attempt))) {
      const words = "another process took this publish over, because this one was silent: send the same bytes again";
      throw new GatewayError("in_progress", words, { retryable: true });
    }
    if (!attempt) return only();
    await book.budgets.check([{ ...outlayOf(attempt), pico: 0n, wei: mostWei }], look.spendTotal);
    return only({ addAttempts: [{ ...attempt, reservedWei: attempt.reservedWei + mostWei }] });
  };
}

export function settleGas({ book }: Desk, key: AttemptKey, mostWei: bigint, spentWei: bigint): Decide<void> {
  return () => {
    const attempt = book.open.attempt(key);
    if (!attempt) return only();
    const reservedWei = attempt.reservedWei > mostWei ? attempt.reservedWei - mostWei : 0n;
    const spend = spentWei > 0n ? [spendFor(attempt, { gasWei: spentWei })] : [];
    return only({ addAttempts: [{ ...attempt, reservedWei }], spend });
  };
}

export function raiseStamps(
  { book, signer }: Desk,
  { ceiling, terms, spender, now }: { ceiling: bigint; terms: () => StampTerms; spender: Spender; now: number },
): Decide<bigint> {
  return async (look) => {
    const { budgets, stampsSigned } = book;
    if (ceiling <= stampsSigned) return decided(0n);
    const at = terms();
    signer.requireStampsBacked(ceiling, at);
    // The chain may know of ceilings that this store does not: they are nobody's here.
    const known = ceiling < at.stampsSigned ? ceiling : at.stampsSigned;
    const [unnamed, bought] = [known - stampsSigned, ceiling - known];
    await budgets.check([{ day: dayOf(now), spender, pico: unitsToPico(bought), wei: 0n }], look.spendTotal);
    const spend = [stampSpend(now, spender, bought), unnamedSpend(now, { stampUnits: unnamed })];
    const change = { spend: spend.filter(({ stampUnits }) => stampUnits > 0n) };
    return decided(bought, { voucherRow: signer.rowForStamps(ceiling), ...change });
  };
}

export interface Completion {
  key: AttemptKey;
  chargedPico: bigint;
  answer: StoredAnswer;
  receipt: KeptReceipt | undefined;
}

export function complete({ book }: Desk, { key, chargedPico, answer, receipt }: Completion): Decide<boolean> {
  return async (look) => {
    const { envelopeHash, originatorId } = key;
    const { open, state } = book;
    const held = open.attempt(key);
    const publish = held ?? open.refusal(key);
    if (!publish) return decided(false);
    const isDouble = await look.isAnswered(envelopeHash);
    const usageByNode = new Map(state.usageByNode);
    if (chargedPico > 0n) usageByNode.set(originatorId, (usageByNode.get(originatorId) ?? 0n) + chargedPico);
    return decided(isDouble, {
      ...{ usagePico: state.usagePico + chargedPico, usageByNode, doubles: state.doubles + (isDouble ? 1n : 0n) },
      ...{ removeAttempts: [key], removeRefusals: [key], answer: { envelopeHash, answer } },
      ...(receipt ? { receipt } : {}),
      // Of a transaction that was never seen mined, all that it may have cost counts.
      spend: [spendFor(publish, { count: 1n, postagePico: chargedPico, gasWei: held?.reservedWei ?? 0n })],
      // Lost in a power cut, a publish is found open again, looked up and booked; what was sent to the chain is not.
      isFlushedLater: originatorId >= FIRST_NODE_ID,
    });
  };
}

export function refuse(
  { book }: Desk,
  { keys, refusedAt, unless }: { keys: readonly AttemptKey[]; refusedAt: number; unless: () => boolean },
): Decide<void> {
  return () => {
    const held = book.heldHere(keys);
    if (held.length === 0 || unless()) return only();
    const addRefusals = held.map(({ envelopeHash, originatorId, topic, spender }) => ({
      envelopeHash,
      originatorId,
      topic,
      spender,
      refusedAt,
    }));
    const known = book.open.refusals();
    const removeRefusals = known.slice(0, Math.max(0, known.length + addRefusals.length - MOST_REFUSALS));
    return only({ removeAttempts: held, addRefusals, removeRefusals });
  };
}

export function forgetRefusals({ book }: Desk, keys: readonly AttemptKey[]): Decide<void> {
  return () => {
    const removeRefusals = keys.filter((key) => book.open.refusal(key));
    return only(removeRefusals.length > 0 ? { removeRefusals } : undefined);
  };
}

export function release({ book }: Desk, keys: readonly AttemptKey[]): Decide<void> {
  return () => {
    const held = book.heldHere(keys);
    if (held.length === 0) return only();
    const sent = held.filter(({ reservedWei }) => reservedWei > 0n);
    const spend = sent.map((attempt) => spendFor(attempt, { gasWei: attempt.reservedWei }));
    return only({ removeAttempts: held, spend });
  };
}

/** Of what this process does not publish any more nobody knows the fate: anybody may find it out, or go on with it. */
export function letGo({ book }: Desk, isActive: (envelopeHash: Hex) => boolean): Decide<void> {
  return () => {
    const idle = book.open.attempts().filter((attempt) => book.isOwn(attempt) && !isActive(attempt.envelopeHash));
    return only(
      idle.length > 0 ? { addAttempts: idle.map((attempt) => ({ ...attempt, process: undefined })) } : undefined,
    );
  };
}
