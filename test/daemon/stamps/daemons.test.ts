import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { expect } from "chai";

import { httpStamps } from "../../../src/daemon/adapters/httpStamps.ts";
import type { Daemon } from "../../../src/daemon/daemon.ts";
import type { DaemonStore, RegisteredNode } from "../../../src/daemon/ports.ts";
import type { Reported } from "../../../src/daemon/reports/stamps/reportedStamps.ts";
import { ReportedStamps } from "../../../src/daemon/reports/stamps/reportedStamps.ts";
import { Stamps } from "../../../src/daemon/stamps/openStamps.ts";
import type { StampChain } from "../../../src/daemon/stamps/ports.ts";
import { METRICS } from "../../../src/daemon/metrics/catalogue.ts";
import { Metrics } from "../../../src/platform/metrics/metrics.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { readPayerEnvelope } from "../../../src/protocol/envelope.ts";
import { senderTag, signSenderTag } from "../../../src/protocol/stamps/senderTag.ts";
import {
  NOTES_PATH,
  PASSES_PATH,
  blocksPath,
  blocksSchema,
  channelStampsPath,
  channelStampsSchema,
  noteResultsSchema,
  ratesPath,
  ratesSchema,
  stampsPath,
  stampsSchema,
} from "../../../src/protocol/stamps/stampsJson.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { daemonWith } from "../daemonWith.ts";
import { DOMAIN, PAYER, PAYER_KEY, refusalOf, storeAt } from "../support.ts";
import {
  FOREIGN,
  INBOX,
  INSTALLATION,
  OTHER_INBOX,
  PRICE,
  byWallet,
  listInboxes,
  openStampBooks,
  waiver,
  welcome,
  welcomeId,
} from "./support.ts";

const CHAIN: StampChain = {
  price: async () => PRICE,
  sharesAt: async () => ({ recipientsBps: 5_000, silentBps: 1_000 }),
  updatesAfter: async () => undefined,
};
const SIGNAL = new AbortController().signal;
const NEVER = async () => Promise.reject(new Error("nobody is called"));

/** Reports that say the same of every stamp. */
const saying = (outcome: Reported): Pick<ReportedStamps, "isCharged" | "outcomesOf"> => ({
  isCharged: async () => outcome === "spam",
  outcomesOf: async (stamps) => stamps.map(() => outcome),
});

/** Books of a node, with its stamps on a real socket. */
async function openNode(nodeId: number, clock: ManualClock, outcome?: Reported) {
  const store = await storeAt(":memory:", { nodeId, clock });
  await listInboxes(store, clock);
  const books = await openStampBooks(store, clock);
  await books.fund(PAYER);
  const stamps = new Stamps(
    { chain: CHAIN, transport: httpStamps, everyMs: 1_000 },
    {
      ...{ nodeId, domain: DOMAIN, store: store.stamps, ledger: books.ledger, recorder: new Metrics(METRICS), clock },
      ...{ reported: outcome ? saying(outcome) : new ReportedStamps(store.reports), log: silentLog },
    },
  );
  const server = createServer(stamps.handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const httpAddress = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { store, books, stamps, server, node: { nodeId, httpAddress, isCanonical: true } };
}

describe("daemon/stamps between daemons, over HTTP", () => {
  const clock = new ManualClock();
  let nodes: Awaited<ReturnType<typeof openNode>>[] = [];

  beforeEach(async () => {
    nodes = await Promise.all([100, 200, 300].map((nodeId) => openNode(nodeId, clock)));
  });
  afterEach(async () => {
    for (const { server, store } of nodes) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
    }
  });

  const peers = (): RegisteredNode[] => nodes.map(({ node }) => node);
  const rounds = async (count = 1) => {
    for (let i = 0; i < count; i++) for (const { stamps } of nodes) await stamps.step(peers(), SIGNAL);
  };
  const get = async (path: string, at = 0) => (await fetch(nodes[at]!.node.httpAddress + path)).json();
  const post = async (path: string, body: unknown, at = 0) =>
    fetch(nodes[at]!.node.httpAddress + path, { method: "POST", body: JSON.stringify(body) });

  it("what a recipient says at one node holds at all, and everybody can read what came of it", async () => {
    await rounds();
    const bytes = welcome(1, INSTALLATION);
    const tag = senderTag(new Uint8Array(32).fill(5), OTHER_INBOX, INBOX);
    const tags = [signSenderTag(DOMAIN, tag, readPayerEnvelope(bytes).digest, PAYER_KEY)];
    await nodes[0]!.books.deliver(bytes, { stamps: PRICE, tags });
    for (const { books } of nodes.slice(1)) {
      books.envelopeLog.append(100, bytes, BigInt(clock.now()) * 1_000_000n);
      await books.meter.drain();
    }
    await rounds();
    // The tag has come with gossip: the third node tells it too.
    const [stamp] = stampsSchema.parse(await get(stampsPath(INBOX), 2)).stamps;
    expect(stamp).to.include({ payer: PAYER, welcome: welcomeId(bytes), price: PRICE, standing: "open", tag });
    const about = { inbox: INBOX, payer: PAYER } as const;
    const block = byWallet({ kind: "block", ...about, tag, number: 1n, isBlocked: true });
    const spam = byWallet({ kind: "statement", ...about, welcome: stamp!.welcome, verdict: "spam", account: PAYER });
    const answer = await post(NOTES_PATH, { notes: [toHex(spam), toHex(block), "0x01"] }, 1);
    expect(noteResultsSchema.parse(await answer.json()).results.map(({ taken, code }) => code ?? taken)).to.deep.equal([
      ...[true, true, "malformed_note"],
    ]);
    await rounds();
    for (const at of [0, 1, 2]) {
      expect(ratesSchema.parse(await get(ratesPath(INBOX), at))).to.include({ stamps: 1n, spam: 1n, open: 0n });
      expect(blocksSchema.parse(await get(blocksPath(INBOX), at)).blocks).to.deep.equal([block]);
      const again = welcome(2, INSTALLATION);
      const sent = [signSenderTag(DOMAIN, tag, readPayerEnvelope(again).digest, PAYER_KEY)];
      const refusal = await refusalOf(nodes[at]!.books.publish(again, { stamps: 2n * PRICE, tags: sent }));
      expect(refusal.refusal).to.equal("sender_blocked");
    }
    const channel = channelStampsSchema.parse(await get(channelStampsPath(PAYER)));
    expect(channel).to.deep.equal({ channel: PAYER, used: PRICE, signed: PRICE, price: PRICE });
  });

  it("a statement that comes before the welcome it is about is told again until it is taken", async () => {
    await rounds();
    const bytes = welcome(1, INSTALLATION);
    await nodes[0]!.books.deliver(bytes, { stamps: PRICE });
    const accept = byWallet({
      kind: "statement",
      inbox: INBOX,
      payer: PAYER,
      welcome: welcomeId(bytes),
      verdict: "accept",
    });
    await nodes[0]!.stamps.desk.take([accept], "");
    await rounds(2);
    expect(await nodes[1]!.store.stamps.notesAfter(0n, 10)).to.have.length(0);
    nodes[1]!.books.envelopeLog.append(100, bytes, BigInt(clock.now()) * 1_000_000n);
    await nodes[1]!.books.meter.drain();
    await rounds();
    expect(await nodes[1]!.store.stamps.notesAfter(0n, 10)).to.have.length(1);
    expect(await nodes[1]!.books.used()).to.equal(0n);
  });

  it("37: a waiver's last use at one node is its last at the others, once they have spoken", async () => {
    await rounds();
    const once = byWallet(waiver(clock, { mostUses: 1 }));
    await nodes[0]!.books.deliver(welcome(1, INSTALLATION), { waivers: [once] });
    await rounds();
    const refusal = await refusalOf(nodes[2]!.books.publish(welcome(2, INSTALLATION), { waivers: [once] }));
    expect(refusal.message).to.include("no use left");
  });

  it("a week of silence gives back all but a tenth, and a peer that is away hears everything later", async () => {
    await rounds();
    const bytes = welcome(1, INSTALLATION);
    await nodes[0]!.books.deliver(bytes, { stamps: PRICE });
    const block = byWallet({ kind: "block", inbox: INBOX, payer: PAYER, number: 1n, isBlocked: true });
    await nodes[0]!.stamps.desk.take([block], "");
    const away = { ...nodes[1]!.node, httpAddress: "http://127.0.0.1:1" };
    await nodes[0]!.stamps.step([nodes[0]!.node, away], SIGNAL);
    clock.advance(7 * 86_400_000 - 1_000);
    await nodes[0]!.stamps.step([nodes[0]!.node, away], SIGNAL);
    expect(await nodes[0]!.books.used()).to.equal(PRICE);
    clock.advance(1_000);
    await nodes[0]!.stamps.step([nodes[0]!.node, nodes[1]!.node], SIGNAL);
    expect(await nodes[0]!.books.used()).to.equal(PRICE / 10n);
    expect(await nodes[1]!.store.stamps.notesOf(INBOX, "block", 10)).to.have.length(1);
  });

  it("a stamp that reports still have open, or do not know yet, is open: a welcome may be dated a week back", async () => {
    const said: [Reported, string, bigint][] = [
      ["open", "open", PRICE],
      ["unreported", "open", PRICE],
      ["silent", "silent", PRICE / 10n],
      ["spam", "spam", PRICE],
      ["accepted", "accepted", 0n],
    ];
    for (const [outcome, standing, used] of said) {
      const own = new ManualClock();
      const node = await openNode(100, own, outcome);
      await node.stamps.step([node.node], SIGNAL);
      const bytes = welcome(1, INSTALLATION);
      await node.books.deliver(bytes, { stamps: PRICE });
      own.advance(8 * 86_400_000);
      await node.stamps.step([node.node], SIGNAL);
      const kept = await node.store.stamps.stamp({ inbox: INBOX, payer: PAYER }, welcomeId(bytes));
      expect([kept!.standing, await node.books.used()], outcome).to.deep.equal([standing, used]);
      const about = { kind: "statement", inbox: INBOX, payer: PAYER, welcome: welcomeId(bytes) } as const;
      const spam = byWallet({ ...about, verdict: "spam", account: PAYER });
      const [result] = await node.stamps.desk.take([spam], "");
      expect(result!.code, outcome).to.equal(outcome === "silent" ? "window_over" : undefined);
      // Nothing that is said of another welcome, and no report for a month: it was silent.
      await node.books.deliver(welcome(2, FOREIGN), { stamps: 2n * PRICE });
      own.advance(30 * 86_400_000);
      await node.stamps.step([node.node], SIGNAL);
      const other = await node.store.stamps.stamp({ inbox: OTHER_INBOX, payer: PAYER }, welcomeId(welcome(2, FOREIGN)));
      const became = outcome === "spam" || outcome === "accepted" ? outcome : "silent";
      expect(other!.standing, outcome).to.equal(became);
      node.server.closeAllConnections();
      await new Promise((resolve) => node.server.close(resolve));
      await node.store.close();
    }
  });

  it("refuses what is malformed, too much or unknown, and answers while others flood", async () => {
    for (const body of [{}, { notes: [] }, { notes: ["0x"] }, { notes: Array(101).fill("0x01") }, { notes: ["zz"] }]) {
      expect((await post(NOTES_PATH, body)).status).to.equal(400);
    }
    expect((await post(PASSES_PATH, { passes: [{ payer: PAYER }] })).status).to.equal(400);
    expect((await fetch(`${nodes[0]!.node.httpAddress}/postage/inboxes/0x12/stamps`)).status).to.equal(404);
    // Of one caller so many wait; another one's come between.
    const { desk } = nodes[0]!.stamps;
    const bad = byWallet(waiver(clock));
    const flood = Array.from({ length: 40 }, () => desk.take([bad], "flood"));
    const other = desk.take([bad], "other");
    const results = (await Promise.all(flood)).map(([result]) => result!.code);
    expect((await other)[0]!.code).to.equal("malformed_note");
    expect(results).to.include("malformed_note").and.to.include("busy");
    expect((await post(NOTES_PATH, { notes: ["0x".padEnd(1_000_000, "0")] })).status).to.equal(400);
  });

  it("is part of a daemon: its handler and status, and none without it", async () => {
    const settings = { chain: CHAIN, transport: { notes: NEVER, passes: NEVER }, everyMs: 1_000 };
    const store: DaemonStore = await storeAt();
    const daemon: Daemon = await daemonWith({ store, stamps: settings, clock }, {});
    const plain = await daemonWith({ clock }, {});
    for (const [one, expected] of [
      [daemon, 200],
      [plain, 404],
    ] as const) {
      const server: Server = createServer(one.handler);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${ratesPath(INBOX)}`;
      expect((await fetch(url)).status).to.equal(expected);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await one.close();
    }
  });
});
