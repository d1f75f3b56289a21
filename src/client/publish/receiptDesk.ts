import { setImmediate as nextTurn } from "node:timers/promises";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { either } from "../../platform/within.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { readOriginatorEnvelope } from "../../protocol/envelope.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import { GatewayError } from "../errors.ts";
import type { LogPosition } from "../nodes/nodeDirectory.ts";
import type { Visibility } from "../nodes/visibility.ts";
import type { Attempt } from "../ports.ts";
import type { FateResolver } from "./fateResolver.ts";
import type { FoundEnvelope } from "./lookup.ts";
import { asBadReceipt } from "./refusals.ts";

export interface ReceiptDeskOptions {
  fates: Pick<FateResolver, "check" | "bookBehind" | "lookUp">;
  ledger: Pick<ChannelLedger, "flush">;
  visibility: Pick<Visibility, "waitServed">;
}

/**
 * What a node signed, when it is served everywhere, and when it was booked or could not be. Nobody has to wait for the booking:
 * the attempt is on disk since before it was sent, so what is not booked is found out, and charged once, later.
 */
export interface Published {
  envelope: OriginatorEnvelope;
  seen: Promise<unknown>;
  /** Never rejects. */
  booked: Promise<void>;
}

/** By the hash of the client envelope. */
export type Receipts = Map<Hex, Published>;

/** Takes what nodes give for an envelope: checks it, has it booked, and asks every node for it. */
export class ReceiptDesk {
  readonly #options: ReceiptDeskOptions;

  constructor(options: ReceiptDeskOptions) {
    this.#options = options;
  }

  /** Takes, and begins to book, every receipt that holds; returns the first that does not. */
  async takeAll(
    attempts: readonly Attempt[],
    envelopes: readonly OriginatorEnvelope[],
    receipts: Receipts,
    signal: AbortSignal,
  ): Promise<GatewayError | undefined> {
    const { fates } = this.#options;
    let failed: GatewayError | undefined;
    for (const [i, attempt] of attempts.entries()) {
      try {
        const envelope = envelopes[i];
        if (!envelope) {
          const problem = `node ${attempt.originatorId} gave ${envelopes.length} receipts for ${attempts.length}`;
          throw new GatewayError("bad_receipt", problem, { retryable: true });
        }
        const place = readOriginatorEnvelope(envelope);
        // Logs that a node thinks up are not asked for: each that is, is remembered.
        if (place.originatorId !== attempt.originatorId) await fates.check(attempt, envelope, signal);
        // The nodes are asked for it while it is checked and written; the questions leave in the turn after this one.
        const asked = this.#askFor(place, signal);
        await nextTurn();
        const receipt = await fates.check(attempt, envelope, signal).catch((error: unknown) => {
          asked.stop();
          throw error;
        });
        asked.confirm();
        receipts.set(attempt.envelopeHash, {
          ...{ envelope: receipt.envelope, seen: asked.seen },
          booked: fates.bookBehind(attempt, receipt),
        });
      } catch (error) {
        failed ??= asBadReceipt(error, attempt);
      }
    }
    return failed;
  }

  /** Asks all nodes for a place. What only one node says is not held against the others that do not serve it: `confirm` does that. */
  #askFor({ originatorId, sequenceId }: LogPosition, signal: AbortSignal) {
    const stopped = new AbortController();
    let isStored = false;
    const seen = either(signal, stopped.signal, (own) =>
      this.#options.visibility.waitServed(
        { originatorId, sequenceId },
        { isStored: () => isStored, isOver: () => false, signal: own },
      ),
    );
    // Whoever publishes awaits it, unless another envelope of the call could not be published.
    seen.catch(() => {});
    return { seen, confirm: () => void (isStored = true), stop: () => stopped.abort() };
  }

  /** One that is stored for certain. */
  published({ envelope, read }: FoundEnvelope, signal: AbortSignal): Published {
    const asked = this.#askFor(read, signal);
    asked.confirm();
    return { envelope, seen: asked.seen, booked: Promise.resolve() };
  }

  /** Takes those that another node than the one they were sent to turns out to have. */
  async lookUpAll(attempts: readonly Attempt[], receipts: Receipts, signal: AbortSignal): Promise<void> {
    for (const attempt of attempts) {
      if (receipts.has(attempt.envelopeHash)) continue;
      const receipt = await this.#options.fates.lookUp(attempt, signal);
      if (!receipt) continue;
      await this.#options.ledger.flush();
      receipts.set(attempt.envelopeHash, this.published(receipt, signal));
    }
  }
}
