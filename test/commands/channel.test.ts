import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { readLocalKey } from "../../src/platform/keys/keySource.ts";
import { fromHex, toHex } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import type { World } from "../contracts/fixtures.ts";
import { DAY, HOUR, USD, deployedWorld, fund, postageKey } from "../contracts/fixtures.ts";
import { executeUnsigned, fingerprint, keyFile, run, temporary } from "./support.ts";

const SAFE = "0x5afe5afe5afe5afe5afe5afe5afe5afe5afe5afe";
const KEY = postageKey(1);
const channel = KEY.address;

async function freshWorld(): Promise<World> {
  const world = await deployedWorld();
  for (const account of [world.funder, world.operator]) {
    await (world.usdc.connect(account) as typeof world.usdc).getFunction("approve")(world.postageChannels, 0n);
  }
  return world;
}

/** A funded channel whose owner is the operator. */
async function ownedChannel(world: World, amount = 20n * USD): Promise<void> {
  await world.usdc.getFunction("mint")(world.deployer, amount);
  await world.usdc.getFunction("approve")(world.postageChannels, amount);
  await world.postageChannels.connect(world.deployer).deposit(channel, amount);
  const wallet = KEY.connect(world.ethers.provider);
  await world.net.networkHelpers.setBalance(channel, 10n ** 18n);
  const { data } = await world.postageChannels.handOn.populateTransaction(channel, world.operator.address);
  await (await wallet.sendTransaction({ to: await world.postageChannels.getAddress(), data })).wait();
}

const voucherOf = async (world: World, fees: string): Promise<{ row: string; header: string }> => {
  const postageKey = keyFile(temporary(), "postage.key", KEY.privateKey);
  return (await run(world, undefined, "channel sign-voucher", { postageKey, fees, json: true })).json;
};

describe("channel rotate", () => {
  const password = "correct horse battery";
  async function nextKey(world: World): Promise<{ postageKey: string; passwordFile: string; next: string }> {
    const directory = temporary();
    const passwordFile = keyFile(directory, "password", password);
    const postageKey = join(directory, "next.json");
    const ran = await run(world, undefined, "channel key", { to: postageKey, passwordFile, json: true });
    expect(ran.exitCode, ran.out).to.equal(0);
    return { postageKey, passwordFile, next: ran.json.channel };
  }

  it("makes a key that opens with its password only, and overwrites none", async () => {
    const world = await freshWorld();
    const { postageKey, passwordFile, next } = await nextKey(world);
    const key = await readLocalKey({ keystoreFile: postageKey, passwordFile }, {});
    expect(addressOf(key)).to.equal(next);
    expect(readFileSync(postageKey, "utf8").toLowerCase()).not.to.include(toHex(key).slice(2));
    const wrong = keyFile(temporary(), "password", "wrong horse battery");
    const opened = await readLocalKey({ keystoreFile: postageKey, passwordFile: wrong }, {}).catch(String);
    expect(opened).to.include("the password is wrong");
    const code = async (raw: object) =>
      (await run(world, undefined, "channel key", { to: postageKey, passwordFile, json: true, ...raw })).json.error
        .code as string;
    expect(await code({})).to.equal("file_exists");
    const short = keyFile(temporary(), "password", "short");
    expect(await code({ to: join(temporary(), "a.json"), passwordFile: short })).to.equal("bad_key_file");
    expect(await code({ to: join(temporary(), "a.json"), passwordFile: join(temporary(), "none") })).to.equal(
      "bad_key_file",
    );
  }).timeout(60_000);

  it("funds the next channel and gives it the owner of the old one, once", async () => {
    const world = await freshWorld();
    await ownedChannel(world);
    const { next, ...files } = await nextKey(world);
    const raw = { channel, amount: "5 USD", json: true, ...files };
    const before = await fingerprint(world);
    const dry = await run(world, world.funder, "channel rotate", { ...raw, dryRun: true });
    expect([dry.exitCode, await fingerprint(world)]).to.deep.equal([0, before]);
    const ran = await run(world, world.funder, "channel rotate", raw);
    expect(ran.exitCode, ran.out).to.equal(0);
    expect(ran.json.transactions).to.have.length(3);
    const owner = world.operator.address;
    expect(await world.postageChannels.ownerOf(next)).to.equal(owner);
    expect((await world.postageChannels.getChannel(next)).deposited).to.equal(5n * USD);
    const again = await run(world, world.funder, "channel rotate", raw);
    expect(again.json.error.code).to.equal("nothing_to_do");
    const more = await run(world, world.funder, "channel rotate", { ...raw, amount: "6 USD" });
    expect(more.json.transactions, "approves and deposits what is missing").to.have.length(2);
    expect((await world.postageChannels.getChannel(next)).deposited).to.equal(6n * USD);
  }).timeout(60_000);

  it("makes the payer the owner where the old key owned itself, or whom it is told", async () => {
    const world = await freshWorld();
    await run(world, world.funder, "channel deposit", { channel, amount: "5 USD", json: true });
    const first = await nextKey(world);
    await run(world, world.funder, "channel rotate", { channel, amount: "5 USD", json: true, ...first });
    expect(await world.postageChannels.ownerOf(first.next)).to.equal(world.funder.address);
    const second = await nextKey(world);
    const owner = world.stranger.address;
    await run(world, world.funder, "channel rotate", { channel, amount: "5 USD", owner, json: true, ...second });
    expect(await world.postageChannels.ownerOf(second.next)).to.equal(owner);
  }).timeout(60_000);

  it("refuses the old key itself, an unknown channel, and too small a deposit", async () => {
    const world = await freshWorld();
    const own = keyFile(temporary(), "postage.key", KEY.privateKey);
    const other = keyFile(temporary(), "postage.key", postageKey(7).privateKey);
    const code = async (raw: object) =>
      (await run(world, world.funder, "channel rotate", { channel, amount: "5 USD", json: true, ...raw })).json.error
        .code as string;
    expect(await code({ postageKey: own })).to.equal("wrong_key");
    expect(await code({ postageKey: other })).to.equal("unknown_channel");
    await ownedChannel(world);
    expect(await code({ postageKey: other, amount: "0.5 USD" })).to.equal("bad_amount");
  });
});

describe("channel assign-owner", () => {
  const files = (key = KEY) => ({ postageKey: keyFile(temporary(), "postage.key", key.privateKey) });
  const assign = (world: World, raw: object) =>
    run(world, world.funder, "channel assign-owner", { channel, json: true, ...raw });

  it("lets the owner withdraw and the key no more, by anybody's gas; a dry run changes nothing", async () => {
    const world = await freshWorld();
    await run(world, world.funder, "channel deposit", { channel, amount: "5 USD", json: true });
    const owner = world.stranger.address;
    const before = await fingerprint(world);
    const dry = await assign(world, { owner, ...files(), dryRun: true });
    expect([dry.exitCode, await fingerprint(world)]).to.deep.equal([0, before]);
    const ran = await assign(world, { owner, ...files() });
    expect(ran.exitCode, ran.out).to.equal(0);
    expect(await world.postageChannels.ownerOf(channel)).to.equal(owner);
    const asked = await run(world, world.stranger, "channel request-withdrawal", {
      channel,
      amount: "all",
      json: true,
    });
    expect(asked.exitCode, asked.out).to.equal(0);
    expect((await assign(world, { owner, ...files() })).json.error.code).to.equal("nothing_to_do");
    expect((await assign(world, { owner: world.operator.address, ...files() })).json.error.code).to.equal("not_owner");
  });

  it("opens a keystore, and refuses another channel's key and a channel that was never funded", async () => {
    const world = await freshWorld();
    const passwordFile = keyFile(temporary(), "password", "correct horse battery");
    const keystore = join(temporary(), "postage.json");
    const made = await run(world, undefined, "channel key", { to: keystore, passwordFile, json: true });
    const own = { channel: made.json.channel as string, postageKey: keystore, passwordFile };
    const owner = world.stranger.address;
    expect((await assign(world, { owner, ...own })).json.error.code).to.equal("unknown_channel");
    await run(world, world.funder, "channel deposit", { channel: own.channel, amount: "5 USD", json: true });
    expect((await assign(world, { owner, channel: own.channel, ...files() })).json.error.code).to.equal("wrong_key");
    const ran = await assign(world, { owner, ...own });
    expect(ran.exitCode, ran.out).to.equal(0);
    expect(await world.postageChannels.ownerOf(own.channel)).to.equal(owner);
  }).timeout(60_000);
});

describe("channel deposit", () => {
  it("approves exactly the amount, deposits, and shows it", async () => {
    const world = await freshWorld();
    const ran = await run(world, world.funder, "channel deposit", { channel, amount: "5 USD", json: true });
    expect(ran.exitCode, ran.out).to.equal(0);
    expect(ran.json.transactions).to.have.length(2);
    expect(await world.usdc.getFunction("allowance")(world.funder, world.postageChannels)).to.equal(0n);
    const { json } = await run(world, undefined, "channel show", { channel, json: true });
    expect(json).to.deep.include({ deposited: "5000000", unspent: "5000000", withdrawal: null });
    expect(json.owner).to.equal(channel.toLowerCase());
  });

  it("changes nothing in a dry run, and unsigned does the same", async () => {
    const world = await freshWorld();
    await world.usdc.getFunction("mint")(SAFE, 9n * USD);
    const raw = { channel, amount: "9000000 units", from: SAFE };
    const before = await fingerprint(world);
    const dry = await run(world, undefined, "channel deposit", { ...raw, dryRun: true });
    expect([dry.exitCode, await fingerprint(world)]).to.deep.equal([0, before]);
    expect(dry.out).to.include("9 USD").and.include("3 d later");
    expect(dry.out.match(/would be accepted now/g)).to.have.length(2);
    await executeUnsigned(
      world,
      await run(world, undefined, "channel deposit", { ...raw, unsigned: true, json: true }),
    );
    expect((await world.postageChannels.getChannel(channel)).deposited).to.equal(9n * USD);
  });

  it("refuses a first deposit below the minimum, an empty account, and what is no channel", async () => {
    const world = await freshWorld();
    const code = async (raw: object, as = world.funder) =>
      (await run(world, as, "channel deposit", { channel, amount: "5 USD", json: true, ...raw })).json.error
        .code as string;
    expect(await code({ amount: "0.99 USD" })).to.equal("bad_amount");
    expect(await code({ amount: "5" })).to.equal("bad_amount");
    expect(await code({ amount: "5 PENNY" })).to.equal("wrong_unit");
    expect(await code({ amount: "0.0000001 USD" })).to.equal("bad_amount");
    expect(await code({}, world.settler)).to.equal("balance_short");
    expect(await code({ channel: "0x12" })).to.equal("bad_address");
    expect(await code({ channel: `0x${"0".repeat(40)}` })).to.equal("bad_address");
    const mistyped = channel.replace(/[A-F]/, (letter) => letter.toLowerCase());
    expect(await code({ channel: mistyped })).to.equal("bad_address");
    const unknown = await run(world, undefined, "channel show", { channel, json: true });
    expect(unknown.json.error.code).to.equal("unknown_channel");
    const both = await run(world, world.funder, "channel deposit", {
      channel,
      amount: "5 USD",
      dryRun: true,
      unsigned: true,
    });
    expect([both.exitCode, both.err.includes("conflicting_options")]).to.deep.equal([2, true]);
  });

  it("says in a dry run what the chain would refuse, while entries are paused", async () => {
    const world = await freshWorld();
    await world.postageChannels.connect(world.pauser).pauseEntries(DAY);
    const dry = await run(world, world.funder, "channel deposit", {
      channel,
      amount: "5 USD",
      dryRun: true,
      json: true,
    });
    expect(dry.json.error.contractError).to.equal("PausableEntriesPaused");
  });
});

describe("channel sign-voucher and settle", () => {
  it("signs what the contract takes, in both forms, and settles it", async () => {
    const world = await freshWorld();
    await ownedChannel(world);
    const voucher = await voucherOf(world, "4 USD");
    const dry = await run(world, world.settler, "channel settle", {
      vouchers: [voucher.header],
      dryRun: true,
      json: true,
    });
    expect(dry.json).to.deep.include({ collects: "4000000", vouchers: 1 });
    const ran = await run(world, world.settler, "channel settle", { vouchers: [voucher.row], json: true });
    expect(ran.json).to.deep.include({ collected: "4000000", bounty: "20000" });
    expect((await world.postageChannels.getChannel(channel)).feesSpent).to.equal(4n * USD);
    const again = await run(world, world.settler, "channel settle", { vouchers: [voucher.row], json: true });
    expect(again.json.error.code).to.equal("nothing_to_do");
  });

  it("signs with the keystore that channel key makes", async () => {
    const world = await freshWorld();
    const passwordFile = keyFile(temporary(), "password", "correct horse battery");
    const keystore = join(temporary(), "postage.json");
    const made = await run(world, undefined, "channel key", { to: keystore, passwordFile, json: true });
    const raw = { postageKey: keystore, passwordFile, fees: "1 USD", json: true };
    const { json } = await run(world, undefined, "channel sign-voucher", raw);
    expect(json.channel).to.equal(made.json.channel);
    expect(json.row).to.match(/^0x/);
  }).timeout(60_000);

  it("settles unsigned, several rows at once", async () => {
    const world = await freshWorld();
    await ownedChannel(world);
    const rows = [(await voucherOf(world, "2 USD")).row, (await voucherOf(world, "3 USD")).row.slice(2)].join("");
    const raw = { vouchers: [rows], from: SAFE, unsigned: true, json: true };
    await executeUnsigned(world, await run(world, undefined, "channel settle", raw));
    expect((await world.postageChannels.getChannel(channel)).feesSpent).to.equal(3n * USD);
    expect(await world.postageChannels.creditOf(SAFE)).to.equal((3n * USD * 50n) / 10_000n);
  });

  it("signs nothing in a dry run, and prints what another signer would sign", async () => {
    const world = await freshWorld();
    await ownedChannel(world);
    const dry = await run(world, undefined, "channel sign-voucher", { channel, fees: "30 USD", dryRun: true });
    expect(dry.out).to.include("nothing is signed").and.include("larger than what the deposit backs");
    expect(dry.out).not.to.match(/row|header/);
    const { json } = await run(world, undefined, "channel sign-voucher", {
      channel,
      fees: "1 USD",
      unsigned: true,
      json: true,
    });
    const { domain, types, message } = json.typedData;
    const signature = await KEY.signTypedData(domain, types, message);
    const { row } = await voucherOf(world, "1 USD");
    expect(row.slice(34, 98)).to.equal(signature.slice(2, 66));
  });

  it("refuses vouchers and keys that are none", async () => {
    const world = await freshWorld();
    const settle = async (vouchers: string[]) =>
      (await run(world, world.settler, "channel settle", { vouchers, json: true })).json.error.code as string;
    expect(await settle([])).to.equal("missing_argument");
    expect(await settle(["0x12"])).to.equal("bad_voucher");
    expect(await settle(["not a voucher"])).to.equal("bad_voucher");
    const { row } = await voucherOf(world, "1 USD");
    expect(await settle([row.slice(0, -2)])).to.equal("bad_voucher");
    expect(await settle([row])).to.equal("nothing_to_do");
    const sign = async (raw: object) =>
      (await run(world, undefined, "channel sign-voucher", { fees: "1 USD", json: true, ...raw })).json.error
        .code as string;
    expect(await sign({})).to.equal("missing_argument");
    expect(await sign({ postageKey: join(temporary(), "none") })).to.equal("bad_key_file");
    const postageKeyFile = keyFile(temporary(), "postage.key", KEY.privateKey);
    expect(await sign({ postageKey: postageKeyFile, channel: SAFE })).to.equal("wrong_key");
    expect(await sign({ postageKey: postageKeyFile, fees: `${2n ** 64n} units` })).to.equal("bad_amount");
  });
});

describe("channel withdrawals", () => {
  it("asks, waits, and pays, with the time before that", async () => {
    const world = await freshWorld();
    await ownedChannel(world);
    const too = await run(world, world.operator, "channel request-withdrawal", {
      channel,
      amount: "21 USD",
      json: true,
    });
    expect(too.json.error.code).to.equal("balance_short");
    const before = await fingerprint(world);
    const dry = await run(world, undefined, "channel request-withdrawal", {
      channel,
      amount: "all",
      dryRun: true,
      json: true,
    });
    expect([dry.exitCode, await fingerprint(world), dry.json.amount]).to.deep.equal([0, before, "20000000"]);
    const asked = await run(world, world.operator, "channel request-withdrawal", {
      channel,
      amount: "12 USD",
      json: true,
    });
    expect(asked.exitCode, asked.out).to.equal(0);
    const twice = await run(world, world.operator, "channel request-withdrawal", {
      channel,
      amount: "1 USD",
      json: true,
    });
    expect(twice.json.error.code).to.equal("nothing_to_do");
    await world.net.networkHelpers.time.increase(71 * HOUR);
    const early = await run(world, world.operator, "channel withdraw", { channel, json: true });
    expect(early.json.error.code).to.equal("too_early");
    expect(early.json.error.message).to.match(/in (59 min|1 h)/);
    expect(early.json.error.args.readyAt).to.equal(asked.json.readyAt);
    await world.net.networkHelpers.time.increaseTo(BigInt(asked.json.readyAt));
    const recipient = "0x00000000000000000000000000000000000000cc";
    const paid = await run(world, world.operator, "channel withdraw", { channel, recipient, json: true });
    expect(paid.json).to.deep.include({ amount: "12000000", remaining: "0" });
    expect(await world.usdc.getFunction("balanceOf")(recipient)).to.equal(12n * USD);
    const none = await run(world, world.operator, "channel withdraw", { channel, json: true });
    expect(none.json.error.code).to.equal("nothing_to_do");
  });

  it("calls it off, also unsigned by a Safe that owns the channel", async () => {
    const world = await freshWorld();
    await ownedChannel(world);
    await world.postageChannels.connect(world.operator).handOn(channel, SAFE);
    const unsigned = { channel, unsigned: true, json: true };
    const ask = await run(world, undefined, "channel request-withdrawal", { ...unsigned, amount: "2 USD" });
    expect(ask.json.account).to.equal(SAFE);
    await executeUnsigned(world, ask);
    const shown = await run(world, undefined, "channel show", { channel });
    expect(shown.out).to.include("Withdraw it").and.include("2 USD");
    await executeUnsigned(world, await run(world, undefined, "channel cancel-withdrawal", unsigned));
    expect((await world.postageChannels.getChannel(channel)).pendingWithdrawal).to.equal(0n);
    const none = await run(world, undefined, "channel cancel-withdrawal", { ...unsigned });
    expect([none.exitCode, none.json.warnings[0].code]).to.deep.equal([0, "nothing_to_do"]);
  });

  it("refuses who is not the owner", async () => {
    const world = await freshWorld();
    await fund(await approved(world), { address: channel }, 5n * USD);
    for (const command of ["channel request-withdrawal", "channel cancel-withdrawal", "channel withdraw"]) {
      const ran = await run(world, world.stranger, command, { channel, amount: "1 USD", json: true });
      expect([ran.exitCode, ran.json.error.code], command).to.deep.equal([1, "not_owner"]);
    }
  });
});

async function approved(world: World): Promise<World> {
  const usdc = world.usdc.connect(world.funder) as typeof world.usdc;
  await usdc.getFunction("approve")(world.postageChannels, 2n ** 256n - 1n);
  return world;
}

describe("amounts in a voucher row", () => {
  it("are the first 16 bytes", async () => {
    const world = await freshWorld();
    const { row } = await voucherOf(world, "1.5 USD");
    expect(fromHex(row).length).to.equal(80);
    expect(BigInt(row.slice(0, 18))).to.equal(1_500_000n);
  });
});
