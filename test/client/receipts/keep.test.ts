import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { openSqliteStore } from "../../../src/client/adapters/sqliteStore.ts";
import { NOBODY } from "../../../src/client/channel/spend.ts";
import type { GatewayStore, KeptReceipt } from "../../../src/client/ports.ts";
import { ReceiptBook } from "../../../src/client/receipts/receiptBook.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { openDurableSqlite } from "../../../src/platform/sqlite.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { payerEnvelopeHash, readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { stableOrder } from "../../../src/protocol/nodeChoice.ts";
import { topicBytes } from "../../../src/protocol/topics.ts";
import { groupMessage } from "../../support/envelopes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { CHANNEL } from "../support/fakeNetwork.ts";
import { GatewayHarness, publish } from "../support/gatewayHarness.ts";
import { FakeReports } from "./fakeReports.ts";
import { commitReceipts, keptReceipt } from "./support.ts";

const ORDER = stableOrder(topicBytes(0, new Uint8Array(16).fill(0xab)), [100, 200, 300]);
const idsOf = (receipts: KeptReceipt[]) => receipts.map(({ originatorId: n, sequenceId: s }) => `${n}:${s}`);

/** Takes a file back to before it knew who spent what. */
const WITHOUT_SPEND = `drop table top_up; drop table spend;
  ${["app", "user_name", "reserved_wei"].map((column) => `alter table attempt drop column ${column};`).join("")}
  ${["app", "user_name"].map((column) => `alter table refusal drop column ${column};`).join("")}`;

describe("client/adapters/sqliteReceipts", () => {
  let directory: string;
  let path: string;
  const stores: GatewayStore[] = [];
  const open = () => stores[stores.push(openSqliteStore(path)) - 1]!;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "pennyblack-receipts-"));
    path = join(directory, "gateway.sqlite");
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    rmSync(directory, { recursive: true });
  });

  it("pages in the order of originators and ids, up to the largest id, and keeps the first of a place", async () => {
    const store = open();
    const most = 2n ** 64n - 1n;
    const kept = [keptReceipt(200, 1n), keptReceipt(100, most), keptReceipt(100, 9n), keptReceipt(100, 10n)];
    await commitReceipts(store, [...kept, { ...keptReceipt(100, 9n), keptAt: 77 }]);
    const ids: string[] = [];
    for (let after: KeptReceipt | undefined; ;) {
      const page = await store.receipts(CHANNEL, after, 2);
      if (page.length === 0) break;
      ids.push(...idsOf(page));
      after = page.at(-1);
    }
    expect(ids).to.deep.equal(["100:9", "100:10", `100:${most}`, "200:1"]);
    expect(await store.receipt(CHANNEL, { originatorId: 100, sequenceId: 9n })).to.deep.equal(kept[2]);
    expect(await store.receipts(`0x${"99".repeat(20)}`, undefined, 10), "another channel's").to.deep.equal([]);
  });

  it("removes, notes what contradicts, and forgets what is old unless it is contradicted", async () => {
    const store = open();
    const kept = [1n, 2n, 3n].map((id) => ({ ...keptReceipt(100, id), keptAt: Number(id) }));
    await commitReceipts(store, kept);
    await store.removeReceipts(CHANNEL, [{ originatorId: 100, sequenceId: 2n }]);
    const contradiction = { report: `0x${"ab".repeat(32)}`, proof: "0x01", reason: undefined } as const;
    await store.contradictReceipt(CHANNEL, kept[0]!, contradiction);
    expect(await store.forgetReceipts(CHANNEL, 3, 10), "the third is not old").to.equal(0);
    expect(await store.forgetReceipts(CHANNEL, 4, 10)).to.equal(1);
    expect(await store.receiptCount(CHANNEL)).to.equal(1);
    expect((await store.receipts(CHANNEL, undefined, 10))[0]).to.deep.equal({ ...kept[0], contradiction });
  });

  it("is added to the file of an earlier version, which keeps what it has", async () => {
    await commitReceipts(open(), []);
    const file = openDurableSqlite(path);
    file.exec(WITHOUT_SPEND);
    file.exec("drop table receipt");
    file.pragma("user_version = 2");
    file.close();
    const store = open();
    expect((await store.loadChannel(CHANNEL))!.usagePico).to.equal(5n);
    await commitReceipts(store, [keptReceipt(100, 1n)]);
    expect(await store.receiptCount(CHANNEL)).to.equal(1);
  });
});

describe("client/adapters/sqliteSpend", () => {
  it("is added to the file of an earlier version, whose publishes under way are nobody's", async () => {
    const directory = mkdtempSync(join(tmpdir(), "pennyblack-spend-"));
    const path = join(directory, "gateway.sqlite");
    const first = openSqliteStore(path);
    const state = { usagePico: 77n, usageByNode: new Map(), voucherRow: undefined, doubles: 0n, revision: 1n };
    const key = { envelopeHash: `0x${"22".repeat(32)}`, originatorId: 100, topic: new Uint8Array(3) } as const;
    const spender = { app: "chat", user: "alice" };
    const attempt = { ...key, payerEnvelope: new Uint8Array(4), reservedPico: 9n, startedAt: 5 };
    const named = { ...attempt, spender, reservedWei: 8n };
    await first.commit({
      ...{ channel: CHANNEL, state, addAttempts: [named], addRefusals: [{ ...key, spender, refusedAt: 5 }] },
    });
    expect(await first.loadAttempts(CHANNEL)).to.deep.equal([named]);
    await first.close();
    const file = openDurableSqlite(path);
    file.exec(WITHOUT_SPEND);
    file.pragma("user_version = 3");
    file.close();
    const store = openSqliteStore(path);
    expect(await store.loadAttempts(CHANNEL)).to.deep.equal([{ ...attempt, spender: NOBODY, reservedWei: 0n }]);
    expect(await store.loadRefusals(CHANNEL)).to.deep.equal([{ ...key, spender: NOBODY, refusedAt: 5 }]);
    await store.close();
    rmSync(directory, { recursive: true });
  });
});

describe("client/receipts/receiptBook", () => {
  const read = readOriginatorEnvelope(keptReceipt(100, 1n).envelope);

  async function taken(times: number, mostReceipts: number, random: () => number) {
    let count = 0;
    const store = { receiptCount: async () => count, forgetReceipts: async () => 0 };
    const options = { store, channel: CHANNEL, clock: new ManualClock(), log: silentLog, random };
    const book = await ReceiptBook.open({ ...options, mostReceipts, receiptsKeptMs: 1_000 });
    for (let n = 0; n < times; n++) if (book.take(read, new Uint8Array(1))) count++;
    return { count, book };
  }

  it("keeps all up to half of the room, then fewer and fewer, never more than there is room for", async () => {
    expect((await taken(50, 100, () => 0.999)).count).to.equal(50);
    expect((await taken(1_000, 100, () => 0.999)).count, "half is kept whatever chance says").to.equal(51);
    expect((await taken(1_000, 100, () => 0)).count, "and never more than all").to.equal(100);
    let seed = 1;
    const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const { count } = await taken(200, 100, random);
    expect(count).to.be.within(80, 99);
  });

  it("keeps none when there is no room at all", async () => {
    expect((await taken(10, 0, () => 0)).count).to.equal(0);
  });

  it("has room again when receipts were removed", async () => {
    let count = 100;
    const store = { receiptCount: async () => count, forgetReceipts: async () => 0 };
    const options = { store, channel: CHANNEL, clock: new ManualClock(), log: silentLog, random: () => 0.5 };
    const book = await ReceiptBook.open({ ...options, mostReceipts: 100, receiptsKeptMs: 1_000 });
    expect(book.take(read, new Uint8Array(1))).to.equal(undefined);
    count = 3;
    await book.prune(10);
    expect(book.take(read, new Uint8Array(1))).to.not.equal(undefined);
  });
});

describe("client/gateway keeps receipts", function () {
  this.timeout(180_000);
  let harness: GatewayHarness;
  beforeEach(() => (harness = new GatewayHarness()));
  afterEach(() => harness.stop());

  async function kept(): Promise<KeptReceipt[]> {
    const store = harness.openStore();
    try {
      return await store.receipts(CHANNEL, undefined, 100);
    } finally {
      await store.close();
    }
  }

  it("each as the node signed it, while its answers are forgotten", async () => {
    const gateway = await harness.start({ limits: { answersKeptMs: 1_000 } });
    const answers = [
      ...(await harness.settle(publish(gateway, groupMessage(1)))),
      ...(await harness.settle(publish(gateway, groupMessage(2)))),
    ];
    await harness.settle(publish(gateway, groupMessage(2)));
    await harness.run(120_000, 500);
    const receipts = await kept();
    expect(receipts.map(({ envelope }) => readOriginatorEnvelope(envelope))).to.deep.equal(
      answers.map((answer) => readOriginatorEnvelope(answer)),
    );
  });

  it("of both nodes when two carry an envelope, whatever one of them said", async () => {
    const gateway = await harness.start();
    const denied = { kind: "refused", reason: "other", message: "no", demand: undefined } as const;
    harness.network.node(ORDER[0]!).mishaps = Array.from({ length: 9 }, () => ({ storeThenSay: denied }));
    await harness.settle(publish(gateway, groupMessage(1)));
    await harness.run(30_000, 100);
    expect(idsOf(await kept())).to.deep.equal([`${ORDER[0]}:1`, `${ORDER[1]}:1`].sort());
  });

  it("until they are too old", async () => {
    const gateway = await harness.start({ limits: { receiptsKeptMs: 600_000 } });
    await harness.settle(publish(gateway, groupMessage(1)));
    await harness.run(540_000, 1_000);
    expect(await kept()).to.have.length(1);
    await harness.run(180_000, 1_000);
    expect(await kept()).to.have.length(0);
    expect(harness.logged.some(({ message }) => message.includes("are forgotten"))).to.equal(true);
  });

  it("until a final report has them, which it asks for itself", async () => {
    const reports = new FakeReports();
    reports.keys = harness.network.keys;
    const limits = { proveEveryMs: 60_000 };
    const gateway = await harness.start({ limits, reports: { chain: reports.chain(), servers: reports.servers() } });
    const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
    await harness.settle(publish(gateway, groupMessage(2)));
    await harness.run(61_000, 500);
    expect(gateway.status().receipts).to.equal(2);
    const { originatorId, payerEnvelope } = readOriginatorEnvelope(answer!);
    const entries = [{ sequenceId: 1n, payerEnvelopeHash: toHex(payerEnvelopeHash(payerEnvelope)) }];
    reports.add({ [originatorId]: { first: 1n, last: 2n, entries } });
    await harness.run(121_000, 500);
    const [left, ...more] = await kept();
    expect(more).to.deep.equal([]);
    expect(left).to.include({ originatorId, sequenceId: 2n });
    expect(left!.contradiction!.report).to.equal(reports.made[0]!.digest);
    expect(gateway.status().receipts).to.equal(1);
    expect(harness.logged.some(({ message }) => message.includes("contradicts a receipt"))).to.equal(true);
  });

  it("no more than the limit, and goes on publishing", async () => {
    const gateway = await harness.start({ limits: { mostReceipts: 4 } });
    for (let n = 1; n <= 8; n++) await harness.settle(publish(gateway, groupMessage(n)));
    expect((await kept()).length).to.be.within(2, 4);
    expect(gateway.status().usagePico).to.equal(harness.network.chargedPico);
  });
});
