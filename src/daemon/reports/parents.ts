import type { Hex } from "../../protocol/bytes.ts";
import { inTime } from "./askAll.ts";
import { unpackContents } from "./contents.ts";
import { CannotAttestError } from "./errors.ts";
import type { ReporterOptions } from "./options.ts";
import type { ReportContents } from "./ports.ts";

/** A whole report can be large. */
const CONTENTS_MS = 60_000;

export type ContentsOptions = Pick<
  ReporterOptions,
  "store" | "nodes" | "nodeId" | "peers" | "domain" | "clock" | "log"
>;

/**
 * What a report on chain says: from this node's store, where it is when it attested it, or from whatever peer has it.
 * Nobody is believed, everything is checked against the digest. Rejects with CannotAttestError `parent_unknown`.
 */
export async function contentsOf(
  { store, nodes, nodeId, peers, domain, clock, log }: ContentsOptions,
  digest: Hex,
  signal = new AbortController().signal,
): Promise<ReportContents> {
  const own = await store.get(digest);
  if (own) return own;
  for (const { nodeId: peer, httpAddress } of nodes()) {
    if (peer === nodeId) continue;
    try {
      const fetch = (ended: AbortSignal) => peers.contents(httpAddress, digest, ended);
      const contents = unpackContents(domain, digest, await inTime(signal, CONTENTS_MS, fetch, clock));
      await store.put(digest, contents, clock.now());
      return contents;
    } catch (error) {
      if (signal.aborted) throw error;
      log.debug({ peer, digest, error: String(error) }, "a peer does not have a report");
    }
  }
  throw new CannotAttestError("parent_unknown", `nobody shows what report ${digest} says: is this node reachable?`);
}
