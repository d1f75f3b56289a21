import { stableOrder } from "../../protocol/nodeChoice.ts";
import type { Random } from "../ports.ts";

/** XIP-79's strategies. */
export const NODE_STRATEGIES = ["stable", "ordered", "manual", "random", "closest"] as const;
export type NodeStrategy = (typeof NODE_STRATEGIES)[number];

/** Which node a publish goes to, and which ones it fails over to. */
export interface NodeChoice {
  /**
   * `stable`: the same topic to the same node, as every client would. `ordered`: `preferredNodes` in their order, then the others.
   * `manual`: those and no others. `random`: another one each time. `closest`: by how fast they answer, of `preferredNodes` first
   * where there are any.
   */
  strategy: NodeStrategy;
  preferredNodes?: readonly number[];
}

export const STABLE: NodeChoice = { strategy: "stable" };

/** What is known of a node. */
export interface ChoosableNode {
  id: number;
  /** How long it took to answer, at best of late; undefined before it did. */
  latencyMs: number | undefined;
}

/** Throws RangeError when a strategy lacks what it chooses from. */
export function requireChoice({ strategy, preferredNodes = [] }: NodeChoice): void {
  const needsNodes = strategy === "ordered" || strategy === "manual";
  if (needsNodes && preferredNodes.length === 0) {
    throw new RangeError(`the node strategy "${strategy}" needs preferredNodes: name at least one node id`);
  }
  if (!needsNodes && strategy !== "closest" && preferredNodes.length > 0) {
    throw new RangeError(
      `the node strategy "${strategy}" takes no preferredNodes: use "ordered", "manual" or "closest"`,
    );
  }
  if (new Set(preferredNodes).size !== preferredNodes.length) throw new RangeError("preferredNodes names a node twice");
}

/** All nodes that may be asked, the chosen one first. Which of them can be reached is the caller's to know. */
export function nodeOrder(
  { strategy, preferredNodes = [] }: NodeChoice,
  topic: Uint8Array,
  nodes: readonly ChoosableNode[],
  random: Random,
): number[] {
  const ids = nodes.map(({ id }) => id).sort((a, b) => a - b);
  const preferred = preferredNodes.filter((id) => ids.includes(id));
  const others = ids.filter((id) => !preferred.includes(id));
  switch (strategy) {
    case "stable":
      return stableOrder(topic, ids);
    case "manual":
      return preferred;
    case "ordered":
      return [...preferred, ...others];
    case "random":
      return shuffled(ids, random);
    case "closest": {
      const latency = new Map(nodes.map(({ id, latencyMs }) => [id, latencyMs ?? Infinity]));
      const byLatency = (some: number[]) => some.sort((a, b) => latency.get(a)! - latency.get(b)! || a - b);
      return [...byLatency(preferred), ...byLatency(others)];
    }
  }
}

function shuffled(ids: readonly number[], random: Random): number[] {
  const all = [...ids];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}
