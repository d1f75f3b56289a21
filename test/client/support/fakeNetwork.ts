import { fromBinary } from "@bufbuild/protobuf";
import { keccak_256 } from "@noble/hashes/sha3.js";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type {
  ChannelState,
  GasBook,
  GatewayChain,
  NetworkRates,
  NodeClient,
  NodeQuery,
  PublishOutcome,
  RegisteredNode,
  Sequenced,
  SigningKey,
} from "../../../src/client/ports.ts";
import { GatewayError } from "../../../src/client/errors.ts";
import type { Clock } from "../../../src/platform/clock.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { concatBytes, toHex } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import {
  chainOriginatorEnvelope,
  encodePayerEnvelope,
  readClientEnvelope,
  readPayerEnvelope,
  signOriginatorEnvelope,
} from "../../../src/protocol/envelope.ts";
import { ProtocolError } from "../../../src/protocol/errors.ts";
import { baseFeePico, ratesAt } from "../../../src/protocol/fees.ts";
import type { InboxState } from "../../../src/protocol/identity/state.ts";
import { applyIdentityUpdate } from "../../../src/protocol/identity/state.ts";
import { identityText } from "../../../src/protocol/identity/text.ts";
import { TopicKind, topicBytes } from "../../../src/protocol/topics.ts";
import { picoToUnitsUp, unitsToPico } from "../../../src/protocol/units.ts";
import type { PostageDomain } from "../../../src/protocol/voucher.ts";
import { readVoucher } from "../../../src/protocol/voucher.ts";

export const DOMAIN: PostageDomain = { chainId: 31337n, postageChannels: `0x${"c0".repeat(20)}` };
export const POSTAGE_KEY = new Uint8Array(32).fill(0x11);
export const CHANNEL: Address = addressOf(POSTAGE_KEY);
export const USD = 1_000_000n;
export const RATES: NetworkRates = {
  history: [
    { messageFeePico: 100n, storageFeePico: 200n, congestionFeePico: 300n, targetRatePerMinute: 6_000n, startAt: 0n },
  ],
  retentionDays: 60,
  stampPrice: 10_000n,
};

/** Wei that a transaction reserves, and that it costs. */
export const GAS = { most: 3_000n, spent: 1_000n };

interface Stored {
  topic: string;
  originatorId: number;
  sequenceId: bigint;
  bytes: Uint8Array;
}

/** What happens to the next publish at a node; the default is that it works. */
export type Mishap =
  /** The connection is refused. */
  | "down"
  /** It is not stored and no answer comes. */
  | "lost"
  /** It is stored and the answer gets lost. */
  | "storedButSilent"
  | { refuse: PublishOutcome }
  /** It is stored and charged, and the node says the opposite. */
  | { storeThenSay: PublishOutcome }
  | { forge: (honest: OriginatorEnvelope) => OriginatorEnvelope };

/** A node as the gateway sees it: the real rules for fees, vouchers and signatures, over arrays. */
export class FakeNode {
  key: Uint8Array;
  readonly log: Stored[] = [];
  readonly vouchers: { fees: bigint; row: Uint8Array }[] = [];
  /** Serialized payer envelopes, as they came. */
  readonly received: Uint8Array[] = [];
  /** Taken one per publish, first to last. */
  mishaps: Mishap[] = [];
  isDown = false;
  congestionFeePico = 0n;
  /** Serves what others wrote only when this lets it. */
  serves: (stored: Stored) => boolean = () => true;
  authorised = 0n;
  usagePico = 0n;
  readonly #seen = new Map<string, OriginatorEnvelope>();

  constructor(
    readonly network: FakeNetwork,
    readonly id: number,
  ) {
    this.key = new Uint8Array(32).fill(0x20 + (id % 97));
  }

  get registered(): RegisteredNode {
    const httpAddress = `http://node-${this.id}.test`;
    return { id: this.id, signer: addressOf(this.key), isCanonical: true, httpAddress };
  }

  client(): NodeClient {
    return {
      publish: async (payerEnvelopes, voucherRow) => this.#publish(payerEnvelopes, voucherRow),
      query: async (query) => {
        if (this.isDown) throw new Error("connection refused");
        return this.query(query);
      },
      health: async () => {
        if (this.isDown) throw new Error("connection refused");
        return true;
      },
      close: () => {},
    };
  }

  #publish(payerEnvelopes: readonly Uint8Array[], row: Uint8Array): PublishOutcome {
    if (this.isDown) return { kind: "notSent", message: "connection refused" };
    const mishap = this.mishaps.shift();
    if (mishap === "down") return { kind: "notSent", message: "connection refused" };
    this.received.push(...payerEnvelopes);
    if (mishap === "lost") return { kind: "unknown", message: "connection reset" };
    if (typeof mishap === "object" && "refuse" in mishap) return mishap.refuse;
    const outcome = this.accept(payerEnvelopes, row);
    if (typeof mishap === "object" && "storeThenSay" in mishap) {
      return outcome.kind === "accepted" ? mishap.storeThenSay : outcome;
    }
    if (mishap === "storedButSilent") return { kind: "unknown", message: "connection reset" };
    if (mishap && outcome.kind === "accepted") {
      return { kind: "accepted", envelopes: outcome.envelopes.map((envelope) => mishap.forge(envelope)) };
    }
    return outcome;
  }

  /** The gate's rule: usage after the call within the largest voucher. */
  accept(payerEnvelopes: readonly Uint8Array[], row: Uint8Array): PublishOutcome {
    const voucher = readVoucher(DOMAIN, row);
    if (voucher.channel !== CHANNEL) throw new Error(`voucher of ${voucher.channel}`);
    this.vouchers.push({ fees: voucher.fees, row });
    if (voucher.fees > this.authorised) this.authorised = voucher.fees;
    const reads = payerEnvelopes.map((bytes) => readPayerEnvelope(bytes));
    const fees = reads.map((read) => {
      if (this.#seen.has(toHex(read.digest))) return 0n;
      const rates = ratesAt(RATES.history, BigInt(Math.floor(this.network.clock.now() / 1000)));
      return baseFeePico(rates, read.canonicalSize, RATES.retentionDays) + this.congestionFeePico;
    });
    const after = this.usagePico + fees.reduce((sum, fee) => sum + fee, 0n);
    if (after > unitsToPico(this.authorised)) {
      const required = picoToUnitsUp(after);
      const demand = { code: "voucher_short", required, authorised: this.authorised, available: 1_000n * USD };
      return { kind: "refused", reason: "postage", message: "short", demand: { ...demand, retryable: false } };
    }
    return { kind: "accepted", envelopes: reads.map((read, i) => this.#store(read, fees[i]!)) };
  }

  #store(read: ReturnType<typeof readPayerEnvelope>, feePico: bigint): OriginatorEnvelope {
    const known = this.#seen.get(toHex(read.digest));
    if (known) return known;
    if (read.targetOriginator !== this.id) throw new Error("another node's envelope");
    this.network.charge(feePico);
    const sequenceId = BigInt(this.log.filter(({ originatorId }) => originatorId === this.id).length + 1);
    const bytes = signOriginatorEnvelope(
      {
        originatorId: this.id,
        sequenceId,
        originatorNs: BigInt(this.network.clock.now()) * 1_000_000n,
        payerEnvelope: read.bytes,
        baseFeePico: feePico - this.congestionFeePico,
        congestionFeePico: this.congestionFeePico,
        expiryAt: 0n,
      },
      this.key,
    );
    const envelope = fromBinary(OriginatorEnvelopeSchema, bytes);
    this.#seen.set(toHex(read.digest), envelope);
    this.network.append({ topic: toHex(read.client.topicBytes), originatorId: this.id, sequenceId, bytes });
    return envelope;
  }

  query({ topics, originatorIds, lastSeen, limit }: NodeQuery): OriginatorEnvelope[] {
    const wanted = new Set<string>(topics.map(toHex));
    return this.log
      .filter((stored) => this.serves(stored))
      .filter(({ topic, originatorId }) => (wanted.size ? wanted.has(topic) : originatorIds.includes(originatorId)))
      .filter(({ originatorId, sequenceId }) => sequenceId > (lastSeen.get(originatorId) ?? 0n))
      .slice(0, limit || 1_000)
      .map(({ bytes }) => fromBinary(OriginatorEnvelopeSchema, bytes));
  }
}

/** Who pays for gas. */
export const GAS_ACCOUNT: Address = `0x${"9a".repeat(20)}`;

/** Nodes that replicate at once, and a chain that sequences at once. */
export class FakeNetwork {
  readonly nodes: FakeNode[];
  readonly transactions: { kind: "identity" | "commit"; clientEnvelope: Uint8Array }[] = [];
  channel: ChannelState = {
    deposited: 100n * USD,
    feesSpent: 0n,
    stampsSpent: 0n,
    stampsSigned: 0n,
    pendingWithdrawal: 0n,
  };
  /** Charged by all nodes together. */
  chargedPico = 0n;
  /** Unix seconds of a head that stands still. */
  headAt: number | undefined;
  chainIsDown = false;
  /** What the account that pays for gas has, and how often that was asked. */
  gasWei = 10n ** 18n;
  gasReads = 0;
  /** Wei; a sender asks for twice the one and the other. */
  baseFee = 1_000_000_000n;
  tip = 100_000_000n;
  gasReadFails = false;
  /** The endpoint took no transaction for want of money. */
  gasIsRefused = false;
  /** Nobody sees what a transaction cost. */
  receiptsAreLost = false;
  /** Signing keys besides those in the registry, by `node:signer`. */
  readonly keys = new Map<string, SigningKey>();
  readonly #sequenced = new Map<string, bigint>();
  readonly #inboxes = new Map<string, InboxState>();
  readonly #texts = new Map<string, bigint>();

  constructor(
    readonly clock: Clock,
    count = 3,
  ) {
    this.nodes = Array.from({ length: count }, (_, i) => new FakeNode(this, 100 * (i + 1)));
  }

  node(id: number): FakeNode {
    return this.nodes.find((node) => node.id === id)!;
  }

  charge(feePico: bigint): void {
    this.chargedPico += feePico;
    for (const node of this.nodes) node.usagePico += feePico;
  }

  append(stored: Stored): void {
    for (const node of this.nodes) node.log.push(stored);
  }

  connect = ({ id }: { id: number }): NodeClient => this.node(id).client();

  chain(): GatewayChain {
    const up = () => {
      if (this.chainIsDown) throw new Error("the RPC endpoint does not answer");
    };
    return {
      head: async () => {
        up();
        return {
          number: 7n,
          timestamp: BigInt(this.headAt ?? Math.floor(this.clock.now() / 1_000)),
        };
      },
      gas: async () => {
        up();
        this.gasReads++;
        if (this.gasReadFails) throw new Error("eth_getBalance is not for you");
        return {
          ...{ account: GAS_ACCOUNT, balanceWei: this.gasWei, isRefused: this.gasIsRefused },
          maxFeePerGasWei: 2n * this.baseFee + this.tip,
        };
      },
      nodes: async () => {
        up();
        return this.nodes.map(({ registered }) => registered);
      },
      signingKey: async (nodeId, signer) => {
        up();
        return this.keys.get(`${nodeId}:${signer}`);
      },
      rates: async () => {
        up();
        return RATES;
      },
      channel: async () => {
        up();
        return this.channel;
      },
      addIdentityUpdate: async (inboxId, clientEnvelope, _signal, gas) => {
        up();
        const known = await this.#verify(inboxId, clientEnvelope);
        if (known !== undefined) return { sequenceId: known, transactionHash: undefined };
        const topic = topicBytes(TopicKind.identityUpdate, inboxId);
        return this.#sequence("identity", 1, topic, clientEnvelope, gas);
      },
      addMessage: async (groupId, clientEnvelope, _signal, gas) => {
        up();
        return this.#sequence("commit", 0, topicBytes(TopicKind.groupMessage, groupId), clientEnvelope, gas);
      },
    };
  }

  /** As the registry does: an update is known by its text, and judged by the updates before it. */
  async #verify(inboxId: Uint8Array, clientEnvelope: Uint8Array): Promise<bigint | undefined> {
    const { payload } = readClientEnvelope(clientEnvelope).envelope;
    if (payload.case !== "identityUpdate") throw new Error("not an identity update");
    const inbox = toHex(inboxId);
    try {
      const text = `${inbox} ${identityText(payload.value)}`;
      const known = this.#texts.get(text);
      if (known !== undefined) return known;
      this.#inboxes.set(inbox, await applyIdentityUpdate(this.#inboxes.get(inbox), payload.value, async () => false));
      this.#texts.set(text, BigInt(this.#texts.size + 1));
      return undefined;
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      const problem = `the registry refuses the update: ${cause.message}`;
      throw new GatewayError("invalid_identity_update", problem, { retryable: false, cause });
    }
  }

  async #sequence(
    kind: "identity" | "commit",
    originatorId: number,
    topic: Uint8Array,
    bytes: Uint8Array,
    gas: GasBook | undefined,
  ): Promise<Sequenced> {
    const hash = toHex(keccak_256(concatBytes(topic, bytes)));
    const known = this.#sequenced.get(`${kind}${hash}`);
    if (known !== undefined) return { sequenceId: known, transactionHash: undefined };
    await gas?.reserve(GAS.most);
    this.transactions.push({ kind, clientEnvelope: bytes });
    if (!this.receiptsAreLost) await gas?.settle(GAS.most, GAS.spent);
    const sequenceId = BigInt(this.transactions.filter((one) => one.kind === kind).length);
    this.#sequenced.set(`${kind}${hash}`, sequenceId);
    const transactionHash = keccak_256(bytes);
    this.sequenceAs(originatorId, sequenceId, topic, bytes, transactionHash);
    return { sequenceId, transactionHash: toHex(transactionHash) };
  }

  sequenceAs(
    originatorId: number,
    sequenceId: bigint,
    topic: Uint8Array,
    clientEnvelope: Uint8Array,
    hash: Uint8Array,
  ): void {
    const payerEnvelope = encodePayerEnvelope({
      unsignedClientEnvelope: clientEnvelope,
      payerSignature: new Uint8Array(65),
      targetOriginator: originatorId,
      retentionDays: 60,
    });
    const originatorNs = BigInt(this.clock.now()) * 1_000_000n;
    const fields = { originatorId, sequenceId, originatorNs, payerEnvelope, expiryAt: 0n };
    const bytes = chainOriginatorEnvelope(fields, hash);
    this.append({ topic: toHex(topic), originatorId, sequenceId, bytes });
  }
}
