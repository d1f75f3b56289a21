import { equalBytes, toHex } from "../../protocol/bytes.ts";
import type { Address } from "../../protocol/bytes.ts";
import { readOriginatorEnvelope } from "../../protocol/envelope.ts";
import type { RegisteredNode } from "../ports.ts";
import { readEnvelope } from "../threads/readEnvelope.ts";
import { PEER_MS, inTime } from "./askAll.ts";
import type { Fact } from "./facts.ts";
import { FactKind, factOf, packFacts, unpackFacts } from "./facts.ts";
import { firstDifference } from "./difference.ts";
import type { KnownRange } from "./logWalk.ts";
import type { End } from "./messages.ts";
import type { ReporterOptions } from "./options.ts";
import type { FactPage } from "./ports.ts";
import type { Session } from "./session.ts";

/** Envelopes that are fetched for one repair, and of one call. */
const MOST_FETCHED = 2_000n;
const PER_CALL = 100;
const PAGES = 64;

type Options = Pick<
  ReporterOptions,
  "peers" | "logs" | "keys" | "store" | "ledger" | "chain" | "clock" | "log" | "nodeId"
>;

/** What became of a disagreement about a log: where it began, and whether this node's facts are the peer's now. */
export interface Mended {
  at: End | undefined;
  isMended: boolean;
}

/**
 * Makes this node's facts of a log those of a peer, as far as the originator has signed what the peer has. The ledger and
 * the node's own log stay as they are. Never of this node's own log: what it signed it knows.
 *
 * @param wanted what the peer, and others, have up to the end
 */
export async function mend(
  options: Options,
  session: Session,
  peer: RegisteredNode,
  end: End,
  wanted: KnownRange["facts"],
  signal: AbortSignal,
): Promise<Mended> {
  const { store, nodeId, log } = options;
  const { originatorId } = end;
  const from = await firstDifference(options, session, peer, end, signal);
  if (from === undefined) return { at: undefined, isMended: false };
  const at = { originatorId, sequenceId: from };
  log.warn(
    { ...at, peer: peer.nodeId },
    "a log differs from another node's: its originator signed two, or one is missing",
  );
  if (originatorId === nodeId || end.sequenceId - from >= MOST_FETCHED) return { at, isMended: false };
  const before = await pagesAround(options, originatorId, from, end.sequenceId);
  const [first, last] = [before[0], before.at(-1)];
  if (!first || !last || last.last < end.sequenceId) return { at, isMended: false };
  const known = before.flatMap(({ facts }) => [...unpackFacts(facts)]);
  const stretch = { originatorId, after: from - 1n, upTo: end.sequenceId };
  const fetched = await fetchFacts(options, peer, stretch, known, signal);
  const facts = [
    ...known.filter(({ sequenceId }) => sequenceId < from),
    ...fetched,
    ...known.filter(({ sequenceId }) => sequenceId > end.sequenceId),
  ];
  const page = { after: first.after, last: last.last, facts: packFacts(facts) };
  await store.replace(originatorId, first.after, last.last, [page]);
  session.book.forget(originatorId);
  if ((await session.book.upTo(originatorId, end.sequenceId))?.facts === wanted) return { at, isMended: true };
  // It was not what the peer had told.
  await store.replace(originatorId, first.after, last.last, before);
  session.book.forget(originatorId);
  return { at, isMended: false };
}

/** Stretches that cover the sequence ids from one to another. */
async function pagesAround({ store }: Options, originatorId: number, from: bigint, upTo: bigint): Promise<FactPage[]> {
  const pages = await store.pages(originatorId, from - 1n, PAGES);
  const end = pages.findIndex(({ last }) => last >= upTo);
  return pages.slice(0, end + 1);
}

/** What the originator has signed of what a peer serves. */
async function fetchFacts(
  options: Options,
  peer: RegisteredNode,
  { originatorId, after, upTo }: { originatorId: number; after: bigint; upTo: bigint },
  known: readonly Fact[],
  signal: AbortSignal,
): Promise<Fact[]> {
  const { logs, keys, chain, clock } = options;
  const retentionDays = await chain.retentionDays();
  const facts: Fact[] = [];
  const firsts = new Firsts(known.filter(({ sequenceId }) => sequenceId > after && sequenceId <= upTo));
  for (let at = after; at < upTo;) {
    const page = { originatorId, after: at, limit: PER_CALL };
    const envelopes = await inTime(signal, PEER_MS, (ended) => logs.read(peer.httpAddress, page, ended), clock);
    const from = at;
    for (const bytes of envelopes) {
      const envelope = readOriginatorEnvelope(bytes);
      if (envelope.originatorId !== originatorId || envelope.sequenceId <= at) continue;
      if (envelope.sequenceId > upTo) return facts;
      if (!(await keys.isSigned(envelope))) continue;
      const read = readEnvelope(bytes, retentionDays);
      facts.push(await withKind(options, factOf(envelope.sequenceId, read), read, firsts));
      at = envelope.sequenceId;
    }
    if (at === from) return facts;
  }
  return facts;
}

/** Which envelopes of a stretch that is exchanged were, and are, the first of their digest in their log. */
class Firsts {
  readonly #known: ReadonlyMap<bigint, Fact>;
  /** Charged for their place in the stretch as it was, and not met again yet: by the hash of their payer envelope. */
  readonly #moving: Set<string>;
  readonly #met = new Set<string>();

  constructor(known: readonly Fact[]) {
    this.#known = new Map(known.map((fact) => [fact.sequenceId, fact]));
    const charged = known.filter(({ kind }) => kind === FactKind.charged);
    this.#moving = new Set(charged.map(({ payerEnvelopeHash }) => toHex(payerEnvelopeHash)));
  }

  /** Whether an envelope was charged for a place in this stretch, and is met for the first time now. */
  hasMoved({ payerEnvelopeHash }: Fact): boolean {
    return this.#moving.delete(toHex(payerEnvelopeHash));
  }

  /** Whether it was at the same place before. */
  isKept({ sequenceId, payerEnvelopeHash }: Fact): boolean {
    const own = this.#known.get(sequenceId);
    return own !== undefined && equalBytes(own.payerEnvelopeHash, payerEnvelopeHash);
  }

  /** Whether this digest is met for the first time. */
  isNew({ payer, digest }: { payer: Address; digest: string }): boolean {
    const id = `${payer}/${digest}`;
    const isNew = !this.#met.has(id);
    this.#met.add(id);
    return isNew;
  }
}

/**
 * Whether it is the first of its digest in its log. One that was charged for a place of this stretch, this one or another
 * (its originator showed others another order), is where it is met first; of one that this ledger has charged otherwise
 * another place of the log has it already.
 */
async function withKind(
  { ledger }: Options,
  fact: Fact,
  read: ReturnType<typeof readEnvelope>,
  firsts: Firsts,
): Promise<Fact> {
  if (fact.kind === FactKind.free || "problem" in read) return fact;
  const isNew = firsts.isNew(read);
  if (firsts.hasMoved(fact)) return { ...fact, kind: FactKind.charged };
  if (firsts.isKept(fact) || !isNew) return { ...fact, kind: FactKind.copy };
  const charged = await ledger.chargedOf([{ channel: read.payer, digest: read.digest }]);
  return { ...fact, kind: charged.size > 0 ? FactKind.copy : FactKind.charged };
}
