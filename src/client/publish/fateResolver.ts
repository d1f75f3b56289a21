import { toBinary } from "@bufbuild/protobuf";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { FIRST_NODE_ID } from "../../protocol/envelope.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import type { CheckedReceipt } from "../channel/receipts.ts";
import { checkReceipt } from "../channel/receipts.ts";
import { GatewayError } from "../errors.ts";
import type { GatewayLimits } from "../limits.ts";
import type { NodeDirectory, NodeStatus } from "../nodes/nodeDirectory.ts";
import type { RatesWatch } from "../nodes/ratesWatch.ts";
import type { Attempt } from "../ports.ts";
import { findStored } from "./lookup.ts";

export interface FateOptions {
  ledger: ChannelLedger;
  directory: NodeDirectory;
  rates: RatesWatch;
  clock: Clock;
  log: Log;
  limits: GatewayLimits;
}

/** Attempts looked at in one round. */
const MOST_PER_ROUND = 100;

/** Finds out whether envelopes of unknown fate are stored, and books them as soon as that is known. */
export class FateResolver {
  readonly #options: FateOptions;

  constructor(options: FateOptions) {
    this.#options = options;
  }

  /** Books a receipt for an attempt. Throws GatewayError `bad_receipt`. */
  async book(attempt: Attempt, envelope: CheckedReceipt["envelope"]): Promise<CheckedReceipt> {
    const { clock, directory, ledger, log, limits, rates } = this.#options;
    const node = directory.get(attempt.originatorId)?.node;
    if (!node) {
      const problem = `node ${attempt.originatorId} left the registry: its receipt cannot be checked`;
      throw new GatewayError("bad_receipt", problem, { retryable: true });
    }
    const receipt = checkReceipt(envelope, {
      payerEnvelope: attempt.payerEnvelope,
      node,
      rates: rates.current(),
      notBeforeMs: attempt.startedAt - limits.clockSkewMs,
      notAfterMs: clock.now() + limits.clockSkewMs,
    });
    directory.noteCongestion(node.id, receipt.congestionFeePico);
    const answer = toBinary(OriginatorEnvelopeSchema, envelope);
    const stored = { envelope: answer, chargedPico: receipt.feePico, answeredAt: clock.now() };
    if (await ledger.complete(attempt, receipt.feePico, stored)) {
      const fields = { envelope: attempt.envelopeHash, node: node.id, feePico: receipt.feePico };
      log.warn({ ...fields, double: true }, "two nodes carry and charge the same envelope");
    }
    return receipt;
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
   * says that it has nothing of the kind.
   * @param isActive whether somebody is publishing this envelope now
   * @param leastAgeMs younger ones may still be on their way
   */
  async resolve(
    isActive: (envelopeHash: string) => boolean,
    signal: AbortSignal,
    leastAgeMs = this.#options.limits.unknownFateMs,
  ): Promise<void> {
    const { clock, directory, ledger, limits, log } = this.#options;
    const open = ledger
      .attempts()
      .filter(({ envelopeHash, startedAt }) => !isActive(envelopeHash) && startedAt + leastAgeMs < clock.now())
      .slice(0, MOST_PER_ROUND);
    for (const attempt of open) {
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
        if (asked !== "absent") continue;
        await ledger.release([attempt], () => isActive(attempt.envelopeHash));
        const fields = { envelope: attempt.envelopeHash, node: attempt.originatorId };
        log.info(fields, "a publish of unknown fate was not stored; its reservation is free again");
      } else {
        await this.lookUp(attempt, signal);
      }
    }
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
      return await this.book(attempt, found.envelope);
    } catch (error) {
      if (signal.aborted) throw error;
      const fields = { node: status.node.id, envelope: attempt.envelopeHash, error: String(error) };
      log.warn(fields, "a look-up of a publish failed");
      return "unknown";
    }
  }
}
