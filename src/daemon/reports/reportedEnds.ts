import { NO_PARENT } from "../../protocol/report/report.ts";
import type { Hex } from "../../protocol/bytes.ts";
import type { AnnouncedRanges } from "../ports.ts";
import type { ReporterOptions } from "./options.ts";
import type { ContentsOptions } from "./parents.ts";
import { contentsOf } from "./parents.ts";

/** Reports between the head of the chain and the last final one: the veto window spans a few epochs. */
const MOST_PENDING = 64;

/**
 * How far final reports say that a log has come. The chain names the digests, this node or any peer says what they stand
 * for. What a quorum attested no peer can invent: none of them has more of a log than its originator signed.
 */
export class ReportedEnds implements AnnouncedRanges {
  readonly #options: ContentsOptions & Pick<ReporterOptions, "chain">;
  /** Of the last report that was looked at and is final: it stays so. */
  #last: { digest: Hex; ends: ReadonlyMap<number, bigint> } | undefined;

  constructor(options: ContentsOptions & Pick<ReporterOptions, "chain">) {
    this.#options = options;
  }

  /** Rejects as the chain does, and with CannotAttestError when nobody shows what a report says. */
  async lastOf(nodeId: number, signal?: AbortSignal): Promise<bigint | undefined> {
    const { chain } = this.#options;
    const [head, now] = await Promise.all([chain.head(), chain.now()]);
    let digest = head.length === 0n ? NO_PARENT : head.digest;
    for (let step = 0; step < MOST_PENDING && digest !== NO_PARENT; step++) {
      signal?.throwIfAborted();
      if (this.#last?.digest === digest) return this.#last.ends.get(nodeId);
      const { status, finalAt } = await chain.standing(digest);
      const { report, ranges } = await contentsOf(this.#options, digest, signal);
      if (status === "accepted" && now >= finalAt) {
        const ends = new Map(ranges.map(({ originatorId, lastSequenceId }) => [originatorId, lastSequenceId]));
        this.#last = { digest, ends };
        return ends.get(nodeId);
      }
      digest = report.parent;
    }
    return undefined;
  }
}
