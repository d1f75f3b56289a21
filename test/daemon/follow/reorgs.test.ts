import { expect } from "chai";
import fc from "fast-check";

import type { ChannelOnChain } from "../../../src/daemon/ports.ts";
import type { EventKind, FakeChain, FakeEvent } from "./fakeChain.ts";
import { CHANNELS } from "./fakeChain.ts";
import type { World } from "./support.ts";
import { followed } from "./support.ts";

const KINDS: EventKind[] = ["deposit", "request", "cancel", "withdraw", "settle"];
const [ONE] = CHANNELS as [(typeof CHANNELS)[0]];

const event = fc.record({
  kind: fc.constantFrom(...KINDS),
  channel: fc.constantFrom(...CHANNELS),
  amount: fc.bigInt(1n, 1_000n),
});
const blocks = fc.array(fc.array(event, { maxLength: 3 }), { minLength: 1, maxLength: 12 });
/** What a reorg makes of a block's events: gone, the same again, or mined as failed (which leaves no event) in part. */
const treatment = fc.constantFrom("drop", "remine", "fail", "reverse");
const change = fc.oneof(
  fc.record({ do: fc.constant("mine" as const), blocks }),
  fc.record({ do: fc.constant("reorg" as const), depth: fc.integer({ min: 1, max: 64 }), treatment, extra: fc.nat(3) }),
);
const step = fc.oneof(
  { weight: 4, arbitrary: change },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("poll" as const), passes: fc.nat(200_000) }) },
  // The chain moves while it is being read.
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("pollDuring" as const), change, after: fc.nat(6), then: fc.option(change) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lag" as const), who: fc.nat(2), blocks: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("down" as const), who: fc.nat(2), isDown: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function remade(how: string): (events: FakeEvent[]) => FakeEvent[] {
  if (how === "drop") return () => [];
  if (how === "fail") return (events) => events.slice(1);
  return how === "reverse" ? (events) => [...events].reverse() : (events) => events;
}

function apply(chain: FakeChain, change: Change): void {
  if (change.do === "mine") chain.mine(...change.blocks);
  else chain.reorg(change.depth, remade(change.treatment), change.extra);
}

async function run(world: World, steps: readonly Step[]): Promise<void> {
  const { chain, clock, endpoints } = world;
  for (const step of steps) {
    if (step.do === "mine" || step.do === "reorg") apply(chain, step);
    else if (step.do === "restart") world.restart();
    else if (step.do === "lag") endpoints[step.who % endpoints.length]!.lag = step.blocks;
    else if (step.do === "down") endpoints[step.who % endpoints.length]!.isDown = step.isDown;
    else {
      let calls = 0;
      for (const endpoint of endpoints) {
        endpoint.onCall = () => {
          calls++;
          if (step.do !== "pollDuring") return;
          if (calls === step.after) apply(chain, step.change);
          if (calls === step.after + 1 && step.then) apply(chain, step.then);
        };
      }
      clock.advance(step.do === "poll" ? step.passes : 6_000);
      await world.follower.poll().catch(() => {});
      for (const endpoint of endpoints) endpoint.onCall = () => {};
    }
  }
}

async function settled(world: World): Promise<ChannelOnChain[]> {
  for (const endpoint of world.endpoints) Object.assign(endpoint, { lag: 0, isDown: false });
  world.chain.mineEmpty(25);
  await world.settle();
  return Promise.all(CHANNELS.map((channel) => world.seen(channel)));
}

async function replayed(chain: FakeChain): Promise<ChannelOnChain[]> {
  const fresh = await followed(1, chain);
  await fresh.follower.poll();
  return Promise.all(CHANNELS.map((channel) => fresh.seen(channel)));
}

describe("daemon/follow reorgs", () => {
  for (const count of [1, 2, 3]) {
    it(`48: is as a fresh replay after any reorgs, restarts and lags, with ${count} endpoints (D10)`, async function () {
      this.timeout(240_000);
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const world = await followed(count);
          await run(world, steps);
          const states = await settled(world);
          expect(states).to.deep.equal(await replayed(world.chain));
          expect(states).to.deep.equal(CHANNELS.map((channel) => world.chain.state(channel)));
          expect(await world.store.journal()).to.deep.equal(
            world.chain.eventBlocks(Number((await world.store.finalized())!.number) + 1, world.chain.latest),
          );
          // What nobody else had confirmed before a restart is the one thing that is left to it.
          if (count > 1) return;
          const { differences } = (await statusOf(world)).reconciliation;
          expect(differences, "nothing was left to reconciliation").to.equal(0);
        }),
        { numRuns: 150 },
      );
    });
  }

  for (const kind of KINDS) {
    for (const how of ["drop", "remine", "fail"]) {
      it(`48: a reorg of depth 1 to 64 does "${how}" to a ${kind}`, async () => {
        for (let depth = 1; depth <= 64; depth++) {
          const world = await followed();
          const { chain, follower } = world;
          chain.mine([{ kind: "deposit", channel: ONE, amount: 1_000n }]);
          chain.mine([{ kind: "request", channel: ONE, amount: 10n }]);
          chain.mineEmpty(80);
          await follower.poll();
          chain.mine([{ kind, channel: ONE, amount: 7n }]);
          chain.mineEmpty(depth - 1);
          world.clock.advance(6_000);
          await follower.poll();
          chain.reorg(depth, remade(how));
          expect((await world.store.journal()).length, "the event was seen").to.equal(1);
          world.clock.advance(6_000);
          await follower.poll();
          const expected = { ...chain.state(ONE), deposited: min(chain.state(ONE).deposited, safeDeposit(chain)) };
          expect(await world.seen(ONE), `depth ${depth}`).to.deep.equal(expected);
        }
      });
    }
  }

  it("48: drops a deposit that was safe and not final, and counts it again when it is mined again", async () => {
    const world = await followed();
    const { chain, follower, clock } = world;
    chain.mineEmpty(5);
    await follower.poll();
    chain.mine([{ kind: "deposit", channel: ONE, amount: 9n }]);
    chain.mineEmpty(20);
    clock.advance(40_000);
    await follower.poll();
    expect(await world.seen(ONE)).to.include({ deposited: 9n });
    chain.reorg(21, () => []);
    clock.advance(6_000);
    await follower.poll();
    expect(await world.seen(ONE)).to.include({ deposited: 0n });
    chain.mine([{ kind: "deposit", channel: ONE, amount: 9n }]);
    chain.mineEmpty(20);
    clock.advance(40_000);
    await follower.poll();
    expect(await world.seen(ONE)).to.include({ deposited: 9n });
  });

  it("47: of two processes with one database, none takes what the other has read of a later block for an omission", async () => {
    const world = await followed();
    const { chain, clock, endpoints } = world;
    chain.mine([{ kind: "deposit", channel: ONE, amount: 9n }]);
    chain.mineEmpty(40);
    const slow = world.follower;
    await slow.poll();
    world.restart();
    const quick = world.follower;
    await quick.poll();
    chain.mine([{ kind: "settle", channel: ONE, amount: 1n }]);
    clock.advance(6_000);
    const endpoint = endpoints[0]!;
    const heads = endpoint.heads.bind(endpoint);
    let isFirst = true;
    endpoint.heads = async () => {
      const found = await heads();
      if (isFirst) {
        isFirst = false;
        chain.mine([{ kind: "request", channel: ONE, amount: 5n }]);
        await quick.poll();
      }
      return found;
    };
    await slow.poll();
    for (let i = 0; i < 4; i++) {
      clock.advance(6_000);
      await slow.poll();
      await quick.poll();
    }
    expect(await world.seen(ONE)).to.include({ pendingWithdrawal: 5n });
    expect(world.log.lines.filter(({ level }) => level !== "info")).to.deep.equal([]);
  });
});

const min = (a: bigint, b: bigint) => (a < b ? a : b);
const safeDeposit = (chain: FakeChain) => chain.state(ONE, Number(chain.heads().safe.number)).deposited;

async function statusOf({ follower }: World) {
  return (await follower.status()) as { reconciliation: { differences: number } };
}
