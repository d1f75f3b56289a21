/**
 * A stand-in for a stock xmtpd node: its API over gRPC (HTTP/2 without TLS), in memory, written with grpc-js and nothing
 * of ours, with what real ones do that a reader of the proto files would not expect.
 */
import * as grpc from "@grpc/grpc-js";

import type { CursorMessage, EnvelopeMessage, Entry } from "./log.ts";
import { Logs, seen } from "./log.ts";
import { services } from "./protos.ts";
import type { PayerEnvelopeMessage } from "./wire.ts";
import { bytesOf, encodePayer, encodeUnsigned, isForChain, payerOf, readFields, signBytes, topicOf } from "./wire.ts";

const MOST_ROWS = 1_000;
const MOST_CLOCK = 100;
const DAY_SECONDS = 86_400;
const { status } = grpc;

export interface StockNodeOptions {
  nodeId: number;
  /** 0x-prefixed hex. */
  signingKey: string;
  port?: number;
  keepAliveMs?: number;
  /** What it reads from the rates; the proxy does not look at it. */
  fees?: (size: number, retentionDays: number) => bigint;
}

/** What it does wrong, or differently. */
export interface Quirks {
  /** Ids left out before each message. */
  gap: bigint;
  /** Publishes get no answer and are not stored. */
  hangs: boolean;
  /** Publishes are stored and get no answer. */
  hangsAfterStoring: boolean;
  /** Publishes are stored after this, and answered with UNAVAILABLE before. */
  storesLaterMs?: number;
  /** Publishes are refused. */
  refuses?: grpc.status;
  /** Publishes are stored and answered with an error. */
  failsAfterStoring?: grpc.status;
  /** The connection is cut when a publish was stored. */
  diesAfterStoring: boolean;
  lies?: "payer" | "signature" | "originator" | "count" | "oldId";
  answersAfterMs: number;
}

type Unary<Q, A> = grpc.handleUnaryCall<Q, A>;
interface Query {
  topics?: Buffer[];
  originatorNodeIds?: number[];
  lastSeen?: CursorMessage | null;
}
interface PublishRequest {
  payerEnvelopes: PayerEnvelopeMessage[];
}

const refused = (code: grpc.status, details: string) => ({ code, details });

export class StockNode {
  readonly logs = new Logs();
  /** Inbox ids by lowercase identifier. */
  readonly inboxes = new Map<string, string>();
  /** Payer envelopes of each publish call that came, whatever became of it. */
  readonly calls: Buffer[][] = [];
  /** Metadata of each subscription to originators that came. */
  readonly subscriptions: { ids: number[]; cursor: CursorMessage }[] = [];
  quirks: Quirks = { gap: 0n, hangs: false, hangsAfterStoring: false, diesAfterStoring: false, answersAfterMs: 0 };
  readonly #options: StockNodeOptions;
  #server = new grpc.Server();
  #nextId = 1n;
  #port = 0;
  #openStreams = new Set<() => void>();

  private constructor(options: StockNodeOptions) {
    this.#options = options;
  }

  static async start(options: StockNodeOptions): Promise<StockNode> {
    const node = new StockNode(options);
    await node.up();
    return node;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get streams(): number {
    return this.#openStreams.size;
  }

  /** Sets the next sequence id, as `setval` in its database does. */
  set nextId(id: bigint) {
    this.#nextId = id;
  }

  /** Listens, at the same address when it did before. */
  async up(): Promise<void> {
    const server = new grpc.Server({ "grpc.max_receive_message_length": 32 * 1024 * 1024 });
    const publish = { publishPayerEnvelopes: this.#publish as Unary<unknown, unknown> };
    const query = {
      queryEnvelopes: this.#query as Unary<unknown, unknown>,
      getInboxIds: this.#getInboxIds as Unary<unknown, unknown>,
      getNewestEnvelope: this.#getNewest as Unary<unknown, unknown>,
      subscribeTopics: this.#subscribeTopics,
    };
    server.addService(services.publish.service, publish);
    server.addService(services.query.service, query);
    server.addService(services.replication.service, {
      ...publish,
      ...query,
      subscribeEnvelopes: this.#subscribeEnvelopes,
      subscribeOriginators: this.#subscribeOriginators,
    });
    server.addService(services.health.service, {
      check: ((_, done) => done(null, { status: 1 })) as Unary<unknown, unknown>,
    });
    server.addService(services.migration.service, {
      fetchD14nCutover: ((_, done) => done(null, { timestampNs: "0" })) as Unary<unknown, unknown>,
    });
    const address = `127.0.0.1:${this.#options.port ?? this.#port}`;
    this.#port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
    this.#server = server;
  }

  /** Ends like a process that is killed: every connection breaks. */
  crash(): void {
    this.#server.forceShutdown();
    for (const close of this.#openStreams) close();
  }

  /** Comes back with an old database: ids above are given out again. */
  restore(upTo: bigint): void {
    this.logs.truncate(this.#options.nodeId, upTo);
    this.#nextId = upTo + 1n;
  }

  close(): void {
    this.crash();
  }

  /** Takes an envelope as replication or the chain brings it: nobody's signature is looked at. */
  ingest(entry: Entry): boolean {
    return this.logs.append(entry);
  }

  /** The same, as bytes of an OriginatorEnvelope that a node signed. */
  ingestBytes(bytes: Uint8Array): boolean {
    const unsigned = bytesOf(bytes, 1)!;
    const number = (field: number) => readFields(unsigned).findLast((one) => one.number === field)!.value as bigint;
    const client = bytesOf(bytesOf(unsigned, 4)!, 1)!;
    const signature = bytesOf(bytesOf(bytes, 2)!, 1)!;
    return this.ingest({
      ...{ originatorId: Number(number(1)), sequenceId: number(2), topic: topicOf(client).toString("hex") },
      message: { unsignedOriginatorEnvelope: unsigned, originatorSignature: { bytes: signature } },
    });
  }

  #publish = ({ request }: grpc.ServerUnaryCall<PublishRequest, unknown>, done: grpc.sendUnaryData<unknown>): void => {
    const { quirks } = this;
    this.calls.push(request.payerEnvelopes.map(encodePayer));
    if (quirks.hangs) return;
    if (quirks.refuses !== undefined) return done(refused(quirks.refuses, "refused by quirk"));
    const problem = request.payerEnvelopes.length === 0 ? "missing payer envelope" : this.#problem(request);
    if (problem) return done(refused(status.INVALID_ARGUMENT, `error processing payer envelopes: ${problem}`));
    if (quirks.storesLaterMs !== undefined) {
      setTimeout(() => this.#store(request.payerEnvelopes), quirks.storesLaterMs);
      return done(refused(status.UNAVAILABLE, "later"));
    }
    const answers = this.#store(request.payerEnvelopes);
    if (quirks.hangsAfterStoring) return;
    if (quirks.failsAfterStoring !== undefined) return done(refused(quirks.failsAfterStoring, "failed after storing"));
    if (quirks.diesAfterStoring) return this.crash();
    setTimeout(() => done(null, { originatorEnvelopes: answers }), quirks.answersAfterMs);
  };

  #problem({ payerEnvelopes }: PublishRequest): string | undefined {
    for (const envelope of payerEnvelopes) {
      try {
        payerOf(envelope);
        const topic = topicOf(envelope.unsignedClientEnvelope);
        if (envelope.targetOriginator !== this.#options.nodeId) return "invalid target originator";
        if (envelope.messageRetentionDays < 2) return "invalid expiry retention days. Must be >= 2";
        if (topic[0] === 2 || topic[0]! > 3) return "reserved topic";
        if (topic[0] === 0 && isForChain(envelope.unsignedClientEnvelope)) return "commits go on chain";
      } catch (error) {
        return String(error);
      }
    }
    return undefined;
  }

  /** Stores what comes, also what came before, and answers with another signature than what is stored has. */
  #store(envelopes: readonly PayerEnvelopeMessage[]): EnvelopeMessage[] {
    const { nodeId, fees } = this.#options;
    return envelopes.map((envelope) => {
      this.#nextId += this.quirks.gap;
      const sequenceId = this.#nextId++;
      const payerEnvelope = encodePayer(envelope);
      const retentionDays = envelope.messageRetentionDays;
      const fields = {
        ...{ nodeId, sequenceId, payerEnvelope, congestionFee: 0n },
        ns: BigInt(Date.now()) * 1_000_000n,
        baseFee: fees?.(payerEnvelope.length, retentionDays) ?? 0n,
        expiry: BigInt(Math.floor(Date.now() / 1000) + retentionDays * DAY_SECONDS),
      };
      const message = this.sign(encodeUnsigned({ ...fields, expiry: fields.expiry + 1n }));
      this.logs.append({
        originatorId: nodeId,
        sequenceId,
        topic: topicOf(envelope.unsignedClientEnvelope).toString("hex"),
        message,
      });
      return this.#answer(fields);
    });
  }

  #answer(fields: Parameters<typeof encodeUnsigned>[0]): EnvelopeMessage {
    switch (this.quirks.lies) {
      case "payer":
        return this.sign(encodeUnsigned({ ...fields, payerEnvelope: Buffer.from([...fields.payerEnvelope, 0]) }));
      case "originator":
        return this.sign(encodeUnsigned({ ...fields, nodeId: fields.nodeId + 100 }));
      case "oldId":
        return this.sign(encodeUnsigned({ ...fields, sequenceId: 1n }));
      case "signature":
        return this.sign(encodeUnsigned(fields), `0x${"77".repeat(32)}`);
      default:
        return this.sign(encodeUnsigned(fields));
    }
  }

  sign(unsigned: Buffer, key = this.#options.signingKey): EnvelopeMessage {
    return {
      unsignedOriginatorEnvelope: unsigned,
      originatorSignature: { bytes: signBytes("originator|", unsigned, key) },
    };
  }

  #select({ topics = [], originatorNodeIds = [], lastSeen }: Query): Entry[] {
    if (topics.length > 0 && originatorNodeIds.length > 0) throw new Error("cannot filter by both");
    if (Object.keys(lastSeen?.nodeIdToSequenceId ?? {}).length > MOST_CLOCK) throw new Error("vector clock too long");
    const wanted = new Set(topics.map((topic) => topic.toString("hex")));
    const from =
      topics.length > 0
        ? this.logs.all().filter(({ topic }) => wanted.has(topic))
        : originatorNodeIds.flatMap((id) => this.logs.of(id));
    return from.filter(({ originatorId, sequenceId }) => sequenceId > seen(lastSeen, originatorId));
  }

  #query = (
    { request }: grpc.ServerUnaryCall<{ query: Query | null; limit: number }, unknown>,
    done: grpc.sendUnaryData<unknown>,
  ): void => {
    try {
      if (!request.query) throw new Error("missing query");
      const limit = request.limit === 0 || request.limit > MOST_ROWS ? MOST_ROWS : request.limit;
      const rows = this.#select(request.query).slice(0, limit);
      done(null, { envelopes: rows.map(({ message }) => message) });
    } catch (error) {
      done(refused(status.INVALID_ARGUMENT, String(error)));
    }
  };

  #getInboxIds = (
    { request }: grpc.ServerUnaryCall<{ requests: { identifier: string }[] }, unknown>,
    done: grpc.sendUnaryData<unknown>,
  ): void => {
    const responses = request.requests.map(({ identifier }) => {
      const inboxId = this.inboxes.get(identifier.toLowerCase());
      return { identifier, ...(inboxId ? { inboxId } : {}) };
    });
    done(null, { responses });
  };

  #getNewest = (
    { request }: grpc.ServerUnaryCall<{ topics: Buffer[] }, unknown>,
    done: grpc.sendUnaryData<unknown>,
  ): void => {
    const results = request.topics.map((topic) => {
      const newest = this.#select({ topics: [topic] }).at(-1);
      return newest ? { originatorEnvelope: newest.message } : {};
    });
    done(null, { results });
  };

  #subscribeOriginators = (call: grpc.ServerWritableStream<{ filter: Query | null }, unknown>): void => {
    const { filter } = call.request;
    if (!filter?.lastSeen || !filter.originatorNodeIds?.length) {
      return void call.emit("error", refused(status.INVALID_ARGUMENT, "filter and last_seen are required"));
    }
    this.subscriptions.push({ ids: filter.originatorNodeIds, cursor: filter.lastSeen });
    call.write({});
    this.#follow(
      call,
      filter,
      (envelopes) => ({ envelopes: { envelopes } }),
      () => ({}),
    );
  };

  #subscribeEnvelopes = (call: grpc.ServerWritableStream<{ query: Query | null }, unknown>): void => {
    call.write({});
    this.#follow(
      call,
      call.request.query ?? {},
      (envelopes) => ({ envelopes }),
      () => ({}),
    );
  };

  #subscribeTopics = (
    call: grpc.ServerWritableStream<{ filters: { topic: Buffer; lastSeen: CursorMessage | null }[] }, unknown>,
  ): void => {
    const frame = (value: number) => ({ statusUpdate: { status: value } });
    call.write(frame(1));
    const { filters } = call.request;
    const lastSeen = filters[0]?.lastSeen ?? {};
    const query = { topics: filters.map(({ topic }) => topic), lastSeen };
    this.#follow(
      call,
      query,
      (envelopes) => ({ envelopes: { envelopes } }),
      () => frame(3),
      frame(2),
      (entry) => {
        const filter = filters.find(({ topic }) => topic.toString("hex") === entry.topic);
        return filter !== undefined && entry.sequenceId > seen(filter.lastSeen, entry.originatorId);
      },
    );
  };

  /** History, then what comes. */
  #follow(
    call: grpc.ServerWritableStream<unknown, unknown>,
    query: Query,
    toFrame: (envelopes: EnvelopeMessage[]) => object,
    keepAlive: () => object,
    afterHistory?: object,
    isWanted: (entry: Entry) => boolean = () => true,
  ): void {
    const wanted = new Set((query.topics ?? []).map((topic) => topic.toString("hex")));
    const ids = new Set(query.originatorNodeIds ?? []);
    const history = this.#select({ ...query, ...(afterHistory ? { lastSeen: {} } : {}) }).filter(isWanted);
    for (let i = 0; i < history.length; i += 100) {
      call.write(toFrame(history.slice(i, i + 100).map(({ message }) => message)));
    }
    if (afterHistory) call.write(afterHistory);
    const timer = setInterval(() => call.write(keepAlive()), this.#options.keepAliveMs ?? 30_000);
    const stop = this.logs.onAppend((entry) => {
      if (wanted.has(entry.topic) || ids.has(entry.originatorId)) call.write(toFrame([entry.message]));
    });
    const close = () => {
      clearInterval(timer);
      stop();
      this.#openStreams.delete(close);
    };
    this.#openStreams.add(close);
    call.on("cancelled", close);
    call.on("close", close);
    call.on("error", close);
  }
}
