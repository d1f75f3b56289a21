import type { RegisteredNode } from "../ports.ts";
import { PEER_MS, inTime } from "./askAll.ts";
import type { End } from "./messages.ts";
import type { ReporterOptions } from "./options.ts";
import type { Session } from "./session.ts";

/** Ends asked about in one question: of a range of a billion the first difference is found with five. */
const ENDS_PER_QUESTION = 64n;
const MOST_QUESTIONS = 12;

/**
 * The first sequence id at which a peer's copy of a log differs from this node's, in a stretch at whose end they differ
 * and before which they are the same. Undefined when the peer contradicts itself.
 */
export async function firstDifference(
  { peers, clock }: Pick<ReporterOptions, "peers" | "clock">,
  session: Session,
  peer: RegisteredNode,
  end: End,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  const { originatorId } = end;
  /** The same up to and with `same`; not the same up to `other`. */
  let [same, other] = [session.book.afterOf(originatorId), end.sequenceId];
  for (let asked = 0; other - same > 1n; asked++) {
    if (asked === MOST_QUESTIONS) return undefined;
    const step = (other - same + ENDS_PER_QUESTION - 1n) / ENDS_PER_QUESTION;
    const ends: End[] = [];
    for (let at = same + step; at < other; at += step) ends.push({ originatorId, sequenceId: at });
    const question = { epoch: session.epoch, parent: session.head.digest, ends };
    const ask = (ended: AbortSignal) => peers.ask(peer.httpAddress, question, ended);
    const { factsAt } = await inTime(signal, PEER_MS, ask, clock);
    for (const [i, { sequenceId }] of ends.entries()) {
      const own = await session.book.upTo(originatorId, sequenceId);
      if (own !== undefined && own.facts === factsAt[i]) same = sequenceId;
      else {
        other = sequenceId;
        break;
      }
    }
  }
  return other;
}
