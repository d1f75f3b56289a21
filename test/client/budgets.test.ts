import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";

import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";

import { dayOf } from "../../src/client/channel/spend.ts";
import { NO_SPEND, addSpend } from "../../src/client/channel/spend.ts";
import { spendLine } from "../../src/client/channel/spendReport.ts";
import type { Gateway } from "../../src/client/gateway.ts";
import type { PublishOutcome, Spend } from "../../src/client/ports.ts";
import { bearerTokens } from "../../src/client/server/bearerTokens.ts";
import { unitsToPico } from "../../src/protocol/units.ts";
import { groupMessage } from "../support/envelopes.ts";
import { CHANNEL, GAS } from "./support/fakeNetwork.ts";
import { GatewayHarness, publish, publishAs } from "./support/gatewayHarness.ts";

const PEOPLE = [
  { user: "alice", app: "chat" },
  { user: "bob", app: "chat" },
  { user: "alice", app: "mail" },
];
const TOKENS = PEOPLE.map(({ user, app }) => `the-token-of-${user}-at-${app}`) as [string, string, string];
const [ALICE, BOB, MAIL] = TOKENS;
const authenticate = bearerTokens(PEOPLE.map((one, i) => ({ ...one, token: TOKENS[i]! })));
const MIDNIGHT = BigInt(Date.UTC(2026, 0, 2) / 1_000);
const commit = (n: number) => groupMessage(n, { contentType: 3 });

const REFUSED: PublishOutcome = { kind: "refused", reason: "other", message: "no", demand: undefined };

async function refusal(promise: Promise<unknown>) {
  try {
    await promise;
  } catch (error) {
    const failure = ConnectError.from(error);
    const [detail] = failure.findDetails(PostageRefusalSchema);
    return { status: Code[failure.code], message: failure.message, detail };
  }
  return { status: "sent", message: "", detail: undefined };
}

async function rowsOf(gateway: Gateway, days = {}): Promise<Spend[]> {
  const rows: Spend[] = [];
  for await (const row of gateway.spend(days)) rows.push(row);
  return rows;
}

const sumOf = async (gateway: Gateway) => (await rowsOf(gateway)).reduce(addSpend, NO_SPEND);

describe("client/gateway budgets and spend", () => {
  let harness: GatewayHarness;
  beforeEach(() => (harness = new GatewayHarness()));
  afterEach(() => harness.stop());

  const sendAs = (token: string, gateway: Gateway, ...envelopes: Uint8Array[]) =>
    harness.settle(refusal(publishAs(token, gateway, ...envelopes)));

  /** What one of these messages costs, in picodollars. */
  async function priceOf(message: Uint8Array): Promise<bigint> {
    const probe = new GatewayHarness();
    const gateway = await probe.start();
    await probe.settle(publish(gateway, message));
    const { usagePico } = gateway.status();
    await probe.stop();
    return usagePico;
  }

  it("lets concurrent publishes of a user not exceed its budget together, and others go on", async () => {
    const price = await priceOf(groupMessage(1));
    // In whole base units, and room for seven and a half.
    const postage = (price * 15n) / 2n / 1_000_000n;
    const gateway = await harness.start({ authenticate, budgets: { user: { postage } } });
    const most = Number(unitsToPico(postage) / price);
    const outcomes = await harness.settle(
      Promise.all(Array.from({ length: 20 }, (_, n) => refusal(publishAs(ALICE, gateway, groupMessage(n))))),
    );
    expect(outcomes.filter(({ status }) => status === "sent")).to.have.length(most);
    const refused = outcomes.filter(({ status }) => status !== "sent");
    for (const { status, message, detail } of refused) {
      expect(status).to.equal("ResourceExhausted");
      expect(message).to.include('user "alice" has');
      expect(detail).to.include({ code: "budget_exhausted", renewsAt: MIDNIGHT, available: postage, retryable: false });
      expect(detail!.required > postage).to.equal(true);
    }
    expect(gateway.status().usagePico <= unitsToPico(postage)).to.equal(true);
    expect((await sendAs(BOB, gateway, groupMessage(50))).status).to.equal("sent");
    expect((await sendAs(MAIL, gateway, groupMessage(51))).status, "another app's alice").to.equal("sent");
  });

  it("knows after a restart what was spent, and begins anew at midnight UTC", async () => {
    const price = await priceOf(groupMessage(1));
    const budgets = { user: { postage: (price * 5n) / 2n / 1_000_000n } };
    const first = await harness.start({ authenticate, budgets });
    await sendAs(ALICE, first, groupMessage(1));
    await sendAs(ALICE, first, groupMessage(2));
    await harness.settle(first.close());
    const second = await harness.start({ authenticate, budgets });
    expect((await sendAs(ALICE, second, groupMessage(3))).detail).to.include({ code: "budget_exhausted" });
    harness.clock.set(Number(MIDNIGHT) * 1_000);
    expect((await sendAs(ALICE, second, groupMessage(3))).status).to.equal("sent");
  });

  it("gives back what a node refused", async () => {
    const price = await priceOf(groupMessage(1));
    const budgets = { user: { postage: (price * 3n) / 2n / 1_000_000n } };
    const gateway = await harness.start({ authenticate, budgets, limits: { holdSeconds: 1 } });
    for (const node of harness.network.nodes) node.mishaps = Array.from({ length: 50 }, () => ({ refuse: REFUSED }));
    expect((await sendAs(ALICE, gateway, groupMessage(1))).detail).to.include({ code: "refused_by_nodes" });
    for (const node of harness.network.nodes) node.mishaps = [];
    expect((await sendAs(ALICE, gateway, groupMessage(2))).status).to.equal("sent");
  });

  it("holds an app and everybody together to theirs", async () => {
    const price = await priceOf(groupMessage(1));
    const some = (count: bigint) => ({ postage: (price * (2n * count + 1n)) / 2n / 1_000_000n });
    const gateway = await harness.start({ authenticate, budgets: { app: some(2n), all: some(3n) } });
    await sendAs(ALICE, gateway, groupMessage(1));
    await sendAs(BOB, gateway, groupMessage(2));
    expect((await sendAs(BOB, gateway, groupMessage(3))).message).to.include('app "chat" has');
    expect((await sendAs(MAIL, gateway, groupMessage(4))).status).to.equal("sent");
    expect((await sendAs(MAIL, gateway, groupMessage(5))).message).to.include("this gateway has");
  });

  it("holds gas to a budget before anything is sent, and books what it did cost", async () => {
    const budgets = { user: { gasWei: GAS.most + 2n * GAS.spent } };
    const gateway = await harness.start({ authenticate, budgets });
    for (const n of [1, 2, 3]) expect((await sendAs(ALICE, gateway, commit(n))).status).to.equal("sent");
    const refused = await sendAs(ALICE, gateway, commit(4));
    expect(refused.detail).to.include({ code: "budget_exhausted", renewsAt: MIDNIGHT });
    expect(refused.message).to.include("wei for gas");
    expect(harness.network.transactions).to.have.length(3);
    expect(gateway.status().openAttempts).to.equal(0);
    expect((await sendAs(ALICE, gateway, groupMessage(5))).status, "messages cost no gas").to.equal("sent");
    const [row] = (await rowsOf(gateway)).filter(({ kind }) => kind === "commit");
    expect(row).to.include({ app: "chat", user: "alice", count: 3n, gasWei: 3n * GAS.spent, postagePico: 0n });
  });

  it("counts all that a transaction may have cost when nobody saw what it did", async () => {
    harness.network.receiptsAreLost = true;
    const gateway = await harness.start({ authenticate });
    await sendAs(ALICE, gateway, commit(1));
    expect(await sumOf(gateway)).to.include({ count: 1n, gasWei: GAS.most });
  });

  it("reports by day, app, user and kind, and its sums are the ledger's", async () => {
    const gateway = await harness.start({ authenticate });
    await sendAs(ALICE, gateway, groupMessage(1), groupMessage(2), commit(3));
    await sendAs(MAIL, gateway, groupMessage(4));
    harness.clock.set(Number(MIDNIGHT) * 1_000);
    await sendAs(ALICE, gateway, groupMessage(5));
    const rows = await rowsOf(gateway);
    const day = dayOf(Date.UTC(2026, 0, 1));
    expect(rows.map(({ day: of, app, user, kind, count }) => [of - day, app, user, kind, count])).to.deep.equal([
      [0, "chat", "alice", "commit", 1n],
      [0, "chat", "alice", "message", 2n],
      [0, "mail", "alice", "message", 1n],
      [1, "chat", "alice", "message", 1n],
    ]);
    expect(rows.reduce(addSpend, NO_SPEND).postagePico).to.equal(gateway.status().usagePico);
    expect(await rowsOf(gateway, { from: "2026-01-02", to: "2026-01-02" })).to.have.length(1);
    expect(await rowsOf(gateway, { to: "2026-01-01" })).to.have.length(3);
    const wrong = await rowsOf(gateway, { from: "2026-02-30" }).catch((error: unknown) => error);
    expect(wrong).to.be.instanceOf(RangeError);
  });

  it("keeps its sums equal to the ledger's whatever goes wrong at nodes, on chain and on disk", async () => {
    let gateway = await harness.start({ authenticate, limits: { holdSeconds: 5 } });
    const mishaps = ["down", "lost", "storedButSilent", { refuse: REFUSED }, { storeThenSay: REFUSED }] as const;
    for (const [i, mishap] of [...mishaps, ...mishaps].entries()) {
      for (const node of harness.network.nodes) node.mishaps = [mishap];
      await harness.settle(
        Promise.all(TOKENS.map((token, k) => refusal(publishAs(token, gateway, groupMessage(10 * i + k))))),
      );
      if (i % 3 === 2) {
        await harness.settle(gateway.close());
        gateway = await harness.start({ authenticate, limits: { holdSeconds: 5 } });
      }
      expect((await sumOf(gateway)).postagePico, `after mishap ${i}`).to.equal(gateway.status().usagePico);
    }
    for (const node of harness.network.nodes) node.mishaps = [];
    await harness.run(180_000);
    expect(gateway.status().openAttempts).to.equal(0);
    expect((await sumOf(gateway)).postagePico).to.equal(gateway.status().usagePico);
    expect(gateway.status().usagePico, "what the nodes charge").to.equal(harness.network.chargedPico);
  });

  it("shows what the chain knew and a lost store did not as nobody's", async () => {
    harness.network.channel = { ...harness.network.channel, feesSpent: 5_000n };
    const gateway = await harness.start({ authenticate });
    const [row] = await rowsOf(gateway);
    expect(row).to.include({ kind: "unnamed", user: "", postagePico: unitsToPico(5_000n) });
    expect((await sumOf(gateway)).postagePico).to.equal(gateway.status().usagePico);
  });

  it("names nobody for what a store knew before it had names", async () => {
    const store = harness.openStore();
    const state = { usagePico: 77n, usageByNode: new Map(), voucherRow: undefined, doubles: 0n, revision: 1n };
    await store.commit({ channel: CHANNEL, state });
    const gateway = await harness.start({ authenticate, store });
    expect(await rowsOf(gateway)).to.have.length(1);
    expect(await sumOf(gateway)).to.include({ postagePico: 77n, count: 0n });
    await harness.settle(gateway.close());
    expect(await sumOf(await harness.start({ authenticate })), "not twice").to.include({ postagePico: 77n });
  });

  it("adds up old days without names, and loses nothing", async () => {
    const gateway = await harness.start({ authenticate, limits: { spendKeptDays: 1 } });
    for (const token of TOKENS) await sendAs(token, gateway, groupMessage(TOKENS.indexOf(token)));
    harness.clock.set(Date.UTC(2026, 0, 5));
    await sendAs(ALICE, gateway, groupMessage(9));
    await harness.run(61_000, 100);
    const rows = await rowsOf(gateway);
    expect(rows.map(({ day, user, count }) => [day, user, count])).to.deep.equal([
      [0, "", 3n],
      [dayOf(Date.UTC(2026, 0, 5)), "alice", 1n],
    ]);
    expect((await sumOf(gateway)).postagePico).to.equal(gateway.status().usagePico);
  });

  it("gives spreadsheets nothing to compute in a name", () => {
    const row: Spend = { ...NO_SPEND, day: 0, app: "-1", user: '=HYPERLINK("x")', kind: "message" };
    expect(spendLine(row)).to.include({ day: "1970-01-01", app: "'-1", user: `'=HYPERLINK("x")` });
  });
});
