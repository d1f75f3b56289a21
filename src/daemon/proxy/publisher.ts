import { toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import type { OriginatorEnvelope, PayerEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { SignatureChecks } from "../../platform/caller.ts";
import { KeyedTurns } from "../../platform/keyedTurns.ts";
import type { Log } from "../../platform/log.ts";
import { fastRecoverAddress } from "../../platform/fastEcdsa.ts";
import { within } from "../../platform/within.ts";
import { readPayerEnvelope } from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { unpublishable } from "../../protocol/publishable.ts";
import { chargeDigest } from "../account.ts";
import type { Gate, PublishCall } from "../gate.ts";
import { inProgress } from "../holdings/decide.ts";
import type { Hold } from "../holdings/ports.ts";
import type { KeyRing } from "../keyRing.ts";
import type { LedgerStore } from "../ports.ts";
import type { Answer, Candidate } from "./answers.ts";
import { OldIdError, checkAnswers } from "./answers.ts";
import type { Fates, OpenCall } from "./fates.ts";
import type { Lookup } from "./lookup.ts";
import type { Upstream } from "./ports.ts";
import type { Recent } from "./recent.ts";

/** What comes with the envelopes of a call. */
type Postage = Omit<PublishCall, "envelopes">;

export const MOST_ENVELOPES = 100;

export interface ProxyPublisherOptions {
  nodeId: number;
  gate: Pick<Gate, "admit">;
  /** Whether the registry has the node: what others do not know they do not take from it. */
  isRegistered: () => boolean;
  store: Pick<LedgerStore, "chargedOf" | "raiseHighWater">;
  upstream: Pick<Upstream, "publish">;
  keys: KeyRing;
  lookup: Lookup;
  recent: Recent;
  fates: Fates;
  /** Notes durably what the node has stored. */
  conclude: (answers: ReadonlyMap<string, Answer>) => Promise<void>;
  /** The node gave an id out again: nothing more is published until its log was looked at. */
  onOldId: () => void;
  /** How long the node may take to answer a publish. A stock node holds one for up to 30 s. */
  timeoutMs: number;
  log: Log;
}

/** Takes postage for envelopes and has the stock node originate them, each once. */
export class ProxyPublisher {
  readonly #options: ProxyPublisherOptions;
  readonly #turns = new KeyedTurns();
  readonly #checks = new SignatureChecks();
  readonly #cut = new AbortController();

  constructor(options: ProxyPublisherOptions) {
    this.#options = options;
  }

  /** The node's envelopes in the order of the call. Throws ConnectError. */
  async publish(envelopes: readonly PayerEnvelope[], postage: Postage): Promise<OriginatorEnvelope[]> {
    const candidates = await this.#validate(envelopes, postage.caller ?? "");
    const distinct = [...new Map(candidates.map((candidate) => [candidate.key, candidate])).values()];
    const answers = await this.#turns.run([...distinct.map(({ key }) => key)], () => {
      return this.#answersOf(distinct, postage).catch((error: unknown) => {
        throw this.#asConnectError(error);
      });
    });
    return candidates.map(({ key }) => answers.get(key)!.envelope);
  }

  /** Resolves when no publish is under way; after `ms` the node's answers are not waited for any more. */
  async drain(ms: number): Promise<void> {
    const timer = setTimeout(() => {
      this.#cut.abort(new Error("the proxy stops"));
      this.#options.fates.stop();
    }, ms);
    await this.#turns.drain();
    clearTimeout(timer);
  }

  /** Says the same as the reference node. */
  async #validate(envelopes: readonly PayerEnvelope[], caller: string): Promise<Candidate[]> {
    const { nodeId } = this.#options;
    if (envelopes.length === 0) throw invalid("there is no envelope to publish");
    if (envelopes.length > MOST_ENVELOPES) {
      throw invalid(`one call takes at most ${MOST_ENVELOPES} envelopes, this has ${envelopes.length}`);
    }
    const candidates: Candidate[] = [];
    for (const [i, envelope] of envelopes.entries()) {
      if (envelope.targetOriginator !== nodeId) {
        throw invalid(`envelope ${i} is signed for originator ${envelope.targetOriginator}, this is node ${nodeId}`);
      }
      candidates.push(await this.#checks.run(caller, () => readCandidate(`envelope ${i}`, envelope)));
    }
    return candidates;
  }

  async #answersOf(candidates: readonly Candidate[], postage: Postage): Promise<ReadonlyMap<string, Answer>> {
    const answers = new Map<string, Answer>();
    const fresh: Candidate[] = [];
    for (const candidate of candidates) {
      const known = await this.#known(candidate);
      if (known) answers.set(candidate.key, known);
      else fresh.push(candidate);
    }
    if (fresh.length === 0) return answers;
    for (const [key, answer] of await this.#publishNew(fresh, postage)) answers.set(key, answer);
    return answers;
  }

  /**
   * The node's answer to an envelope that it has; undefined for one that it never got. A stock node stores what comes
   * twice a second time, so what may be known is never sent to it again.
   */
  async #known(candidate: Candidate): Promise<Answer | undefined> {
    const { recent, fates, lookup, store, conclude } = this.#options;
    const { key, read } = candidate;
    const answered = recent.answer(key);
    if (answered) return answered;
    if (fates.has(key)) return fates.lookAgain(key);
    const place = recent.place(read);
    let found = place === undefined ? undefined : await lookup.at(candidate, place);
    if (!found) {
      const charged = await store.chargedOf([{ channel: read.payer, digest: chargeDigest(read.digest) }]);
      if (charged.size === 0) return undefined;
      found = await lookup.inTopic(candidate, 0n);
    }
    if (!found) {
      throw new ConnectError(
        "the envelope was published and charged before, and the node does not serve it any more, or too far back: it is not published again",
        Code.AlreadyExists,
      );
    }
    await conclude(new Map([[key, found]]));
    return found;
  }

  async #publishNew(fresh: readonly Candidate[], postage: Postage): Promise<ReadonlyMap<string, Answer>> {
    const { gate, fates, nodeId, isRegistered } = this.#options;
    if (!isRegistered()) throw unavailable(`node ${nodeId} is not in the registry: try another`);
    if (!fates.take(fresh)) throw unavailable("this node gave too many publishes no answer: try another");
    let call: OpenCall | undefined;
    try {
      const admission = await gate.admit({ ...postage, envelopes: fresh.map(({ read }) => read) });
      const answers = await this.#forward(fresh, admission);
      if (answers instanceof Map) return answers;
      call = answers;
    } finally {
      if (!call) fates.give(fresh);
    }
    return fates.resolve(call);
  }

  /**
   * The node's answers, or the call when they are missing. From here on the reservation is released exactly once, by whoever
   * comes to know what the node has stored.
   */
  async #forward(fresh: readonly Candidate[], admission: Hold): Promise<Map<string, Answer> | OpenCall> {
    const { nodeId, upstream, keys, store, conclude, timeoutMs, log, onOldId } = this.#options;
    let above: bigint;
    try {
      above = await store.raiseHighWater(0n);
    } catch (error) {
      admission.release(false);
      throw error;
    }
    // A node of this kind stores what comes twice a second time: the last thing before it is sent.
    if (!admission.isHeld()) {
      admission.release(false);
      throw inProgress();
    }
    const bytes = fresh.map(({ read }) => read.bytes);
    const outcome = await within(this.#cut.signal, timeoutMs, (signal) => upstream.publish(bytes, signal));
    if (outcome.kind === "notStored") {
      admission.release(false);
      throw new ConnectError(outcome.error.rawMessage, outcome.error.code);
    }
    if (outcome.kind === "answered") {
      try {
        const answers = await checkAnswers(outcome.envelopes, fresh, { nodeId, keys, above });
        await conclude(answers);
        admission.release(true);
        return answers;
      } catch (error) {
        log.error({ error: String(error) }, "the node's answer to a publish cannot be passed on");
        if (error instanceof OldIdError) onOldId();
      }
    } else log.warn({ error: outcome.error.message }, "a publish got no answer from the node");
    return { candidates: fresh, admission, above };
  }

  #asConnectError(error: unknown): ConnectError {
    if (error instanceof ConnectError) return error;
    this.#options.log.error({ error: String(error) }, "a publish could not be handled");
    return unavailable("this node cannot check postage now: try another");
  }
}

function readCandidate(what: string, envelope: PayerEnvelope): Candidate {
  try {
    const read = readPayerEnvelope(toBinary(PayerEnvelopeSchema, envelope), fastRecoverAddress);
    const problem = unpublishable(read);
    if (problem) throw invalid(`${what} ${problem}`);
    return { read, key: `${read.payer}:${chargeDigest(read.digest)}` };
  } catch (error) {
    if (error instanceof ProtocolError) throw invalid(`${what}: ${error.message} (${error.code})`);
    throw error;
  }
}

function invalid(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}

function unavailable(message: string): ConnectError {
  return new ConnectError(message, Code.Unavailable);
}
