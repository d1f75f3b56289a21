import type { Hex } from "../../protocol/bytes.ts";
import type { FinalizedBlock } from "../ports.ts";
import type { Member, Panel } from "./panel.ts";
import type { Head } from "./ports.ts";
import { FinalityBrokenError, FinalityDisputedError, InconsistentError, LaggingError } from "./ports.ts";

interface Vote {
  name: string;
  hash: Hex;
}

/**
 * The final block that a member names, once another one has the same; undefined when nobody can say so now. With one
 * endpoint its word has to do.
 */
export async function agreedFinal(panel: Panel, lead: Member, final: Head): Promise<FinalizedBlock | undefined> {
  const { number, hash } = final;
  const others = panel.others(lead);
  if (others.length === 0) return { number, hash };
  const against: Vote[] = [];
  for (const other of others) {
    const vote = await voteOf(panel, other, number);
    if (vote?.hash === hash) return { number, hash };
    if (vote) against.push(vote);
  }
  if (against.length === 0) return undefined;
  throwOutvoted(panel, lead, against, `final block ${number}`);
  throw new FinalityDisputedError(disputeOver(number, [{ name: lead.endpoint.name, hash }, ...against]));
}

/**
 * Throws unless the chain still has the block that was final before.
 * @param final what the member calls final now; often the same block
 */
export async function requireFinal(panel: Panel, lead: Member, known: FinalizedBlock, final: Head): Promise<void> {
  const { number, hash } = known;
  const { name } = lead.endpoint;
  const found = final.number === number ? final.hash : await lead.endpoint.hashOf(number);
  if (found === hash) return;
  if (found === undefined && lead.head && lead.head.number >= number) {
    throw new InconsistentError(`${name} has block ${lead.head.number} and not block ${number}`);
  }
  const others = panel.others(lead);
  const votes: Vote[] = [];
  for (const other of others) {
    const vote = await voteOf(panel, other, number);
    if (vote) votes.push(vote);
  }
  const loyal = votes.filter((vote) => vote.hash === hash);
  if (found === undefined && (loyal.length > 0 || votes.length < others.length)) {
    throw new LaggingError(`${name} ends before block ${number}, which is final`);
  }
  throwOutvoted(panel, lead, loyal, `final block ${number}`);
  const all = found === undefined ? votes : [{ name, hash: found }, ...votes];
  if (loyal.length > 0 || votes.length < others.length) throw new FinalityDisputedError(disputeOver(number, all));
  throw new FinalityBrokenError(
    `block ${number} was final as ${hash}, and now ${found === undefined ? `${name} ends before it` : describe(all)}. ` +
      "Nothing that the chain says counts any more: compare with other sources of the chain; then correct rpcUrls and restart, or accept the new chain (POST /accept-reorg)",
  );
}

async function voteOf(panel: Panel, member: Member, number: bigint): Promise<Vote | undefined> {
  try {
    const hash = await member.endpoint.hashOf(number);
    return hash && { name: member.endpoint.name, hash };
  } catch (error) {
    panel.failed(member, error);
    return undefined;
  }
}

/** Two who agree against one are believed. */
function throwOutvoted(panel: Panel, lead: Member, against: readonly Vote[], what: string): void {
  const counts = new Map<Hex, number>();
  for (const { hash } of against) counts.set(hash, (counts.get(hash) ?? 0) + 1);
  if (![...counts.values()].some((count) => count >= 2)) return;
  const why = `${lead.endpoint.name} has another ${what} than ${describe(against)}`;
  panel.distrust(lead, why);
  throw new InconsistentError(why);
}

function disputeOver(number: bigint, votes: readonly Vote[]): string {
  return `endpoints disagree on final block ${number}: ${describe(votes)}. Neither is believed: take out the wrong one`;
}

function describe(votes: readonly Vote[]): string {
  return votes.map(({ name, hash }) => `${name} has ${hash}`).join(", ");
}
