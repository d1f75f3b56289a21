import { toBinary } from "@bufbuild/protobuf";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { equalBytes, toHex } from "../../protocol/bytes.ts";
import type { ReadClientEnvelope } from "../../protocol/envelope.ts";
import {
  COMMIT_ORIGINATOR,
  IDENTITY_ORIGINATOR,
  readClientEnvelope,
  readOriginatorEnvelope,
} from "../../protocol/envelope.ts";
import { SerialByKey, withTimeout } from "../async.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import { GatewayError, isGatewayError } from "../errors.ts";
import type { GatewayLimits } from "../limits.ts";
import type { NodeDirectory } from "../nodes/nodeDirectory.ts";
import type { Visibility } from "../nodes/visibility.ts";
import type { GasBook, GatewayChain, Sequenced, Spender } from "../ports.ts";
import type { Answers } from "./answers.ts";
import { inProgress } from "./answers.ts";
import type { Hold } from "./hold.ts";
import type { LookupOptions } from "./lookup.ts";
import { clientEnvelopeOf, readTopic } from "./lookup.ts";

export interface ChainJob {
  envelopeHash: Hex;
  destination: "identity" | "commit";
  client: ReadClientEnvelope;
  clientEnvelope: Uint8Array;
  spender: Spender;
}

export interface ChainPublisherOptions {
  chain: GatewayChain;
  ledger: ChannelLedger;
  directory: NodeDirectory;
  visibility: Visibility;
  lookup: LookupOptions;
  answers: Answers;
  clock: Clock;
  log: Log;
  limits: GatewayLimits;
}

/** Sends what needs one order for everybody to the chain, and answers with what the nodes make of it. */
export class ChainPublisher {
  readonly #options: ChainPublisherOptions;
  /** The registry judges an update by the log that the one before it ends up in. */
  readonly #serial = new SerialByKey();
  #sending = 0;

  constructor(options: ChainPublisherOptions) {
    this.#options = options;
  }

  /** Transactions under way. */
  get sending(): number {
    return this.#sending;
  }

  /** Resolves when every listed node serves it. Throws GatewayError. */
  publish(job: ChainJob, hold: Hold): Promise<OriginatorEnvelope> {
    return job.destination === "identity"
      ? this.#serial.run(toHex(job.client.topicBytes), () => this.#publish(job, hold))
      : this.#publish(job, hold);
  }

  async #publish(job: ChainJob, hold: Hold): Promise<OriginatorEnvelope> {
    const { clock, ledger } = this.#options;
    const originatorId = job.destination === "identity" ? IDENTITY_ORIGINATOR : COMMIT_ORIGINATOR;
    const sequenced = await this.#sequence(job, originatorId, hold);
    if (typeof sequenced === "object") return sequenced;
    const sequenceId = sequenced;
    const envelope = await this.#served(job, { originatorId, sequenceId }, hold);
    const answer = toBinary(OriginatorEnvelopeSchema, envelope);
    const { envelopeHash } = job;
    await ledger.complete({ envelopeHash, originatorId }, 0n, {
      envelope: answer,
      chargedPico: 0n,
      answeredAt: clock.now(),
    });
    return envelope;
  }

  /** Its place, or the answer that another process has given. */
  async #sequence(job: ChainJob, originatorId: number, hold: Hold): Promise<bigint | OriginatorEnvelope> {
    const { answers, clock, ledger } = this.#options;
    const { client, envelopeHash, spender } = job;
    const nothing = { payerEnvelope: new Uint8Array(), reservedPico: 0n, reservedWei: 0n };
    const note = { ...nothing, originatorId, topic: client.topicBytes, spender };
    const gas: GasBook = {
      reserve: (mostWei) => ledger.reserveGas({ envelopeHash, originatorId }, mostWei),
      settle: (mostWei, spentWei) => ledger.settleGas({ envelopeHash, originatorId }, mostWei, spentWei),
    };
    return hold.until(async () => {
      // Sent before, in this run or an earlier one: it may be there already.
      const wasSent = ledger.attemptsHere(envelopeHash).length > 0;
      const known = wasSent ? await this.#find(job, originatorId, hold.signal) : undefined;
      if (!(await ledger.note({ ...note, envelopeHash, startedAt: clock.now() }))) {
        const answer = await answers.find(envelopeHash);
        if (!answer) throw inProgress();
        return answer;
      }
      if (known !== undefined) return known;
      try {
        return (await this.#send(job, gas, hold.signal)).sequenceId;
      } catch (error) {
        // Nothing more is sent: what was sent before, if anything, counts in full.
        if (isGatewayError(error, "budget_exhausted")) await ledger.release([{ envelopeHash, originatorId }]);
        if (!isFinalRefusal(error)) throw error;
        // What is in the log is valid for good, also when it would not be taken again: a smart account is asked at a
        // recent block only.
        const found = await this.#find(job, originatorId, hold.signal);
        if (found !== undefined) return found;
        await ledger.release([{ envelopeHash, originatorId }]);
        throw error;
      }
    });
  }

  /** The sequence id of these very bytes, if a node serves them. Nodes may lag behind each other, so all are asked. */
  async #find(job: ChainJob, originatorId: number, signal: AbortSignal): Promise<bigint | undefined> {
    const { directory, lookup } = this.#options;
    let hasAnswer = false;
    for (const status of directory.available()) {
      try {
        for await (const { read } of readTopic(lookup, status, job.client.topicBytes, signal)) {
          const isOurs = read.originatorId === originatorId;
          if (isOurs && equalBytes(clientEnvelopeOf(read.payerEnvelope), job.clientEnvelope)) return read.sequenceId;
        }
        hasAnswer = true;
      } catch (error) {
        if (signal.aborted) throw error;
        // The next node may answer.
      }
    }
    if (hasAnswer) return undefined;
    throw new GatewayError("no_node", `no node could be asked whether the ${job.destination} is sequenced already`, {
      retryable: true,
    });
  }

  async #send(
    { client, clientEnvelope, destination }: ChainJob,
    gas: GasBook,
    signal: AbortSignal,
  ): Promise<Sequenced> {
    const { chain, clock, limits, log } = this.#options;
    if (this.#sending >= limits.mostTransactions) {
      throw new GatewayError("too_busy", `${this.#sending} chain transactions are under way already`, {
        retryable: true,
      });
    }
    this.#sending++;
    try {
      const { identifier } = client.topic;
      return await withTimeout(clock, limits.transactionTimeoutMs, signal, "a chain transaction", (own) =>
        destination === "identity"
          ? chain.addIdentityUpdate(identifier, clientEnvelope, own, gas)
          : chain.addMessage(identifier, clientEnvelope, own, gas),
      );
    } catch (error) {
      if (signal.aborted || error instanceof GatewayError) throw error;
      log.warn({ destination, error: String(error) }, "a chain transaction failed");
      throw new GatewayError("chain_unavailable", `the chain did not take the ${destination}: ${String(error)}`, {
        retryable: true,
        cause: error,
      });
    } finally {
      this.#sending--;
    }
  }

  async #served(
    job: ChainJob,
    position: { originatorId: number; sequenceId: bigint },
    hold: Hold,
  ): Promise<OriginatorEnvelope> {
    const options = { isStored: () => false, isOver: () => hold.isOver, signal: hold.signal };
    const envelope = (await this.#options.visibility.waitServed(position, options))!;
    const served = clientEnvelopeOf(readOriginatorEnvelope(envelope).payerEnvelope);
    if (equalBytes(served, job.clientEnvelope)) return envelope;
    // The registry knows an update by its text: somebody may have sent a copy with other bytes around it, such as
    // another part of the time below a second, which nobody signs. What it says is sequenced all the same.
    const { topicBytes } = job.client;
    if (job.destination === "identity" && equalBytes(readClientEnvelope(served).topicBytes, topicBytes))
      return envelope;
    const { originatorId, sequenceId } = position;
    throw new GatewayError("not_served_yet", `the nodes serve other bytes at ${originatorId}:${sequenceId}`, {
      retryable: false,
    });
  }
}

function isFinalRefusal(error: unknown): boolean {
  const isRefusal = isGatewayError(error, "invalid_identity_update") || isGatewayError(error, "refused_by_chain");
  return isRefusal && !error.retryable;
}
