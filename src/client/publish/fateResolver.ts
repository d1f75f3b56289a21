import { toBinary } from "@bufbuild/protobuf";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { FIRST_NODE_ID } from "../../protocol/envelope.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import { entryBaseFeePico, proveLogEntry } from "../channel/logEntry.ts";
import { GatewayError } from "../errors.ts";
import type { GatewayLimits } from "../limits.ts";
import type { NodeDirectory, NodeStatus } from "../nodes/nodeDirectory.ts";
import type { RatesWatch } from "../nodes/ratesWatch.ts";
import type { Attempt, AttemptKey, Refusal } from "../ports.ts";
import type { CheckedReceipt } from "../receipts/checkReceipt.ts";
import { checkReceipt, mostCongestionFeePico } from "../receipts/checkReceipt.ts";
import type { ReceiptBook } from "../receipts/receiptBook.ts";
import type { SigningKeys } from "../receipts/signingKeys.ts";
import type { FoundEnvelope } from "./lookup.ts";
import { findStored, readTopic } from "./lookup.ts";

export interface FateOptions {
  ledger: ChannelLedger;
  directory: NodeDirectory;
  rates: RatesWatch;
  keys: SigningKeys;
  receipts: ReceiptBook;
  clock: Clock;
  log: Log;
  limits: GatewayLimits;
}

/** Attempts looked at in one round. */
const MOST_PER_ROUND = 100;
/** Refusals are verified in rounds so far apart, so many topics in each, at so many nodes. */
const VERIFY_EVERY_MS = 20_000;
const MOST_TOPICS_PER_ROUND = 20;
const MOST_WITNESSES = 3;

/** Finds out whether envelopes of unknown fate are stored, and books them as soon as that is known. */
export class FateResolver {
  readonly #options: FateOptions;
  #verifiedAt = 0;

  constructor(options: FateOptions) {
    this.#options = options;
  }

  /** Whether an envelope is the receipt of an attempt. Rejects as `checkReceipt` does. */
  async check(attempt: Attempt, envelope: CheckedReceipt["envelope"], signal: AbortSignal): Promise<CheckedReceipt> {
    const { clock, directory, keys, limits, rates } = this.#options;
    const node = directory.get(attempt.originatorId)?.node;
    if (!node) {
      const problem = `node ${attempt.originatorId} left the registry: its receipt cannot be checked`;
      throw new GatewayError("bad_receipt", problem, { retryable: true });
    }
    const expected = {
      payerEnvelope: attempt.payerEnvelope,
      ...{ node, keys, rates: rates.current() },
      notBeforeMs: attempt.startedAt - limits.clockSkewMs,
      notAfterMs: clock.now() + limits.clockSkewMs,
    };
    return checkReceipt(envelope, expected, signal);
  }

  /** Books a receipt that `check` has passed. */
  async book(attempt: Attempt, receipt: CheckedReceipt): Promise<CheckedReceipt> {
    const { clock, directory, ledger, log, receipts } = this.#options;
    directory.noteCongestion(attempt.originatorId, receipt.congestionFeePico);
    const answer = toBinary(OriginatorEnvelopeSchema, receipt.envelope);
    const stored = { envelope: answer, chargedPico: receipt.feePico, answeredAt: clock.now() };
    const kept = receipts.take(receipt.read, answer);
    if (await ledger.complete(attempt, receipt.feePico, stored, kept)) {
      const fields = { envelope: attempt.envelopeHash, node: attempt.originatorId, feePico: receipt.feePico };
      log.warn({ ...fields, double: true }, "two nodes carry and charge the same envelope");
    }
    return receipt;
  }

  /**
   * Books behind an answer that does not wait for it. Never rejects: what could not be booked is the ledger's problem,
   * stays reserved, and the next look-up of open attempts books it.
   */
  async bookBehind(attempt: Attempt, receipt: CheckedReceipt): Promise<void> {
    try {
      await this.book(attempt, receipt);
    } catch (error) {
      const fields = { envelope: attempt.envelopeHash, node: attempt.originatorId, error: String(error) };
      this.#options.log.error(fields, "a publish could not be booked: it stays reserved and is looked up again");
    }
  }

  /** Asks other nodes whether an attempt was stored, and books it when one has it. */
  async lookUp(attempt: Attempt, signal: AbortSignal): Promise<CheckedReceipt | undefined> {
    const { directory, limits } = this.#options;
    const others = directory.available().filter(({ node }) => node.id !== attempt.originatorId);
    for (const status of others.slice(0, limits.mostEnvelopes)) {
      const receipt = await this.#find(attempt, status, signal);
      if (receipt) return receipt;
    }
    return undefined;
  }

  /**
   * One round over what earlier publishes left open. An attempt is given up only when its own node, which is back,
   * says that it has nothing of the kind, and no other node has it either.
   * @param isActive whether somebody is publishing this envelope now
   * @param leastAgeMs younger ones may still be on their way
   */
  async resolve(
    isActive: (envelopeHash: string) => boolean,
    signal: AbortSignal,
    leastAgeMs = this.#options.limits.unknownFateMs,
  ): Promise<void> {
    const { clock, directory, ledger, limits, log } = this.#options;
    const open = await ledger.strayAttempts(
      ({ envelopeHash, startedAt }) => !isActive(envelopeHash) && startedAt + leastAgeMs < clock.now(),
    );
    for (const attempt of open.slice(0, MOST_PER_ROUND)) {
      signal.throwIfAborted();
      if (attempt.originatorId < FIRST_NODE_ID) {
        // Chain entries cost no postage; the note is only there for a retry of the app.
        if (attempt.startedAt + limits.answersKeptMs < clock.now()) await ledger.release([attempt]);
        continue;
      }
      const own = directory.get(attempt.originatorId);
      if (!own && attempt.startedAt + limits.answersKeptMs < clock.now()) {
        await ledger.release([attempt]);
        const fields = { envelope: attempt.envelopeHash, node: attempt.originatorId };
        log.warn(fields, "a node left the registry with a publish of unknown fate; its reservation is free again");
      } else if (own?.isHealthy) {
        const asked = await this.#ask(attempt, own, signal);
        if (asked !== "absent" || (await this.lookUp(attempt, signal))) continue;
        await ledger.refuse([attempt], clock.now(), () => isActive(attempt.envelopeHash));
        const fields = { envelope: attempt.envelopeHash, node: attempt.originatorId };
        log.info(fields, "a publish of unknown fate was not stored; its reservation is free again");
      } else {
        await this.lookUp(attempt, signal);
      }
    }
  }

  /**
   * Looks for envelopes that nodes refused, on their topics and at other nodes: a node that stored one all the same
   * charges for it and is dropped. What is not found in time is forgotten.
   */
  async verifyRefusals(isActive: (envelopeHash: string) => boolean, signal: AbortSignal): Promise<void> {
    const { clock, ledger, limits } = this.#options;
    if (clock.now() - this.#verifiedAt < VERIFY_EVERY_MS) return;
    const byTopic = new Map<Hex, Refusal[]>();
    for (const refusal of ledger.refusals()) {
      const topic = toHex(refusal.topic);
      const isKnown = byTopic.has(topic);
      if (isActive(refusal.envelopeHash) || (!isKnown && byTopic.size === MOST_TOPICS_PER_ROUND)) continue;
      byTopic.set(topic, [...(byTopic.get(topic) ?? []), refusal]);
    }
    if (byTopic.size > 0) this.#verifiedAt = clock.now();
    for (const refusals of byTopic.values()) {
      const overdue = refusals.filter(({ refusedAt }) => refusedAt + limits.verifyRefusedMs <= clock.now());
      await this.#verify(refusals, signal);
      await ledger.forgetRefusals(overdue);
    }
  }

  /** Books what is of one topic and stored after all. */
  async #verify(refusals: readonly Refusal[], signal: AbortSignal): Promise<void> {
    const { clock, directory, ledger, limits, log } = this.#options;
    const isElsewhere = (id: number) => refusals.some(({ originatorId }) => originatorId !== id);
    const witnesses = directory.available().filter(({ node }) => isElsewhere(node.id));
    for (const witness of witnesses.slice(0, MOST_WITNESSES)) {
      if (!refusals.some((refusal) => ledger.isRefused(refusal))) return;
      try {
        for await (const found of readTopic({ clock, log, ...limits }, witness, refusals[0]!.topic, signal)) {
          await this.#bookIfRefused(found, signal);
        }
      } catch (error) {
        if (signal.aborted) throw error;
        log.warn({ node: witness.node.id, error: String(error) }, "a refusal could not be verified");
      }
    }
  }

  async #bookIfRefused({ envelope, read }: FoundEnvelope, signal: AbortSignal): Promise<void> {
    const { directory, keys, ledger, rates } = this.#options;
    const node = directory.get(read.originatorId)?.node;
    const entry = node && (await proveLogEntry(read, node, keys, signal));
    if (!entry || entry.payer.payer !== ledger.channel) return;
    const key = { envelopeHash: entry.envelopeHash, originatorId: read.originatorId };
    if (!ledger.isRefused(key)) return;
    // The minutes that congestion goes by are not on this topic: as with a receipt, the node's word within its bound.
    const most = mostCongestionFeePico(rates.current(), read.originatorNs);
    const congestion = read.congestionFeePico < most ? read.congestionFeePico : most;
    await this.bookRefused(key, { envelope, read }, entryBaseFeePico(entry, rates.current()) + congestion);
  }

  /** Books what a node stored although it refused it, and drops the node. */
  async bookRefused(key: AttemptKey, { envelope, read }: FoundEnvelope, feePico: bigint): Promise<void> {
    const { clock, directory, ledger, log, receipts } = this.#options;
    const answer = toBinary(OriginatorEnvelopeSchema, envelope);
    const stored = { envelope: answer, chargedPico: feePico, answeredAt: clock.now() };
    const double = await ledger.complete(key, feePico, stored, receipts.take(read, answer));
    const fields = { envelope: key.envelopeHash, node: key.originatorId, feePico, double };
    log.warn(fields, "a node stored, and charges for, what it had refused");
    directory.drop(key.originatorId, "it stored, and charges for, what it had refused");
  }

  async #find(attempt: Attempt, status: NodeStatus, signal: AbortSignal): Promise<CheckedReceipt | undefined> {
    const result = await this.#ask(attempt, status, signal);
    return typeof result === "string" ? undefined : result;
  }

  async #ask(
    attempt: Attempt,
    status: NodeStatus,
    signal: AbortSignal,
  ): Promise<CheckedReceipt | "absent" | "unknown"> {
    const { clock, limits, log } = this.#options;
    try {
      const found = await findStored({ clock, log, ...limits }, status, attempt, signal);
      if (!found) return "absent";
      return await this.book(attempt, await this.check(attempt, found.envelope, signal));
    } catch (error) {
      if (signal.aborted) throw error;
      const fields = { node: status.node.id, envelope: attempt.envelopeHash, error: String(error) };
      log.warn(fields, "a look-up of a publish failed");
      return "unknown";
    }
  }
}
