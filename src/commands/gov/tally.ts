import { penny } from "../core/amounts.ts";
import type { Context } from "../core/context.ts";
import type { Row } from "../core/plan.ts";
import type { Standing } from "./proposal.ts";

/** Votes cast, in base units of the stake token. */
export interface Tally {
  for: bigint;
  against: bigint;
  abstain: bigint;
  /** What for and abstain have to reach. */
  quorum: bigint;
}

export async function readTally({ contracts }: Context, id: bigint, { now, snapshot }: Standing): Promise<Tally> {
  const { postageGovernor } = contracts;
  const [{ forVotes, againstVotes, abstainVotes }, quorum] = await Promise.all([
    postageGovernor.proposalVotes(id),
    postageGovernor.quorum(snapshot < now ? snapshot : now - 1n),
  ]);
  return { for: forVotes, against: againstVotes, abstain: abstainVotes, quorum };
}

export function tallyRows(tally: Tally): Row[] {
  const { quorum, abstain } = tally;
  const cast = tally.for + tally.against + abstain;
  const share = (votes: bigint) => `${penny(votes)}${cast > 0n ? ` (${percent(votes, cast)} of what was cast)` : ""}`;
  const counted = tally.for + abstain;
  const reached = counted >= quorum ? "reached" : `${penny(quorum - counted)} missing`;
  return [
    ["for", share(tally.for)],
    ["against", share(tally.against)],
    ["abstain", share(abstain)],
    ["quorum", `${penny(counted)} of ${penny(quorum)} (${percent(counted, quorum)}): ${reached}`],
    ["majority", tally.for > tally.against ? "for" : "not for: more have to vote for than against"],
  ];
}

/** To two decimals, rounded down. */
export function percent(part: bigint, whole: bigint): string {
  if (whole === 0n) return "0 %";
  const hundredths = (part * 10_000n) / whole;
  const fraction = (hundredths % 100n).toString().padStart(2, "0").replace(/0+$/, "");
  return `${hundredths / 100n}${fraction && `.${fraction}`} %`;
}
