import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConnectError, Code } from "@connectrpc/connect";

import type { OriginatorEnvelope, PayerEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema, PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { SignatureChecks } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { KeyedTurns } from "../platform/keyedTurns.ts";
import type { Log } from "../platform/log.ts";
import { fastRecoverAddress, fastSignDigest } from "../platform/fastEcdsa.ts";
import { concatBytes, fromHex, toHex } from "../protocol/bytes.ts";
import { addressOf } from "../protocol/ecdsa.ts";
import type { ReadPayerEnvelope } from "../protocol/envelope.ts";
import { readPayerEnvelope, signOriginatorEnvelope } from "../protocol/envelope.ts";
import type { CongestionWindow } from "../protocol/fees.ts";
import { baseFeePico, congestionFeePico, minuteOf, ratesAt } from "../protocol/fees.ts";
import { unpublishable } from "../protocol/publishable.ts";
import { describe, invalidArgument, readingRequest, unavailable } from "./errors.ts";
import { LIMITS } from "./limits.ts";
import type { NetworkView } from "./network.ts";
import type { Admission, NetworkTerms, Postage, PublishGate } from "./ports.ts";
import type { NodeStore } from "./store/store.ts";

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;
const SECONDS_PER_DAY = 86_400n;

export interface PublisherPorts {
  nodeId: number;
  /** 32 bytes. */
  signingKey: Uint8Array;
  store: NodeStore;
  network: NetworkView;
  gate: PublishGate;
  clock: Clock;
  log: Log;
}

/** An envelope of a call, with the key under which it is stored once. */
interface Candidate {
  read: ReadPayerEnvelope;
  key: string;
}

/** Originates envelopes: validates, asks the gate, orders, prices, signs and stores. */
export class Publisher {
  readonly #ports: PublisherPorts;
  readonly #signer;
  readonly #turns = new KeyedTurns();
  readonly #checks = new SignatureChecks();

  constructor(ports: PublisherPorts) {
    this.#ports = ports;
    this.#signer = addressOf(ports.signingKey);
  }

  /** Whether a publish can succeed now. */
  isReady(): boolean {
    try {
      this.#ports.network.termsFor(this.#ports.nodeId, this.#signer);
      return this.#ports.gate.isOpen();
    } catch {
      return false;
    }
  }

  /** Stored envelopes in the order of the call. Throws ConnectError; then nothing of the call is stored. */
  async publish(envelopes: readonly PayerEnvelope[], postage: Postage): Promise<OriginatorEnvelope[]> {
    const candidates = await this.#validate(envelopes, postage.caller ?? "");
    const keys = [...new Set(candidates.map(({ key }) => key))];
    await this.#turns.run(keys, () => this.#publishNew(candidates, postage));
    return candidates.map(({ key }) => fromBinary(OriginatorEnvelopeSchema, this.#stored(key)!));
  }

  /** Resolves when no publish is under way. */
  drain(): Promise<void> {
    return this.#turns.drain();
  }

  async #validate(envelopes: readonly PayerEnvelope[], caller: string): Promise<Candidate[]> {
    if (envelopes.length === 0) throw invalidArgument("there is no envelope to publish");
    if (envelopes.length > LIMITS.envelopesPerPublish) {
      throw invalidArgument(
        `one call takes at most ${LIMITS.envelopesPerPublish} envelopes, this has ${envelopes.length}`,
      );
    }
    const candidates: Candidate[] = [];
    for (const [i, envelope] of envelopes.entries()) {
      const what = `envelope ${i}`;
      this.#checkTarget(what, envelope.targetOriginator);
      const read = await this.#checks.run(caller, () =>
        readingRequest(what, () => readPayerEnvelope(toBinary(PayerEnvelopeSchema, envelope), fastRecoverAddress)),
      );
      const problem = unpublishable(read);
      if (problem) throw invalidArgument(`${what} ${problem}`);
      candidates.push({ read, key: publishKey(read) });
    }
    return candidates;
  }

  /** Before a signature is looked at: what is for somebody else costs nothing to refuse. */
  #checkTarget(what: string, targetOriginator: number): void {
    const { nodeId } = this.#ports;
    if (targetOriginator !== nodeId) {
      throw invalidArgument(`${what} is signed for originator ${targetOriginator}, this is node ${nodeId}`);
    }
  }

  async #publishNew(candidates: readonly Candidate[], postage: Postage): Promise<void> {
    const fresh = new Map(candidates.filter(({ key }) => !this.#stored(key)).map(({ key, read }) => [key, read]));
    if (fresh.size === 0) return;
    const { gate, network, nodeId, log } = this.#ports;
    network.termsFor(nodeId, this.#signer);
    let admission: Admission;
    try {
      admission = await gate.admit({ ...postage, envelopes: [...fresh.values()] });
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      log.error({ error: describe(error) }, "the gate failed");
      throw new ConnectError("this node cannot check postage now: try another", Code.Unavailable);
    }
    let stored = false;
    try {
      // Read again: the gate may have taken its time.
      this.#originate(fresh, network.termsFor(nodeId, this.#signer));
      stored = true;
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      log.error({ error: describe(error) }, "envelopes could not be stored");
      throw unavailable("this node cannot store envelopes now: try another");
    } finally {
      admission.release(stored);
    }
  }

  #originate(fresh: ReadonlyMap<string, ReadPayerEnvelope>, terms: NetworkTerms): void {
    const { store, nodeId, signingKey, clock } = this.#ports;
    store.write((writer) => {
      let { sequenceId, ns } = store.reader.last(nodeId);
      const clockNs = BigInt(Math.floor(clock.now())) * NS_PER_MS;
      const firstMinute = minuteOf(clockNs > ns ? clockNs : ns + 1n);
      const minutes = store.reader.ownMinutes(firstMinute - 4n);
      for (const [key, read] of fresh) {
        sequenceId += 1n;
        // Time never goes back, whatever the machine's clock does, and no two envelopes share an instant.
        ns = clockNs > ns ? clockNs : ns + 1n;
        const minute = minuteOf(ns);
        const rates = ratesAt(terms.rates, ns / NS_PER_SECOND);
        const fields = {
          originatorId: nodeId,
          sequenceId,
          originatorNs: ns,
          payerEnvelope: read.bytes,
          baseFeePico: baseFeePico(rates, read.canonicalSize, terms.retentionDays),
          congestionFeePico: congestionFeePico(rates, windowAt(minutes, minute)),
          expiryAt: ns / NS_PER_SECOND + BigInt(terms.retentionDays) * SECONDS_PER_DAY,
        };
        writer.append({
          ...fields,
          topic: read.client.topicBytes,
          publishKey: fromHex(key),
          bytes: signOriginatorEnvelope(fields, signingKey, fastSignDigest),
        });
        writer.countOwn(minute, 1n, minute - 4n);
        minutes.set(minute, (minutes.get(minute) ?? 0n) + 1n);
      }
    });
  }

  #stored(key: string): Uint8Array | undefined {
    return this.#ports.store.reader.byPublishKey(fromHex(key));
  }
}

/** One payer pays for one client envelope once at this node, whatever bytes carry it. */
function publishKey({ payer, digest }: ReadPayerEnvelope): string {
  return toHex(concatBytes(fromHex(payer), digest));
}

function windowAt(minutes: ReadonlyMap<bigint, bigint>, minute: bigint): CongestionWindow {
  const count = (ago: bigint) => minutes.get(minute - ago) ?? 0n;
  return [count(0n), count(1n), count(2n), count(3n), count(4n)];
}
