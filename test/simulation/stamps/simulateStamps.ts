import { Random } from "../random.ts";
import type { NodeRole, RecipientKind, SenderKind } from "./cast.ts";
import { DAY, HOUR, NODE_ROLES, WRITING_DAYS, castOf } from "./cast.ts";
import type { Counted } from "./judgeStamps.ts";
import { costOf, judgeStamps } from "./judgeStamps.ts";
import type { Delivered } from "./stampWorld.ts";
import { EPOCH_SECONDS, StampWorld } from "./stampWorld.ts";

/** Until the last stamp is decided, and what its report says is final and charged. */
const LAST_DAY = WRITING_DAYS + 10;
const BLOCK_AFTER = 2 * HOUR;

/** Base units, of `stamps` first messages that opened one. */
export interface Tally {
  stamps: number;
  amount: bigint;
}

export interface StampSimulation {
  seed: number;
  role: NodeRole;
  problems: string[];
  /** What senders were to pay, by who wrote to whom: `stranger to liar`. */
  costs: Map<string, Tally>;
  /** What recipients were paid, with the stamps that came for them. */
  gains: Map<RecipientKind, Tally>;
  /** What was taken from channels of a kind, and what was owed. */
  charged: Map<SenderKind, { owed: bigint; taken: bigint }>;
  treasury: bigint;
  figures: { welcomes: number; refused: number; blocked: number; stamps: number; reports: number };
}

/** Six weeks of a network of four in which strangers pay stamps, judged at the end. */
export async function simulateStamps(seed: number): Promise<StampSimulation> {
  const random = new Random(seed);
  const role = NODE_ROLES[seed % NODE_ROLES.length]!;
  const { recipients, senders, writings } = castOf(random);
  const world = await StampWorld.open(role, random.fork(), senders, recipients);
  try {
    const due: { at: number; act: () => Promise<unknown> }[] = [];
    const later = (seconds: number, act: () => Promise<unknown>) => due.push({ at: world.now + seconds, act });
    const { startsAt } = world;
    for (const writing of writings) {
      const write = async () => {
        const delivered = await world.write(writing);
        if (delivered) react(world, delivered, random, later);
      };
      due.push({ at: startsAt + writing.at, act: write });
    }
    while (world.now < startsAt + LAST_DAY * DAY) {
      const end = (Math.floor(world.now / EPOCH_SECONDS) + 1) * EPOCH_SECONDS;
      for (;;) {
        due.sort((a, b) => a.at - b.at);
        if (due.length === 0 || due[0]!.at >= end) break;
        const { at, act } = due.shift()!;
        world.passTo(at);
        await act();
      }
      await world.endEpoch();
    }
    const { problems, stamps, paid } = await judgeStamps(world, role);
    const gains = new Map<RecipientKind, Tally>();
    const accounts = new Set<string>();
    for (const { kind, account, inbox } of recipients) {
      const tally = gains.get(kind) ?? { stamps: 0, amount: 0n };
      const isNew = !accounts.has(account);
      accounts.add(account);
      const count = stamps.filter(({ opening }) => opening.to.inbox === inbox).length;
      gains.set(kind, {
        stamps: tally.stamps + count,
        amount: tally.amount + (isNew ? (paid.get(account) ?? 0n) : 0n),
      });
    }
    return {
      ...{ seed, role, problems, gains, costs: costsOf(stamps), charged: chargedOf(world, stamps) },
      treasury: world.money.treasury,
      figures: {
        ...{ welcomes: world.delivered.length, stamps: stamps.length, reports: (await world.reports()).length },
        blocked: world.refusals.get("sender_blocked") ?? 0,
        refused: [...world.refusals.values()].reduce((sum, count) => sum + count, 0),
      },
    };
  } finally {
    await world.close();
  }
}

/** What a recipient says, after an hour to two days, and whom it blocks. */
function react(
  world: StampWorld,
  delivered: Delivered,
  random: Random,
  later: (seconds: number, act: () => Promise<unknown>) => void,
): void {
  const { from, to, isWaived } = delivered;
  const wait = random.between(HOUR, 48 * HOUR);
  if (isWaived || to.kind === "silent") return;
  const isSpam = to.kind === "liar" || to.kind === "farm" || (to.kind === "honest" && from.kind === "spammer");
  later(wait, () => world.say(delivered, isSpam || to.kind === "waverer" ? "spam" : "accept"));
  if (to.kind === "waverer") later(wait + random.between(60, 4 * DAY), () => world.say(delivered, "accept"));
  if (to.kind === "honest" && isSpam) later(wait + BLOCK_AFTER, () => world.block(from, to));
}

function costsOf(stamps: readonly Counted[]): Map<string, Tally> {
  const costs = new Map<string, Tally>();
  for (const stamp of stamps) {
    const { from, to } = stamp.opening;
    const name = `${from.kind} to ${to.kind}`;
    const tally = costs.get(name) ?? { stamps: 0, amount: 0n };
    costs.set(name, { stamps: tally.stamps + 1, amount: tally.amount + costOf(stamp) });
  }
  return costs;
}

function chargedOf({ money }: StampWorld, stamps: readonly Counted[]): StampSimulation["charged"] {
  const charged: StampSimulation["charged"] = new Map();
  for (const from of new Set(stamps.map(({ opening }) => opening.from))) {
    const owed = stamps.reduce((sum, stamp) => sum + (stamp.opening.from === from ? costOf(stamp) : 0n), 0n);
    const known = charged.get(from.kind) ?? { owed: 0n, taken: 0n };
    const taken = money.channels.get(from.channel)!.spent;
    charged.set(from.kind, { owed: known.owed + owed, taken: known.taken + taken });
  }
  return charged;
}
