import type { Proposals } from "../contracts/proposals.ts";
import type { ProposalsView } from "./views.ts";

/** Proposals as the page takes them: plain values, votes as decimal strings. */
export function proposalsView({ proposals, sinceSeconds }: Proposals): ProposalsView {
  const rows = proposals.map(({ id, title, state, votes, quorum, deadline }) => ({
    ...{ id: String(id), title, state, votingEndsSeconds: Number(deadline) },
    votes: {
      ...{ for: String(votes.for), against: String(votes.against), abstain: String(votes.abstain) },
      quorum: String(quorum),
    },
  }));
  return { rows, sinceSeconds };
}
