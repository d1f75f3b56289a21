import { expect } from "chai";
import type { Browser } from "playwright-core";

import { groupOf } from "../../scripts/demo/publish.ts";
import { endEpoch } from "../../scripts/demo/report.ts";
import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import type { NetworkView, OperatorView } from "../../src/console/views.ts";
import { groupMessage } from "../support/envelopes.ts";
import { DEPOSIT, useDearNetwork } from "./dearNetwork.ts";
import { delegateToDeployer, propose } from "./governance.ts";
import { PHONE, ask, expectClean, picture, visit } from "./support.ts";

const IDS = [100, 200];
const MESSAGES = 5;
/** What somebody might write to whoever looks. */
const HOSTILE = [
  "# <img src=x onerror=alert(1)> \u202egnp.exe\n[second line](https://evil.example)",
  new Uint8Array([0x42, 0x61, 0x64, 0x20, 0xff, 0xfe, 0xc3]),
  "W".repeat(3_000),
  "",
];

describe("console, for an operator", function () {
  this.timeout(300_000);
  const used = useDearNetwork(
    IDS.length,
    Array.from({ length: MESSAGES }, (_, n) => groupMessage(n, { group: groupOf(IDS[n % 2]!, IDS) })),
  );
  let network: LocalNetwork;
  let browser: Browser;
  let url: string;
  before(() => {
    ({ network, browser } = used);
    url = `${network.nodes[0]!.operatorUrl}/console/`;
  });

  const viewOf = async () => JSON.parse((await ask(`${url}api/operator`)).text) as OperatorView;
  const networkOf = async () => JSON.parse((await ask(`${url}api/network`)).text) as NetworkView;
  async function until<View>(viewNow: () => Promise<View>, isSo: (view: View) => boolean): Promise<View> {
    const end = Date.now() + 60_000;
    for (;;) {
      const view = await viewNow();
      if (isSo(view)) return view;
      if (Date.now() > end) throw new Error(`waited in vain: ${JSON.stringify(view)}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  const viewWith = (isSo: (view: OperatorView) => boolean) => until(viewOf, isSo);

  it("is for this machine only, comes with a strict policy, and gives out nothing but its files", async () => {
    const page = await ask(url);
    expect(page.status).to.equal(200);
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).to.match(/^default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[\w+/=]{24}';/);
    expect(policy).to.include("frame-ancestors 'none'");
    expect(policy).not.to.match(/unsafe|https?:|\*|data:/);
    const [, nonce] = /'nonce-([^']+)'/.exec(policy)!;
    expect(page.text).to.include(nonce!);
    expect((await ask(url)).text, "each answer has another nonce").not.to.include(nonce!);
    expect(page.text, "no script in the page").not.to.match(/<script(?![^>]*src=)/);
    expect(page.headers["x-content-type-options"]).to.equal("nosniff");
    expect(page.headers["access-control-allow-origin"]).to.equal(undefined);
    const moved = await ask(url.slice(0, -1));
    expect([moved.status, moved.headers.location]).to.deep.equal([308, "console/"]);
    for (const path of ["%2e%2e/.proto", "../.proto", "index.html.gz", "assets", "..\\.proto", "api/payer"]) {
      expect((await ask(url + path)).status, path).to.equal(404);
    }
    expect((await ask(url, {}, "POST")).status, "nothing is taken").to.equal(404);
    const strangers: Record<string, string>[] = [
      { origin: "https://elsewhere.example" },
      { host: "elsewhere.example" },
      { "x-forwarded-for": "1.2.3.4" },
    ];
    for (const headers of strangers) {
      expect((await ask(`${url}api/operator`, headers)).status).to.equal(403);
    }
  });

  it("says what the ledger says", async () => {
    await ask(`${network.nodes[0]!.operatorUrl}/settle`, {}, "POST");
    const view = await viewWith(
      ({ money, history }) =>
        money.unsettled === "0" && history.transactions.length > 0 && history.settled?.days.length === 1,
    );
    expect(view).to.include({ nodeId: 100, isHealthy: true, isReady: true });
    expect(view.alerts.filter(({ level }) => level === "bad")).to.deep.equal([]);
    const { money, history, channels } = view;
    const onChain = await network.contracts.postageChannels.getChannel(network.channel);
    expect(money.deposited).to.equal(String(DEPOSIT));
    expect(money.settled).to.equal(String(onChain.feesSpent));
    expect(BigInt(money.signed) >= BigInt(money.used)).to.equal(true);
    expect(channels.count).to.equal(1);
    const { nodes, hours } = history.traffic;
    expect(nodes).to.deep.equal(IDS);
    const messages = hours.flatMap((hour) => hour.messages);
    expect(messages.reduce((sum, one) => sum + one)).to.equal(MESSAGES);
    const pico = hours.flatMap(({ feesPico }) => feesPico).reduce((sum, one) => sum + BigInt(one), 0n);
    expect(String((pico + 999_999n) / 1_000_000n), "the hours sum to the usage").to.equal(money.used);
    const settled = history.transactions.find(({ kind }) => kind === "settle")!;
    expect(settled.rows).to.equal(1);
    expect((await network.chain.provider.getTransactionReceipt(settled.hash!))!.status).to.equal(1);
    expect(view.seat).to.deep.equal({ isSeated: true, begins: false, active: 2, nodes: 2 });
    expect(view.settlement.map(({ lane }) => lane)).to.deep.equal(["routine", "deadline"]);
    expect(Number(view.epoch!.endsAtSeconds)).to.be.greaterThan(view.chain.head!.timestampSeconds);
    expect(money.claimable).to.match(/^\d+$/);
    const settledDays = history.settled!.days;
    const sums = settledDays.map(({ own, others }) => BigInt(own) + BigInt(others));
    expect(settledDays[0]!.day).to.match(/^20\d\d-\d\d-\d\d$/);
    expect(BigInt(settledDays[0]!.own), "this node settled it").to.equal(sums[0]);
    expect(sums.reduce((sum, one) => sum + one)).to.equal(onChain.feesSpent);
    expect(history.settled!.sinceSeconds).to.be.lessThan(Date.now() / 1_000 - 13 * 86_400);
  });

  it("shows it on a desk and on a phone, by day and by night, from nowhere but the daemon", async () => {
    await endEpoch(network, () => {});
    const { history } = await viewWith((view) => view.history.epochs.length > 0);
    expect(BigInt(history.epochs.at(-1)!.usedPico) > 0n).to.equal(true);
    for (const [name, options] of Object.entries({
      desk: {},
      "desk-night": { colorScheme: "dark" as const },
      phone: { viewport: PHONE },
    })) {
      const seen = await visit(browser, url, /^Node 100$/, options);
      const { page } = seen;
      await page.getByRole("group", { name: "Settled" }).getByText("$").waitFor();
      expect(await page.getByRole("group", { name: "Deposited" }).innerText()).to.include("$50.00");
      await page.getByText(`${MESSAGES} messages`).waitFor({ state: "detached" });
      await page.getByText("Messages", { exact: true }).click();
      await page.getByText(`${MESSAGES} messages in the last 24 hours`, { exact: false }).waitFor();
      expect(await page.locator(".recharts-bar-rectangle path").count(), "bars").to.be.greaterThan(0);
      await page.getByText("settle, 1 payer").first().waitFor();
      const settled = page.getByRole("region", { name: "Settled over time" });
      await settled.getByText("collected from all payers in 14 days").waitFor();
      expect(await settled.locator(".recharts-bar-rectangle path").count()).to.be.greaterThan(0);
      expect(await settled.locator("svg.recharts-surface").first().textContent(), "its unit").to.include("$");
      await picture(page, `operator-${name}`);
      await expectClean(seen);
      const background = await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      expect(background).to.equal(name === "desk-night" ? "rgb(16, 17, 22)" : "rgb(245, 245, 248)");
      await page.close();
    }
  });

  it("shows the network: seats with their weights, traffic, fees, reports, and proposals as what strangers wrote", async () => {
    await delegateToDeployer(network);
    const ids = [];
    for (const text of HOSTILE) ids.push(await propose(network, text));
    // This daemon looks at the chain now and then: whoever sent the report knows it before.
    const view = await until(networkOf, ({ reports }) => reports?.[0]?.state === "accepted");
    const rates = await network.contracts.rateRegistry.getRates(0, 1);
    expect(view.fees!.storageFeePico).to.equal("1000000");
    expect(view.fees!.messageFeePico).to.equal(String(rates[0]![0]));
    expect(view.nodes.map(({ id, isSeated, weightPercent }) => ({ id, isSeated, weightPercent }))).to.deep.equal(
      IDS.map((id) => ({ id, isSeated: true, weightPercent: 50 })),
    );
    // A node that is slow for a moment is passed over: which one took a message is not said before.
    const { hours } = (await viewOf()).history.traffic;
    const ofNode = (i: number) => hours.reduce((sum, { messages }) => sum + messages[i]!, 0);
    const counted = view.nodes.map(({ messages }) => messages);
    expect(counted).to.deep.equal(IDS.map((_, i) => ofNode(i)));
    expect(counted[0]! + counted[1]!).to.equal(MESSAGES);
    expect(view.reports!.map(({ state }) => state)).to.deep.equal(["accepted"]);
    expect(view.epochs!.length).to.equal(1);
    const { rows } = view.proposals!;
    expect(rows.map(({ id, state }) => [BigInt(id), state])).to.deep.equal(
      ids.toReversed().map((id) => [id, "pending"]),
    );
    expect(rows.map(({ title }) => title)).to.deep.equal([
      ...["", `${"W".repeat(160)}…`, "Bad \ufffd\ufffd\ufffd", "<img src=x onerror=alert(1)> ?gnp.exe"],
    ]);
    expect(BigInt(rows[0]!.votes.quorum)).to.equal(40_000_000n * 10n ** 18n);
    for (const [name, options] of Object.entries({ desk: {}, phone: { viewport: PHONE } })) {
      const seen = await visit(browser, url, /^Node 100$/, options);
      await seen.page.getByText("Network", { exact: true }).click();
      await seen.page.getByRole("group", { name: "node 200" }).getByText("50.0 %").waitFor();
      await seen.page.locator(".recharts-bar-rectangle path").first().waitFor();
      const proposals = seen.page.getByRole("region", { name: "Proposals" });
      await proposals.getByText("<img src=x onerror=alert(1)> ?gnp.exe").waitFor();
      expect(await proposals.getByText("announced").count()).to.equal(HOSTILE.length);
      expect(await proposals.locator("a, img").count(), "nothing is a link or a picture").to.equal(0);
      await picture(seen.page, `network-${name}`);
      await expectClean(seen);
      await seen.page.reload();
      await seen.page.getByRole("heading", { name: "Network", level: 1 }).waitFor();
      await seen.page.close();
    }
  });

  it("says that the daemon is gone, and keeps what it showed", async () => {
    const node = network.nodes[0]!;
    const { page } = await visit(browser, url, /^Node 100$/);
    await node.kill();
    await page.getByText("The daemon does not answer").waitFor({ timeout: 40_000 });
    expect(await page.getByRole("group", { name: "Deposited" }).innerText()).to.include("$50.00");
    await picture(page, "operator-gone");
    await page.close();
  });
});
