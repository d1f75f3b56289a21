import type { Hex } from "../../protocol/bytes.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import type { RegisteredNode } from "../ports.ts";
import { askAll, otherSeats } from "./askAll.ts";
import { firstDifference } from "./difference.ts";
import { CannotAttestError } from "./errors.ts";
import { emptyRange } from "./logWalk.ts";
import type { KnownRange } from "./logWalk.ts";
import type { Answer, End } from "./messages.ts";
import { MOST_ENDS } from "./messages.ts";
import type { ReporterOptions } from "./options.ts";
import { isQuorum } from "./quorum.ts";
import { mend } from "./repair.ts";
import type { Session } from "./session.ts";

/** Ends that are tried per originator, those that most say first. */
const ENDS_TRIED = 6;

export interface Agreed {
  /** Ascending by originator, one for each that is known; empty where nothing is agreed. */
  ranges: LogRange[];
  /** Where nodes differ, or lag behind: the first difference of each originator of which not all is agreed. */
  differences: End[];
  /** Seats of which a quorum says that they are absent. */
  absent: number[];
}

/**
 * Finds, per originator, where holders of two thirds agree byte for byte: they are asked how far they are, then what they
 * have at the ends that others named, and last just before the first difference. Whoever does not answer holds nobody up;
 * an originator that shows different ones different things loses what comes after that, and nobody else loses anything.
 *
 * A node that is in the minority gets the others' copy, if its originator signed it.
 */
export async function agree(options: ReporterOptions, session: Session, signal: AbortSignal): Promise<Agreed> {
  const peers = otherSeats(options, session.seats);
  const own = await session.book.whole(await options.originators());
  const ask = (ends: readonly End[]) =>
    askAll(options, peers, { epoch: session.epoch, parent: session.head.digest, ends }, signal);
  const first = await ask([]);
  const absent = absentBy(options, session, first);
  const state: State = { options, session, peers, signal, agreed: new Map(), differences: [] };
  let open = own.filter((known) => !settleWhole(state, known, first));
  open = await settleAt(state, open, (known) => endsOf(known, session, first), ask);
  // Of what is left there is a quorum against this node, or none at all.
  for (const known of open) await settleDifference(state, known, first, ask);
  const ranges = own.map(({ range: { originatorId } }) => {
    return state.agreed.get(originatorId) ?? emptyRange(originatorId, session.book.afterOf(originatorId));
  });
  return { ranges, differences: state.differences, absent };
}

interface State {
  options: ReporterOptions;
  session: Session;
  peers: readonly RegisteredNode[];
  signal: AbortSignal;
  agreed: Map<number, LogRange>;
  differences: End[];
}

type Ask = (ends: readonly End[]) => Promise<Map<number, Answer>>;

/** Whether a quorum has the same whole range. */
function settleWhole({ options, session, agreed }: State, own: KnownRange, answers: Map<number, Answer>): boolean {
  const { originatorId, lastSequenceId } = own.range;
  const same = new Set([options.nodeId]);
  for (const [nodeId, { whole }] of answers) {
    const theirs = whole.find(({ range }) => range.originatorId === originatorId);
    if (theirs?.facts === own.facts && theirs.range.lastSequenceId === lastSequenceId) same.add(nodeId);
  }
  if (!isQuorum(session.seats, same)) return false;
  agreed.set(originatorId, own.range);
  return true;
}

/** The ends that others named of a log, up to this node's own: the more say so the earlier, of equal ones the later end. */
function endsOf({ range }: KnownRange, session: Session, answers: Map<number, Answer>): bigint[] {
  const { originatorId, lastSequenceId } = range;
  const weights = new Map<bigint, bigint>([[lastSequenceId, 0n]]);
  for (const { nodeId, weight } of session.seats.seats) {
    const theirs = answers.get(nodeId)?.whole.find((known) => known.range.originatorId === originatorId);
    const end = theirs?.range.lastSequenceId;
    if (end === undefined || end > lastSequenceId || end < range.firstSequenceId) continue;
    weights.set(end, (weights.get(end) ?? 0n) + weight);
  }
  const sorted = [...weights].sort(([a, x], [b, y]) => (x === y ? (a > b ? -1 : 1) : x > y ? -1 : 1));
  return sorted.slice(0, ENDS_TRIED).map(([end]) => end);
}

/** Settles the latest end at which a quorum has the same facts; answers the logs of which there is none. */
async function settleAt(
  state: State,
  open: readonly KnownRange[],
  endsFor: (known: KnownRange) => readonly bigint[],
  ask: Ask,
): Promise<KnownRange[]> {
  const ends: End[] = open
    .flatMap((known) => endsFor(known).map((sequenceId) => ({ originatorId: known.range.originatorId, sequenceId })))
    .slice(0, MOST_ENDS);
  if (ends.length === 0) return [...open];
  const answers = await ask(ends);
  const { options, session, agreed } = state;
  for (const [i, { originatorId, sequenceId }] of ends.entries()) {
    const own = await session.book.upTo(originatorId, sequenceId);
    if (!own || (agreed.get(originatorId)?.lastSequenceId ?? -1n) >= sequenceId) continue;
    const same = [...answers].filter(([, { factsAt }]) => factsAt[i] === own.facts).map(([nodeId]) => nodeId);
    if (isQuorum(session.seats, new Set([options.nodeId, ...same]))) agreed.set(originatorId, own.range);
  }
  return open.filter(({ range }) => !agreed.has(range.originatorId));
}

/**
 * One originator of which no end is agreed on. When the others agree on something else, it is fetched; when they do not,
 * the range ends before the first difference.
 */
async function settleDifference(state: State, own: KnownRange, first: Map<number, Answer>, ask: Ask): Promise<void> {
  const { options, session, peers, signal, differences } = state;
  const { originatorId, firstSequenceId } = own.range;
  const ends = endsOf(own, session, first).map((sequenceId) => ({ originatorId, sequenceId }));
  const answers = await ask(ends);
  for (const [i, end] of ends.entries()) {
    const ownFacts = (await session.book.upTo(originatorId, end.sequenceId))?.facts;
    const byFacts = new Map<Hex, number[]>();
    for (const [nodeId, { factsAt }] of answers) {
      const facts = factsAt[i];
      if (facts !== undefined && facts !== ownFacts) byFacts.set(facts, [...(byFacts.get(facts) ?? []), nodeId]);
    }
    const [facts, holders] = [...byFacts].sort(([, a], [, b]) => b.length - a.length)[0] ?? [];
    const peer = holders && peers.find(({ nodeId }) => nodeId === holders[0]);
    if (!facts || !peer) continue;
    try {
      if (isQuorum(session.seats, new Set(holders))) {
        const { at, isMended } = await mend(options, session, peer, end, facts, signal);
        if (at) differences.push(at);
        if (isMended) {
          state.agreed.set(originatorId, (await session.book.upTo(originatorId, end.sequenceId))!.range);
          return;
        }
      }
      const from = await firstDifference(options, session, peer, end, signal);
      if (from === undefined) continue;
      if (!differences.some((one) => one.originatorId === originatorId))
        differences.push({ originatorId, sequenceId: from });
      if (from > firstSequenceId) await settleAt(state, [own], () => [from - 1n], ask);
      return;
    } catch (error) {
      if (signal.aborted || error instanceof CannotAttestError) throw error;
      options.log.debug({ originatorId, error: String(error) }, "a difference could not be looked into");
    }
  }
}

function absentBy({ nodeId, absent }: ReporterOptions, session: Session, answers: Map<number, Answer>): number[] {
  const says = new Map<number, Set<number>>();
  const note = (by: number, ids: readonly number[]) => {
    for (const id of ids) says.set(id, (says.get(id) ?? new Set()).add(by));
  };
  note(nodeId, absent(session.epoch));
  for (const [by, answer] of answers) note(by, answer.absent);
  return [...says]
    .filter(([id, by]) => !answers.has(id) && isQuorum(session.seats, by))
    .map(([id]) => id)
    .sort((a, b) => a - b);
}
