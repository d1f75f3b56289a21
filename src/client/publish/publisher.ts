import { toBinary } from "@bufbuild/protobuf";

import type { ClientEnvelope, OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { ReadClientEnvelope } from "../../protocol/envelope.ts";
import {
  COMMIT_ORIGINATOR,
  FIRST_NODE_ID,
  IDENTITY_ORIGINATOR,
  destinationOf,
  readClientEnvelope,
  readOriginatorEnvelope,
} from "../../protocol/envelope.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { keccak256 } from "../../protocol/keccak.ts";
import { TopicKind, isNodeOnly } from "../../protocol/topics.ts";
import type { Deferred } from "../async.ts";
import { deferred, orAborted } from "../async.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import { kindOf } from "../channel/spend.ts";
import { GatewayError, isGatewayError } from "../errors.ts";
import type { GatewayLimits } from "../limits.ts";
import type { GatewayRecorder } from "../metrics/catalogue.ts";
import type { NodeDirectory } from "../nodes/nodeDirectory.ts";
import type { Visibility } from "../nodes/visibility.ts";
import type { Caller } from "../server/callers.ts";
import type { Answers } from "./answers.ts";
import type { ChainPublisher } from "./chainPublisher.ts";
import { Hold, HoldRoom } from "./hold.ts";
import type { NodePublisher } from "./nodePublisher.ts";
import { inRegistryForm } from "./registryForm.ts";

/** Whose log an envelope ends up in; of nodes any will do. */
const ORIGINATORS = { identity: IDENTITY_ORIGINATOR, commit: COMMIT_ORIGINATOR, node: FIRST_NODE_ID };
/** Of one call to a node, whose headers have at most 16 KB. */
const MOST_WELCOMES = 32;

export interface PublisherOptions {
  nodes: NodePublisher;
  chain: ChainPublisher;
  visibility: Visibility;
  directory: NodeDirectory;
  ledger: ChannelLedger;
  answers: Answers;
  clock: Clock;
  limits: GatewayLimits;
  recorder: Pick<GatewayRecorder, "count" | "observe">;
}

/** One client envelope on its way, until it is answered and booked. */
interface Job extends Deferred<OriginatorEnvelope> {
  envelopeHash: Hex;
  destination: "node" | "identity" | "commit";
  client: ReadClientEnvelope;
  clientEnvelope: Uint8Array;
  /** Who sent it first. */
  caller: Caller;
  /** By the clock that only runs. */
  since: number;
}

/**
 * PublishClientEnvelopes. An envelope is known by the hash of its bytes: whoever sends it again joins the publish that
 * is under way or gets the answer that was given, and pays once.
 */
export class Publisher {
  readonly room: HoldRoom;
  readonly #options: PublisherOptions;
  readonly #jobs = new Map<Hex, Job>();
  readonly #stopping = new AbortController();
  #calls = 0;
  #isClosed = false;
  #idle = () => {};

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.room = new HoldRoom(options.limits.mostHeld);
  }

  isActive(envelopeHash: string): boolean {
    return this.#jobs.has(envelopeHash as Hex);
  }

  /** Envelopes under way. */
  get active(): number {
    return this.#jobs.size;
  }

  /**
   * Answers in the order asked, when every listed node serves them all. A caller that goes away stops waiting; what
   * it sent goes on. Throws GatewayError.
   */
  async publish(
    envelopes: readonly ClientEnvelope[],
    signal: AbortSignal,
    caller: Caller,
  ): Promise<OriginatorEnvelope[]> {
    const { limits } = this.#options;
    if (this.#isClosed) throw shuttingDown();
    if (envelopes.length > limits.mostEnvelopes) {
      const problem = `${envelopes.length} envelopes in one call, at most ${limits.mostEnvelopes} are taken`;
      throw new GatewayError("too_many_envelopes", problem, { retryable: false });
    }
    if (this.#calls >= limits.mostCalls || this.#jobs.size >= limits.mostCalls) {
      throw new GatewayError("too_busy", `${this.#calls} calls are being served already: try again`, {
        retryable: true,
      });
    }
    // All or none is taken up, so that a bad envelope costs nothing.
    const since = this.#options.clock.elapsed();
    const read = envelopes.map((envelope, i) => ({ ...readJob(envelope, i), caller, since }));
    this.#calls++;
    try {
      const fresh = new Map<Hex, Job>();
      const jobs = read.map((made) => {
        const job = this.#jobs.get(made.envelopeHash) ?? { ...made, ...deferred<OriginatorEnvelope>() };
        if (!this.#jobs.has(job.envelopeHash)) {
          this.#jobs.set(job.envelopeHash, job);
          fresh.set(job.envelopeHash, job);
        }
        return job.promise;
      });
      // A failure belongs to whoever waits for it, also when nobody does any more.
      for (const promise of jobs) promise.catch(() => {});
      if (fresh.size > 0) void this.#run([...fresh.values()]);
      return await orAborted(Promise.all(jobs), signal);
    } finally {
      this.#calls--;
    }
  }

  /** Takes nothing new, and waits for what is under way up to `drainMs`; what remains is resolved after a restart. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const { clock, limits } = this.#options;
    const idle = new Promise<void>((resolve) => (this.#idle = resolve));
    if (this.#jobs.size === 0) return;
    const nap = new AbortController();
    await Promise.race([idle, clock.sleep(limits.drainMs, nap.signal).catch(() => {})]);
    nap.abort();
    if (this.#jobs.size === 0) return;
    this.#stopping.abort(shuttingDown());
    await idle;
  }

  async #run(jobs: Job[]): Promise<void> {
    const { clock, limits } = this.#options;
    const signal = this.#stopping.signal;
    const hold = new Hold(clock, this.room, clock.now() + limits.holdSeconds * 1_000, signal);
    const open: Job[] = [];
    for (const job of jobs) {
      try {
        const answer = await hold.until(() => this.#options.answers.find(job.envelopeHash));
        if (answer) void this.#finish(job, () => this.#seen(answer), { accepted: "repeated" });
        else open.push(job);
      } catch (error) {
        void this.#finish(job, () => {
          throw error;
        });
      }
    }
    void this.#runOnChain(
      open.filter(({ destination }) => destination !== "node"),
      hold,
    );
    for (const group of this.#byNode(open.filter(({ destination }) => destination === "node"))) {
      void this.#runAtNode(group, hold);
    }
  }

  /** One after the other: commits of one call are meant in their order. */
  async #runOnChain(jobs: readonly Job[], hold: Hold): Promise<void> {
    for (const job of jobs) {
      const { client, envelopeHash, destination, caller } = job;
      if (destination === "node") continue;
      const clientEnvelope = inRegistryForm(client.envelope, job.clientEnvelope);
      const spender = { app: caller.app, user: caller.user };
      await this.#finish(job, () =>
        this.#options.chain.publish({ envelopeHash, destination, client, clientEnvelope, spender }, hold),
      );
    }
  }

  async #runAtNode(group: readonly Job[], hold: Hold): Promise<void> {
    const jobs = group.map(({ envelopeHash, client, clientEnvelope, caller: { app, user, inbox } }) => {
      const sender = inbox === undefined ? {} : { sender: inbox };
      return { envelopeHash, topic: client.topicBytes, clientEnvelope, spender: { app, user }, ...sender };
    });
    const published = this.#options.nodes.publish(jobs, hold);
    const answerOf = async (i: number) => {
      const { envelope, seen } = (await published)[i]!;
      await seen;
      return envelope;
    };
    const bookedOf = async (i: number) => (await published)[i]!.booked;
    await Promise.all(group.map((job, i) => this.#finish(job, () => answerOf(i), { after: () => bookedOf(i) })));
  }

  /**
   * What shares its choice of nodes goes in one call, so that a topic keeps its order; what was sent before, alone. Of welcomes,
   * each on a topic of its own, only so many, because each may have a tag and a waiver in the call's headers.
   */
  #byNode(jobs: readonly Job[]): Job[][] {
    const { directory, ledger } = this.#options;
    const groups = new Map<string, Job[]>();
    let welcomes = 0;
    for (const job of jobs) {
      const isOpen = ledger.attemptsOf(job.envelopeHash).length > 0;
      const first = directory.orderFor(job.client.topicBytes)[0];
      const isWelcome = job.client.topic.kind === TopicKind.welcome;
      const part = isWelcome ? `:${Math.floor(welcomes++ / MOST_WELCOMES)}` : "";
      const name = isOpen || first === undefined ? job.envelopeHash : `${first}${part}`;
      groups.set(name, [...(groups.get(name) ?? []), job]);
    }
    return [...groups.values()];
  }

  /** Waits until every listed node serves what one has stored. */
  async #seen(envelope: OriginatorEnvelope): Promise<OriginatorEnvelope> {
    const { originatorId, sequenceId } = readOriginatorEnvelope(envelope);
    const options = { isStored: () => true, isOver: () => false, signal: this.#stopping.signal };
    await this.#options.visibility.waitServed({ originatorId, sequenceId }, options);
    return envelope;
  }

  /**
   * Answers with what `work` resolves with.
   * @param options.after what the job is kept for when it is answered: who sends it again meanwhile gets the same answer, and
   *   `close` waits for it
   */
  async #finish(
    job: Job,
    work: () => Promise<OriginatorEnvelope>,
    { after = async () => {}, accepted = "accepted" }: { after?: () => Promise<void>; accepted?: string } = {},
  ): Promise<void> {
    try {
      job.resolve(await work());
      this.#note(job, accepted);
    } catch (cause) {
      const error = asGatewayError(cause);
      job.reject(error);
      this.#note(job, isGatewayError(error) ? error.code : "failed");
    }
    // Its failures are those of the work.
    await after().catch(() => {});
    this.#jobs.delete(job.envelopeHash);
    if (this.#jobs.size === 0) this.#idle();
  }

  #note({ client, destination, since }: Job, result: string): void {
    const { clock, recorder } = this.#options;
    const kind = kindOf({ originatorId: ORIGINATORS[destination], topic: client.topicBytes });
    recorder.count("publishes", 1, { kind, result });
    if (result === "accepted") recorder.observe("publishSeconds", (clock.elapsed() - since) / 1_000, { kind });
  }
}

function readJob(
  envelope: ClientEnvelope,
  index: number,
): Omit<Job, keyof Deferred<OriginatorEnvelope> | "caller" | "since"> {
  const clientEnvelope = toBinary(ClientEnvelopeSchema, envelope);
  try {
    const client = readClientEnvelope(clientEnvelope);
    if (isNodeOnly(client.topic.kind)) {
      throw new ProtocolError("wrong_topic", "reports and attestations are between nodes");
    }
    const envelopeHash = toHex(keccak256(clientEnvelope));
    return { envelopeHash, destination: destinationOf(client), client, clientEnvelope };
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new GatewayError("invalid_envelope", `envelope ${index}: ${cause.message}`, { retryable: false, cause });
  }
}

function shuttingDown(): GatewayError {
  const words = "the gateway is shutting down: send the same bytes again, they are charged once";
  return new GatewayError("shutting_down", words, { retryable: true });
}

function asGatewayError(error: unknown): unknown {
  return isGatewayError(error) || !(error instanceof ProtocolError)
    ? error
    : new GatewayError("invalid_envelope", error.message, { retryable: false, cause: error });
}
