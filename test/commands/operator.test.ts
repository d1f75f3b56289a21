import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";
import { concat, toBeHex } from "ethers";

import type { Context } from "../../src/commands/core/context.ts";
import { CommandError } from "../../src/commands/core/errors.ts";
import { Input } from "../../src/commands/core/input.ts";
import { KEY_FILES } from "../../src/commands/operator/keys.ts";
import { nodeConfigFile } from "../../src/commands/operator/nodeConfig.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import type { World } from "../contracts/fixtures.ts";
import {
  DAY,
  TOKEN,
  USD,
  deployedWorld,
  fund,
  impersonated,
  passEpochs,
  postageKey,
  register,
  voucherRow,
} from "../contracts/fixtures.ts";
import { executeUnsigned, fingerprint, keyFile, run, temporary } from "./support.ts";

const SAFE = "0x5afe5afe5afe5afe5afe5afe5afe5afe5afe5afe";
const MINIMUM = 10_000n * TOKEN;
const httpAddress = "http://127.0.0.1:5050";

/** A world in which nobody has approved anything. */
async function freshWorld(changes: Parameters<typeof deployedWorld>[0] = {}): Promise<World> {
  const world = await deployedWorld(changes);
  await world.postageToken.connect(world.operator).approve(world.nodeStaking, 0n);
  return world;
}

/** An account without a key that has tokens. */
async function safe(world: World): Promise<string> {
  await world.postageToken.transfer(SAFE, 3n * MINIMUM);
  return SAFE;
}

async function keys(world: World): Promise<string> {
  const directory = join(temporary(), "node");
  expect((await run(world, undefined, "operator keys", { directory })).exitCode).to.equal(0);
  return directory;
}

/** Collects fees and lets an epoch pass, so that seats have earned. */
async function earn(world: World): Promise<void> {
  await fund(world, postageKey(1), 100n * USD);
  await world.postageChannels.connect(world.settler).settle(await voucherRow(world, postageKey(1), 50n * USD));
  await world.feeDistributor.distribute();
  await passEpochs(world, 2);
}

describe("operator keys", () => {
  it("makes three key files of the owner's alone, and never overwrites one", async () => {
    const world = await deployedWorld();
    const directory = join(temporary(), "node");
    const dry = await run(world, undefined, "operator keys", { directory, dryRun: true });
    expect(dry.out).to.include("nothing is written").and.include("would be made");
    const first = await run(world, undefined, "operator keys", { directory, json: true });
    const contents = ["signing.key", "attestation.key", "settlement.key"].map((name) => {
      expect(statSync(join(directory, name)).mode & 0o777).to.equal(0o600);
      return readFileSync(join(directory, name), "utf8");
    });
    expect(new Set(contents).size).to.equal(3);
    expect(first.json.keys.signing.address).to.equal(addressOf(fromHex(contents[0]!.trim())));
    const again = await run(world, undefined, "operator keys", { directory, json: true });
    expect(again.json.keys.signing).to.deep.include({ wasThere: true, address: first.json.keys.signing.address });
    expect(readFileSync(join(directory, "signing.key"), "utf8")).to.equal(contents[0]);
    for (const key of contents) expect(first.out + again.out).not.to.include(key.trim());
  });
});

describe("operator register", () => {
  it("approves exactly the stake, registers, and says when the seat begins", async () => {
    const world = await freshWorld();
    const { operator, nodeRegistry, nodeStaking, postageToken } = world;
    const directory = await keys(world);
    const balance = await postageToken.balanceOf(operator);
    const ran = await run(world, operator, "operator register", { directory, httpAddress, json: true });
    expect(ran.exitCode, ran.out).to.equal(0);
    expect(ran.json).to.deep.include({ nodeId: 100, stake: MINIMUM.toString() });
    expect(ran.json.transactions).to.have.length(2);
    expect(BigInt(ran.json.seatStartsAt) % 43_200n).to.equal(0n);
    expect(await nodeRegistry.ownerOf(100)).to.equal(operator.address);
    expect(await nodeStaking.stakeOf(100)).to.equal(MINIMUM);
    expect(balance - (await postageToken.balanceOf(operator))).to.equal(MINIMUM);
    expect(await postageToken.allowance(operator, nodeStaking)).to.equal(0n);
  });

  it("skips the approval when the allowance suffices", async () => {
    const world = await deployedWorld();
    const ran = await run(world, world.operator, "operator register", {
      directory: await keys(world),
      httpAddress,
      json: true,
    });
    expect(ran.json.transactions).to.have.length(1);
  });

  it("explains in a dry run, simulates behind the approval, and changes nothing", async () => {
    const world = await freshWorld();
    const directory = await keys(world);
    const before = await fingerprint(world);
    const ran = await run(world, world.operator, "operator register", { directory, httpAddress, dryRun: true });
    expect(await fingerprint(world)).to.equal(before);
    expect(ran.exitCode, ran.err).to.equal(0);
    for (const words of ["nothing is sent", "10000 PENNY", "What can go wrong", "When money comes back", "14 d"]) {
      expect(ran.out).to.include(words);
    }
    expect(ran.out.match(/would be accepted now/g)).to.have.length(2);
  });

  it("prints transactions for a Safe, approval included, which do the same", async () => {
    const world = await freshWorld();
    const from = await safe(world);
    const directory = await keys(world);
    const raw = { directory, httpAddress, from, unsigned: true, json: true };
    const ran = await run(world, undefined, "operator register", raw);
    expect(ran.json.transactions).to.have.length(2);
    expect(ran.json.transactions[0]).to.have.all.keys("to", "data", "value", "description");
    expect(ran.json.warnings).to.deep.equal([]);
    await executeUnsigned(world, ran);
    expect((await world.nodeRegistry.ownerOf(100)).toLowerCase()).to.equal(from);
    expect(await world.nodeStaking.stakeOf(100)).to.equal(MINIMUM);
  });

  it("refuses too small a balance, a key that is taken, and an address that is none", async () => {
    const world = await freshWorld();
    const directory = await keys(world);
    const raw = { directory, httpAddress, json: true };
    const poor = (await world.ethers.getSigners())[9]!;
    const refused = await run(world, poor, "operator register", raw);
    expect(refused.exitCode).to.equal(1);
    expect(refused.json.error.code).to.equal("balance_short");
    expect(refused.json.error.message).to.include("10000 PENNY more");
    await run(world, world.operator, "operator register", raw);
    const taken = await run(world, world.operator, "operator register", raw);
    expect(taken.json.error.code).to.equal("key_taken");
    const bad = await run(world, world.operator, "operator register", { ...raw, httpAddress: "ftp://x" });
    expect([bad.exitCode, bad.json.error.code]).to.deep.equal([2, "bad_url"]);
    const config = { ...raw, writeConfig: join(directory, "node.json") };
    const unsigned = await run(world, undefined, "operator register", { ...config, from: SAFE, unsigned: true });
    expect([unsigned.exitCode, unsigned.json.error.code]).to.deep.equal([2, "conflicting_options"]);
    const there = { ...raw, writeConfig: join(directory, "signing.key") };
    expect((await run(world, world.operator, "operator register", there)).json.error.code).to.equal("file_exists");
    // Everything of the config is read before a stake is posted for it.
    const context = { rpcUrl: "http://127.0.0.1:8545", deployment: "deployment.json" } as Context;
    const typed = { directory, writeConfig: join(directory, "node.json"), nativeTokenPrice: "4000 USD" };
    for (const wrong of [{ operatorPort: "abc" }, { operatorPort: "70000" }, { listen: "0.0.0.0:x" }]) {
      const read = () => nodeConfigFile(context, new Input({ ...typed, ...wrong }), httpAddress);
      expect(read, JSON.stringify(wrong)).to.throw(CommandError).with.property("code", "bad_number");
    }
    const none = await run(world, undefined, "operator register", raw);
    expect([none.exitCode, none.json.error.code]).to.deep.equal([2, "no_account"]);
  });
});

describe("the node.json of operator register", () => {
  it("names each key that operator keys makes, so that the node takes part in reports", () => {
    const directory = temporary();
    const context = { rpcUrl: "http://127.0.0.1:8545", deployment: join(directory, "deployment.json") } as Context;
    const path = join(directory, "node.json");
    const input = new Input({ directory, writeConfig: path, nativeTokenPrice: "4000 USD" });
    nodeConfigFile(context, input, httpAddress)!.write(100);
    const written = JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
    for (const [name, file] of Object.entries(KEY_FILES)) expect(written[`${name}KeyFile`], name).to.equal(file);
  });
});

describe("operator stake", () => {
  it("adds exactly the amount", async () => {
    const world = await freshWorld();
    const from = await registered(world);
    const ran = await run(world, from, "operator stake", { node: "100", amount: "0.5 PENNY", json: true });
    expect(ran.exitCode, ran.out).to.equal(0);
    expect(ran.json.stake).to.equal((MINIMUM + TOKEN / 2n).toString());
    expect(await world.nodeStaking.stakeOf(100)).to.equal(MINIMUM + TOKEN / 2n);
  });

  it("takes the seat of the weakest, and says what is missing", async () => {
    const world = await freshWorld({ maxSeats: 1 });
    await registered(world);
    const second = await registered(world, 1);
    const raw = { node: "200", takeSeat: true, json: true };
    const short = await run(world, second, "operator stake", { ...raw, amount: "5 PENNY" });
    expect(short.json.error.code).to.equal("stake_short");
    expect(short.json.error.message).to.include("add 1000 PENNY");
    const shown = await run(world, undefined, "operator show", { node: "200" });
    expect(shown.out).to.include('operator stake 200 --amount "1000 PENNY" --take-seat');
    const ran = await run(world, second, "operator stake", { ...raw, amount: "1000 PENNY" });
    expect(ran.json).to.deep.include({ hasSeat: true });
    expect(await world.nodeSeats.seatMinimumOf(200)).to.equal(11_000n * TOKEN);
  });

  it("changes nothing in a dry run, and unsigned does the same", async () => {
    const world = await freshWorld();
    const from = await safe(world);
    await registerSafe(world, from);
    const raw = { node: "100", amount: "7 PENNY" };
    const before = await fingerprint(world);
    const dry = await run(world, undefined, "operator stake", { ...raw, dryRun: true, json: true });
    expect(await fingerprint(world)).to.equal(before);
    expect(dry.json.account).to.equal(from);
    expect(dry.json.transactions.map(({ verdict }: { verdict: string }) => verdict)).to.deep.equal([
      "accepted",
      "accepted",
    ]);
    await executeUnsigned(world, await run(world, undefined, "operator stake", { ...raw, unsigned: true, json: true }));
    expect(await world.nodeStaking.stakeOf(100)).to.equal(MINIMUM + 7n * TOKEN);
  });

  it("refuses an unknown node, somebody else's, and bad input of every kind", async () => {
    const world = await freshWorld();
    const from = await registered(world);
    const stake = async (node: string, amount: string | undefined, as = from) =>
      (await run(world, as, "operator stake", { node, amount, json: true })).json.error.code as string;
    expect(await stake("700", "1 PENNY")).to.equal("unknown_node");
    expect(await stake("100", "1 PENNY", world.stranger)).to.equal("not_owner");
    for (const node of ["1", "0", "-100", "1e2", "100.0", "x", "999999999999"]) {
      expect(await stake(node, "1 PENNY"), node).to.equal("bad_node");
    }
    for (const amount of ["1", "PENNY", "1,000 PENNY", "-1 PENNY", "1e3 PENNY", "0 PENNY", "1.5 units"]) {
      expect(await stake("100", amount), amount).to.equal("bad_amount");
    }
    expect(await stake("100", `0.${"1".repeat(19)} PENNY`)).to.equal("bad_amount");
    expect(await stake("100", "1 USD")).to.equal("wrong_unit");
    expect(await stake("100", undefined)).to.equal("missing_argument");
    expect(await stake("100", "100000001 PENNY")).to.equal("balance_short");
  });

  it("shows the contract's own refusal, with what to do", async () => {
    const world = await freshWorld();
    const from = await registered(world);
    await run(world, from, "operator exit", { node: "100" });
    const dry = await run(world, from, "operator stake", { node: "100", amount: "1 PENNY", dryRun: true, json: true });
    expect([dry.exitCode, dry.json.error.contractError]).to.deep.equal([1, "NodeStakingNotLive"]);
    const real = await run(world, from, "operator stake", { node: "100", amount: "1 PENNY" });
    expect([real.exitCode, real.out]).to.deep.equal([1, ""]);
    expect(real.err).to.include("NodeStakingNotLive").and.include("Look with --dry-run");
  });
});

describe("operator unstake, withdraw-stake, exit", () => {
  it("takes stake out and pays it when it is ready, with the time before that", async () => {
    const world = await freshWorld();
    const from = await registered(world);
    await run(world, from, "operator stake", { node: "100", amount: "50 PENNY" });
    const most = await run(world, from, "operator unstake", { node: "100", amount: "51 PENNY", json: true });
    expect(most.json.error.code).to.equal("stake_short");
    expect(most.json.error.message).to.include("take 50 PENNY at most");
    const none = await run(world, from, "operator withdraw-stake", { node: "100", json: true });
    expect(none.json.error.code).to.equal("nothing_to_do");
    const ran = await run(world, from, "operator unstake", { node: "100", amount: "50 PENNY", json: true });
    const readyAt = BigInt(ran.json.readyAt);
    const early = await run(world, from, "operator withdraw-stake", { node: "100", json: true });
    expect(early.json.error.code).to.equal("too_early");
    expect(early.json.error.message).to.match(/in 1[34] d/);
    expect(early.json.error.args.readyAt).to.equal(readyAt.toString());
    await world.net.networkHelpers.time.increaseTo(readyAt);
    const recipient = "0x00000000000000000000000000000000000000aa";
    const before = await fingerprint(world);
    const dry = await run(world, from, "operator withdraw-stake", { node: "100", recipient, dryRun: true });
    expect([dry.exitCode, await fingerprint(world)]).to.deep.equal([0, before]);
    const paid = await run(world, from, "operator withdraw-stake", { node: "100", recipient, json: true });
    expect(paid.json.amount).to.equal((50n * TOKEN).toString());
    expect(await world.postageToken.balanceOf(recipient)).to.equal(50n * TOKEN);
  });

  it("leaves for good: the whole stake comes back 14 days after the epoch, also unsigned", async () => {
    const world = await freshWorld();
    const from = await safe(world);
    await registerSafe(world, from);
    const raw = { node: "100", unsigned: true, json: true };
    const before = await fingerprint(world);
    await run(world, undefined, "operator exit", { node: "100", dryRun: true });
    expect(await fingerprint(world)).to.equal(before);
    await executeUnsigned(world, await run(world, undefined, "operator exit", raw));
    const again = await run(world, undefined, "operator exit", { node: "100", dryRun: true, json: true });
    expect(again.json.error.code).to.equal("nothing_to_do");
    const shown = await run(world, undefined, "operator show", { node: "100", json: true });
    expect(shown.json).to.deep.include({ phase: "leaving", stake: "0" });
    await world.net.networkHelpers.time.increaseTo(BigInt(shown.json.unbondings[0].readyAt));
    await executeUnsigned(world, await run(world, undefined, "operator withdraw-stake", raw));
    expect(await world.postageToken.balanceOf(from)).to.equal(3n * MINIMUM);
  });

  it("moves nothing while the stake is frozen, and says so", async () => {
    const world = await freshWorld();
    const from = await registered(world);
    await run(world, from, "operator stake", { node: "100", amount: "5 PENNY" });
    await run(world, from, "operator unstake", { node: "100", amount: "5 PENNY" });
    const judge = await impersonated(world, await world.faultProofs.getAddress());
    await world.nodeStaking.connect(judge).freeze(100);
    await world.net.networkHelpers.time.increase(20 * DAY);
    const ran = await run(world, from, "operator withdraw-stake", { node: "100", json: true });
    expect(ran.json.error.contractError).to.equal("NodeStakingFrozen");
    const shown = await run(world, undefined, "operator show", { node: "100" });
    expect(shown.out).to.include("YES: a case against this node is open").and.include("Stop the node");
  });
});

describe("operator rotate-key", () => {
  it("replaces both keys, also unsigned, and refuses a key that is taken", async () => {
    const world = await freshWorld();
    const from = await registered(world);
    const directory = await keys(world);
    const files = { signingKey: join(directory, "signing.key"), attestationKey: join(directory, "attestation.key") };
    const before = await fingerprint(world);
    const dry = await run(world, from, "operator rotate-key", { node: "100", ...files, dryRun: true });
    expect([dry.exitCode, await fingerprint(world)]).to.deep.equal([0, before]);
    const old = await world.nodeRegistry.attestationKeyOf(100);
    const raw = { node: "100", ...files, json: true };
    await executeUnsigned(world, await run(world, undefined, "operator rotate-key", { ...raw, unsigned: true }));
    const { signer } = await world.nodeRegistry.getNode(100);
    expect(signer.toLowerCase()).to.equal(addressOf(fromHex(readFileSync(files.signingKey, "utf8").trim())));
    expect(await world.nodeRegistry.attestationKeyOf(100)).not.to.equal(old);
    const taken = await run(world, from, "operator rotate-key", raw);
    expect(taken.json.error.code).to.equal("key_taken");
    const missing = await run(world, from, "operator rotate-key", { node: "100", json: true });
    expect(missing.json.error.code).to.equal("missing_argument");
  });
});

describe("operator claim and show", () => {
  it("pays what the node has earned to its payout, and shows it before", async () => {
    const world = await deployedWorld();
    const payout = "0x00000000000000000000000000000000000000bb";
    await register(world, world.operator, 0, { payout });
    const empty = await run(world, world.stranger, "operator claim", { node: "100", json: true });
    expect(empty.json.error.code).to.equal("nothing_to_do");
    await passEpochs(world, 1);
    await earn(world);
    const claimable = await world.feeDistributor.claimable(100);
    expect(claimable > 0n).to.equal(true);
    const shown = await run(world, undefined, "operator show", { node: "100", json: true });
    expect(shown.json).to.deep.include({
      standing: "earning",
      claimable: claimable.toString(),
      stake: MINIMUM.toString(),
    });
    const before = await fingerprint(world);
    const dry = await run(world, undefined, "operator claim", { node: "100", dryRun: true });
    expect([dry.exitCode, await fingerprint(world)]).to.deep.equal([0, before]);
    const ran = await run(world, world.stranger, "operator claim", { node: "100", json: true });
    expect(ran.json.amount).to.equal(claimable.toString());
    expect(await world.usdc.getFunction("balanceOf")(payout)).to.equal(claimable);
  });

  it("says loudly when a node is suspended with a debit, jailed, or without admission", async () => {
    const world = await deployedWorld({ admission: "approved" });
    await register(world, world.operator, 0);
    const show = async () => (await run(world, undefined, "operator show", { node: "100" })).out;
    expect(await show())
      .to.include("governance admits nodes")
      .and.include("Ask governance");
    // A third of the seats can be jailed.
    for (const [i, id] of [100, 200, 300].entries()) {
      if (i > 0) await register(world, world.operator, i);
      await world.nodeSeats.connect(world.governance).setAdmitted(id, true);
      await world.nodeSeats.connect(world.operator).takeSeat(id);
    }
    await passEpochs(world, 1);
    const reports = await impersonated(world, await world.nodeSeats.reports());
    await world.nodeSeats.connect(reports).jail([100]);
    await passEpochs(world, 1);
    const jailed = await run(world, undefined, "operator show", { node: "100", json: true });
    expect([jailed.json.standing, Number(jailed.json.seat.jailedUntilEpoch) > 0]).to.deep.equal(["jailed", true]);
    expect(await show())
      .to.include("JAILED")
      .and.include("jailed until");
    const row = concat([toBeHex(100, 4), toBeHex(3n * USD, 8)]);
    await world.feeDistributor.connect(reports).recordDebits(row);
    const owing = await run(world, undefined, "operator show", { node: "100", json: true });
    expect(owing.json).to.deep.include({ standing: "suspended", debit: (3n * USD).toString() });
    expect(await show())
      .to.include("SUSPENDED")
      .and.include("Pay the debit of 3 USD");
  });

  it("shows a seat ahead, one that earns, and none, in aligned columns", async () => {
    const world = await deployedWorld({ maxSeats: 1 });
    await register(world, world.operator, 0);
    await register(world, world.operator, 1);
    const title = async (node: string) => (await run(world, undefined, "operator show", { node })).out.split("\n")[0];
    expect(await title("100")).to.equal("Node 100: has a seat from the next epoch on");
    await passEpochs(world, 1);
    expect(await title("100")).to.equal("Node 100: has a seat and earns");
    expect(await title("200")).to.equal("Node 200: has no seat and earns nothing");
    const unknown = await run(world, undefined, "operator show", { node: "300", json: true });
    expect(unknown.json.error.message).to.include("ids go from 100 to 200");
  });
});

describe("keys that cannot be used", () => {
  it("are refused before anything is asked, and never printed", async () => {
    const world = await deployedWorld();
    const directory = temporary();
    const secret = "ab".repeat(31);
    keyFile(directory, "signing.key", secret);
    const raw = { directory, httpAddress, json: true };
    const short = await run(world, world.operator, "operator register", raw);
    expect([short.exitCode, short.json.error.code]).to.deep.equal([2, "bad_key_file"]);
    expect(short.out).not.to.include(secret);
    const missing = await run(world, world.operator, "operator register", { ...raw, directory: join(directory, "no") });
    expect(missing.json.error.code).to.equal("bad_key_file");
  });
});

/** Node 100, or the i-th, of the operator, who has approved nothing more. */
async function registered(world: World, i = 0) {
  await world.postageToken.connect(world.operator).approve(world.nodeStaking, MINIMUM);
  await register(world, world.operator, i);
  return world.operator;
}

/** Node 100 of a Safe. */
async function registerSafe(world: World, from: string): Promise<void> {
  const raw = { directory: await keys(world), httpAddress, from, unsigned: true, json: true };
  await executeUnsigned(world, await run(world, undefined, "operator register", raw));
}
