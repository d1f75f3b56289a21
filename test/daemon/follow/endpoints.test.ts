import { expect } from "chai";

import {
  FinalityBrokenError,
  FinalityDisputedError,
  InconsistentError,
  LaggingError,
  ReorgRefusedError,
} from "../../../src/daemon/follow/ports.ts";
import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { CHANNELS, FakeChain } from "./fakeChain.ts";
import type { World } from "./support.ts";
import { followed } from "./support.ts";

const [ONE, TWO, THREE] = CHANNELS as [Address, Address, Address];
const nothing = async () => {};
const hashAt = (chain: FakeChain, number: number) => chain.at(number)!.head.hash;
const FORGED: Hex = `0x${"ab".repeat(32)}`;
const FINALITY_MS = 301_000;
const GRACE_MS = 61_000;
const ABSENT_MS = 601_000;

/** A world whose chain has a funded channel, read once, with nothing open. */
async function funded(count: number): Promise<World> {
  const world = await followed(count);
  world.chain.mine([{ kind: "deposit", channel: ONE, amount: 100n }]);
  world.chain.mineEmpty(100);
  await world.follower.poll();
  world.clock.advance(6_000);
  await world.follower.poll();
  return world;
}

/** The next look, with the blocks that came meanwhile. */
async function look(world: World, passes = 6_000): Promise<unknown> {
  world.chain.mineEmpty(Math.floor(passes / 2_000));
  world.clock.advance(passes);
  return world.follower.poll().catch((error: unknown) => error);
}

async function looks(world: World, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await look(world);
}

async function status(world: World) {
  return (await world.follower.status()) as {
    broken?: string;
    disagreements: number;
    endpoints: { name: string; state: string; problem?: string }[];
    reconciliation: { differences: number; compared: number };
  };
}

describe("daemon/follow endpoints", () => {
  it("50: believes neither of two final hashes, names both, and goes on when they agree again", async () => {
    const world = await funded(2);
    const [alpha] = world.endpoints;
    alpha!.forgedFinal = FORGED;
    let error = await look(world, FINALITY_MS);
    for (let i = 0; i < 5; i++) {
      expect(error).to.be.instanceOf(FinalityDisputedError);
      expect((error as Error).message)
        .to.include("alpha")
        .and.include("beta")
        .and.include(FORGED);
      error = await look(world);
    }
    alpha!.forgedFinal = undefined;
    expect(await look(world)).to.equal(true);
  });

  it("50: leaves out the one of three whose final hash differs", async () => {
    const world = await funded(3);
    const gamma = world.endpoints[2]!;
    gamma.forgedFinal = FORGED;
    for (let i = 0; i < 4; i++) await look(world, FINALITY_MS);
    expect((await status(world)).endpoints.map(({ state }) => state)).to.deep.equal(["well", "well", "distrusted"]);
    gamma.asked.length = 0;
    await looks(world, 6);
    expect(gamma.asked, "not asked any more").to.deep.equal([]);
  });

  for (const count of [1, 2]) {
    it(`stops for good when ${count} of ${count} take back a final block, and is stopped again after a restart`, async () => {
      const world = await funded(count);
      const final = (await world.store.finalized())!;
      const before = await world.seen(ONE);
      world.chain.breakFinality(Number(final.number) - 5);
      world.chain.mine([{ kind: "deposit", channel: ONE, amount: 900n }]);
      world.chain.mineEmpty(120);
      const error = await look(world, FINALITY_MS);
      expect(error).to.be.instanceOf(FinalityBrokenError);
      expect((error as Error).message).to.include(final.hash);
      const { length } = world.endpoints[0]!.asked;
      expect(await look(world), "no crash loop: it rejects and asks nothing").to.equal(error);
      expect(world.endpoints[0]!.asked).to.have.length(length);
      expect((await status(world)).broken).to.include(`block ${final.number} was final`);
      expect(world.log.lines.filter(({ level }) => level === "error")).to.have.length(1);
      world.restart();
      expect(await look(world)).to.be.instanceOf(FinalityBrokenError);
      expect(await world.seen(ONE), "nothing of the other chain was believed").to.deep.equal(before);
      expect(await world.store.finalized()).to.deep.equal(final);
    });
  }

  for (const count of [1, 2]) {
    it(`follows a chain of ${count} that took back a final block when the operator accepts it, from a block of both`, async () => {
      const world = await funded(count);
      const { follower, chain } = world;
      const calm = await follower
        .accept({ number: 3n, hash: hashAt(chain, 3) }, nothing)
        .catch((error: unknown) => error);
      expect(calm, "while finality holds").to.be.instanceOf(ReorgRefusedError);
      chain.mine([{ kind: "request", channel: ONE, amount: 40n }], [{ kind: "deposit", channel: TWO, amount: 70n }]);
      chain.mineEmpty(120);
      await look(world, FINALITY_MS);
      const final = (await world.store.finalized())!;
      expect((await world.seen(TWO)).deposited).to.equal(70n);
      // The new chain has neither of these two events, and a third channel instead.
      const parting = chain.latest - 125;
      chain.breakFinality(parting, () => []);
      chain.mine([{ kind: "deposit", channel: THREE, amount: 11n }]);
      chain.mineEmpty(200);
      expect(await look(world, FINALITY_MS)).to.be.instanceOf(FinalityBrokenError);
      for (const wrong of [
        { number: BigInt(parting), hash: final.hash },
        { number: final.number, hash: hashAt(chain, Number(final.number)) },
        { number: -1n, hash: hashAt(chain, 0) },
      ]) {
        const refused = await world.follower.accept(wrong, nothing).catch((error: unknown) => error);
        expect(refused, String(wrong.number)).to.be.instanceOf(ReorgRefusedError);
      }
      const block = { number: BigInt(parting), hash: hashAt(chain, parting) };
      const failed = await world.follower
        .accept(block, () => Promise.reject(new Error("not the leader")))
        .catch(String);
      expect(failed).to.include("not the leader");
      expect(await look(world), "it is still stopped").to.be.instanceOf(FinalityBrokenError);
      expect(await world.store.finalized()).to.deep.equal(final);
      const rolledBack: bigint[] = [];
      await world.follower.accept(block, async (number) => void rolledBack.push(number));
      expect(rolledBack).to.deep.equal([BigInt(parting)]);
      await world.settle();
      for (const channel of [ONE, TWO, THREE]) {
        expect(await world.seen(channel), channel).to.deep.equal(chain.state(channel));
      }
      expect((await world.seen(THREE)).deposited).to.equal(11n);
      expect((await world.store.finalized())!.number > final.number).to.equal(true);
      world.restart();
      expect(await look(world), "nothing is broken for the next process either").to.equal(true);
    });
  }

  it("takes a chain that is shorter than what was final for a broken one, once it has stayed so", async () => {
    const world = await funded(1);
    world.endpoints[0]!.chain = new FakeChain();
    world.endpoints[0]!.chain.mineEmpty(5);
    expect(await look(world, FINALITY_MS)).to.be.instanceOf(LaggingError);
    expect(await look(world, GRACE_MS)).to.be.instanceOf(FinalityBrokenError);
  });

  it("does not call finality broken when only one of two says so", async () => {
    const world = await funded(2);
    const [alpha] = world.endpoints;
    alpha!.chain = world.chain.fork();
    alpha!.chain.breakFinality(5);
    alpha!.chain.mineEmpty(200);
    const errors = [await look(world, FINALITY_MS), await look(world), await look(world)];
    expect(errors.some((error) => error instanceof FinalityDisputedError)).to.equal(true);
    expect((await status(world)).broken).to.equal(undefined);
  });

  it("50: credits no deposit that only one endpoint's states show", async () => {
    const world = await funded(2);
    const [alpha, beta] = world.endpoints;
    alpha!.forge = (state) => ({ ...state, deposited: state.deposited + 1_000_000n });
    world.chain.mine([{ kind: "deposit", channel: ONE, amount: 5n }]);
    world.chain.mineEmpty(20);
    await looks(world, 6);
    expect(await world.seen(ONE)).to.include({ deposited: 105n });
    expect((await status(world)).disagreements).to.be.greaterThan(0);
    expect(world.log.text()).to.include("alpha").and.include("beta");
    // The other one alone answering is no second word either, until the liar has been away for long.
    alpha!.forge = (state) => state;
    beta!.isDown = true;
    world.chain.mine([{ kind: "deposit", channel: ONE, amount: 50n }]);
    world.chain.mineEmpty(20);
    await looks(world, 6);
    expect(await world.seen(ONE)).to.include({ deposited: 105n });
    await look(world, ABSENT_MS);
    await looks(world, 3);
    expect(await world.seen(ONE), "one that is away for ten minutes is not waited for").to.include({ deposited: 155n });
  });

  it("50: counts a withdrawal that one endpoint shows, whatever the other one says of events and states", async () => {
    for (const hider of [0, 1]) {
      const world = await funded(2);
      world.endpoints[hider]!.hides = ONE;
      world.endpoints[hider]!.forge = (state) => ({ ...state, pendingWithdrawal: 0n });
      world.chain.mine([{ kind: "request", channel: ONE, amount: 60n }]);
      await looks(world, 2);
      expect(await world.seen(ONE)).to.include({ pendingWithdrawal: 60n });
      await looks(world, 10);
      expect(await world.seen(ONE), "and goes on to").to.include({ pendingWithdrawal: 60n });
    }
  });

  it("50: leaves out an endpoint that leaves out events of a block it has", async () => {
    const world = await funded(2);
    const [alpha] = world.endpoints;
    world.chain.mine([{ kind: "request", channel: ONE, amount: 60n }]);
    await looks(world, 2);
    alpha!.hides = ONE;
    await looks(world, 2);
    expect((await status(world)).endpoints[0]).to.include({ name: "alpha", state: "distrusted" });
    expect((await status(world)).endpoints[0]!.problem).to.include("leaves out events");
  });

  it("50: keeps in mind what its only endpoint begins to leave out, and says so", async () => {
    const world = await funded(1);
    world.chain.mine([{ kind: "request", channel: ONE, amount: 60n }]);
    await look(world);
    world.endpoints[0]!.hides = ONE;
    await look(world);
    expect(await world.store.journal()).to.have.length(1);
    expect(await world.seen(ONE)).to.include({ pendingWithdrawal: 60n });
    await looks(world, 5);
    const said = world.log.lines.filter(({ message }) => message.includes("leaves out events"));
    expect(said, "said once").to.have.length(1);
  });

  it("50: passes over endpoints that lag, stand still or do not answer", async () => {
    const world = await funded(3);
    const [alpha, beta, gamma] = world.endpoints;
    beta!.isDown = true;
    gamma!.chain = world.chain.fork();
    world.chain.mine([{ kind: "request", channel: ONE, amount: 1n }]);
    for (let i = 0; i < 6; i++) expect(await look(world)).to.equal(true);
    expect(await world.seen(ONE)).to.include({ pendingWithdrawal: 1n });
    expect((await status(world)).endpoints.map(({ state }) => state)).to.deep.equal(["well", "failing", "failing"]);
    alpha!.asked.length = beta!.asked.length = gamma!.asked.length = 0;
    await looks(world, 20);
    expect(beta!.asked.length + gamma!.asked.length, "they rest longer and longer").to.be.lessThan(12);
  });

  it("does not believe one endpoint's final block at the first start while another is silent", async () => {
    const world = await followed(2);
    world.endpoints[1]!.isDown = true;
    world.chain.mineEmpty(100);
    expect(await look(world)).to.be.instanceOf(Error);
    expect(await world.store.finalized()).to.equal(undefined);
    world.endpoints[1]!.isDown = false;
    await look(world, 61_000);
    expect((await world.store.finalized())?.number).to.equal(BigInt(world.chain.latest - 70));
  });

  it("holds back a look whose head changed while it was read", async () => {
    const world = await funded(1);
    world.chain.mine([{ kind: "request", channel: ONE, amount: 1n }]);
    let calls = 0;
    world.endpoints[0]!.onCall = () => void (++calls === 4 && world.chain.reorg(6, () => []));
    expect(await look(world)).to.be.instanceOf(InconsistentError);
    expect(await world.store.journal(), "nothing half done").to.deep.equal([]);
    world.endpoints[0]!.onCall = () => {};
    await look(world);
    expect(await world.seen(ONE)).to.include({ pendingWithdrawal: 0n });
  });

  it("asks one question while nothing happens", async () => {
    const world = await funded(1);
    world.endpoints[0]!.asked.length = 0;
    await looks(world, 10);
    expect(world.endpoints[0]!.asked).to.deep.equal(Array(10).fill("peek"));
  });
});

describe("daemon/follow reconciliation", () => {
  const HOUR_MS = 3_600_000;

  it("finds a channel that differs from the chain at the final block, mends it and says so (D6)", async () => {
    const world = await funded(1);
    await world.ledger.recordChain({
      states: new Map([[ONE, { ...(await world.seen(ONE)), deposited: 1_000_000n }]]),
      readTo: BigInt(world.chain.latest),
      blocks: [],
    });
    await looks(world, 3);
    expect(await world.seen(ONE), "no event, so nobody looks").to.include({ deposited: 1_000_000n });
    world.chain.mineEmpty(1_800);
    await look(world, HOUR_MS);
    expect(await world.seen(ONE)).to.include({ deposited: 100n });
    expect((await status(world)).reconciliation).to.include({ differences: 1 });
    expect(world.log.text()).to.include("the ledger differs from the chain").and.include(ONE);
  });

  it("finds a channel whose only event no endpoint showed in time", async () => {
    const world = await funded(1);
    world.endpoints[0]!.hides = TWO;
    world.chain.mine([{ kind: "deposit", channel: TWO, amount: 7n }]);
    world.chain.mineEmpty(100);
    await look(world, FINALITY_MS);
    expect(await world.store.account(TWO)).to.equal(undefined);
    world.endpoints[0]!.hides = undefined;
    await looks(world, 3);
    expect(await world.store.account(TWO), "it is final by now").to.equal(undefined);
    world.chain.mineEmpty(1_700);
    await look(world, HOUR_MS);
    expect(await world.seen(TWO)).to.include({ deposited: 7n });
  });

  it("reads channels with open events as the follower does, and finds no difference there", async () => {
    const world = await funded(1);
    world.chain.mine([{ kind: "request", channel: ONE, amount: 3n }]);
    await look(world, HOUR_MS);
    await looks(world, 2);
    expect((await status(world)).reconciliation).to.include({ differences: 0 });
  });

  it("compares at the newest block where an endpoint keeps no older states", async () => {
    const world = await funded(1);
    const [alpha] = world.endpoints;
    const { compared } = (await status(world)).reconciliation;
    const full = alpha!.channels.bind(alpha);
    alpha!.channels = async (channels, hash) => {
      if (world.chain.byHash(hash)!.head.number < BigInt(world.chain.latest - 50)) throw new Error("missing trie node");
      return full(channels, hash);
    };
    await look(world, HOUR_MS);
    expect((await status(world)).reconciliation).to.include({ compared: compared + 1, differences: 0 });
  });

  it("goes through many channels some pages at a time", async () => {
    const world = await funded(1);
    const many = Array.from({ length: 2_500 }, (_, i): Address => `0x${(i + 1_000).toString(16).padStart(40, "0")}`);
    world.chain.mine(many.map((channel) => ({ kind: "deposit", channel, amount: 1n })));
    world.chain.mineEmpty(200);
    await look(world, FINALITY_MS);
    world.endpoints[0]!.asked.length = 0;
    world.chain.mineEmpty(1_700);
    await look(world, HOUR_MS);
    const first = world.endpoints[0]!.asked.filter((call) => call === "channels").length;
    expect(first).to.be.lessThan(7);
    await looks(world, 4);
    expect((await status(world)).reconciliation).to.include({ differences: 0 });
    expect(world.endpoints[0]!.asked.filter((call) => call === "channels").length).to.be.within(13, 15);
  });
});
