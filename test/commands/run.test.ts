import { expect } from "chai";
import type { ErrorFragment } from "ethers";
import { Interface, makeError } from "ethers";

import { USD as USD_UNIT, PENNY, formatAmount, parseAmount } from "../../src/commands/core/amounts.ts";
import type { ChainProvider, Context } from "../../src/commands/core/context.ts";
import { connectContext } from "../../src/commands/core/context.ts";
import { CommandError } from "../../src/commands/core/errors.ts";
import type { Sender } from "../../src/commands/core/sender.ts";
import { keySender, signerSender } from "../../src/commands/core/sender.ts";
import { table } from "../../src/commands/core/print.ts";
import { duration, instant, moment } from "../../src/commands/core/time.ts";
import { COMMANDS } from "../../src/commands/catalogue.ts";
import { perform } from "../../src/commands/perform.ts";
import { ADVICE } from "../../src/commands/core/advice.ts";
import { refusalOf } from "../../src/commands/core/refusal.ts";
import { abis } from "../../src/contracts/abis.ts";
import { TransactionError } from "../../src/contracts/transactionSender.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import type { World } from "../contracts/fixtures.ts";
import { deployedWorld, postageKey } from "../contracts/fixtures.ts";
import { ManualClock } from "../support/manualClock.ts";

const MINED = { hash: "0x01", blockNumber: 1, gasUsed: 1n, isSuccess: true, contractAddress: null, logs: [] };

/** A deposit of somebody who has to approve first, sent by `sender`. */
async function deposit(
  world: World,
  sender: Sender | undefined,
  raw: object = {},
  provider = world.ethers.provider as unknown as ChainProvider,
) {
  const { funder, usdc, postageChannels, record } = world;
  await (usdc.connect(funder) as typeof usdc).getFunction("approve")(postageChannels, 0n);
  const printed = { out: "", err: "" };
  const spec = COMMANDS.find(({ path }) => path.join(" ") === "channel deposit")!;
  const account = toAddress(funder.address);
  const connect = async (): Promise<Context> =>
    connectContext({ record, provider, clock: systemClock, account, sender });
  const input = { channel: postageKey(1).address, amount: "5 USD", json: true, ...raw };
  const exitCode = await perform(spec, input, connect, {
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
  });
  return { exitCode, ...printed, error: printed.out ? JSON.parse(printed.out).error : undefined };
}

describe("sending a plan", () => {
  it("says what went through before it stopped, and goes on from there", async () => {
    const world = await deployedWorld();
    const real = signerSender(world.funder, world.ethers.provider, systemClock, 1);
    let sent = 0;
    const breaks: Sender = {
      send: async (call, signal) => {
        if (sent++ > 0) throw Object.assign(new Error("socket hang up"), { code: "NETWORK_ERROR" });
        return real.send(call, signal);
      },
    };
    const ran = await deposit(world, breaks);
    expect([ran.exitCode, ran.error.code]).to.deep.equal([1, "chain_unavailable"]);
    expect(JSON.parse(ran.out).transactions).to.have.length(1);
    expect(await world.usdc.getFunction("allowance")(world.funder, world.postageChannels)).to.equal(5_000_000n);
  });

  it("says in a dry run what it cannot try, where an endpoint simulates no allowance", async () => {
    const world = await deployedWorld();
    const real = world.ethers.provider;
    const plain = new Proxy(real, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (name !== "send") return typeof member === "function" ? (member.bind(target) as unknown) : member;
        return async (method: string, params: unknown[]) => {
          if (params.length > 2) throw new Error("too many arguments, want at most 2");
          return target.send(method, params);
        };
      },
    });
    const ran = await deposit(world, undefined, { dryRun: true }, plain as unknown as ChainProvider);
    expect(ran.exitCode, ran.out).to.equal(0);
    const verdicts = JSON.parse(ran.out).transactions.map(({ verdict }: { verdict: string }) => verdict);
    expect(verdicts).to.deep.equal(["accepted", "later"]);
    const unsent = await deposit(world, undefined);
    expect([unsent.exitCode, unsent.error.code]).to.deep.equal([2, "no_account"]);
  });

  it("tells what was mined and reverted, and what cannot be paid for", async () => {
    const world = await deployedWorld();
    const reverted = await deposit(world, { send: async () => ({ ...MINED, isSuccess: false }) });
    expect([reverted.exitCode, reverted.error.code]).to.deep.equal([1, "reverted"]);
    const silent = await deposit(world, { send: async () => MINED });
    expect(silent.error.message).to.include("receipt lacks its Deposit");
    const empty = await deposit(world, {
      send: async () => {
        throw new TransactionError("no_gas_money", "account 0x has no money for gas", { retryable: true });
      },
    });
    expect(empty.error.code).to.equal("no_gas_money");
    const inOtherWords = await deposit(world, {
      send: async () => {
        throw makeError("could not coalesce error", "UNKNOWN_ERROR", {
          error: { message: "Sender doesn't have enough funds to send tx" },
        });
      },
    });
    expect(inOtherWords.error.code).to.equal("no_gas_money");
  });

  it("gives a transaction up that is not mined in time", async () => {
    const world = await deployedWorld();
    const stuck: Sender = {
      send: (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    };
    const ran = await deposit(world, stuck, { timeout: "1" });
    expect([ran.exitCode, ran.error.code]).to.deep.equal([1, "not_mined"]);
    for (const timeout of ["0", "-1", "x", "86401"]) {
      const bad = await deposit(world, stuck, { timeout });
      expect([bad.exitCode, bad.error.code], timeout).to.deep.equal([2, "bad_number"]);
    }
  });

  it("does not hide a mistake of this program", async () => {
    const world = await deployedWorld();
    const broken: Sender = { send: async () => Promise.reject(new TypeError("undefined is not a function")) };
    const failed = await deposit(world, broken).catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(TypeError);
  });

  it("waits for a signer's transaction, and no longer than it is told", async () => {
    const world = await deployedWorld();
    await world.net.provider.request({ method: "evm_setAutomine", params: [false] });
    const call = { to: toAddress(world.stranger.address), data: "0x" as const, value: 1n };
    const sender = signerSender(world.funder, world.ethers.provider, systemClock, 1);
    const late = await sender.send(call, AbortSignal.timeout(50)).catch((error: { code: string }) => error);
    expect(late).to.have.property("code", "not_mined");
    await world.net.provider.request({ method: "evm_setAutomine", params: [true] });
    expect((await sender.send(call, AbortSignal.timeout(5_000))).isSuccess).to.equal(true);
  });

  it("sends with a key through TransactionSender", async () => {
    const world = await deployedWorld();
    const key = postageKey(3).connect(world.ethers.provider);
    await world.net.networkHelpers.setBalance(key.address, 10n ** 18n);
    const sender = keySender(key, world.ethers.provider, new ManualClock(), 1);
    const to = toAddress(world.stranger.address);
    const mined = await sender.send({ to, data: "0x", value: 0n }, AbortSignal.timeout(5_000));
    expect(mined.isSuccess).to.equal(true);
  });
});

describe("what people read and write", () => {
  it("has amounts that can be written back", () => {
    for (const amount of [1n, 999_999n, 1_000_000n, 1_234_567n, 10n ** 15n]) {
      expect(parseAmount(formatAmount(amount, USD_UNIT), USD_UNIT)).to.equal(amount);
      expect(parseAmount(formatAmount(amount, PENNY), PENNY)).to.equal(amount);
      expect(parseAmount(`${amount} units`, USD_UNIT)).to.equal(amount);
    }
    expect(formatAmount(1_500_000n, USD_UNIT)).to.equal("1.5 USD");
    expect(formatAmount(-1n, USD_UNIT)).to.equal("-0.000001 USD");
    expect(formatAmount(0n, USD_UNIT)).to.equal("0 USD");
    for (const text of ["5usd", "5 USDC", " 5  usd "]) expect(parseAmount(text, USD_UNIT)).to.equal(5_000_000n);
  });

  it("has no amounts that no contract can count", () => {
    expect(parseAmount(`${2n ** 64n - 1n} units`, USD_UNIT)).to.equal(2n ** 64n - 1n);
    expect(parseAmount(`${2n ** 96n - 1n} units`, PENNY)).to.equal(2n ** 96n - 1n);
    for (const [text, unit] of [
      [`${2n ** 64n} units`, USD_UNIT],
      [`${"9".repeat(80)} USD`, USD_UNIT],
      [`${2n ** 96n} units`, PENNY],
    ] as const) {
      expect(() => parseAmount(text, unit))
        .to.throw(CommandError, "is more than")
        .with.property("code", "bad_amount");
    }
  });

  it("has times with their distance", () => {
    expect(duration(0)).to.equal("0 s");
    expect(duration(59)).to.equal("59 s");
    expect(duration(3_600)).to.equal("1 h");
    expect(duration(86_400 + 61)).to.equal("1 d");
    expect(duration(1_209_600)).to.equal("14 d");
    expect(duration(90_000)).to.equal("1 d 1 h");
    expect(instant(1_795_169_457)).to.equal("2026-11-20 10:10:57 UTC");
    expect(moment(1_000, 400)).to.include("(in 10 min)");
    expect(moment(400n, 1_000n)).to.include("(10 min ago)");
    expect(moment(5, 5)).to.include("(now)");
    expect(instant(2n ** 60n)).to.include("unix second");
  });

  it("has columns that line up", () => {
    expect(
      table([
        ["a", "1"],
        ["long", "2\n3"],
      ]),
    ).to.deep.equal(["  a     1", "  long  2", "        3"]);
  });
});

describe("advice about contracts' errors", () => {
  const names = new Set(
    Object.values(abis).flatMap((abi) =>
      new Interface(abi).fragments.filter(({ type }) => type === "error").map((error) => (error as ErrorFragment).name),
    ),
  );

  it("is about errors that exist", () => {
    for (const name of Object.keys(ADVICE)) expect(names.has(name), name).to.equal(true);
  });

  it("is there for every error that an operator or a payer can cause", () => {
    const ours = /^(NodeRegistry|NodeKeys|NodeSeats|NodeStaking|PostageChannels|FaultProofs)/;
    // Of deployment, governance, peers, and of what no command does.
    const others =
      /(OutOfBounds|TooShort|NotRegistry|NotStaking|NotDistributor|NotReports|NotFaultProofs|NotStamps|NotFrozen|NotGuardian|NotGovernor|NotDismissed|CaseNotOpen|DismissalFinal|Appeal\w*|Reopening\w*|TooManyNodes|LookupInFuture|NothingCredited|NoCredit|PartArrived|Owner(AlreadyAssigned|NotAllowed)|Assignment\w+)$/;
    const missing = [...names].filter((name) => ours.test(name) && !others.test(name) && !(name in ADVICE));
    expect(missing).to.deep.equal([]);
  });

  it("reaches people, with times in words", () => {
    const refusal = refusalOf({
      contract: "postageChannels",
      name: "PostageChannelsWithdrawalNotReady",
      args: { readyAt: 90n, nowAt: 0n },
    });
    expect(refusal.message).to.include("readyAt 1970-01-01 00:01:30 UTC").and.include("run this again");
    expect(refusal.exitCode).to.equal(1);
  });
});
