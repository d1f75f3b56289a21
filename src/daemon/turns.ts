import type { DaemonChain, RegisteredNode } from "./ports.ts";

/** A daemon whose turn comes later waits this long per place. */
const TURN_SECONDS = 60n;

/**
 * How many seats go before a node in an epoch: who goes first changes with it. Undefined for a node without a seat.
 */
export function placeInTurn(
  nodes: readonly Pick<RegisteredNode, "nodeId" | "isCanonical">[],
  nodeId: number,
  epoch: bigint,
): { place: bigint | undefined; count: bigint } {
  const seats = nodes.filter(({ isCanonical }) => isCanonical).map((node) => node.nodeId);
  const count = BigInt(seats.length);
  const place = seats.sort((a, b) => a - b).indexOf(nodeId);
  return { place: place < 0 ? undefined : (((BigInt(place) - epoch) % count) + count) % count, count };
}

/** Who goes first changes with the epoch; each next seat waits a minute longer, so that daemons seldom collide. */
export class Turns {
  readonly #nodeId: number;
  readonly #chain: Pick<DaemonChain, "nodes" | "epochSeconds">;
  /** When each piece of work was first seen to be due, in chain time. */
  readonly #dueSince = new Map<string, bigint>();

  constructor(nodeId: number, chain: Pick<DaemonChain, "nodes" | "epochSeconds">) {
    this.#nodeId = nodeId;
    this.#chain = chain;
  }

  /** How long this daemon waits now, from when work is due. */
  async waitSeconds(timestamp: bigint): Promise<bigint> {
    const nodes = await this.#chain.nodes();
    const isSeated = nodes.some(({ nodeId, isCanonical }) => isCanonical && nodeId === this.#nodeId);
    // Without a seat the epoch makes no difference, and is not worth a question.
    const epoch = isSeated ? timestamp / (await this.#chain.epochSeconds()) : 0n;
    const { place, count } = placeInTurn(nodes, this.#nodeId, epoch);
    return (place ?? count) * TURN_SECONDS;
  }

  /** Notes that work is due, and says whether it has waited long enough. */
  isMine(work: string, timestamp: bigint, waitSeconds: bigint): boolean {
    const since = this.#dueSince.get(work) ?? timestamp;
    this.#dueSince.set(work, since);
    return timestamp - since >= waitSeconds;
  }

  /** Of the work whose name begins with `kind`, forgets what is not due any more. */
  keepOnly(due: ReadonlySet<string>, kind: string): void {
    for (const work of this.#dueSince.keys()) {
      if (work.startsWith(kind) && !due.has(work)) this.#dueSince.delete(work);
    }
  }
}
