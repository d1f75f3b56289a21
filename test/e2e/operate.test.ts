import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import Database from "better-sqlite3";
import { expect } from "chai";
import { Command } from "commander";
import { Wallet } from "ethers";

import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";
import { localWallet } from "../../scripts/local/localChain.ts";
import { startService } from "../../scripts/local/service.ts";
import { examineAll } from "../../src/cli/doctor/doctor.ts";
import type { Finding, Found } from "../../src/cli/doctor/finding.ts";
import { judgeDisk, checkStockNode } from "../../src/cli/doctor/machineChecks.ts";
import type { NodeState } from "../../src/cli/doctor/nodeChecks.ts";
import { checkSeat, checkStake } from "../../src/cli/doctor/nodeChecks.ts";
import { addOperatorCommands } from "../../src/cli/operate/commands.ts";
import { exportBooks } from "../../src/cli/operate/export.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { openLedgerReader } from "../../src/daemon/store/ledgerReader.ts";
import type { Clock } from "../../src/platform/clock.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { EPOCH, USD, postageKey, voucherRow } from "../contracts/fixtures.ts";

const NODE = 100;

/** The operator's commands against a node that runs, its chain and what they find when something is broken. */
describe("operating a node", function () {
  this.timeout(240_000);
  let directory: string;
  let network: LocalNetwork;
  let file: string;
  let operatorPort: string;
  const home = (name: string) => join(directory, `node-${NODE}`, name);

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "pennyblack-operate-"));
    network = await startLocalNetwork({ directory, nodes: 1, deposit: 5n * USD, headroom: 50_000n });
    file = home("config.json");
    operatorPort = new URL(network.nodes[0]!.operatorUrl).port;
  });
  after(async () => {
    await network.close();
    rmSync(directory, { recursive: true });
  });

  async function pennyblack(...words: string[]): Promise<{ exitCode: number; out: string; err: string }> {
    const program = new Command("pennyblack").exitOverride();
    let [exitCode, out, err] = [-1, "", ""];
    const output = { out: (text: string) => void (out += `${text}\n`), err: (text: string) => void (err += text) };
    addOperatorCommands(program, output, (code) => (exitCode = code));
    await program.parseAsync([words[0]!, "--config", file, ...words.slice(1)], { from: "user" });
    return { exitCode, out, err };
  }

  /** What the doctor finds, by check; settings of the node's file are overridden by the environment. */
  async function doctor(settings: Record<string, string> = {}, clock: Clock = systemClock, of = file) {
    const environment = Object.fromEntries(
      Object.entries({ OPERATOR_PORT: operatorPort, ...settings }).map(([key, value]) => [
        `PENNYBLACK_CONFIG_${key}`,
        value,
      ]),
    );
    const findings = await examineAll(of, environment, clock);
    return new Map(findings.map((finding) => [finding.check, finding]));
  }

  function expectFinding(found: Finding | Found | undefined, state: Finding["state"], says: RegExp): void {
    expect(found?.state, JSON.stringify(found)).to.equal(state);
    expect(found!.says).to.match(says);
    if (state === "fail" || state === "warn") expect(found!.fix, found!.says).to.match(/\w{3}/);
  }

  async function serving<T>(listener: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  describe("doctor", () => {
    it("finds nothing to mend on a node that runs", async () => {
      const findings = await doctor();
      const failed = [...findings.values()].filter(({ state }) => state === "fail" || state === "skipped");
      expect(failed).to.deep.equal([]);
      expectFinding(findings.get("endpoints"), "warn", /it is the only one/);
      expect([...findings.keys()]).to.deep.equal([
        ...[
          "settings",
          "network",
          "signing key",
          "settlement key",
          "attestation key",
          "endpoints",
          "contracts",
          "clock",
          "registration",
        ],
        ...["seat", "stake", "address", "gas", "ledger", "node database", "disk", "running"],
      ]);
    });

    it("settings, network and keys: names what is wrong, and what can not be told then", async () => {
      const wrong = await doctor({ EXPOSURE_CUP: "1", NODE_ID: "7" });
      expect([...wrong.keys()]).to.deep.equal(["settings"]);
      expectFinding(wrong.get("settings"), "fail", /EXPOSURE_CUP[\s\S]*nodeId/);
      const nowhere = await doctor({ DEPLOYMENT: "none.json" });
      expectFinding(nowhere.get("network"), "fail", /none.json/);
      expectFinding(nowhere.get("contracts"), "skipped", /'network'/);
      expectFinding((await doctor({ SIGNING_KEY_FILE: "none.key" })).get("signing key"), "fail", /cannot read the key/);
      const settings = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
      writeFileSync(home("silent.json"), JSON.stringify({ ...settings, attestationKeyFile: undefined }));
      const none = (await doctor({}, systemClock, home("silent.json"))).get("attestation key");
      expectFinding(none, "warn", /a roll call jails/);
      expectFinding((await doctor({ ATTESTATION_KEY_FILE: "no.key" })).get("attestation key"), "fail", /cannot read/);
      copyFileSync(home("signing.key"), home("open.key"));
      chmodSync(home("open.key"), 0o644);
      expectFinding((await doctor({ SIGNING_KEY_FILE: "open.key" })).get("signing key"), "warn", /others can read/);
      const remote = { url: "http://user:hunter2@127.0.0.1:1", address: `0x${"ab".repeat(20)}` };
      const silent = (await doctor({ DEADLINE_KEY: JSON.stringify({ remoteSigner: remote }) })).get("deadline key");
      expectFinding(silent, "fail", /does not answer/);
      expect(JSON.stringify(silent)).not.to.include("hunter2");
      await serving(
        (_, response) => void response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, result: [] })),
        async (url) => {
          const without = JSON.stringify({ remoteSigner: { ...remote, url } });
          expectFinding((await doctor({ DEADLINE_KEY: without })).get("deadline key"), "fail", /has no key of/);
        },
      );
    });

    it("endpoints: dead, of another chain, one of two, syncing, stale, of two minds", async () => {
      const { url } = network.chain;
      const endpoints = async (settings: Record<string, string>, clock?: Clock) => {
        const findings = await doctor(settings, clock);
        if (findings.get("endpoints")!.state === "fail") expectFinding(findings.get("gas"), "skipped", /endpoints/);
        return findings.get("endpoints");
      };
      expectFinding(await endpoints({ RPC_URL: "http://127.0.0.1:1" }), "fail", /cannot be reached/);
      expectFinding(await endpoints({ RPC_URLS: `["${url}","http://127.0.0.1:1"]` }), "warn", /cannot be reached/);
      const later = { ...systemClock, now: () => Date.now() + 2 * 86_400_000 };
      expectFinding(await endpoints({}, later), "fail", /newest block is \d+ s old/);
      /** The chain's endpoint, with some answers changed. */
      const lying =
        (change: (method: string, result: unknown) => unknown): RequestListener =>
        (request, response) => {
          void (async () => {
            let body = "";
            for await (const part of request) body += String(part);
            const calls = [JSON.parse(body) as { id: number; method: string }].flat();
            const answers = (await (await fetch(url, { method: "POST", body: JSON.stringify(calls) })).json()) as {
              id: number;
              result: unknown;
            }[];
            const methods = new Map(calls.map(({ id, method }) => [id, method]));
            const changed = answers.map((one) => ({ ...one, result: change(methods.get(one.id)!, one.result) }));
            response.end(JSON.stringify(body.startsWith("[") ? changed : changed[0]));
          })();
        };
      const over = (change: Parameters<typeof lying>[0]) =>
        serving(lying(change), (other) => endpoints({ RPC_URLS: JSON.stringify([url, other]) }));
      const sound = await over((_, result) => result);
      expectFinding(sound, "ok", /at block \d+, .* at block \d+/);
      expectFinding(
        await over((method, result) => (method === "eth_chainId" ? "0x1" : result)),
        "warn",
        /serves chain 0x1/,
      );
      const syncing = await over((method, result) => (method === "eth_syncing" ? { currentBlock: "0x1" } : result));
      expectFinding(syncing, "warn", /still syncing/);
      const forked = await over((method, result) =>
        method === "eth_getBlockByNumber" ? { ...(result as object), hash: `0x${"12".repeat(32)}` } : result,
      );
      expectFinding(forked, "fail", /different blocks/);
    });

    it("contracts, clock, registration, address and gas: against the chain itself", async () => {
      const record = JSON.parse(readFileSync(join(directory, "deployment.json"), "utf8")) as {
        contracts: Record<string, { codeHash: string }>;
      };
      record.contracts.guardian!.codeHash = `0x${"00".repeat(32)}`;
      writeFileSync(home("drifted.json"), JSON.stringify(record));
      expectFinding((await doctor({ DEPLOYMENT: "drifted.json" })).get("contracts"), "fail", /guardian/);
      const behind = { ...systemClock, now: () => Date.now() - 3_600_000 };
      expectFinding((await doctor({}, behind)).get("clock"), "fail", /behind the chain's/);
      const ahead = { ...systemClock, now: () => Date.now() + 3_600_000 };
      expectFinding((await doctor({}, ahead)).get("clock"), "warn", /ahead of the newest block/);
      const unknown = await doctor({ NODE_ID: "900" });
      expectFinding(unknown.get("registration"), "fail", /900/);
      expectFinding(unknown.get("seat"), "skipped", /registration/);
      const poor = Wallet.createRandom().privateKey;
      writeFileSync(home("poor.key"), poor, { mode: 0o600 });
      expectFinding((await doctor({ SIGNING_KEY_FILE: "poor.key" })).get("registration"), "fail", /the registry has/);
      expectFinding((await doctor({ SETTLEMENT_KEY_FILE: "poor.key" })).get("gas"), "fail", /has 0 wei/);
      writeFileSync(home("scarce.key"), localWallet(19).privateKey, { mode: 0o600 });
      const balance = 10n ** 18n;
      await network.chain.provider.send("hardhat_setBalance", [localWallet(19).address, `0x${balance.toString(16)}`]);
      const scarce = { SETTLEMENT_KEY_FILE: "scarce.key", GAS_RESERVE: String(balance) };
      expectFinding((await doctor(scarce)).get("gas"), "warn", /has 1000000000000000000 wei/);
    });

    it("address: nothing there, something else, or a node that is not well", async () => {
      const { checkAddress } = await import("../../src/cli/doctor/chainChecks.ts");
      expectFinding(await checkAddress("http://127.0.0.1:1"), "fail", /cannot be reached/);
      const answering = (status: number, body: string) =>
        serving((_, response) => void response.writeHead(status).end(body), checkAddress);
      expectFinding(await answering(200, "<html>"), "fail", /something else answers/);
      expectFinding(await answering(503, '{"ok":false}'), "fail", /not healthy/);
      expectFinding(await checkAddress(network.nodes[0]!.url), "ok", /answers/);
    });

    it("seat and stake: each standing that does not earn", () => {
      const state = {
        ...{ phase: "live", isFrozen: false, stake: 5n, seatMinimum: 5n, weakest: 0n, seatPrice: 6n },
        standing: { name: "earning", words: "has a seat and earns" },
      } as unknown as NodeState;
      const as = (changes: object) => ({ ...state, ...changes });
      expectFinding(checkSeat(NODE, state), "ok", /earns/);
      expectFinding(checkSeat(NODE, as({ isFrozen: true })), "fail", /FROZEN/);
      for (const name of ["jailed", "suspended", "without_seat", "losing_seat", "leaving", "left"]) {
        expectFinding(checkSeat(NODE, as({ standing: { name, words: name } })), "fail", new RegExp(name));
      }
      expectFinding(checkSeat(NODE, as({ standing: { name: "seat_ahead", words: "ahead" } })), "warn", /ahead/);
      expectFinding(checkStake(NODE, state), "ok", /staked/);
      expectFinding(checkStake(NODE, as({ seatMinimum: 0n })), "fail", /no seat/);
      expectFinding(checkStake(NODE, as({ weakest: 100n })), "warn", /the least of all seats/);
    });

    it("ledger and node database: gone, another's, newer, older copies", async () => {
      const copy = mkdtempSync(join(tmpdir(), "pennyblack-copy-"));
      const { exitCode } = await pennyblack("backup", "--directory", join(copy, "data"));
      expect(exitCode).to.equal(0);
      const at = { DATA_DIRECTORY: join(copy, "data") };
      const ledger = async (more = {}) => (await doctor({ ...at, ...more })).get("ledger");
      const change = (text: string) => {
        const database = new Database(join(copy, "data", "ledger.sqlite"));
        database.exec(text);
        database.close();
      };
      const mark = (cursor: string) =>
        writeFileSync(
          join(copy, "data", "ledger.mark.json"),
          JSON.stringify({ nodeId: NODE, highWater: cursor, cursors: { [NODE]: cursor } }),
        );
      expectFinding(await ledger(), "ok", /readable/);
      change("insert or replace into cursors values (100, 3)");
      mark("4");
      expectFinding(await ledger(), "fail", /older copy: the log of node 100 was metered to 4, and it says 3/);
      expectFinding((await doctor(at)).get("node database"), "fail", /has given out 4/);
      change("update ledger set node_id = 200");
      expectFinding(await ledger(), "fail", /the ledger of node 200/);
      change("update ledger set node_id = 100, domain = '1:0x00'");
      expectFinding(await ledger(), "fail", /the ledger of 1:0x00/);
      change(`update ledger set domain = '31337:${network.record.contracts.postageChannels.address.toLowerCase()}'`);
      change("update store_version set version = 99");
      expectFinding(await ledger(), "fail", /newer schema/);
      writeFileSync(
        join(copy, "data", "ledger.sqlite"),
        "no database at all, but long enough to be looked at".repeat(99),
      );
      expectFinding(await ledger(), "fail", /not a database/);
      rmSync(join(copy, "data", "ledger.sqlite"));
      expectFinding(await ledger(), "warn", /is gone/);
      rmSync(copy, { recursive: true });
      expectFinding((await doctor({ DATABASE_URL: "postgres://u:hunter2@127.0.0.1:1/x" })).get("ledger"), "fail", /./);
    });

    it("disk, the daemon itself, and a stock node", async () => {
      expectFinding(judgeDisk(1e12, "/"), "ok", /1000.0 GB/);
      expectFinding(judgeDisk(1e9, "/"), "warn", /1.0 GB/);
      expectFinding(judgeDisk(1e8, "/"), "fail", /0.1 GB/);
      expectFinding((await doctor({ DATA_DIRECTORY: "/nowhere" })).get("disk"), "fail", /nowhere/);
      expectFinding((await doctor({ OPERATOR_PORT: "1" })).get("running"), "warn", /nothing answers/);
      expectFinding((await doctor({ OPERATOR_PORT: "0" })).get("running"), "warn", /cannot be asked/);
      const ill = { health: { ok: false, reasons: ["the watch loop"] }, ready: { ok: true, reasons: [] } };
      const shut = { health: { ok: true, reasons: [] }, ready: { ok: false, reasons: ["old copy"] } };
      for (const [answer, says] of [
        [ill, /watch loop/],
        [shut, /old copy/],
      ] as const) {
        await serving(
          (_, response) => void response.writeHead(200).end(JSON.stringify(answer)),
          async (url) =>
            expectFinding((await doctor({ OPERATOR_PORT: new URL(url).port })).get("running"), "fail", says),
        );
      }
      const daemon = home("daemon.json");
      const { signingKeyFile, ...rest } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
      expect(signingKeyFile).to.be.a("string");
      writeFileSync(daemon, JSON.stringify({ ...rest, upstream: { url: "http://127.0.0.1:1" } }));
      expectFinding((await doctor({}, systemClock, daemon)).get("stock node"), "fail", /does not answer/);
      const url = JSON.stringify({ url: network.nodes[0]!.url });
      expectFinding((await doctor({ UPSTREAM: url }, systemClock, daemon)).get("stock node"), "ok", /answers at/);
      expectFinding(await checkStockNode("http://node.example.org:5050", async () => {}), "warn", /no private address/);
    });
  });

  // After the doctor: these move the chain's time, and end the node.
  describe("its books", () => {
    it("status shows one screen, and says how to go on when nothing answers", async () => {
      const { operatorUrl } = network.nodes[0]!;
      const { exitCode, out } = await pennyblack("status", "--operator-url", operatorUrl);
      expect(exitCode, out).to.equal(0);
      expect(out).to.match(/^Node 100: ready/);
      for (const line of [
        "exposure",
        "unsettled",
        "next settlement",
        "with a deadline",
        "deadlines",
        "gas",
        "chain",
        "seat",
      ]) {
        expect(out, line).to.match(new RegExp(`\n  ${line} `));
      }
      expect(out.split("\n").length, "one screen").to.be.lessThan(30);
      const { health } = JSON.parse((await pennyblack("status", "--operator-url", operatorUrl, "--json")).out) as {
        health: { ok: boolean };
      };
      expect(health.ok).to.equal(true);
      const silent = await pennyblack("status", "--operator-url", "http://127.0.0.1:1");
      expect([silent.exitCode, silent.err.includes("pennyblack doctor")]).to.deep.equal([1, true]);
    });

    it("export sums to the ledger and the chain, and finds what does not", async () => {
      const { record, chain, contracts } = network;
      const deployer = localWallet(0).connect(chain.provider);
      const signed = connectContracts(record, deployer);
      const token = network.token.connect(deployer) as typeof network.token;
      const payers = [postageKey(1), postageKey(2)];
      await (await token.getFunction("mint")(deployer.address, 90n * USD)).wait();
      await (await token.getFunction("approve")(contracts.postageChannels, 90n * USD)).wait();
      const world = { postageChannels: signed.postageChannels, chainId: BigInt(record.chainId) };
      for (const [payer, fees] of [
        [payers[0]!, 3n * USD],
        [payers[1]!, 14n * USD + 7n],
        [payers[0]!, 5n * USD],
      ] as const) {
        await (await signed.postageChannels.deposit(payer.address, 20n * USD)).wait();
        await (await signed.postageChannels.settle(await voucherRow(world, payer, fees))).wait();
      }
      const middle = await chain.provider.getBlockNumber();
      await (await signed.postageChannels.settle(await voucherRow(world, payers[0]!, 6n * USD + 1n))).wait();
      await (await signed.feeDistributor.distribute()).wait();
      await chain.increaseTime(4 * EPOCH);
      const claimed = await fetch(`${network.nodes[0]!.operatorUrl}/claim`, { method: "POST" });
      expect(claimed.status, await claimed.text()).to.equal(200);
      const last = await chain.provider.getBlockNumber();
      const reader = openLedgerReader(home("ledger.sqlite"));
      for (let i = 0; i < 200 && Number(await reader.ledger.chainCursor()) < middle + 1; i++)
        await systemClock.sleep(50);

      const out = join(directory, "books");
      const { exitCode, out: printed } = await pennyblack("export", "--directory", out, "--to", String(last), "--json");
      expect(exitCode, printed).to.equal(0);
      const sums = JSON.parse(printed) as { settlements: number; claims: number; totals: Record<string, string> };
      expect(sums).to.deep.include({ settlements: 4, claims: 1 });
      const total = String(20n * USD + 8n);
      expect(sums.totals).to.deep.include({ settledInLedger: total, settledOnChain: total, collectedByEvents: total });
      const table = (name: string) => {
        const [head, ...lines] = readFileSync(join(out, name), "utf8").trimEnd().split("\r\n");
        return lines.map((line) => Object.fromEntries(line.split(",").map((cell, i) => [head!.split(",")[i]!, cell])));
      };
      const add = (name: string, column: string) => table(name).reduce((sum, line) => sum + BigInt(line[column]!), 0n);
      expect(add("channels.csv", "settledOnChain")).to.equal(20n * USD + 8n);
      expect(add("channels.csv", "settledInLedger")).to.equal(20n * USD + 8n);
      expect(add("channels.csv", "settledInRange")).to.equal(20n * USD + 8n);
      expect(add("settlements.csv", "collected")).to.equal(20n * USD + 8n);
      expect(add("settled-rows.csv", "settled")).to.equal(20n * USD + 8n);
      const channel = table("channels.csv").find((line) => line.channel === payers[0]!.address.toLowerCase())!;
      expect(channel).to.deep.include({ settledOnChain: "6000001", deposited: "40000000" });
      const payout = await network.token.getFunction("balanceOf")(network.nodes[0]!.payout);
      expect(add("claims.csv", "amount")).to.equal(payout);
      expect(add("claims.csv", "amount") > 0n).to.equal(true);

      const late = await pennyblack("export", "--directory", out, "--from", String(middle + 1), "--to", String(last));
      expect(late.out).to.include("1 settlements and 1 claims").and.include("all agree");
      expect(add("channels.csv", "settledInRange")).to.equal(1n * USD + 1n);
      const bad = await pennyblack("export", "--directory", out, "--from", "yesterday").catch(
        (error: Error) => error.message,
      );
      expect(bad).to.include('--from "yesterday" is not a block number');

      const wrong = await exportBooks({
        ...{ nodeId: NODE, contracts, deploymentBlock: record.deploymentBlock, from: 0, to: undefined, directory: out },
        timeOf: async () => 0,
        ledger: {
          chainCursor: () => reader.ledger.chainCursor(),
          finalized: () => reader.ledger.finalized(),
          async accounts(after, limit) {
            const accounts = await reader.ledger.accounts(after, limit);
            return accounts.map((one) => ({
              ...one,
              chain: { ...one.chain, feesSpent: one.chain.feesSpent && one.chain.feesSpent - 1n },
            }));
          },
        },
      });
      expect(wrong.differences).to.have.length(2);
      expect(wrong.differences.join()).to.include("settled 6000000 in the ledger, 6000001 on chain, 6000001 by events");
      await reader.close();
    });

    it("drains at SIGTERM, refuses a ledger that was put back, and logs no secret", async () => {
      const [node] = network.nodes;
      await pennyblack("backup", "--directory", join(directory, "old"));
      await node!.service.end("SIGTERM");
      const mark = JSON.parse(readFileSync(home("ledger.mark.json"), "utf8")) as { cursors: Record<string, string> };
      expect(mark.cursors).to.have.property(String(NODE));
      expect(
        (await pennyblack("restore", "--directory", join(directory, "old"))).exitCode,
        "it is the newest",
      ).to.equal(0);
      // As if more had been metered since: the copy in place has a cursor below it.
      const database = new Database(home("ledger.sqlite"));
      database.exec(`insert or replace into cursors values (${NODE}, 1)`);
      database.close();
      writeFileSync(
        home("ledger.mark.json"),
        JSON.stringify({ nodeId: NODE, highWater: "2", cursors: { [NODE]: "2" } }),
      );
      const refused = await startService("node", file, home("log.jsonl")).catch((error: Error) => error.message);
      expect(refused).to.include("ended with code 1");
      await systemClock.sleep(200);
      const log = readFileSync(home("log.jsonl"), "utf8");
      expect(log).to.include("is an older copy of the ledger that was used here");
      expect(log, "a sentence, no stack").not.to.include("at requireNotRolledBack");
      for (const name of ["signing.key", "settlement.key", "attestation.key"]) {
        expect(log).not.to.include(readFileSync(home(name), "utf8").trim().replace(/^0x/, ""));
      }
      const restored = await pennyblack("restore", "--directory", join(directory, "old"), "--json");
      expect(restored.exitCode).to.equal(1);
      expect(JSON.parse(restored.out)).to.have.nested.property("error.code", "rolled_back");
    });
  });
});
