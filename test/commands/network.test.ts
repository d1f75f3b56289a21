import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import type { Context } from "../../src/commands/core/context.ts";
import { foldIdentityLog, readIdentityLog } from "../../src/commands/network/identityLog.ts";
import { identityShow } from "../../src/commands/network/identityShow.ts";
import { Input } from "../../src/commands/core/input.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import type { World } from "../contracts/fixtures.ts";
import { DAY, deployedWorld, register, signingKey } from "../contracts/fixtures.ts";
import { deployAccounts } from "../contracts/identityWorld.ts";
import type { ActionPlan, Actor } from "../support/identityActors.ts";
import { identityEnvelope, identityUpdate, inboxOf, installation, passkey, wallet } from "../support/identityActors.ts";
import type { Stored } from "../support/storedEnvelope.ts";
import { storedEnvelope } from "../support/storedEnvelope.ts";
import { executeUnsigned, fingerprint, run, temporary } from "./support.ts";

const SAFE = "0x5afe5afe5afe5afe5afe5afe5afe5afe5afe5afe";
const SECOND = 1_000_000_000n;

/** Of node 100, signed with its key unless told. */
const stored = (wanted: Partial<Stored> = {}) => storedEnvelope({ key: signingKey(0), ...wanted });

function evidence(...envelopes: Uint8Array[]): { first: string; second?: string } {
  const directory = temporary();
  const [first, second] = envelopes.map((envelope, i) => {
    const file = join(directory, `envelope-${i}`);
    // Both forms: bytes, and hex as people paste it.
    writeFileSync(file, i === 0 ? envelope : `${toHex(envelope)}\n`);
    return file;
  });
  return { first: first!, second };
}

describe("rates show", () => {
  it("shows what is in force and what is scheduled", async () => {
    const world = await deployedWorld();
    const now = await world.net.networkHelpers.time.latest();
    const rates = { messageFee: 200n, storageFee: 400n, congestionFee: 300n, targetRatePerMinute: 6_000n };
    await world.rateRegistry.connect(world.governance).scheduleRates({ ...rates, startTime: BigInt(now + 2 * DAY) });
    const { json } = await run(world, undefined, "rates show", { json: true });
    expect(json.current).to.deep.include({ messageFeePico: "100", storageFeePico: "200" });
    expect(json.scheduled).to.have.length(1);
    expect(json).to.deep.include({ retentionDays: 60, stampPrice: "10000", count: 2 });
    const { out } = await run(world, undefined, "rates show", {});
    expect(out).to.include("0.0000036001 USD").and.include("From 20").and.include("0.01 USD");
  });
});

describe("fault prove", () => {
  const nodes = async (): Promise<World> => {
    const world = await deployedWorld();
    await register(world, world.operator, 0);
    return world;
  };

  it("commits, waits a minute, reveals: the stake is frozen", async () => {
    const world = await nodes();
    const files = evidence(stored(), stored({ text: "b" }));
    const before = await fingerprint(world);
    const dry = await run(world, world.stranger, "fault prove", { ...files, dryRun: true });
    expect([dry.exitCode, await fingerprint(world)]).to.deep.equal([0, before]);
    expect(dry.out).to.include("100 PENNY").and.include("20 PENNY are the reporter's").and.include("7 d");
    const ran = await run(world, world.stranger, "fault prove", { ...files, json: true });
    expect(ran.exitCode, ran.out).to.equal(0);
    expect(ran.json).to.deep.include({ caseId: "1", nodeId: 100, sequenceId: "7" });
    expect(await world.nodeStaking.isFrozen(100)).to.equal(true);
    expect((await world.faultProofs.getCase(1)).reporter).to.equal(world.stranger.address);
    const again = await run(world, world.stranger, "fault prove", { ...files, json: true });
    expect(again.json.error.code).to.equal("nothing_to_do");
  });

  it("takes what a daemon's /evidence answers, and puts large envelopes on chain in pieces", async () => {
    const world = await nodes();
    const first = join(temporary(), "evidence.json");
    const envelopes = [stored({ size: 50_000 }), stored({ text: "b" })].map((bytes) => toHex(bytes));
    writeFileSync(first, JSON.stringify({ nodeId: 100, envelopes }));
    const unsigned = await run(world, undefined, "fault prove", { first, from: SAFE, unsigned: true, json: true });
    expect(unsigned.json.error.code).to.equal("not_possible_unsigned");
    const saltFile = `${first}.of-stranger`;
    const ran = await run(world, world.stranger, "fault prove", { first, saltFile, json: true });
    expect(ran.exitCode, ran.out).to.equal(0);
    expect(ran.json.transactions).to.have.length(5);
    expect(await world.nodeStaking.isFrozen(100)).to.equal(true);
  });

  it("goes on where it stopped, and the same works unsigned", async () => {
    const world = await nodes();
    const files = evidence(stored({ target: 200 }));
    const raw = { ...files, from: SAFE, unsigned: true, json: true };
    const both = await run(world, undefined, "fault prove", raw);
    expect(both.json.transactions).to.have.length(2);
    const [commit] = both.json.transactions;
    await executeUnsigned(world, { ...both, json: { ...both.json, transactions: [commit] } });
    await world.net.networkHelpers.time.increase(60);
    const rest = await run(world, undefined, "fault prove", raw);
    expect(rest.json.transactions).to.deep.equal([both.json.transactions[1]]);
    await executeUnsigned(world, rest);
    expect((await world.faultProofs.getCase(1)).reporter.toLowerCase()).to.equal(SAFE);
    await world.net.networkHelpers.time.increase(2 * DAY);
  });

  it("starts again when the commitment is too old", async () => {
    const world = await nodes();
    const raw = { ...evidence(stored({ target: 200 })), from: SAFE, unsigned: true, json: true };
    const both = await run(world, undefined, "fault prove", raw);
    await executeUnsigned(world, { ...both, json: { ...both.json, transactions: [both.json.transactions[0]] } });
    await world.net.networkHelpers.time.increase(2 * DAY);
    const late = await run(world, undefined, "fault prove", raw);
    expect(late.json.warnings[0].code).to.equal("too_late");
    expect(late.json.warnings[0].message).to.include("start again");
  });

  it("sends nothing for what convicts nobody, or somebody else", async () => {
    const world = await nodes();
    const before = await fingerprint(world);
    const code = async (files: object) =>
      (await run(world, world.stranger, "fault prove", { ...files, json: true })).json.error.code as string;
    expect(await code(evidence(stored()))).to.equal("bad_evidence");
    expect(await code(evidence(stored(), stored()))).to.equal("bad_evidence");
    expect(await code(evidence(new Uint8Array(40).fill(9)))).to.equal("bad_evidence");
    expect(await code(evidence(stored({ target: 200, key: signingKey(9) })))).to.equal("bad_evidence");
    expect(await code({ first: "/nowhere/at/all" })).to.equal("bad_file");
    const broken = join(temporary(), "x.json");
    writeFileSync(broken, "{");
    expect(await code({ first: broken })).to.equal("bad_evidence");
    expect(await fingerprint(world)).to.equal(before);
  });
});

describe("identity show", () => {
  const owner = wallet(1);
  const INBOX = inboxOf(owner);

  async function inbox(world: World, ...updates: ActionPlan[][]): Promise<void> {
    for (const [i, plans] of updates.entries()) {
      const update = identityEnvelope(identityUpdate(INBOX, plans, 1_795_169_457n * SECOND + BigInt(i) * SECOND));
      await world.identityRegistry.addIdentityUpdate(`0x${INBOX}`, update);
    }
  }

  const key: Actor = passkey(1);
  const LIFE: ActionPlan[][] = [
    [
      { do: "create", owner },
      { do: "add", member: installation(1), signer: owner },
    ],
    [{ do: "add", member: key, signer: owner }],
    [{ do: "add", member: installation(2), signer: key }],
    [{ do: "revoke", member: installation(1), signer: owner }],
    [{ do: "recover", recovery: wallet(2), signer: owner }],
  ];

  it("makes the inbox from its log by id, wallet and passkey, and finds that the registry agrees", async () => {
    const world = await deployedWorld();
    await inbox(world, ...LIFE);
    for (const identity of [INBOX, `0x${INBOX}`, owner.identifier, key.identifier]) {
      const { exitCode, json } = await run(world, undefined, "identity show", { identity, json: true });
      expect([exitCode, json.inboxId, json.differences], identity).to.deep.equal([0, INBOX, []]);
      expect(json.head).to.equal(json.computedHead);
      expect(json.recovery.identifier).to.equal(wallet(2).identifier);
      const members = json.members.map(({ identifier }: { identifier: string }) => identifier);
      expect(members).to.have.members([owner.identifier, key.identifier, installation(2).identifier]);
      expect(json.formerMembers).to.deep.equal([{ kind: "installation", identifier: installation(1).identifier }]);
      expect(json.updates).to.have.length(5);
    }
    const { out } = await run(world, undefined, "identity show", { identity: INBOX });
    expect(out).to.include("log and registry agree").and.include("No longer");
  });

  it("takes smart accounts' word that the registry has taken", async () => {
    const world = await deployedWorld();
    const blocks = { now: 0n };
    const [account] = await deployAccounts(world, 1, () => blocks.now);
    blocks.now = BigInt(await world.ethers.provider.getBlockNumber());
    const id = inboxOf(account!);
    const update = identityEnvelope(identityUpdate(id, [{ do: "create", owner: account! }]));
    await world.identityRegistry.addIdentityUpdate(`0x${id}`, update);
    const { exitCode, out } = await run(world, undefined, "identity show", { identity: account!.identifier });
    expect(exitCode, out).to.equal(0);
    expect(out).to.include("smart account").and.include("not again");
  });

  it("exits with an error when log and registry differ, in whatever", async () => {
    const world = await deployedWorld();
    await inbox(world, ...LIFE);
    const honest = world.identityRegistry;
    const differing = async (changed: Record<string, () => unknown>): Promise<string[]> => {
      const identityRegistry = new Proxy(honest, {
        get: (target, name) => changed[String(name)] ?? Reflect.get(target, name),
      });
      const context = { ...world, provider: world.ethers.provider, contracts: { ...world, identityRegistry } };
      const report = await identityShow(context as unknown as Context, new Input({ identity: INBOX }));
      expect(report.problem?.code).to.equal("log_differs");
      expect(report.problem?.exitCode).to.equal(1);
      return report.data.differences as string[];
    };
    const { head } = await honest.logOf(`0x${INBOX}`);
    expect(await differing({ logOf: async () => ({ count: 6n, head }) })).to.have.length(1);
    expect(await differing({ logOf: async () => ({ count: 5n, head: `0x${"11".repeat(32)}` }) })).to.have.length(1);
    expect(await differing({ recoveryOf: async () => ({ kind: 1n, key: `0x${"00".repeat(32)}` }) })).to.have.length(1);
    expect(await differing({ installationCount: async () => 2n })).to.have.length(1);
    expect(await differing({ isMember: async () => true })).to.have.length(1);
    const events = await honest.queryFilter(honest.filters.IdentityUpdateCreated(`0x${INBOX}`));
    const dropped = await differing({ queryFilter: async () => events.slice(0, -1) });
    expect(dropped.join()).to.include("the registry counts 5 updates").and.include("recovery");
  });

  it("asks for fewer blocks where an endpoint searches fewer, and gives up in the end", async () => {
    const world = await deployedWorld();
    await inbox(world, ...LIFE);
    await world.net.networkHelpers.mine(30_000);
    const { identityRegistry } = world;
    const spans: number[] = [];
    const limited = (most: number) =>
      new Proxy(identityRegistry, {
        get: (target, name) =>
          name !== "queryFilter"
            ? (Reflect.get(target, name) as unknown)
            : async (filter: never, from: number, to: number) => {
                spans.push(to - from + 1);
                if (to - from >= most) throw new Error("too many blocks");
                return target.queryFilter(filter, from, to);
              },
      });
    const last = await world.ethers.provider.getBlockNumber();
    const contracts = { ...world, identityRegistry: limited(3_000) };
    expect(await readIdentityLog({ record: world.record, contracts }, INBOX, last)).to.have.length(5);
    expect(Math.max(...spans.slice(2))).to.equal(2_500);
    const hopeless = { ...world, identityRegistry: limited(1) };
    const failed = await readIdentityLog({ record: world.record, contracts: hopeless }, INBOX, last).catch(String);
    expect(failed).to.include("too many blocks");
  });

  it("finds an update that does not hold", async () => {
    const world = await deployedWorld();
    await inbox(world, ...LIFE);
    const events = await world.identityRegistry.queryFilter(
      world.identityRegistry.filters.IdentityUpdateCreated(`0x${INBOX}`),
    );
    const log = events.map(({ args, blockNumber }) => ({
      ...{ sequenceId: args.sequenceId, block: blockNumber },
      update: args.update as `0x${string}`,
    }));
    const flipped = log[1]!.update.replace(/..(?=.{40}$)/, (byte) => (byte === "00" ? "01" : "00"));
    log[1] = { ...log[1]!, update: flipped as `0x${string}` };
    const { invalid } = await foldIdentityLog(INBOX, log);
    expect(invalid[0]).to.match(/^update 2: /);
  });

  it("refuses what is nobody's", async () => {
    const world = await deployedWorld();
    const code = async (identity: string) =>
      (await run(world, undefined, "identity show", { identity, json: true })).json.error.code as string;
    expect(await code("hello")).to.equal("bad_identifier");
    expect(await code("0x12")).to.equal("bad_identifier");
    expect(await code(INBOX)).to.equal("unknown_inbox");
    expect(await code(owner.identifier)).to.equal("unknown_inbox");
    expect(await code(key.identifier)).to.equal("unknown_inbox");
  });
});

describe("stock-config", () => {
  it("names every contract with a stock node's keys, and says which is not there", async () => {
    const world = await deployedWorld();
    const ran = await run(world, undefined, "stock-config", {});
    const config = JSON.parse(ran.out);
    expect(Object.keys(config)).to.deep.equal([
      "settlementChainId",
      "settlementChainDeploymentBlock",
      "nodeRegistry",
      "rateRegistry",
      "payerRegistry",
      "payerReportManager",
      "appChainId",
      "appChainDeploymentBlock",
      "groupMessageBroadcaster",
      "identityUpdateBroadcaster",
    ]);
    expect(config.payerRegistry).to.equal((await world.postageChannels.getAddress()).toLowerCase());
    expect(config.payerReportManager).to.equal((await world.epochReports.getAddress()).toLowerCase());
    expect(ran.exitCode).to.equal(0);
    const { json: complete } = await run(world, undefined, "stock-config", { json: true });
    expect(complete).to.deep.include({ isComplete: true, config });
    await world.net.networkHelpers.setCode(await world.epochReports.getAddress(), "0x");
    const missing = await run(world, undefined, "stock-config", {});
    expect(missing.exitCode).to.equal(1);
    expect(missing.err).to.include("payerReportManager").and.include("not there yet");
    const { json } = await run(world, undefined, "stock-config", { json: true });
    expect(json).to.deep.include({ isComplete: false, config });
    const failing = json.checks.filter(({ problem }: { problem: string | null }) => problem !== null);
    expect(failing.map(({ key: name }: { key: string }) => name)).to.deep.equal(["payerReportManager"]);
  });
});

describe("a chain that cannot be used", () => {
  it("is refused by its id, and when it does not answer", async () => {
    const world = await deployedWorld();
    const other = { ...world, record: { ...world.record, chainId: 8453 } };
    const wrong = await run(other, undefined, "rates show", { json: true });
    expect([wrong.exitCode, wrong.json.error.code]).to.deep.equal([1, "wrong_chain"]);
    const dead = { ...world, ethers: { provider: { send: async () => Promise.reject(new Error("no route")) } } };
    const ran = await run(dead as unknown as World, undefined, "rates show", {});
    expect([ran.exitCode, ran.err.includes("chain_unavailable")]).to.deep.equal([1, true]);
  });

  it("has a record whose contracts are not there", async () => {
    const world = await deployedWorld();
    const empty = await deployedWorld();
    const moved = structuredClone(world.record);
    for (const place of Object.values(moved.contracts)) place.address = `0x${"12".repeat(20)}`;
    const ran = await run({ ...empty, record: moved }, undefined, "operator show", { node: "100", json: true });
    expect([ran.exitCode, ran.json.error.code]).to.deep.equal([1, "chain_unavailable"]);
  });
});
