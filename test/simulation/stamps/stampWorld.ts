import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";

import { Gate } from "../../../src/daemon/gate.ts";
import { Meter } from "../../../src/daemon/meter.ts";
import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import { PostageRefused } from "../../../src/daemon/refusal.ts";
import { ReportedStamps } from "../../../src/daemon/reports/stamps/reportedStamps.ts";
import { NoteDesk } from "../../../src/daemon/stamps/noteDesk.ts";
import { StampGate } from "../../../src/daemon/stamps/stampGate.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { readPayerEnvelope } from "../../../src/protocol/envelope.ts";
import { listToHeader } from "../../../src/protocol/stamps/headers.ts";
import type { Note } from "../../../src/protocol/stamps/notes.ts";
import { unpackNote } from "../../../src/protocol/stamps/noteBytes.ts";
import { signNote } from "../../../src/protocol/stamps/signedNote.ts";
import { signVoucher, voucherToHeader } from "../../../src/protocol/voucher.ts";
import { welcomeEnvelope } from "../../support/envelopes.ts";
import type { NetworkNode } from "../../daemon/reports/network.ts";
import { Network } from "../../daemon/reports/network.ts";
import { DOMAIN } from "../../daemon/support.ts";
import type { Random } from "../random.ts";
import type { NodeRole, Recipient, Sender, Writing } from "./cast.ts";
import { DAY, HOUR, PRICE } from "./cast.ts";
import { StampsChain } from "./stampsChain.ts";

/** So that a month has sixteen reports and not sixty: pairings take long. */
export const EPOCH_SECONDS = 2 * DAY;
export const NODES = 4;
const DEPOSIT = 20_000_000n;
const FEES = 500_000n;
const TERMS = { price: PRICE, settlesSeconds: 0n };
const BACKDATED = 8 * DAY;
const WAIVER_DAYS = 400;
/** Of nobody's inbox: what a forger signs with, and whom it pays. */
const FORGER_KEY = new Uint8Array(32).fill(0x99);
export const FORGER = addressOf(FORGER_KEY);

/** A welcome that a node took, as the judge is told of it. Times in unix seconds. */
export interface Delivered {
  from: Sender;
  to: Recipient;
  welcome: Hex;
  /** When it came, and how its originator dates it. */
  at: number;
  datedAt: number;
  originatorId: number;
  sequence: number;
  isWaived: boolean;
  /** What its payer had signed for stamps. */
  signed: bigint;
}

export interface Said {
  from: Sender;
  to: Recipient;
  welcome: Hex;
  verdict: "accept" | "spam";
  at: number;
  /** Whether the desks took it. */
  isTaken: boolean;
}

interface Node extends NetworkNode {
  gate: Gate;
  stampMeter: Meter;
  desk: NoteDesk;
}

/** Four nodes with gates, desks and reporters, one of which has a role; months pass in seconds. */
export class StampWorld {
  readonly money = new StampsChain();
  readonly delivered: Delivered[] = [];
  readonly said: Said[] = [];
  /** By payer and inbox, from when on. */
  readonly blocked = new Map<string, number>();
  /** By what gates said no with. */
  readonly refusals = new Map<string, number>();
  readonly startsAt: number;
  readonly culprit: number;
  readonly network: Network;
  readonly #nodes: Node[];
  readonly #random: Random;
  readonly #role: NodeRole;
  #count = 0;

  private constructor(network: Network, role: NodeRole, random: Random) {
    this.network = network;
    this.#role = role;
    this.#random = random;
    this.startsAt = network.clock.now() / 1_000;
    this.culprit = random.pick(network.nodes).nodeId;
    this.#nodes = network.nodes.map((node) => this.#withStamps(node));
  }

  static async open(role: NodeRole, random: Random, senders: readonly Sender[], recipients: readonly Recipient[]) {
    const shares = { recipientsBps: 5_000, silentBps: 1_000 };
    const network = await Network.of(NODES, [], undefined, (store) => ({
      ...{ domain: DOMAIN, store },
      termsAt: async () => ({ ...TERMS, ...shares }),
    }));
    const world = new StampWorld(network, role, random);
    network.chain.epochSeconds = async () => BigInt(EPOCH_SECONDS);
    network.chain.charge = async (report, charges, ceilings) => {
      const digest = network.chain.chain.find(({ attested }) => attested.report.epoch === report.epoch)!.digest;
      world.money.charge(digest, charges, ceilings);
      return true;
    };
    await world.#list(recipients);
    for (const { channel } of senders) {
      world.money.fund(channel, DEPOSIT);
      for (const { books } of world.#nodes) await books.fund(channel, { ...EMPTY_CHANNEL, deposited: DEPOSIT });
    }
    return world;
  }

  #withStamps(node: NetworkNode): Node {
    const { nodeId, books, log, store: reports } = node;
    const { ledger, holdings, rateBook, stamps, store } = books;
    const { clock } = this.network;
    if (nodeId === this.culprit) this.#corrupt(node);
    const gate = new Gate({
      ...{ nodeId, domain: DOMAIN, ledger, rateBook, clock, holdings, exposureCap: DEPOSIT },
      ...{ chainDoubt: () => 0, isReady: () => true, isCaughtUp: () => true, seats: () => 1, onShareUsed: () => {} },
      stamps: new StampGate({ domain: DOMAIN, store: stamps, terms: () => TERMS, clock }),
    });
    const stampTerms = () => TERMS;
    const stampMeter = new Meter({ envelopeLog: log, store, ledger, holdings, rateBook, log: silentLog, stampTerms });
    const isFunded = async () => true;
    const reported = new ReportedStamps(reports);
    const desk = new NoteDesk({ domain: DOMAIN, store: stamps, clock, isFunded, reported });
    return { ...node, gate, stampMeter, desk };
  }

  /** What a dishonest node's own daemon believes, and leaves out. */
  #corrupt({ books: { stamps } }: NetworkNode): void {
    if (this.#role === "forger") stamps.isMember = async () => true;
    if (this.#role !== "omitter") return;
    const statements = stamps.statements.bind(stamps);
    stamps.statements = async (...range) => {
      const all = await statements(...range);
      return all.filter(({ note }) => note.kind !== "statement" || !this.#isOfSpammer(note.payer));
    };
  }

  #isOfSpammer(payer: Address): boolean {
    return this.delivered.some(({ from }) => from.kind === "spammer" && from.channel === payer);
  }

  async #list(recipients: readonly Recipient[]): Promise<void> {
    // Of an inbox that was listed later than a welcome is dated no node asks a stamp.
    const at = BigInt(this.startsAt - BACKDATED - HOUR);
    const changes = recipients.map(({ inbox, walletKey, installation }, i) => {
      const wallet = `ethereum:${addressOf(walletKey)}`;
      const device = {
        kind: "add" as const,
        member: `installation:${installation.slice(2)}`,
        addedBy: wallet,
        isAccount: false,
      };
      const owner = { kind: "add" as const, member: wallet, addedBy: undefined, isAccount: false };
      return { sequenceId: BigInt(i + 1), inbox, at, actions: [owner, device] };
    });
    for (const { books } of this.#nodes) {
      await books.stamps.recordInboxes({ after: undefined, readTo: 1n, readToAt: 2n ** 40n, changes });
    }
  }

  /** Unix seconds. */
  get now(): number {
    return this.network.clock.now() / 1_000;
  }

  passTo(at: number): void {
    const { clock, chain } = this.network;
    if (at > this.now) clock.advance((at - this.now) * 1_000);
    if (BigInt(Math.floor(this.now)) > chain.time) chain.time = BigInt(Math.floor(this.now));
  }

  /** A welcome through a node's gate, which its payer signs a ceiling for if need be; what was delivered. */
  async write({ from, to, isWaived }: Writing): Promise<Delivered | undefined> {
    const isFavoured = from.kind === "spammer" && (this.#role === "giver" || this.#role === "backdater");
    const node = isFavoured
      ? this.#nodes.find(({ nodeId }) => nodeId === this.culprit)!
      : this.#random.pick(this.#nodes);
    const { nodeId } = node;
    const bytes = welcomeEnvelope(++this.#count, to.installation, from.key, nodeId);
    if (!(this.#role === "giver" && isFavoured) && !(await this.#admit(node, bytes, from, to, isWaived)))
      return undefined;
    const datedAt = this.#role === "backdater" && isFavoured ? this.now - BACKDATED : this.now;
    this.network.deliver(nodeId, bytes, BigInt(datedAt) * 1_000_000_000n);
    for (const { stampMeter } of this.#nodes) await stampMeter.drain();
    const welcome = toHex(readPayerEnvelope(bytes).digest.subarray(0, 16));
    const about = { at: this.now, datedAt, originatorId: nodeId, sequence: this.#count, isWaived, signed: from.signed };
    const delivered = { from, to, welcome, ...about };
    this.delivered.push(delivered);
    return delivered;
  }

  async #admit(
    { gate, books }: Node,
    bytes: Uint8Array,
    from: Sender,
    to: Recipient,
    isWaived: boolean,
  ): Promise<boolean> {
    const read = readPayerEnvelope(bytes);
    const waivers = isWaived ? [this.#waiver(from, to)] : [];
    for (let tries = 0; tries < 2; tries++) {
      const voucherHeader = voucherToHeader(signVoucher(DOMAIN, { fees: FEES, stamps: from.signed }, from.key));
      const stampHeaders = { waiver: waivers.length > 0 ? listToHeader(waivers) : null, sender: null };
      try {
        (await gate.admit({ envelopes: [read], voucherHeader, stampHeaders })).release(true);
        if (isWaived) await this.#tellPass(books.stamps, read.digest);
        return true;
      } catch (error) {
        if (!(error instanceof PostageRefused)) throw error;
        const { refusal } = error;
        const required = error.findDetails(PostageRefusalSchema)[0]!.required;
        this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1);
        if (refusal !== "stamp_missing" || required > from.budget) return false;
        from.signed = required;
      }
    }
    return false;
  }

  #waiver({ channel: payer }: Sender, { inbox, walletKey }: Recipient): Uint8Array {
    const notAfter = BigInt(this.startsAt + WAIVER_DAYS * DAY);
    return signNote(DOMAIN, { kind: "waiver", inbox, payer, waiverId: 1n, notAfter, mostUses: 10 }, walletKey);
  }

  /** As gossip does with uses of waivers. */
  async #tellPass(from: Node["books"]["stamps"], digest: Uint8Array): Promise<void> {
    const passes = (await from.passesAfter(0n, 1_000)).filter(({ payerDigest }) => payerDigest === toHex(digest));
    for (const { desk } of this.#nodes) await desk.takePasses(passes, "a peer");
  }

  /** A recipient's word, at all nodes as gossip brings it, each in an order of its own. */
  async say(about: Delivered, verdict: Said["verdict"]): Promise<void> {
    const { from, to, welcome } = about;
    const account = verdict === "spam" ? { account: to.account } : {};
    const note: Note = { kind: "statement", inbox: to.inbox, payer: from.channel, welcome, verdict, ...account };
    const isTaken = await this.#bring(signNote(DOMAIN, note, to.walletKey));
    this.said.push({ from, to, welcome, verdict, at: this.now, isTaken });
  }

  async block(from: Sender, to: Recipient): Promise<void> {
    const note: Note = { kind: "block", inbox: to.inbox, payer: from.channel, number: 1n, isBlocked: true };
    const pair = `${from.channel} ${to.inbox}`;
    const isTaken = await this.#bring(signNote(DOMAIN, note, to.walletKey));
    // The first one counts: what came through is answered with another.
    if (isTaken && !this.blocked.has(pair)) this.blocked.set(pair, this.now);
  }

  async #bring(packed: Uint8Array): Promise<boolean> {
    const honest = this.#nodes.filter(({ nodeId }) => nodeId !== this.culprit);
    const results = [];
    for (const { desk } of honest) results.push(...(await desk.take([packed], "a recipient")));
    await this.#nodes.find(({ nodeId }) => nodeId === this.culprit)!.desk.take([packed], "a recipient");
    return results.every(({ taken }) => taken);
  }

  /** The epoch under way ends, and is reported; what is final by then is charged. */
  async endEpoch(): Promise<void> {
    if (this.#role === "forger") await this.#forge();
    const end = (Math.floor(this.now / EPOCH_SECONDS) + 1) * EPOCH_SECONDS;
    this.passTo(end + 130);
    await this.network.untilReported();
    this.passTo(Number(this.network.chain.time));
  }

  /** At the culprit alone: that every recipient calls every stranger spam, for the forger's account. */
  async #forge(): Promise<void> {
    const { stamps } = this.#nodes.find(({ nodeId }) => nodeId === this.culprit)!.books;
    for (const { from, to, welcome } of this.delivered.slice(-20)) {
      const about = { inbox: to.inbox, payer: from.channel, welcome, verdict: "spam", account: FORGER } as const;
      const packed = signNote(DOMAIN, { kind: "statement", ...about }, FORGER_KEY);
      await stamps.putNote(unpackNote(packed).note, packed, this.network.clock.now() - 2 * HOUR * 1_000);
    }
  }

  /** Reports on chain, the first one first, each as an honest node has it. */
  async reports() {
    const honest = this.#nodes.find(({ nodeId }) => nodeId !== this.culprit)!;
    const all = [];
    for (const { digest, attested, finalAt } of this.network.chain.chain) {
      const contents = await honest.store.get(digest);
      const endsAt = Number(attested.report.epoch + 1n) * EPOCH_SECONDS;
      all.push({ digest, endsAt, finalAt: Number(finalAt), stamps: contents?.stamps, isKept: contents !== undefined });
    }
    return all;
  }

  close(): Promise<void> {
    return this.network.close();
  }
}
