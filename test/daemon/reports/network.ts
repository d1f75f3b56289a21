import { randomBytes } from "node:crypto";

import type { Meter } from "../../../src/daemon/meter.ts";
import type { DaemonStore, RegisteredNode } from "../../../src/daemon/ports.ts";
import type { ChannelBacking } from "../../../src/daemon/reports/buildReport.ts";
import { packContents } from "../../../src/daemon/reports/contents.ts";
import {
  answerFromJson,
  answerToJson,
  proposalSchema,
  proposalToJson,
  questionSchema,
  questionToJson,
  replyFromJson,
  replyToJson,
} from "../../../src/daemon/reports/messages.ts";
import type { ReporterOptions } from "../../../src/daemon/reports/options.ts";
import type { ChargeLeaf } from "../../../src/protocol/report/leaves.ts";
import type {
  AttestedReport,
  CeilingRow,
  ReportPeers,
  ReportStanding,
  ReportsChain,
} from "../../../src/daemon/reports/ports.ts";
import type { SeatList } from "../../../src/daemon/reports/quorum.ts";
import { isQuorum, nodesOf } from "../../../src/daemon/reports/quorum.ts";
import type { StampSources } from "../../../src/daemon/reports/stamps/evidence.ts";
import { Reporter } from "../../../src/daemon/reports/reporter.ts";
import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { recoverOriginator } from "../../../src/protocol/envelope.ts";
import { attestationKeyFrom } from "../../../src/protocol/possession.ts";
import { aggregatePublicKeys, attestationPublicKey, isAttestation } from "../../../src/protocol/report/bls.ts";
import type { Report } from "../../../src/protocol/report/report.ts";
import { NO_PARENT, reportDigest, rollCallDigest } from "../../../src/protocol/report/report.ts";
import { readVoucher, signVoucher } from "../../../src/protocol/voucher.ts";
import { fastRecoverAddress } from "../../../src/platform/fastEcdsa.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { RETENTION_DAYS } from "../../support/envelopes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { DOMAIN, MemoryLog, RATES, openBooks } from "../support.ts";
import { EPOCH_END, EPOCH_SECONDS, REPORTS } from "./support.ts";

/** The key with which MemoryLog signs for every node. */
const SIGNER = addressOf(new Uint8Array(32).fill(0x22));

const DAY = 86_400n;

/** EpochReports' rules for what comes in, over memory. */
export class MemoryReports implements ReportsChain {
  time = EPOCH_END + 130n;
  readonly chain: { digest: Hex; attested: AttestedReport; finalAt: bigint }[] = [];
  seats: SeatList = { version: 1n, seats: [] };
  round = 0;
  isDown = false;
  readonly money = new Map<Address, ChannelBacking>();
  readonly applied: Hex[] = [];
  readonly announced: Hex[] = [];
  answers = 0n;
  answersSent = 0;
  /** Roll calls that were opened, and closed. */
  opened = 0;
  closed = 0;
  /** When the last report was, in unix seconds. */
  acceptedAt = 0n;
  call: { number: bigint; answerUntil: bigint; isClosed: boolean } | undefined;
  rateHistory = [RATES];

  async now() {
    if (this.isDown) throw new Error("connection refused");
    return this.time;
  }

  epochSeconds = async () => EPOCH_SECONDS;
  rates = async () => this.rateHistory;
  retentionDays = async () => RETENTION_DAYS;
  seatsAt = async () => this.seats;

  async head() {
    const head = this.chain.at(-1);
    const epoch = head?.attested.report.epoch ?? 0n;
    return { digest: head?.digest ?? NO_PARENT, length: BigInt(this.chain.length), round: this.round, epoch };
  }

  async standing(digest: Hex): Promise<ReportStanding> {
    const found = this.chain.find((one) => one.digest === digest);
    const flags = { hasPenaltiesApplied: this.applied.includes(digest), isAnnounced: this.announced.includes(digest) };
    return { status: found ? "accepted" : "unknown", finalAt: found?.finalAt ?? 0n, ...flags };
  }

  async backing(channels: readonly Address[]) {
    return new Map([...this.money].filter(([channel]) => channels.includes(channel)));
  }

  async submit({ report, signers, signature }: AttestedReport): Promise<boolean> {
    const head = await this.head();
    const isNext =
      report.parent === head.digest && report.round === head.round && report.epoch * EPOCH_SECONDS < this.time;
    if (!isNext || report.registryVersion !== this.seats.version) throw new Error("EpochReportsNotOnHead");
    const signed = nodesOf(this.seats, signers);
    if (!isQuorum(this.seats, new Set(signed))) throw new Error("AttestationsNoQuorum");
    const digest = reportDigest(REPORTS, report);
    const keys = this.seats.seats.filter(({ nodeId }) => signed.includes(nodeId)).map((seat) => seat.attestationKey);
    if (!isAttestation(digest, aggregatePublicKeys(keys), signature)) throw new Error("AttestationsInvalid");
    this.chain.push({ digest: toHex(digest), attested: { report, signers, signature }, finalAt: this.time + 86_400n });
    this.round = 0;
    this.acceptedAt = this.time;
    return true;
  }

  /** The guardian takes the head away. */
  veto(): void {
    this.chain.pop();
    this.round++;
  }

  async applyPenalties(report: Report) {
    this.applied.push(toHex(reportDigest(REPORTS, report)));
    return true;
  }

  readonly charged: { digest: Hex; charges: readonly ChargeLeaf[]; ceilings: readonly CeilingRow[] }[] = [];

  async charge(report: Report, charges: readonly ChargeLeaf[], ceilings: readonly CeilingRow[]) {
    this.charged.push({ digest: toHex(reportDigest(REPORTS, report)), charges, ceilings });
    return true;
  }

  async announce(report: Report) {
    this.announced.push(toHex(reportDigest(REPORTS, report)));
    return true;
  }

  /** As EpochReports refuses it. */
  async isRollCallDue(step: "open" | "close") {
    const { call } = this;
    if (step === "close") {
      const isOver = call && this.time >= call.answerUntil && this.time < call.answerUntil + 2n * DAY;
      return isOver === true && !call.isClosed && this.acceptedAt < call.answerUntil - DAY;
    }
    const lastAt = call && call.answerUntil - DAY > this.acceptedAt ? call.answerUntil - DAY : this.acceptedAt;
    return this.chain.length > 0 && this.time >= lastAt + 3n * DAY;
  }

  async openRollCall() {
    if (!(await this.isRollCallDue("open"))) return false;
    this.call = { number: (this.call?.number ?? 0n) + 1n, answerUntil: this.time + DAY, isClosed: false };
    this.answers = 0n;
    this.opened++;
    return true;
  }

  async closeRollCall() {
    if (!(await this.isRollCallDue("close"))) return false;
    this.call = { ...this.call!, isClosed: true };
    this.closed++;
    return true;
  }

  async rollCall() {
    return this.call && { ...this.call, seats: this.seats, answered: this.answers };
  }

  async answerRollCall(positions: bigint, signature: Uint8Array) {
    const keys = this.seats.seats.filter((_, i) => (positions >> BigInt(i)) & 1n).map((seat) => seat.attestationKey);
    if (!isAttestation(rollCallDigest(REPORTS, this.call!.number), aggregatePublicKeys(keys), signature)) {
      throw new Error("RollCallsAnswerInvalid");
    }
    this.answers |= positions;
    this.answersSent++;
  }
}

export interface OnChain {
  keys: Uint8Array[];
  parts: Pick<ReporterOptions, "domain" | "chain">;
}

export interface NetworkNode {
  nodeId: number;
  log: MemoryLog;
  books: Awaited<ReturnType<typeof openBooks>>;
  store: DaemonStore["reports"];
  meter: Meter;
  reporter: Reporter;
  options: ReporterOptions;
  absent: number[];
}

/** Reporters of several nodes over memory, which speak to one another in the bytes that they would send. */
export class Network {
  readonly chain = new MemoryReports();
  readonly clock = new ManualClock();
  readonly nodes: NetworkNode[] = [];
  /** Nodes that cannot be reached. */
  readonly down = new Set<number>();
  /** Changes what a node answers; by node. */
  readonly liars = new Map<number, Partial<ReportPeers>>();
  asked = 0;
  #stampsOf: ((store: DaemonStore["stamps"]) => StampSources) | undefined;
  /** Proposals that honest nodes have answered. */
  judged = 0;

  /** @param on a chain that there is, with keys that it knows */
  static async of(
    count: number,
    weights: readonly bigint[] = [],
    on?: OnChain,
    stampsOf?: (store: DaemonStore["stamps"]) => StampSources,
  ): Promise<Network> {
    const network = new Network();
    network.#stampsOf = stampsOf;
    const keys = on?.keys ?? Array.from({ length: count }, () => attestationKeyFrom(randomBytes(48)));
    network.chain.seats = {
      version: 1n,
      seats: keys.map((key, i) => {
        return { nodeId: 100 * (i + 1), weight: weights[i] ?? 10n, attestationKey: attestationPublicKey(key) };
      }),
    };
    for (const [i, key] of keys.entries()) await network.#add(100 * (i + 1), key, on);
    return network;
  }

  async #add(nodeId: number, attestationKey: Uint8Array, on?: OnChain): Promise<void> {
    const log = new MemoryLog();
    const books = await openBooks(":memory:", log);
    const absent: number[] = [];
    const options: ReporterOptions = {
      ...{
        nodeId,
        domain: REPORTS,
        chain: this.chain,
        attestationKey,
        clock: this.clock,
        log: silentLog,
        ...on?.parts,
      },
      peers: this.#peersOf(nodeId),
      logs: { read: async (at, { originatorId, after, limit }) => this.#logOf(nodeId, at, originatorId, after, limit) },
      keys: { isSigned: async (envelope) => recoverOriginator(envelope) === SIGNER },
      store: books.reports,
      ledger: books.store,
      takeVouchers: async (rows) => {
        const count = Math.floor(rows.length / 80);
        const all = Array.from({ length: count }, (_, n) =>
          readVoucher(DOMAIN, rows.slice(80 * n, 80 * n + 80), fastRecoverAddress),
        );
        await books.ledger.raise(all);
      },
      originators: () => log.originators(),
      nodes: () => this.registered,
      absent: () => absent,
      ...(this.#stampsOf ? { stamps: this.#stampsOf(books.stamps) } : {}),
    };
    const reporter = new Reporter(options);
    this.nodes.push({ nodeId, log, books, store: books.reports, meter: books.meter, reporter, options, absent });
  }

  get registered(): RegisteredNode[] {
    return this.nodes.map(({ nodeId }) => ({ nodeId, httpAddress: `http://${nodeId}`, isCanonical: true }));
  }

  node(nodeId: number): NetworkNode {
    return this.nodes.find((node) => node.nodeId === nodeId)!;
  }

  /** An envelope in the logs of some nodes, of all when left out. */
  deliver(originatorId: number, payer: Uint8Array, ns: bigint, to = this.nodes.map(({ nodeId }) => nodeId)): void {
    for (const nodeId of to) this.node(nodeId).log.append(originatorId, payer, ns);
  }

  async meterAll(): Promise<void> {
    for (const { meter } of this.nodes) await meter.drain();
  }

  async sign(channel: { key: Uint8Array; fees: bigint }, at = this.nodes.map(({ nodeId }) => nodeId)): Promise<void> {
    const voucher = readVoucher(DOMAIN, signVoucher(DOMAIN, { fees: channel.fees, stamps: 0n }, channel.key));
    for (const nodeId of at) await this.node(nodeId).books.ledger.raise([voucher]);
  }

  /** A step of one node; what it says of itself afterwards. */
  async step(nodeId: number) {
    const { reporter } = this.node(nodeId);
    await reporter.step(new AbortController().signal);
    return reporter.status();
  }

  /** Everybody's turn comes, minute by minute, until a report is on chain or all have had theirs. */
  async untilReported(steps = this.nodes.length + 2): Promise<void> {
    const before = this.chain.chain.length;
    for (let i = 0; i < steps && this.chain.chain.length === before; i++) {
      for (const { nodeId } of this.nodes) if (!this.down.has(nodeId)) await this.step(nodeId);
      this.chain.time += 60n;
    }
  }

  get reported(): { report: Report; signed: number[]; digest: Hex } {
    const last = this.chain.chain.at(-1);
    if (!last) throw new Error("no report was accepted");
    const { report, signers } = last.attested;
    return { report, signed: nodesOf(this.chain.seats, signers), digest: last.digest };
  }

  async contents(nodeId = this.reported.signed[0]!) {
    return (await this.node(nodeId).store.get(this.reported.digest))!;
  }

  async close(): Promise<void> {
    for (const { books } of this.nodes) await books.close();
  }

  #reach(from: number, httpAddress: string): NetworkNode {
    const node = this.nodes.find(({ nodeId }) => `http://${nodeId}` === httpAddress);
    if (!node || this.down.has(node.nodeId) || this.down.has(from)) throw new Error("unreachable");
    return node;
  }

  async #logOf(from: number, at: string, originatorId: number, after: bigint, limit: number) {
    const page = await this.#reach(from, at).log.read(originatorId, after, limit);
    return page.map(({ envelope }) => envelope);
  }

  /** Through JSON and back, as over HTTP. */
  #peersOf(from: number): ReportPeers {
    const wire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    const honest: ReportPeers = {
      ask: async (at, question) => {
        this.asked++;
        const { desk } = this.#reach(from, at).reporter;
        const answer = await desk.answer(questionSchema.parse(wire(questionToJson(question))), String(from));
        return answerFromJson(wire(answerToJson(answer)), question);
      },
      propose: async (at, proposal) => {
        const { desk } = this.#reach(from, at).reporter;
        const reply = await desk.judge(proposalSchema.parse(wire(proposalToJson(proposal))));
        this.judged++;
        return replyFromJson(wire(replyToJson(reply)));
      },
      vouchers: async (at, channels) => this.#reach(from, at).reporter.desk.vouchers(channels, String(from)),
      contents: async (at, digest) => {
        const contents = await this.#reach(from, at).store.get(digest);
        if (!contents) throw new Error("404");
        return packContents(contents);
      },
    };
    const at = (address: string) => this.liars.get(Number(address.slice(7)));
    return {
      ask: (address, ...rest) => (at(address)?.ask ?? honest.ask)(address, ...rest),
      propose: (address, ...rest) => (at(address)?.propose ?? honest.propose)(address, ...rest),
      vouchers: (address, ...rest) => (at(address)?.vouchers ?? honest.vouchers)(address, ...rest),
      contents: (address, ...rest) => (at(address)?.contents ?? honest.contents)(address, ...rest),
    };
  }
}
