import { expect } from "chai";
import type { Contract } from "ethers";
import type { Browser, Page } from "playwright-core";

import { localWallet } from "../../scripts/local/localChain.ts";
import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import type { NetworkView, PayerView } from "../../src/console/views.ts";
import { groupMessage } from "../support/envelopes.ts";
import { useDearNetwork } from "./dearNetwork.ts";
import { delegateToDeployer, propose, vote } from "./governance.ts";
import { PHONE, ask, expectClean, picture, visit } from "./support.ts";

const USD = 1_000_000n;
const MESSAGES = 4;
const HELD = 40n * USD;
/** Proposals, and how the deployer votes on each: 1 is for. */
const VOTED = { "Thirty seats instead of twenty": 1, "Thirty seats, once more": 0, "Nobody cares": undefined } as const;
/** A test account of the chain that nothing else uses. */
const HOLDER = localWallet(15).address;

/** What a wallet puts on every page: it forwards to the chain, which signs for its own test accounts. */
const WALLET = `globalThis.ethereum = {
  request: async ({ method, params }) => {
    const answer = JSON.parse(await globalThis.forward(JSON.stringify({ method, params: params ?? [] })));
    if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer.result;
  },
  on() {},
  removeListener() {},
};`;

describe("console, for a payer", function () {
  this.timeout(300_000);
  const used = useDearNetwork(
    1,
    Array.from({ length: MESSAGES }, (_, n) => groupMessage(n)),
  );
  let network: LocalNetwork;
  let browser: Browser;
  let url: string;
  const voted = new Map<string, [id: bigint, support: 0 | 1 | undefined]>();
  before(async () => {
    ({ network, browser } = used);
    url = `${network.gateway.url}/console/`;
    const token = network.token.connect(localWallet(1).connect(network.chain.provider)) as Contract;
    await (await token.getFunction("mint").send(HOLDER, HELD)).wait();
    await delegateToDeployer(network);
    for (const [title, support] of Object.entries(VOTED)) voted.set(title, [await propose(network, title), support]);
    await network.chain.increaseTime(Number(await network.contracts.postageGovernor.votingDelay()) + 2);
    for (const [id, support] of voted.values()) if (support !== undefined) await vote(network, id, support);
  });

  const viewOf = async () => JSON.parse((await ask(`${url}api/payer`)).text) as PayerView;
  const depositOf = async () => (await network.contracts.postageChannels.getChannel(network.channel)).deposited;

  /** A page with a wallet whose owner may decline what `declines` names. */
  async function withWallet(declines: (method: string) => boolean, viewport?: typeof PHONE) {
    const methods: string[] = [];
    const forward = async (text: string): Promise<string> => {
      const { method, params } = JSON.parse(text) as { method: string; params: unknown[] };
      methods.push(method);
      if (declines(method)) return JSON.stringify({ error: { code: 4001, message: "User rejected the request." } });
      if (method === "eth_requestAccounts" || method === "eth_accounts") return JSON.stringify({ result: [HOLDER] });
      try {
        return JSON.stringify({ result: (await network.chain.provider.send(method, params)) as unknown });
      } catch (error) {
        return JSON.stringify({ error: { code: -32_000, message: String(error) } });
      }
    };
    const seen = await visit(browser, url, /^Gateway$/, {
      script: WALLET,
      forward,
      ...(viewport ? { viewport } : {}),
    });
    return { ...seen, methods };
  }

  async function fillIn(page: Page, dollars: string): Promise<void> {
    await page.getByRole("button", { name: "Top up" }).click();
    await page.getByRole("button", { name: "Connect Browser wallet" }).click();
    await page.getByText("It has").waitFor();
    await page.getByLabel("Amount in dollars").fill(dollars);
  }

  it("is for this machine only, though the RPCs on its port are for every page", async () => {
    const page = await ask(url);
    expect(page.status).to.equal(200);
    expect(page.headers["content-security-policy"]).to.match(/^default-src 'none'; script-src 'self';/);
    expect(page.text).to.include('name="console-host" content="gateway"');
    for (const path of ["api/payer", "api/network"]) {
      const own = await ask(url + path);
      expect([own.status, own.headers["access-control-allow-origin"]], path).to.deep.equal([200, undefined]);
      const strangers: Record<string, string>[] = [
        { origin: "https://elsewhere.example" },
        { host: "elsewhere.example" },
        { "x-forwarded-for": "1.2.3.4" },
      ];
      for (const headers of strangers) expect((await ask(url + path, headers)).status, path).to.equal(403);
    }
    expect((await ask(`${url}api/operator`)).status).to.equal(404);
    expect((await ask(url, {}, "POST")).status).to.equal(404);
    const rpcs = await ask(`${network.gateway.url}/status`);
    expect(rpcs.headers["access-control-allow-origin"], "as before").to.equal("*");
  });

  it("says what the gateway's ledger says, to the picodollar", async () => {
    const view = await viewOf();
    expect(view.problems).to.deep.equal([]);
    expect(view.channel).to.equal(network.channel.toLowerCase());
    const kinds = view.spend.days.flatMap((day) => day.kinds);
    expect(kinds.map(({ kind, envelopes }) => [kind, envelopes])).to.deep.equal([["message", MESSAGES]]);
    expect(kinds[0]!.postagePico).to.equal(view.usedPico);
    expect(view.spend.spenders).to.deep.equal([{ app: "", user: "", envelopes: MESSAGES, postagePico: view.usedPico }]);
    const used = (BigInt(view.usedPico) + 999_999n) / USD;
    expect(view.onChain!.deposited).to.equal(String(50n * USD));
    expect(view.onChain!.left).to.equal(String(50n * USD - used));
    // What was spent, over at least a quarter of a day.
    expect(BigInt(view.runway!.perDayPico) <= 4n * BigInt(view.usedPico)).to.equal(true);
    expect(BigInt(view.runway!.perDayPico) >= BigInt(view.usedPico)).to.equal(true);
    expect(view.runway!.daysLeft).to.be.greaterThan(100);
    expect(view.nodes.map(({ id, isAvailable }) => [id, isAvailable])).to.deep.equal([[100, true]]);
  });

  it("shows it on a desk and on a phone, from nowhere but the gateway", async () => {
    for (const [name, options] of Object.entries({
      desk: {},
      phone: { viewport: PHONE, colorScheme: "dark" as const },
    })) {
      const seen = await visit(browser, url, /^Gateway$/, options);
      const { page } = seen;
      expect(await page.getByRole("region", { name: "Left" }).innerText()).to.include("of $50.00 deposited");
      await page.locator(".recharts-bar-rectangle path").first().waitFor();
      await page.getByRole("button", { name: "Top up" }).click();
      await page.getByText("This browser has no wallet").waitFor();
      await page.keyboard.press("Escape");
      await page.getByText("This browser has no wallet").waitFor({ state: "detached" });
      await picture(page, `payer-${name}`);
      await expectClean(seen);
      await page.close();
    }
  });

  it("shows the network as the gateway knows it", async () => {
    const seen = await visit(browser, `${url}#network`, /^Network$/, { viewport: PHONE });
    await seen.page.getByRole("group", { name: "node 100" }).getByText("answers").waitFor();
    await seen.page.getByText("A message of 1 kB").waitFor();
    const { proposals } = JSON.parse((await ask(`${url}api/network`)).text) as NetworkView;
    const { postageGovernor } = network.contracts;
    for (const { id, title, state, votes, votingEndsSeconds } of proposals!.rows) {
      expect(voted.get(title)![0]).to.equal(BigInt(id));
      const { forVotes, againstVotes } = await postageGovernor.proposalVotes(id);
      expect([state, votes.for, votes.against]).to.deep.equal(["active", String(forVotes), String(againstVotes)]);
      expect(votes.quorum).to.equal(String(await postageGovernor.quorum(await postageGovernor.proposalSnapshot(id))));
      expect(BigInt(votingEndsSeconds)).to.equal(await postageGovernor.proposalDeadline(id));
    }
    expect(proposals!.rows.map(({ title }) => title)).to.deep.equal([...voted.keys()].reverse());
    const shown = seen.page.getByRole("region", { name: "Proposals" });
    await shown.getByText("Thirty seats instead of twenty").waitFor();
    expect(await shown.getByText("open for votes").count()).to.equal(3);
    await shown.getByText("for 0 · against 0 · abstain 0 · quorum 0 of 40M").waitFor();
    await shown.getByText(/for [\d.]+\w · against 0 · abstain 0 · quorum reached/).waitFor();
    await picture(seen.page, "payer-network");
    await expectClean(seen);
    await seen.page.close();
  });

  it("tops up with a browser's wallet: a signature, a transaction, and the money is in the channel", async () => {
    const before = await depositOf();
    const seen = await withWallet(() => false, PHONE);
    const { page, methods } = seen;
    await fillIn(page, "12.345678");
    await picture(page, "payer-top-up");
    await page.getByRole("button", { name: "Deposit $12.345678" }).click();
    await page.getByText("$12.345678 deposited").waitFor({ timeout: 60_000 });
    expect(await depositOf()).to.equal(before + 12_345_678n);
    expect(methods.filter((one) => /^eth_(sign|send)/.test(one))).to.deep.equal([
      "eth_signTypedData_v4",
      "eth_sendTransaction",
    ]);
    await picture(page, "payer-topped-up");
    await page.keyboard.press("Escape");
    await page.getByText("of $62.35 deposited").waitFor({ timeout: 60_000 });
    await expectClean(seen);
    await page.close();
  });

  it("sends nothing when the wallet's owner declines, and makes a deposit once that failed half way", async () => {
    const before = await depositOf();
    let [isDeclined, isHidden] = [true, false];
    const { page } = await withWallet((method) => {
      if (method === "eth_signTypedData_v4") return isDeclined;
      // The transaction goes out, and the page never hears of it.
      return isHidden && method === "eth_getTransactionReceipt";
    });
    await fillIn(page, "100");
    await page.getByText("The account has").waitFor();
    expect(await page.getByRole("button", { name: /^Deposit/ }).isDisabled()).to.equal(true);
    await page.getByLabel("Amount in dollars").fill("3");
    await page.getByRole("button", { name: "Deposit $3.00" }).click();
    await page.getByText("declined").waitFor();
    expect(await depositOf()).to.equal(before);
    [isDeclined, isHidden] = [false, true];
    await page.getByRole("button", { name: "Deposit $3.00" }).click();
    await page.getByRole("alert").waitFor({ timeout: 60_000 });
    isHidden = false;
    await page.getByRole("button", { name: "Deposit $3.00" }).click();
    await page.getByText("$3.00 deposited").waitFor({ timeout: 60_000 });
    expect(await depositOf()).to.equal(before + 3n * USD);
    await page.close();
  });
});
