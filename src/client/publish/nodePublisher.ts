import type { Hex } from "../../protocol/bytes.ts";
import { readOriginatorEnvelope, signPayerEnvelope } from "../../protocol/envelope.ts";
import { fastSignDigest } from "../../platform/fastEcdsa.ts";
import { withTimeout } from "../async.ts";
import type { ChannelWatch } from "../channel/channelWatch.ts";
import type { Reserved } from "../channel/ledger.ts";
import type { GatewayError } from "../errors.ts";
import type { GatewayRecorder } from "../metrics/catalogue.ts";
import type { NodeStatus } from "../nodes/nodeDirectory.ts";
import type { Attempt, PublishOutcome, Random, Spender } from "../ports.ts";
import type { Answers } from "./answers.ts";
import { inProgress } from "./answers.ts";
import type { DemandDesk } from "./demandDesk.ts";
import type { FateOptions } from "./fateResolver.ts";
import type { Hold } from "./hold.ts";
import type { Published, ReceiptDesk, Receipts } from "./receiptDesk.ts";
import { failureOf, noNode } from "./refusals.ts";
import type { SenderTags } from "./senderTags.ts";
import type { StampBuyer } from "./stampBuyer.ts";

export interface NodeJob {
  envelopeHash: Hex;
  topic: Uint8Array;
  clientEnvelope: Uint8Array;
  spender: Spender;
  /** The inbox that sends it, where the app says. */
  sender?: Hex;
}

export interface NodePublisherOptions extends Omit<FateOptions, "keys" | "receipts"> {
  receipts: ReceiptDesk;
  demands: DemandDesk;
  answers: Answers;
  watch: ChannelWatch;
  random: Random;
  /** 32 bytes. */
  postageKey: Uint8Array;
  stamps: Pick<StampBuyer, "headersFor">;
  /** Without it nobody can block one user alone. */
  tags: Pick<SenderTags, "headerFor"> | undefined;
  recorder: Pick<GatewayRecorder, "count" | "observe">;
}

/** Vouchers raised for one publish: a node that still wants more is refused. */
const MOST_RAISES = 5;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;

/**
 * Publishes envelopes that share a node: reserve, send, book. What may be sent next depends on what is known of the
 * last try (formats.md, "Fees, gate, turns"): not stored, so another node may have it at once; or perhaps stored, so
 * the same bytes go to the same node until its fate is known or 20 s and a look-up elsewhere have passed. That it is
 * not stored is a node's word when it refuses, and is verified at other nodes afterwards.
 */
export class NodePublisher {
  readonly #options: NodePublisherOptions;

  constructor(options: NodePublisherOptions) {
    this.#options = options;
  }

  /** Receipts in the order of the jobs, which share their choice of nodes. Throws GatewayError. */
  async publish(jobs: readonly NodeJob[], hold: Hold): Promise<Published[]> {
    const receipts: Receipts = new Map();
    const elsewhere = new Set<Hex>();
    const tried = new Set<number>();
    let failure: GatewayError | undefined;
    for (;;) {
      const missing = jobs.filter(({ envelopeHash }) => !receipts.has(envelopeHash));
      if (missing.length === 0) return jobs.map(({ envelopeHash }) => receipts.get(envelopeHash)!);
      const open = missing.filter(({ envelopeHash }) => !elsewhere.has(envelopeHash));
      if (open.length === 0) {
        await this.#waitElsewhere(elsewhere, receipts, hold);
        continue;
      }
      const status = this.#nodeFor(open, tried);
      if (!status) {
        // Round again after a moment: nodes come back, and what they refused may have changed.
        tried.clear();
        await hold.pause(failure ?? noNode(this.#options.directory.all()));
        failure = undefined;
        continue;
      }
      tried.add(status.node.id);
      const result = await this.#tryNode(open, status, receipts, hold);
      failure = Array.isArray(result) ? undefined : result;
      if (failure) this.#options.recorder.count("failovers", 1, { why: failure.code });
      if (!Array.isArray(result)) continue;
      for (const envelopeHash of result) elsewhere.add(envelopeHash);
      tried.delete(status.node.id);
    }
  }

  /** Takes the answers of other processes; what they let go of without one is this process's to publish. */
  async #waitElsewhere(elsewhere: Set<Hex>, receipts: Receipts, hold: Hold): Promise<void> {
    const { answers, ledger } = this.#options;
    for (const envelopeHash of elsewhere) {
      const envelope = await hold.until(() => answers.find(envelopeHash));
      if (envelope) {
        const read = readOriginatorEnvelope(envelope);
        receipts.set(envelopeHash, this.#options.receipts.published({ envelope, read }, hold.signal));
      }
      if (envelope || !ledger.isElsewhere(envelopeHash)) elsewhere.delete(envelopeHash);
    }
    if (elsewhere.size > 0) await hold.pause(inProgress());
  }

  /** The node that may hold the envelope already, or the next one in XIP-79's order. */
  #nodeFor(jobs: readonly NodeJob[], tried: ReadonlySet<number>): NodeStatus | undefined {
    const { directory, ledger } = this.#options;
    const earlier = jobs.flatMap(({ envelopeHash }) => ledger.attemptsHere(envelopeHash));
    const pending = earlier.map(({ originatorId }) => directory.get(originatorId));
    const now = this.#options.clock.now();
    const again = pending.find((status) => status && !tried.has(status.node.id) && status.droppedUntil <= now);
    if (again) return again;
    const next = directory.orderFor(jobs[0]!.topic).find((id) => !tried.has(id));
    return next === undefined ? undefined : directory.get(next);
  }

  #attempt({ envelopeHash, topic, clientEnvelope, spender }: NodeJob, { node }: NodeStatus): Attempt {
    const { clock, directory, ledger, postageKey, rates } = this.#options;
    const { retentionDays } = rates.current();
    const earlier = ledger.attemptsHere(envelopeHash).find(({ originatorId }) => originatorId === node.id);
    // Of one that another process has begun, the ledger says what is sent.
    if (earlier && earlier.payerEnvelope.length > 0) return earlier;
    const fields = { unsignedClientEnvelope: clientEnvelope, targetOriginator: node.id, retentionDays };
    return {
      envelopeHash,
      originatorId: node.id,
      topic,
      payerEnvelope: signPayerEnvelope(fields, postageKey, fastSignDigest),
      reservedPico: rates.baseFeePico(clientEnvelope, node.id) + directory.congestionHintPico(node.id),
      reservedWei: 0n,
      spender,
      startedAt: clock.now(),
    };
  }

  /** Adds receipts of what the node stored; returns why something is still open, or what is under way elsewhere. */
  async #tryNode(
    jobs: readonly NodeJob[],
    status: NodeStatus,
    receipts: Receipts,
    hold: Hold,
  ): Promise<GatewayError | Hex[] | undefined> {
    const { clock, demands, directory, ledger, limits, random, receipts: desk } = this.#options;
    const { id } = status.node;
    const drafts = await hold.until(() => jobs.map((job) => this.#attempt(job, status)));
    let unknownSince: number | undefined;
    const tags = (await this.#options.tags?.headerFor(jobs, id, hold.signal)) ?? null;
    let raises = 0;
    let wasRefused = false;
    for (let tries = 0; ; tries++) {
      const reserved = await hold.until(() => this.#reserve(drafts));
      if (reserved.kind === "elsewhere") return reserved.envelopeHashes;
      const { attempts, voucherRow, onDisk } = reserved;
      // An earlier process, or one that is gone, may have sent it although this run has not yet.
      if (tries === 0 && reserved.isAgain) unknownSince = clock.now();
      // The disk's time is the network's. It is awaited below, unless nothing of this is answered for.
      onDisk.catch(() => {});
      const outcome = await this.#send(status, attempts, { row: voucherRow, tags }, hold.signal);
      if (outcome.kind === "accepted") {
        await onDisk;
        const failed = await desk.takeAll(attempts, outcome.envelopes, receipts, hold.signal);
        if (!failed) return undefined;
        if (failed.code === "bad_receipt") directory.drop(id, failed.message);
        await desk.lookUpAll(attempts, receipts, hold.signal);
        return failed;
      }
      wasRefused ||= outcome.kind === "refused";
      if (outcome.kind === "refused" && outcome.demand && raises < MOST_RAISES) {
        const unpaid = await demands.pay(status, outcome.demand, attempts, hold.signal);
        if (!unpaid) {
          raises++;
          continue;
        }
        if (unpaid.code === "demand_above_ledger" || outcome.demand.code === "stamp_missing") {
          if (unknownSince === undefined) await ledger.refuse(attempts, clock.now());
          return unpaid;
        }
      }
      if (unknownSince === undefined && outcome.kind !== "unknown") {
        await (wasRefused ? ledger.refuse(attempts, clock.now()) : ledger.release(attempts));
        if (outcome.kind === "notSent") directory.markUnreachable(id, outcome.message);
        return failureOf(ledger.channel, id, outcome);
      }
      unknownSince ??= clock.now();
      if (clock.now() - unknownSince >= limits.unknownFateMs) {
        directory.markUnreachable(id, outcome.message);
        await desk.lookUpAll(attempts, receipts, hold.signal);
        return failureOf(ledger.channel, id, outcome);
      }
      const backoff = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries, 10));
      const wait = Math.ceil(backoff * (0.5 + random() / 2));
      await hold.pause(failureOf(ledger.channel, id, outcome), wait);
    }
  }

  /** Throws GatewayError `in_progress` rather than have something sent by a process that others may have taken for gone. */
  async #reserve(attempts: readonly Attempt[]): Promise<Reserved> {
    const { clock, ledger, recorder, watch } = this.#options;
    const from = clock.elapsed();
    const reserved = await ledger.reserve(attempts, () => watch.terms());
    recorder.observe("reserveSeconds", (clock.elapsed() - from) / 1_000);
    if (!ledger.isSure) throw inProgress();
    return reserved;
  }

  async #send(
    { client, node }: NodeStatus,
    attempts: readonly Attempt[],
    { row, tags: sender }: { row: Uint8Array; tags: string | null },
    signal: AbortSignal,
  ): Promise<PublishOutcome> {
    const { clock, limits, stamps } = this.#options;
    const waiver = stamps.headersFor(attempts)?.waiver ?? null;
    const headers = waiver === null && sender === null ? undefined : { waiver, sender };
    const envelopes = attempts.map(({ payerEnvelope }) => payerEnvelope);
    try {
      return await withTimeout(clock, limits.nodeTimeoutMs, signal, `publishing at node ${node.id}`, (own) =>
        client.publish(envelopes, row, own, headers),
      );
    } catch (error) {
      // It was sent; whether it arrived, nobody knows.
      if (signal.aborted) throw error;
      return { kind: "unknown", message: error instanceof Error ? error.message : String(error) };
    }
  }
}
