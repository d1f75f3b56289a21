import type { Log } from "../../platform/log.ts";
import { readOriginatorEnvelope } from "../../protocol/envelope.ts";
import type { PeerLogs } from "../faults/ports.ts";
import type { KeyRing } from "../keyRing.ts";
import { newestSequenceId } from "../newest.ts";
import type { RegisteredNode } from "../ports.ts";
import type { StockLog } from "./stockLog.ts";

const PEER_MS = 10_000;
const LOOKED_AT = 10;
const PEERS_AT_ONCE = 8;

export interface CatchUpOptions {
  nodeId: number;
  stockLog: Pick<StockLog, "endOf" | "isConnected">;
  peers: PeerLogs;
  keys: KeyRing;
  nodes: () => readonly RegisteredNode[];
  log: Log;
}

/**
 * Whether the stock node has what the others took before this daemon started: each of them is asked once how far its own
 * log went. One that cannot be reached is not waited for.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  /** What each peer had; undefined for one that did not answer. */
  readonly #targets = new Map<number, bigint | undefined>();
  #isDone = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** To be called every second or so until it is done. */
  async round(): Promise<void> {
    const { nodeId, nodes, stockLog } = this.#options;
    if (this.#isDone || nodes().length === 0) return;
    const peers = nodes().filter((node) => node.nodeId !== nodeId && node.isCanonical);
    const unasked = peers.filter((node) => !this.#targets.has(node.nodeId));
    for (let i = 0; i < unasked.length; i += PEERS_AT_ONCE) {
      await Promise.all(unasked.slice(i, i + PEERS_AT_ONCE).map((peer) => this.#ask(peer)));
    }
    const isThere = ({ nodeId: id }: RegisteredNode) => stockLog.endOf(id) >= (this.#targets.get(id) ?? 0n);
    this.#isDone = stockLog.isConnected && peers.every(isThere);
  }

  async #ask(peer: RegisteredNode): Promise<void> {
    const { stockLog, peers, keys, log } = this.#options;
    const { nodeId: originatorId, httpAddress } = peer;
    const signal = AbortSignal.timeout(PEER_MS);
    try {
      const newest = await newestSequenceId(async (after) => {
        const page = { originatorId, after, limit: LOOKED_AT };
        for (const bytes of await peers.read(httpAddress, page, signal)) {
          const envelope = readOriginatorEnvelope(bytes);
          const isNext = envelope.originatorId === originatorId && envelope.sequenceId > after;
          if (isNext && (await keys.isSigned(envelope))) return envelope.sequenceId;
        }
        return undefined;
      }, stockLog.endOf(originatorId));
      this.#targets.set(originatorId, newest);
    } catch (error) {
      log.debug({ peer: originatorId, error: String(error) }, "a peer did not say how far its log goes");
      this.#targets.set(originatorId, undefined);
    }
  }
}
