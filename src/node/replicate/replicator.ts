import { FIRST_NODE_ID } from "../../protocol/envelope.ts";
import type { FollowerPorts, FollowerState } from "./follower.ts";
import { Follower } from "./follower.ts";

/** Seats are at most 90; of nodes without an active one, the latest are followed up to here. */
const MOST_PEERS = 500;

/** One follower per other node of the registry. */
export class Replicator {
  readonly #ports: FollowerPorts;
  readonly #followers = new Map<number, { follower: Follower; httpAddress: string }>();
  #stopped = false;

  constructor(ports: FollowerPorts) {
    this.#ports = ports;
    ports.network.onChange(() => this.#reconcile());
    this.#reconcile();
  }

  get peers(): FollowerState[] {
    return [...this.#followers.values()].map(({ follower }) => follower.state);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#followers.values()].map(({ follower }) => follower.stop()));
  }

  #reconcile(): void {
    if (this.#stopped) return;
    const { network, ownId } = this.#ports;
    const others = network.nodes.filter(({ id }) => id !== ownId && id >= FIRST_NODE_ID);
    const seated = others.filter(({ isCanonical }) => isCanonical);
    const rest = others.filter(({ isCanonical }) => !isCanonical).reverse();
    const wanted = new Map([...seated, ...rest].slice(0, MOST_PEERS).map((node) => [node.id, node]));
    for (const [id, { follower }] of this.#followers) {
      if (wanted.has(id)) continue;
      this.#followers.delete(id);
      void follower.stop();
    }
    for (const { id, httpAddress } of wanted.values()) {
      const known = this.#followers.get(id);
      if (!known) this.#followers.set(id, { follower: new Follower(this.#ports, id), httpAddress });
      else if (known.httpAddress !== httpAddress) {
        known.httpAddress = httpAddress;
        known.follower.reconnect();
      }
    }
  }
}
