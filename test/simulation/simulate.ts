import { createHash } from "node:crypto";

import { judge } from "./judge.ts";
import type { Random } from "./random.ts";
import type { SimOperator } from "./world.ts";
import { NODE_IDS, World } from "./world.ts";

const MINUTE = 60_000;
const ROUGH_MS = 5 * MINUTE;
/** Longer than the withdrawal delay, so that whoever asked has left; then finality. */
const CALM_MS = 6 * MINUTE;
/** Turns of four nodes, for settling, passing on and claiming; then finality. */
const SETTLE_MS = 7 * MINUTE;
const REPLICATE_MS = 400;
const PAYER_MS = 3_000;
const PAGE = 50;
/** After the daemons began, for the part that a node plays in reports. */
const ROLE_SECONDS = 60;
/** Every fourth seed has them: its pairings take as long as all the rest. */
const hasReports = (seed: number) => seed % 4 === 0;

export interface Simulation {
  seed: number;
  problems: string[];
  /** Two runs of a seed have the same. */
  digest: string;
  trace: string[];
  figures: {
    accepted: number;
    refused: number;
    kills: number;
    reorgs: number;
    deepest: number;
    settlements: number;
    reports: number;
  };
}

/** Five bad minutes of a small network, and a quiet quarter of an hour, judged at the end. */
export async function simulate(seed: number): Promise<Simulation> {
  const world = await World.open(seed, hasReports(seed));
  const figures = { accepted: 0, refused: 0, kills: 0, reorgs: 0, deepest: 0, settlements: 0, reports: 0 };
  try {
    const { clock, payers, operators } = world;
    world.mineRegularly();
    for (const payer of payers) payer.fund();
    await clock.runUntil(clock.now() + 2 * MINUTE);
    for (const operator of operators) world.boot(operator);
    if (world.reporting) after(world, ROLE_SECONDS, () => world.reporting!.begin());
    world.every(REPLICATE_MS, (random) => replicate(world, random));
    for (const payer of payers) world.every(PAYER_MS, () => void payer.step());
    world.every(10_000, (random) => misfortune(world, random, figures));
    world.every(MINUTE, () => payers.forEach((payer) => payer.withdraw()));
    await clock.runUntil(clock.now() + ROUGH_MS);

    world.calm();
    for (const payer of payers) payer.isStopped = true;
    await clock.runUntil(clock.now() + CALM_MS);
    for (const { node } of operators) {
      node.running!.daemon.settle().catch((error: unknown) => world.note("cannot settle", node.nodeId, error));
    }
    await clock.runUntil(clock.now() + SETTLE_MS);
    const problems = await judge(world);
    for (const payer of payers) {
      figures.accepted += payer.accepted.length;
      for (const [code, count] of payer.refusals) {
        figures.refused += count;
        world.note(payer.kind, code, count);
      }
    }
    for (const { transactions, number, hash } of world.chain.blocks) {
      figures.settlements += transactions.length;
      world.note("block", number, hash, transactions.map((sent) => sent.hash).join());
    }
    for (const { digest, report, signers } of world.chain.head.state.reports) {
      figures.reports++;
      world.note("report", report.epoch, digest, signers, report.absentSeats);
    }
    const digest = createHash("sha256").update(world.trace.join("\n")).digest("hex");
    return { seed, problems, digest, trace: world.trace, figures };
  } finally {
    await world.close();
  }
}

/** Every running node copies from every other that it can reach. */
function replicate(world: World, random: Random): void {
  for (const { node } of world.operators) {
    if (!node.running) continue;
    let isComplete = true;
    for (const other of world.operators) {
      if (other.node === node || world.reporting?.isWithheld(other.node.nodeId)) continue;
      const isReached = other.node.running && world.isLinked(node.nodeId, other.node.nodeId);
      isComplete = isReached ? node.replicate(other.node, random.between(1, PAGE)) && isComplete : false;
    }
    if (isComplete) node.isCaughtUp = true;
  }
}

/** What happens to networks, one thing at a time or several. */
function misfortune(world: World, random: Random, figures: Simulation["figures"]): void {
  if (world.isCalm) return;
  const operator = random.pick(world.operators);
  if (random.chance(0.12)) {
    const depth = random.chance(0.8) ? random.between(1, 4) : random.between(5, 64);
    figures.reorgs++;
    figures.deepest = Math.max(figures.deepest, depth);
    world.note("reorg", depth);
    world.chain.reorg(depth, random);
  }
  if (random.chance(0.1)) crash(world, operator, random, figures);
  if (random.chance(0.08)) {
    const rpc = random.pick(operator.rpcs);
    rpc.isDown = true;
    after(world, random.between(5, 120), () => (rpc.isDown = false));
  }
  if (random.chance(0.06) && world.reporting?.role !== "split") {
    world.cutOff = new Set(NODE_IDS.filter(() => random.chance(0.4)));
    world.note("cut off", ...world.cutOff);
    after(world, random.between(5, 90), () => (world.cutOff = new Set()));
  }
}

function crash(world: World, operator: SimOperator, random: Random, figures: Simulation["figures"]): void {
  if (!operator.node.running) return;
  figures.kills++;
  // In the middle of something: at one of the next calls that it makes.
  operator.node.running.process.killAfter(random.between(0, 40), () => {
    world.kill(operator);
    after(world, random.between(1, 45), () => {
      if (!operator.node.running) world.boot(operator);
    });
  });
}

function after(world: World, seconds: number, action: () => void): void {
  world.clock.at(world.clock.now() + seconds * 1_000, action);
}
