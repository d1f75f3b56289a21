import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { fromBinary } from "@bufbuild/protobuf";

import type { Log } from "../../platform/log.ts";
import { equalBytes, toHex } from "../../protocol/bytes.ts";
import type { ReadClientEnvelope } from "../../protocol/envelope.ts";
import { IDENTITY_ORIGINATOR, readClientEnvelope } from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { VerifySmartAccount } from "../../protocol/identity/signature.ts";
import type { InboxState } from "../../protocol/identity/state.ts";
import { applyIdentityUpdate } from "../../protocol/identity/state.ts";
import { GatewayError } from "../errors.ts";
import type { NodeDirectory, NodeStatus } from "../nodes/nodeDirectory.ts";
import type { LookupOptions } from "./lookup.ts";
import { readTopic } from "./lookup.ts";

/** Updates of one inbox that are read; libxmtp's own bound is 256. */
const MOST_UPDATES = 1_000;

export interface IdentityGuardOptions {
  directory: NodeDirectory;
  lookup: LookupOptions;
  log: Log;
  verifySmartAccount: VerifySmartAccount;
}

/** One entry of an inbox's log as a node serves it. */
export interface LogEntry {
  envelope: OriginatorEnvelope;
  clientEnvelope: Uint8Array;
}

/** The client envelope inside an originator envelope. Throws ProtocolError. */
export function clientEnvelopeOf(payerEnvelope: Uint8Array): Uint8Array {
  try {
    return fromBinary(PayerEnvelopeSchema, payerEnvelope).unsignedClientEnvelope;
  } catch (cause) {
    throw new ProtocolError("malformed_envelope", "the payer envelope is not valid protobuf", { cause });
  }
}

/** Refuses what would make an inbox unusable: one invalid update in its log does so, for everybody and for good. */
export class IdentityGuard {
  readonly #options: IdentityGuardOptions;

  constructor(options: IdentityGuardOptions) {
    this.#options = options;
  }

  /**
   * Checks an update against the inbox's log. Returns the entry when the very same update is in it already, undefined
   * when it may be sequenced. Throws GatewayError `invalid_identity_update`, `no_node` or `chain_unavailable`.
   */
  async check(
    client: ReadClientEnvelope,
    clientEnvelope: Uint8Array,
    signal: AbortSignal,
  ): Promise<OriginatorEnvelope | undefined> {
    const payload = client.envelope.payload;
    if (payload.case !== "identityUpdate") throw new TypeError("not an identity update");
    const update = payload.value;
    if (`0x${update.inboxId}` !== toHex(client.topic.identifier)) {
      throw new GatewayError("invalid_identity_update", "the update names another inbox than its topic", {
        retryable: false,
      });
    }
    const log = await this.#longestLog(client.topicBytes, signal);
    const same = log.find((entry) => equalBytes(entry.clientEnvelope, clientEnvelope));
    if (same) return same.envelope;
    const state = await this.#fold(log);
    try {
      await applyIdentityUpdate(state, update, this.#options.verifySmartAccount);
      return undefined;
    } catch (cause) {
      if (cause instanceof ProtocolError) {
        throw new GatewayError("invalid_identity_update", cause.message, { retryable: false, cause });
      }
      throw unverifiable(cause);
    }
  }

  /** Nodes may lag behind each other, and logs only grow: the longest is the current one. */
  async #longestLog(topic: Uint8Array, signal: AbortSignal): Promise<LogEntry[]> {
    const nodes = this.#options.directory.available();
    const results = await Promise.allSettled(nodes.map((status) => this.#readLog(status, topic, signal)));
    signal.throwIfAborted();
    const logs = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    if (logs.length === 0) {
      throw new GatewayError("no_node", "no node could be asked for the inbox's log: try again later", {
        retryable: true,
      });
    }
    return logs.reduce((longest, log) => (log.length > longest.length ? log : longest));
  }

  async #readLog(status: NodeStatus, topic: Uint8Array, signal: AbortSignal): Promise<LogEntry[]> {
    const entries = new Map<bigint, LogEntry>();
    for await (const { envelope, read } of readTopic(this.#options.lookup, status, topic, signal)) {
      if (read.originatorId !== IDENTITY_ORIGINATOR) continue;
      entries.set(read.sequenceId, { envelope, clientEnvelope: clientEnvelopeOf(read.payerEnvelope) });
      if (entries.size >= MOST_UPDATES) break;
    }
    return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  }

  async #fold(log: readonly LogEntry[]): Promise<InboxState | undefined> {
    const { log: logger, verifySmartAccount } = this.#options;
    let state: InboxState | undefined;
    for (const { clientEnvelope } of log) {
      try {
        const { payload } = readClientEnvelope(clientEnvelope).envelope;
        if (payload.case === "identityUpdate") {
          state = await applyIdentityUpdate(state, payload.value, verifySmartAccount);
        }
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw unverifiable(error);
        logger.warn({ reason: error.message }, "an inbox's log holds an invalid update, which is passed over");
      }
    }
    return state;
  }
}

function unverifiable(cause: unknown): GatewayError {
  const problem = "a smart account's signature could not be checked on chain: try again later";
  return new GatewayError("chain_unavailable", problem, { retryable: true, cause });
}
