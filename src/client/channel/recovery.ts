import { unitsToPico } from "../../protocol/units.ts";
import type { Change, LedgerBook } from "./ledgerBook.ts";
import { unnamedSpend } from "./spend.ts";
import type { Decide } from "./turns.ts";

/** What a node's log proves to be charged to this channel, by hash of the client envelope. */
export interface ProvenUsage {
  totalPico: bigint;
  feePico: ReadonlyMap<string, bigint>;
}

/** What the chain collected beyond what the ledger knows; undefined when it knows as much. */
function collected({ authorised, state }: LedgerBook, feesSpent: bigint, now: number): Change | undefined {
  const usagePico = unitsToPico(feesSpent);
  if (feesSpent <= authorised || usagePico <= state.usagePico) return undefined;
  return { usagePico, spend: [unnamedSpend(now, { postagePico: usagePico - state.usagePico })] };
}

/** What logs prove beyond what the ledger knows, by originator; undefined when it knows as much. */
function proven({ open, state }: LedgerBook, usage: ReadonlyMap<number, ProvenUsage>, now: number): Change | undefined {
  const usageByNode = new Map(state.usageByNode);
  const knownOf = (originatorId: number) => state.usageByNode.get(originatorId) ?? 0n;
  for (const [originatorId, { totalPico, feePico }] of usage) {
    const inFlight = open.attempts().filter((attempt) => attempt.originatorId === originatorId);
    const pico = inFlight.reduce((rest, { envelopeHash }) => rest - (feePico.get(envelopeHash) ?? 0n), totalPico);
    if (pico > knownOf(originatorId)) usageByNode.set(originatorId, pico);
  }
  if (![...usageByNode].some(([originatorId, pico]) => pico > knownOf(originatorId))) return undefined;
  const named = [...usageByNode.values()].reduce((sum, pico) => sum + pico, 0n);
  const usagePico = named > state.usagePico ? named : state.usagePico;
  const missed = usagePico - state.usagePico;
  return { usagePico, usageByNode, spend: missed > 0n ? [unnamedSpend(now, { postagePico: missed })] : [] };
}

const learned = (change: Change | undefined) => ({ result: change !== undefined, ...(change ? { change } : {}) });

/** Learns what the chain collected; undefined when there is nothing to learn as far as memory knows. */
export function reconcile(book: LedgerBook, feesSpent: bigint, now: number): Decide<boolean> | undefined {
  return collected(book, feesSpent, now) && (() => learned(collected(book, feesSpent, now)));
}

/** Learns what logs prove. */
export function recover(book: LedgerBook, usage: ReadonlyMap<number, ProvenUsage>, now: number): Decide<boolean> {
  return () => learned(proven(book, usage, now));
}
