import { FairQueue, QueueFullError } from "../../platform/fairQueue.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { equalBytes, fromHex, toHex } from "../../protocol/bytes.ts";
import { attest, isAttestation } from "../../protocol/report/bls.ts";
import { mostSeatsHit } from "../../protocol/report/debits.ts";
import { logsTree } from "../../protocol/report/leaves.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import { reportDigest } from "../../protocol/report/report.ts";
import { packRange } from "../../protocol/report/packedRanges.ts";
import type { RegisteredNode } from "../ports.ts";
import { PEER_MS, inTime } from "./askAll.ts";
import type { BuiltReport } from "./buildReport.ts";
import type { WhyNot } from "./errors.ts";
import { CannotAttestError } from "./errors.ts";
import type { Answer, End, Proposal, Question, Refusal, Reply } from "./messages.ts";
import { MOST_CHANNELS } from "./messages.ts";
import type { ReporterOptions } from "./options.ts";
import { nodesOf } from "./quorum.ts";
import { mend } from "./repair.ts";
import type { Session, Sessions } from "./session.ts";
import { buildIn } from "./session.ts";
import { checkedEvidence, requireStamps } from "./stamps/ownEvidence.ts";
import { voucherRowsOf } from "./vouchers.ts";

/** Questions are public and walk logs: some at once, by turns among callers. Proposals are built, one at a time. */
const QUESTIONS = { concurrency: 4, mostPerKey: 8, mostInAll: 256, startsPerTurn: 1 };
const PROPOSALS = { concurrency: 1, mostPerKey: 2, mostInAll: 180, startsPerTurn: 1 };
/** A seat's proposals in one session: each costs a build. */
const MOST_PROPOSALS = 50;
/** Whoever asks takes the session that was looked at a moment ago. */
const SESSION_MS = 5_000;
/** Fetching what differs, for one proposal. */
const MENDING_MS = 60_000;

export interface LastRefusal {
  epoch: bigint;
  proposer: number;
  why: WhyNot;
  message: string;
  at?: End;
}

/** Answers other daemons: how far this node is, and whether it attests what they propose. */
export class Desk {
  readonly #options: ReporterOptions;
  readonly #sessions: Sessions;
  readonly #questions = new FairQueue(QUESTIONS);
  readonly #proposals = new FairQueue(PROPOSALS);
  #lastRefusal: LastRefusal | undefined;
  #counted: { session: Session; proposals: Map<number, number> } | undefined;

  constructor(options: ReporterOptions, sessions: Sessions) {
    this.#options = options;
    this.#sessions = sessions;
  }

  /** Rejects with CannotAttestError, `busy` when too many ask. */
  answer(question: Question, caller: string): Promise<Answer> {
    return inTurn(this.#questions, caller, async () => {
      const session = await this.#sessionOf(question);
      const whole = await session.book.whole(await this.#options.originators());
      const factsAt: (Hex | undefined)[] = [];
      for (const { originatorId, sequenceId } of question.ends) {
        const known = whole.some(({ range }) => range.originatorId === originatorId);
        factsAt.push(known ? (await session.book.upTo(originatorId, sequenceId))?.facts : undefined);
      }
      return { whole, factsAt, absent: [...this.#options.absent(session.epoch)] };
    });
  }

  /** Rows of the largest vouchers of some channels. */
  vouchers(channels: readonly Address[], caller: string): Promise<Uint8Array> {
    return inTurn(this.#questions, caller, () => voucherRowsOf(this.#options.ledger, channels));
  }

  get lastRefusal(): LastRefusal | undefined {
    return this.#lastRefusal;
  }

  /** Attests a proposal, or says why not. Rejects only when something of its own fails. */
  async judge(proposal: Proposal): Promise<Reply> {
    const reply = await inTurn(this.#proposals, String(proposal.nodeId), () => this.#judge(proposal)).catch(refusalOf);
    if ("attestation" in reply) this.#lastRefusal = undefined;
    else this.#noteRefusal(proposal, reply);
    return reply;
  }

  #noteRefusal({ nodeId: proposer, report: { epoch } }: Proposal, { why, message, at }: Refusal): void {
    this.#options.recorder?.count("reportRefusals", 1, { why });
    // That a report is on chain already says nothing of this node.
    if (why !== "not_due") this.#lastRefusal = { epoch, proposer, why, message, ...(at ? { at } : {}) };
    this.#options.log.info({ epoch, proposer, why, at, problem: message }, "a report was not attested");
  }

  async #judge(proposal: Proposal): Promise<Reply> {
    const { report, ranges, nodeId } = proposal;
    const session = await this.#sessionOf(report);
    const proposer = this.#requireSeat(session, proposal);
    this.#requireShape(session, proposal);
    await this.#matchRanges(session, ranges, proposer);
    this.#requireAbsences(session, report.absentSeats);
    if (nodeId !== this.#options.nodeId) await this.#options.takeVouchers(proposal.vouchers);
    const evidence = await checkedEvidence(this.#options, session, proposal.evidence);
    let built = await buildIn(this.#options, session, ranges, report.absentSeats, evidence);
    if (built.report.usageRoot !== report.usageRoot && (await this.#fetchVouchers(proposer, built, proposal))) {
      built = await buildIn(this.#options, session, ranges, report.absentSeats, evidence);
    }
    if (built.report.usageRoot !== report.usageRoot) return this.#refuseUsage(proposal);
    await requireStamps(this.#options, session, built, proposal);
    const digest = reportDigest(this.#options.domain, report);
    if (built.digest !== toHex(digest))
      throw new CannotAttestError("debits_differ", "its debits are not what usage says");
    return { attestation: await this.attest(built) };
  }

  /** Signs what was built here, and keeps it. */
  async attest(built: BuiltReport): Promise<Uint8Array> {
    const { store, clock, attestationKey } = this.#options;
    // On disk before anybody has it: whoever attested can serve and defend what it said.
    await store.put(built.digest, built, clock.now());
    await store.change(built.digest, { attestedAt: clock.now() });
    this.#options.recorder?.count("reportsAttested");
    return attest(fromHex(built.digest), attestationKey);
  }

  async #sessionOf({ epoch, parent }: { epoch: bigint; parent: Hex }): Promise<Session> {
    const known = await this.#sessions.current(SESSION_MS);
    if (known.epoch === epoch && known.head.digest === parent) return known;
    const session = await this.#sessions.current();
    if (session.epoch === epoch && session.head.digest === parent) return session;
    const own = `epoch ${session.epoch} on ${session.head.digest}`;
    throw new CannotAttestError("not_due", `epoch ${epoch} on ${parent} is not what is due: here it is ${own}`);
  }

  /** Only a seat may make others build, so many times, and it has to show that it is one. */
  #requireSeat(session: Session, { nodeId, attestation, report }: Proposal): RegisteredNode {
    const seat = session.seats.seats.find((one) => one.nodeId === nodeId);
    if (!seat)
      throw new CannotAttestError("not_a_seat", `node ${nodeId} has no seat in version ${session.seats.version}`);
    if (this.#counted?.session !== session) this.#counted = { session, proposals: new Map() };
    const count = (this.#counted.proposals.get(nodeId) ?? 0) + 1;
    if (count > MOST_PROPOSALS)
      throw new CannotAttestError("busy", `node ${nodeId} has proposed ${MOST_PROPOSALS} times`);
    if (!isAttestation(reportDigest(this.#options.domain, report), seat.attestationKey, attestation)) {
      throw new CannotAttestError("bad_signature", `the proposal is not signed by node ${nodeId}`);
    }
    this.#counted.proposals.set(nodeId, count);
    const httpAddress = this.#options.nodes().find((node) => node.nodeId === nodeId)?.httpAddress ?? "";
    return { nodeId, httpAddress, isCanonical: true };
  }

  #requireShape({ head, seats, book }: Session, { report, ranges }: Proposal): void {
    const fits =
      report.shard === 0 &&
      report.round === head.round &&
      report.registryVersion === seats.version &&
      logsTree(ranges).root === report.logsRoot &&
      ranges.every((range) => range.firstSequenceId === book.afterOf(range.originatorId) + 1n) &&
      book.scope.parentRanges.every(({ originatorId }) => ranges.some((range) => range.originatorId === originatorId));
    if (!fits)
      throw new CannotAttestError("malformed", "its shard, round, registry version or ranges do not fit the parent");
  }

  /** Each range as this node has it. What differs is fetched from the proposer, if its originator signed it. */
  async #matchRanges(session: Session, ranges: readonly LogRange[], proposer: RegisteredNode): Promise<void> {
    const signal = new AbortController().signal;
    for (const range of ranges) {
      const { originatorId, lastSequenceId, count } = range;
      if (count === 0n && lastSequenceId === session.book.afterOf(originatorId)) continue;
      const end: End = { originatorId, sequenceId: lastSequenceId };
      const own = await session.book.upTo(originatorId, lastSequenceId);
      if (!own)
        throw new CannotAttestError("behind", `the log of originator ${originatorId} ends before that here`, end);
      if (isSame(own.range, range)) continue;
      const at = await inTime(
        signal,
        MENDING_MS,
        (ended) => this.#mend(session, proposer, end, range, ended),
        this.#options.clock,
      );
      if (at)
        throw new CannotAttestError("log_differs", `the log of originator ${originatorId} is another one here`, at);
    }
  }

  /** Where it differs, when that could not be mended. */
  async #mend(
    session: Session,
    proposer: RegisteredNode,
    end: End,
    range: LogRange,
    signal: AbortSignal,
  ): Promise<End | undefined> {
    const { originatorId, sequenceId } = end;
    try {
      const question = { epoch: session.epoch, parent: session.head.digest, ends: [end] };
      const { factsAt } = await this.#options.peers.ask(proposer.httpAddress, question, signal);
      const wanted = factsAt[0];
      if (!wanted) return end;
      const { at, isMended } = await mend(this.#options, session, proposer, end, wanted, signal);
      const now = await session.book.upTo(originatorId, sequenceId);
      return isMended && now && isSame(now.range, range) ? undefined : (at ?? end);
    } catch (error) {
      this.#options.log.debug({ ...end, error: String(error) }, "what differs could not be fetched");
      return end;
    }
  }

  /** Whoever is said to be absent was absent for this node too, and it is few. */
  #requireAbsences({ seats, epoch }: Session, bits: bigint): void {
    if (bits === 0n) return;
    const found = new Set(this.#options.absent(epoch));
    const named = nodesOf(seats, bits);
    const fits = bits >> BigInt(seats.seats.length) === 0n && named.length <= mostSeatsHit(seats.seats.length);
    if (!fits || named.includes(this.#options.nodeId) || !named.every((id) => found.has(id))) {
      throw new CannotAttestError("absence_differs", `nodes ${named.join(", ")} were not all absent, or are too many`);
    }
  }

  /** Vouchers of channels that are not paid here, and are where the proposal was made. Whether there were any. */
  async #fetchVouchers(proposer: RegisteredNode, built: BuiltReport, { unpaidChannels }: Proposal): Promise<boolean> {
    const { peers, clock, log, takeVouchers } = this.#options;
    const channels = built.unpaidChannels
      .filter((channel) => !unpaidChannels.includes(channel))
      .slice(0, MOST_CHANNELS);
    if (channels.length === 0) return false;
    try {
      const signal = new AbortController().signal;
      const ask = (ended: AbortSignal) => peers.vouchers(proposer.httpAddress, channels, ended);
      const rows = await inTime(signal, PEER_MS, ask, clock);
      await takeVouchers(rows);
      return rows.length > 0;
    } catch (error) {
      log.debug({ proposer: proposer.nodeId, error: String(error) }, "the proposer did not show its vouchers");
      return false;
    }
  }

  /** The proposer may not know vouchers that are known here: it gets them, and proposes again. */
  async #refuseUsage({ unpaidChannels }: Proposal): Promise<Reply> {
    const vouchers = await voucherRowsOf(this.#options.ledger, unpaidChannels);
    return { why: "usage_differs", message: "usage, or what pays for it, is another here", vouchers };
  }
}

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof CannotAttestError)) throw error;
  const { why, message, at } = error;
  return { why, message, ...(at ? { at } : {}) };
}

function isSame(a: LogRange, b: LogRange): boolean {
  return equalBytes(packRange(a), packRange(b));
}

async function inTurn<T>(queue: FairQueue, caller: string, work: () => Promise<T>): Promise<T> {
  try {
    return await queue.run(caller, work);
  } catch (error) {
    if (!(error instanceof QueueFullError)) throw error;
    throw new CannotAttestError("busy", "too many ask about reports at once: ask again later");
  }
}
