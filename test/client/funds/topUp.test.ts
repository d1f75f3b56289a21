import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import type { HDNodeWallet } from "ethers";
import { Contract, id } from "ethers";

import { deployNetwork } from "../../../scripts/deploy/deployNetwork.ts";
import type { LocalChain } from "../../../scripts/local/localChain.ts";
import { localWallet, startLocalChain } from "../../../scripts/local/localChain.ts";
import { ChannelAccount } from "../../../src/client/account/channelAccount.ts";
import { ChannelError } from "../../../src/client/account/errors.ts";
import { openSqliteStore } from "../../../src/client/adapters/sqliteStore.ts";
import type { GatewayEvent } from "../../../src/client/funds/events.ts";
import type { Deposit } from "../../../src/client/funds/topUp.ts";
import { TopUp } from "../../../src/client/funds/topUp.ts";
import type { ChannelState, GatewayStore } from "../../../src/client/ports.ts";
import type { DeploymentRecord } from "../../../src/contracts/deploymentRecord.ts";
import { readArtifact } from "../../../src/deployment/readArtifact.ts";
import { readParameters } from "../../../src/deployment/parameters.ts";
import type { Log } from "../../../src/platform/log.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { unitsToPico } from "../../../src/protocol/units.ts";
import { USD, postageKey } from "../../contracts/fixtures.ts";
import { ManualClock } from "../../support/manualClock.ts";

const NEVER = new AbortController().signal;
const TERMS = { below: 2n * USD, amount: 5n * USD, mostPerDay: 12n * USD };

/** Where a process dies. */
type Death = "beforeItIsSent" | "afterItIsSent" | "beforeItIsWritten";

// The deposits are real ones, on a real chain, from a file that a next process opens.
describe("client/funds/topUp", () => {
  let chain: LocalChain;
  let record: DeploymentRecord;
  let usdc: Contract;
  let owner: HDNodeWallet;
  let account: ChannelAccount;
  let directory: string;
  let store: GatewayStore;
  let clock: ManualClock;
  let events: GatewayEvent[];
  let usagePico: bigint;
  let seen: ChannelState | undefined;
  /** The endpoint shows the chain as it was. */
  let isBehind: boolean;
  let keys = 0;
  let channels = 0;

  before(async function () {
    this.timeout(180_000);
    chain = await startLocalChain();
    const deployer = localWallet(0).connect(chain.provider);
    record = await deployNetwork({ signer: deployer, parameters: readParameters("local") });
    usdc = new Contract(record.token, readArtifact("test/support/TestUSDC.sol").abi, deployer);
    owner = localWallet(3).connect(chain.provider);
    await (await usdc.getFunction("mint")(owner.address, 1_000n * USD)).wait();
  });
  after(() => chain.close());

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "pennyblack-topup-"));
    store = openSqliteStore(join(directory, "gateway.sqlite"));
    clock = new ManualClock();
    account = new ChannelAccount(record, chain.provider, postageKey(300 + channels++).address);
    [events, usagePico, seen, isBehind] = [[], 0n, undefined, false];
    await look();
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });

  const deposited = async () => (await account.balance()).deposited;
  async function look() {
    const { deposited: sum, feesSpent, stampsSpent, pendingWithdrawal } = await account.balance();
    if (!isBehind || !seen) seen = { deposited: sum, feesSpent, stampsSpent, stampsSigned: 0n, pendingWithdrawal };
  }
  const fund: Deposit = async (amount, idempotencyKey, signal) =>
    (await account.fund(owner, { amount, idempotencyKey, signal })).balance;

  /** What a process is that opens the file. */
  function process(changes: { deposit?: Deposit; store?: GatewayStore; mostPerDay?: bigint; log?: Log } = {}): TopUp {
    return new TopUp({
      ...TERMS,
      ...{ deposit: fund, store, clock, log: silentLog, newKey: () => id(`top up ${keys++}`) as Hex },
      ledger: {
        channel: account.channel,
        get usagePico() {
          return usagePico;
        },
        inFlightPico: 0n,
      },
      watch: {
        get state() {
          return seen;
        },
        get backed() {
          return seen?.deposited;
        },
        refresh: look,
      },
      emit: (event) => events.push(event),
      ...changes,
    });
  }
  const kinds = () => events.map(({ kind }) => kind);

  it("deposits when too little is left, and not again until it is", async () => {
    const topUp = process();
    for (let i = 0; i < 3; i++) await topUp.step(NEVER);
    expect(await deposited()).to.equal(5n * USD);
    expect(events).to.deep.equal([
      { kind: "topped_up", channel: account.channel, amount: 5n * USD, deposited: 5n * USD },
    ]);
    usagePico = unitsToPico(3n * USD);
    await topUp.step(NEVER);
    expect(await deposited(), "2 USD are left: not below").to.equal(5n * USD);
    usagePico += 1n;
    await topUp.step(NEVER);
    expect(await deposited()).to.equal(10n * USD);
  });

  for (const death of ["beforeItIsSent", "afterItIsSent", "beforeItIsWritten"] satisfies Death[]) {
    it(`deposits once for one need when the process dies ${death.replace(/[A-Z]/g, (one) => ` ${one.toLowerCase()}`)}`, async () => {
      const killed: Deposit = async (...args) => {
        if (death === "beforeItIsSent") throw new Error("killed");
        const balance = await fund(...args);
        if (death === "afterItIsSent") throw new Error("killed");
        return balance;
      };
      const unwritten = {
        ...store,
        finishTopUp: async () => Promise.reject(new Error("killed")),
      };
      await process({ deposit: killed, ...(death === "beforeItIsWritten" ? { store: unwritten } : {}) })
        .step(NEVER)
        .catch(() => {});
      await store.close();
      store = openSqliteStore(join(directory, "gateway.sqlite"));
      // It starts on what the chain shows: before, or with, the deposit.
      await look();
      const next = process();
      for (let i = 0; i < 3; i++) await next.step(NEVER);
      expect(await deposited()).to.equal(5n * USD);
      expect((await store.lastTopUp(account.channel))!).to.include({ number: 1, amount: 5n * USD });
    });
  }

  it("begins no second one while an endpoint does not show the first, but does not wait for ever", async () => {
    isBehind = true;
    const topUp = process();
    for (let i = 0; i < 5; i++) await topUp.step(NEVER);
    expect(await deposited()).to.equal(5n * USD);
    clock.advance(600_000);
    await topUp.step(NEVER);
    expect(await deposited(), "an endpoint that never shows it").to.equal(10n * USD);
  });

  it("deposits no more than it may in a day, says so once, and goes on at midnight UTC", async () => {
    const topUp = process();
    for (let i = 0; i < 6; i++) {
      await topUp.step(NEVER);
      usagePico = unitsToPico(seen!.deposited);
    }
    expect(await deposited()).to.equal(10n * USD);
    expect(kinds()).to.deep.equal(["topped_up", "topped_up", "top_up_capped"]);
    const again = process();
    await again.step(NEVER);
    expect(await deposited(), "also after a restart").to.equal(10n * USD);
    clock.advance(86_400_000);
    await topUp.step(NEVER);
    expect(await deposited()).to.equal(15n * USD);
  });

  it("counts what was begun on the day, made or not", async () => {
    const failing = process({ deposit: async () => Promise.reject(new Error("away")), mostPerDay: 5n * USD });
    await failing.step(NEVER);
    expect(kinds()).to.deep.equal(["top_up_failed"]);
    expect(await store.toppedUpOn(account.channel, Math.floor(clock.now() / 86_400_000))).to.equal(5n * USD);
  });

  it("says why it failed, and tries the same one again after a minute", async () => {
    const poor = localWallet(4).connect(chain.provider);
    const broke: Deposit = async (amount, idempotencyKey, signal) =>
      (await account.fund(poor, { amount, idempotencyKey, signal })).balance;
    const topUp = process({ deposit: broke });
    await topUp.step(NEVER);
    await topUp.step(NEVER);
    expect(kinds()).to.deep.equal(["top_up_failed"]);
    expect(events[0]).to.have.property("reason").that.includes("send it some");
    await (await usdc.getFunction("mint")(poor.address, 10n * USD)).wait();
    clock.advance(60_000);
    await topUp.step(NEVER);
    expect(await deposited()).to.equal(5n * USD);
    expect((await store.lastTopUp(account.channel))!.number).to.equal(1);
  });

  it("begins another one when the holder has withdrawn the authorization of the last", async () => {
    let isCancelled = true;
    const deposit: Deposit = async (...args) => {
      if (isCancelled) throw new ChannelError("authorization_cancelled", "use another idempotencyKey");
      return fund(...args);
    };
    const topUp = process({ deposit, mostPerDay: 5n * USD });
    await topUp.step(NEVER);
    expect(kinds()).to.deep.equal(["top_up_failed"]);
    isCancelled = false;
    clock.advance(60_000);
    await topUp.step(NEVER);
    expect(await deposited(), "the cancelled one is none of what may be deposited on the day").to.equal(5n * USD);
    expect((await store.lastTopUp(account.channel))!.number).to.equal(2);
  });

  /** The endpoint says that the authorization is spent, and searches too few blocks to show how it ended. */
  const notShown = async () => Promise.reject(new ChannelError("not_shown", "try another endpoint"));

  it("takes a deposit for made whose money is there, where the endpoint does not show its event", async () => {
    const deposit: Deposit = async (...args) => {
      await fund(...args);
      return notShown();
    };
    const topUp = process({ deposit });
    await topUp.step(NEVER);
    expect(events).to.deep.equal([
      { kind: "topped_up", channel: account.channel, amount: 5n * USD, deposited: 5n * USD },
    ]);
    expect((await store.lastTopUp(account.channel))!.finishedAt).to.equal(clock.now());
  });

  it("does not stick at a deposit that nobody sees: ten minutes later it begins another one", async () => {
    const warned: object[] = [];
    const log = { ...silentLog, warn: (fields: object) => void warned.push(fields) };
    await process({ deposit: notShown, log }).step(NEVER);
    expect(warned).to.have.length(1);
    const topUp = process();
    clock.advance(599_000);
    await topUp.step(NEVER);
    expect(await deposited(), "it may still be seen").to.equal(0n);
    clock.advance(1_000);
    await topUp.step(NEVER);
    expect(await deposited()).to.equal(5n * USD);
    expect((await store.lastTopUp(account.channel))!.number).to.equal(2);
    expect(kinds()).to.deep.equal(["topped_up"]);
  });

  it("takes no terms that mean nothing", () => {
    expect(() => process({ mostPerDay: 1n })).to.throw(RangeError);
  });
});
