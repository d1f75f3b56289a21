import { setImmediate as otherWork } from "node:timers/promises";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { readOriginatorEnvelope } from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { CongestionWindow } from "../../protocol/fees.ts";
import { congestionFeePico, minuteOf, ratesAt } from "../../protocol/fees.ts";
import { formatUnits } from "../../protocol/units.ts";
import { withTimeout } from "../async.ts";
import type { LogEntry } from "../channel/logEntry.ts";
import { entryBaseFeePico, proveLogEntry } from "../channel/logEntry.ts";
import type { NodeStatus } from "../nodes/nodeDirectory.ts";
import type { RegisteredNode } from "../ports.ts";
import type { FateOptions, FateResolver } from "./fateResolver.ts";

export interface LogAuditOptions extends FateOptions {
  fates: FateResolver;
}

/**
 * - `unexplained`: one copy of the logs was read to its end, and nothing proves what the node asks for.
 * - `unfinished`: none could be read to its end; the next search goes on from there.
 */
export type AuditResult = "explained" | "unexplained" | "unfinished";

const PAGE = 100;
/** Repeated while something new came, so that the sums belong to one moment. */
const MOST_PASSES = 3;
/** Envelopes of this channel that are remembered, so that none is counted twice. */
const MOST_PROVEN = 500_000;
const MOST_MINUTES = 1_000;
/** Checked in a row, at a few milliseconds each, before other work has its turn. */
const CHECKED_AT_ONCE = 2;

/** How far one node's copy of one originator's log was read. */
interface Cursor {
  after: bigint;
  /** Messages per minute, for congestion. */
  minutes: Map<bigint, bigint>;
  /** When it was last read to its end, in searches' own count. */
  endReadAt: number;
}

interface Proven {
  totalPico: bigint;
  feePico: Map<string, bigint>;
}

interface Budget {
  pages: number;
  endsAt: number;
}

/**
 * Searches the nodes' logs for usage that the ledger does not know of: what a node stored and denied, or what a lost
 * store knew. Every entry carries this channel's own signature over target and client envelope and its originator's,
 * so nobody can be believed more than the payer signed for, whoever serves the log. Nothing is read until a node asks
 * for more than the ledger explains.
 */
export class LogAudit {
  readonly #options: LogAuditOptions;
  readonly #proven = new Map<number, Proven>();
  readonly #cursors = new Map<string, Cursor>();
  #provenCount = 0;
  #ends = 0;
  /** Whoever failed to serve its logs is asked last the next time. */
  #failed: number | undefined;
  #running: { asking: NodeStatus; result: Promise<AuditResult> } | undefined;

  constructor(options: LogAuditOptions) {
    this.#options = options;
  }

  /** Reads the logs as another node has them, and then as the asking node has, until they explain what it asks for. */
  async search(asking: NodeStatus, required: bigint, signal: AbortSignal): Promise<AuditResult> {
    const { clock, ledger } = this.#options;
    const running = this.#running;
    if (running) {
      // Nobody queues: one search serves all who came meanwhile, and another node's says nothing against this one.
      const result = await running.result;
      if (ledger.explains(required)) return "explained";
      return running.asking === asking ? result : "unfinished";
    }
    if (ledger.explains(required)) return "explained";
    if (asking.droppedUntil > clock.now()) return "unexplained";
    const result = this.#search(asking, required, signal);
    this.#running = { asking, result };
    try {
      return await result;
    } finally {
      this.#running = undefined;
    }
  }

  async #search(asking: NodeStatus, required: bigint, signal: AbortSignal): Promise<AuditResult> {
    const { directory, ledger, log } = this.#options;
    const fields = { node: asking.node.id, required };
    log.warn(fields, "a node asks for more than the ledger explains: searching the nodes' logs");
    const others = directory.available().filter(({ node }) => node.id !== asking.node.id);
    others.sort((a, b) => Number(a.node.id === this.#failed) - Number(b.node.id === this.#failed));
    let isRead = false;
    // Half of the time is for the asking node, whose own copy has whatever an honest one asks for.
    for (const servers of [others, [asking]]) {
      if (await this.#readFirst(servers, this.#halfBudget(), signal)) isRead = true;
      if (await ledger.recover(this.#proven)) {
        log.warn({ usagePico: ledger.usagePico }, "the nodes' logs prove more than this store knew of: it counts now");
      }
      if (ledger.explains(required)) return "explained";
    }
    if (!isRead) return "unfinished";
    log.warn({ ...fields, usagePico: ledger.usagePico }, `the nodes' logs do not explain ${formatUnits(required)} USD`);
    return "unexplained";
  }

  /** Reads every log as the first of these serves it that can; returns whether it came to their ends. */
  async #readFirst(servers: readonly NodeStatus[], budget: Budget, signal: AbortSignal): Promise<boolean> {
    for (const server of servers) {
      try {
        await this.#readLogs(server, budget, signal);
        if (!this.#isSpent(budget)) return true;
      } catch (error) {
        if (signal.aborted) throw error;
        this.#failed = server.node.id;
        this.#options.log.warn({ node: server.node.id, error: String(error) }, "a node's logs could not be read");
      }
      if (this.#isSpent(budget)) return false;
    }
    return false;
  }

  #halfBudget(): Budget {
    const { clock, limits } = this.#options;
    return { pages: Math.ceil(limits.mostAuditPages / 2), endsAt: clock.now() + limits.auditMs / 2 };
  }

  #isSpent({ endsAt, pages }: Budget): boolean {
    return pages <= 0 || this.#options.clock.now() >= endsAt;
  }

  async #readLogs(server: NodeStatus, budget: Budget, signal: AbortSignal): Promise<void> {
    let isNew = true;
    for (let pass = 0; pass < MOST_PASSES && isNew; pass++) {
      isNew = false;
      // What the last search did not come to is first, so that a small budget comes to all of them.
      const logs = this.#options.directory.all().map(({ node }) => ({ node, cursor: this.#cursor(server, node) }));
      logs.sort((a, b) => a.cursor.endReadAt - b.cursor.endReadAt);
      for (const { node, cursor } of logs) {
        if (await this.#readLog(server, node, cursor, budget, signal)) isNew = true;
      }
    }
  }

  #cursor(server: NodeStatus, node: RegisteredNode): Cursor {
    const name = `${server.node.id}:${node.id}`;
    const cursor = this.#cursors.get(name) ?? { after: 0n, minutes: new Map<bigint, bigint>(), endReadAt: 0 };
    this.#cursors.set(name, cursor);
    return cursor;
  }

  /** Goes on where the last search ended; returns whether anything was new. */
  async #readLog(
    server: NodeStatus,
    node: RegisteredNode,
    cursor: Cursor,
    budget: Budget,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { clock, limits } = this.#options;
    const what = `node ${server.node.id}'s answer to a query`;
    for (let isNew = false; ; isNew = true) {
      if (this.#isSpent(budget)) return isNew;
      budget.pages--;
      const lastSeen = new Map([[node.id, cursor.after]]);
      const query = { topics: [], originatorIds: [node.id], lastSeen, limit: PAGE };
      const page = await withTimeout(clock, limits.nodeTimeoutMs, signal, what, (own) =>
        server.client.query(query, own),
      );
      if (await this.#takePage(page.slice(0, PAGE), node, cursor, signal)) continue;
      cursor.endReadAt = ++this.#ends;
      return isNew;
    }
  }

  /** Returns whether the page led on. */
  async #takePage(
    page: readonly OriginatorEnvelope[],
    node: RegisteredNode,
    cursor: Cursor,
    signal: AbortSignal,
  ): Promise<boolean> {
    const before = cursor.after;
    for (const [i, envelope] of page.entries()) {
      if (i % CHECKED_AT_ONCE === 0) await otherWork();
      const read = readOriginatorEnvelope(envelope);
      if (read.originatorId !== node.id || read.sequenceId <= cursor.after) continue;
      const entry = await proveLogEntry(read, node, this.#options.keys, signal);
      cursor.after = read.sequenceId;
      if (!entry) continue;
      const feePico = this.#feePico(entry, cursor);
      const minute = minuteOf(read.originatorNs);
      cursor.minutes.set(minute, (cursor.minutes.get(minute) ?? 0n) + 1n);
      if (cursor.minutes.size > MOST_MINUTES) cursor.minutes.delete(cursor.minutes.keys().next().value!);
      if (feePico !== undefined) await this.#prove(entry, feePico, envelope);
    }
    return cursor.after > before;
  }

  /** The fee by the protocol's rules; undefined for what somebody else pays. */
  #feePico(entry: LogEntry, { minutes }: Cursor): bigint | undefined {
    if (entry.payer.payer !== this.#options.ledger.channel) return undefined;
    const rates = this.#options.rates.current();
    const { originatorNs } = entry.read;
    const minute = minuteOf(originatorNs);
    const at = (ago: bigint) => minutes.get(minute - ago) ?? 0n;
    const window: CongestionWindow = [at(0n), at(1n), at(2n), at(3n), at(4n)];
    try {
      const inForce = ratesAt(rates.history, originatorNs / 1_000_000_000n);
      return entryBaseFeePico(entry, rates) + congestionFeePico(inForce, window);
    } catch (error) {
      // Nobody can price it, so nobody charges it.
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  /** Each (payer, payer digest) counts once: the digest covers the node and the client envelope. */
  async #prove(entry: LogEntry, feePico: bigint, envelope: OriginatorEnvelope): Promise<void> {
    const { fates, ledger, log } = this.#options;
    const { envelopeHash, read } = entry;
    const { originatorId } = read;
    const proven = this.#proven.get(originatorId) ?? { totalPico: 0n, feePico: new Map<string, bigint>() };
    this.#proven.set(originatorId, proven);
    if (proven.feePico.has(envelopeHash)) return;
    if (this.#provenCount === MOST_PROVEN) return;
    if (++this.#provenCount === MOST_PROVEN) {
      log.warn({ most: MOST_PROVEN }, "the nodes' logs hold more of this channel than a search remembers");
    }
    proven.feePico.set(envelopeHash, feePico);
    proven.totalPico += feePico;
    if (ledger.isRefused({ envelopeHash, originatorId })) {
      await fates.bookRefused({ envelopeHash, originatorId }, { envelope, read }, feePico);
    }
  }
}
