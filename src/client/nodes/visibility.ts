import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import { deferred } from "../async.ts";
import { GatewayError } from "../errors.ts";
import type { NodeClient } from "../ports.ts";
import { LogFollower } from "./logFollower.ts";
import type { LogPosition, NodeDirectory, NodeStatus } from "./nodeDirectory.ts";

/** How often the set of nodes is looked at again while waiting. */
const LOOK_AGAIN_MS = 100;

export interface VisibilityOptions {
  directory: NodeDirectory;
  clock: Clock;
  nodeTimeoutMs: number;
  lateNodeMs: number;
}

/**
 * Read-your-writes: a client may read from any node that GetNodes lists, so a publish is answered when all of them
 * serve it. One that falls behind the others is taken off the list instead of holding everybody up.
 */
export class Visibility {
  readonly #options: VisibilityOptions;
  readonly #followers = new WeakMap<NodeClient, Map<number, LogFollower>>();

  constructor(options: VisibilityOptions) {
    this.#options = options;
  }

  /**
   * Resolves with what the first node serves. With `isStored` some node is known to have it; it then also resolves,
   * with undefined, when no node is left to wait for. Without, it waits for a first node until `isOver`, and throws
   * GatewayError `not_served_yet`.
   */
  async waitServed(
    position: LogPosition,
    options: { isStored: () => boolean; isOver: () => boolean; signal: AbortSignal },
  ): Promise<OriginatorEnvelope | undefined> {
    const { clock, directory, lateNodeMs } = this.#options;
    const done = new AbortController();
    const stop = () => done.abort();
    options.signal.addEventListener("abort", stop, { once: true });
    const asked = new Map<number, NodeClient>();
    const served = new Set<number>();
    let first: OriginatorEnvelope | undefined;
    let firstAt = options.isStored() ? clock.now() : undefined;
    let news = deferred<void>();
    const ask = ({ node, client }: NodeStatus) => {
      asked.set(node.id, client);
      this.#follower(client, position.originatorId)
        .wait(position.sequenceId, done.signal)
        .then(
          (envelope) => {
            served.add(node.id);
            first ??= envelope;
            firstAt ??= clock.now();
            news.resolve();
          },
          () => {},
        );
    };
    try {
      for (;;) {
        options.signal.throwIfAborted();
        const missing = directory.available().filter(({ node }) => !served.has(node.id));
        if (missing.length === 0 && (options.isStored() || served.size > 0)) return first;
        for (const status of missing) if (asked.get(status.node.id) !== status.client) ask(status);
        if (options.isStored()) firstAt ??= clock.now();
        if (firstAt !== undefined && clock.now() - firstAt >= lateNodeMs) {
          for (const { node } of missing) directory.markLate(node.id, position);
          continue;
        }
        if (firstAt === undefined && options.isOver()) {
          const place = `originator ${position.originatorId}, sequence id ${position.sequenceId}`;
          throw new GatewayError("not_served_yet", `no node serves ${place} yet: it is stored, ask again`, {
            retryable: true,
          });
        }
        const nap = new AbortController();
        await Promise.race([news.promise, clock.sleep(LOOK_AGAIN_MS, nap.signal).catch(() => {})]);
        nap.abort();
        news = deferred<void>();
      }
    } finally {
      options.signal.removeEventListener("abort", stop);
      done.abort();
    }
  }

  #follower(client: NodeClient, originatorId: number): LogFollower {
    const { clock, nodeTimeoutMs } = this.#options;
    const followers = this.#followers.get(client) ?? new Map<number, LogFollower>();
    this.#followers.set(client, followers);
    const follower = followers.get(originatorId) ?? new LogFollower({ client, originatorId, clock, nodeTimeoutMs });
    followers.set(originatorId, follower);
    return follower;
  }
}
