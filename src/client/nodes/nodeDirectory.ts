import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { readOriginatorEnvelope } from "../../protocol/envelope.ts";
import { withTimeout } from "../async.ts";
import type { GatewayRecorder } from "../metrics/catalogue.ts";
import type { ConnectNode, GatewayChain, NodeClient, NodeQuery, Random, RegisteredNode } from "../ports.ts";
import type { NodeChoice } from "./nodeOrder.ts";
import { STABLE, nodeOrder } from "./nodeOrder.ts";

/** Where one envelope stands in its originator's log. */
export interface LogPosition {
  originatorId: number;
  sequenceId: bigint;
}

export interface NodeStatus {
  node: RegisteredNode;
  client: NodeClient;
  isHealthy: boolean;
  /** Left out until then, milliseconds since 1970, because it misbehaved. */
  droppedUntil: number;
  /** It is left out until it serves this. */
  lateFor: LogPosition | undefined;
  /** Why it is left out, for people. */
  problem: string | undefined;
  /** What it charged for congestion, the last time that it did. */
  congestion: { feePico: bigint; at: number } | undefined;
  /** How long its last health checks took, milliseconds. */
  latenciesMs: number[];
}

export interface NodeDirectoryOptions {
  chain: Pick<GatewayChain, "nodes">;
  connectNode: ConnectNode;
  clock: Clock;
  log: Log;
  chainTimeoutMs: number;
  nodeTimeoutMs: number;
  dropNodeMs: number;
  random: Random;
  /** XIP-79's `stable` when left out. */
  choice?: NodeChoice;
  recorder: Pick<GatewayRecorder, "count">;
}

/** A minute's congestion counts for five. */
const CONGESTION_MEMORY_MS = 300_000;
/** Health checks of which the fastest says how close a node is: the others had a busy machine in between. */
const MOST_LATENCIES = 5;
/** No network has more seats than this. */
const MOST_NODES = 256;

/** The query for exactly one place in one originator's log: a node whose answer begins there has it. */
export function queryAt({ originatorId, sequenceId }: LogPosition): NodeQuery {
  return {
    topics: [],
    originatorIds: [originatorId],
    lastSeen: new Map([[originatorId, sequenceId - 1n]]),
    limit: 1,
  };
}

/** The registered nodes and which of them can be used now. */
export class NodeDirectory {
  readonly #options: NodeDirectoryOptions;
  readonly #nodes = new Map<number, NodeStatus>();

  constructor(options: NodeDirectoryOptions) {
    this.#options = options;
  }

  all(): NodeStatus[] {
    return [...this.#nodes.values()].sort((a, b) => a.node.id - b.node.id);
  }

  /** Registered with a seat, healthy, in time and honest as far as we know: what clients get to see. */
  available(): NodeStatus[] {
    return this.all().filter((status) => this.isAvailable(status));
  }

  isAvailable({ node, isHealthy, droppedUntil, lateFor }: NodeStatus): boolean {
    return node.isCanonical && isHealthy && !lateFor && droppedUntil <= this.#options.clock.now();
  }

  /**
   * The available nodes in the order in which they are asked. It is that of all registered nodes, so that with `stable` a topic
   * moves only when its own node is away.
   */
  orderFor(topic: Uint8Array): number[] {
    const { choice = STABLE, random } = this.#options;
    const available = new Set(this.available().map(({ node }) => node.id));
    const nodes = this.all().map(({ node: { id }, latenciesMs }) => {
      return { id, latencyMs: latenciesMs.length > 0 ? Math.min(...latenciesMs) : undefined };
    });
    return nodeOrder(choice, topic, nodes, random).filter((id) => available.has(id));
  }

  get(id: number): NodeStatus | undefined {
    return this.#nodes.get(id);
  }

  /** Leaves a node out for a while: it lied or asked for too much. */
  drop(id: number, problem: string): void {
    const status = this.#nodes.get(id);
    if (!status) return;
    status.droppedUntil = this.#options.clock.now() + this.#options.dropNodeMs;
    status.problem = problem;
    this.#options.recorder.count("nodesDropped");
    this.#options.log.error({ node: id, problem, ms: this.#options.dropNodeMs }, "a node misbehaves and is left out");
  }

  /** Until the next health check says otherwise. */
  markUnreachable(id: number, problem: string): void {
    const status = this.#nodes.get(id);
    if (!status) return;
    if (status.isHealthy) this.#options.log.warn({ node: id, problem }, "a node cannot be reached");
    status.isHealthy = false;
    status.problem = problem;
  }

  markLate(id: number, position: LogPosition): void {
    const status = this.#nodes.get(id);
    if (!status || status.lateFor) return;
    status.lateFor = position;
    status.problem = `does not serve ${position.originatorId}:${position.sequenceId} yet`;
    this.#options.log.warn({ node: id, ...position }, "a node lags behind the others and is not listed");
  }

  noteCongestion(id: number, feePico: bigint): void {
    const status = this.#nodes.get(id);
    if (status && feePico > 0n) status.congestion = { feePico, at: this.#options.clock.now() };
  }

  /** What the next message may cost on top of its base fee, going by the last minutes. */
  congestionHintPico(id: number): bigint {
    const seen = this.#nodes.get(id)?.congestion;
    return seen && seen.at + CONGESTION_MEMORY_MS > this.#options.clock.now() ? seen.feePico : 0n;
  }

  async refreshRegistry(signal: AbortSignal): Promise<void> {
    const { chain, clock, connectNode, chainTimeoutMs, log } = this.#options;
    const read = await withTimeout(clock, chainTimeoutMs, signal, "reading the node registry", (own) =>
      chain.nodes(own),
    );
    const nodes = read.filter(({ isCanonical }) => isCanonical).slice(0, MOST_NODES);
    const present = new Set(nodes.map(({ id }) => id));
    for (const [id, status] of this.#nodes) {
      const next = nodes.find((node) => node.id === id);
      if (present.has(id) && next?.httpAddress === status.node.httpAddress) continue;
      status.client.close();
      this.#nodes.delete(id);
    }
    for (const node of nodes) {
      const known = this.#nodes.get(node.id);
      if (known) {
        known.node = node;
        continue;
      }
      log.info({ node: node.id, address: node.httpAddress }, "a node joined the registry");
      this.#nodes.set(node.id, {
        node,
        client: connectNode(node),
        isHealthy: false,
        droppedUntil: 0,
        lateFor: undefined,
        problem: "not asked yet",
        congestion: undefined,
        latenciesMs: [],
      });
    }
  }

  /** Asks every node at once; also how one that was left out comes back. */
  async checkHealth(signal: AbortSignal): Promise<void> {
    await Promise.all(this.all().map((status) => this.#check(status, signal)));
  }

  async #check(status: NodeStatus, signal: AbortSignal): Promise<void> {
    const { clock, log, nodeTimeoutMs } = this.#options;
    const { id } = status.node;
    try {
      const began = clock.elapsed();
      const serves = await withTimeout(clock, nodeTimeoutMs, signal, `node ${id}'s health check`, (own) =>
        status.client.health(own),
      );
      status.latenciesMs = [...status.latenciesMs, clock.elapsed() - began].slice(-MOST_LATENCIES);
      if (!serves) return this.markUnreachable(id, "says that it does not serve");
      if (status.lateFor && !(await this.#servesNow(status, status.lateFor, signal))) return;
      if (!this.isAvailable(status)) log.info({ node: id }, "a node serves");
      status.isHealthy = true;
      status.lateFor = undefined;
      if (status.droppedUntil <= clock.now()) status.problem = undefined;
    } catch (error) {
      if (!signal.aborted) this.markUnreachable(id, `health check failed: ${String(error)}`);
    }
  }

  async #servesNow({ node, client }: NodeStatus, position: LogPosition, signal: AbortSignal): Promise<boolean> {
    const what = `node ${node.id}'s answer to a query`;
    const { clock, nodeTimeoutMs } = this.#options;
    const found = await withTimeout(clock, nodeTimeoutMs, signal, what, (own) => client.query(queryAt(position), own));
    return found.some((envelope) => isAt(envelope, position));
  }

  close(): void {
    for (const { client } of this.#nodes.values()) client.close();
    this.#nodes.clear();
  }
}

export function isAt(envelope: Parameters<typeof readOriginatorEnvelope>[0], position: LogPosition): boolean {
  const { originatorId, sequenceId } = readOriginatorEnvelope(envelope);
  return originatorId === position.originatorId && sequenceId === position.sequenceId;
}
