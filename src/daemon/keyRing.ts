import type { Clock } from "../platform/clock.ts";
import { fastRecoverAddress } from "../platform/fastEcdsa.ts";
import type { Address } from "../protocol/bytes.ts";
import type { ReadOriginatorEnvelope } from "../protocol/envelope.ts";
import { recoverOriginator } from "../protocol/envelope.ts";
import type { NodeKeys } from "./ports.ts";

/** Who sends forgeries must not make this daemon ask the chain all the time: questions about one node's keys. */
const MOST_QUESTIONS = 20;
const QUESTIONS_PER_MS = 10_000;
const MOST_KEYS = 10_000;
/** A key may be retired, and one that is none today may be one after a rotation. */
const KEY_MS = 600_000;
const STRANGER_MS = 60_000;
/** Clocks of node and chain differ, and a rotation takes a while to be seen. */
const RETIRED_GRACE_NS = 120_000_000_000n;

/** Somebody signs for a node with one stranger's key after another; whose keys they are is not known yet. */
export class TooManyKeysError extends Error {
  override readonly name = "TooManyKeysError";
}

interface Known {
  /** Absent for a stranger's key. */
  key?: { retiredAt?: bigint };
  askedAt: number;
}

/**
 * Whose signing key is whose, and was at a time: what a node signed before a rotation stays in its log, and what somebody
 * signs with the old key later does not get there.
 */
export class KeyRing {
  readonly #keys: NodeKeys;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  readonly #questions = new Map<number, { since: number; count: number }>();

  constructor(keys: NodeKeys, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Whether the node that an envelope names signed it. Throws when the chain cannot say: nothing is known then. */
  async isSigned(envelope: ReadOriginatorEnvelope): Promise<boolean> {
    const signer = recoverOriginator(envelope, fastRecoverAddress);
    return signer !== undefined && (await this.isKey(envelope.originatorId, signer, envelope.originatorNs));
  }

  /** Throws when the chain cannot be asked, or was asked too often about this node. */
  async isKey(nodeId: number, signer: Address, originatorNs: bigint): Promise<boolean> {
    const key = await this.#keyOf(nodeId, signer);
    if (!key) return false;
    return key.retiredAt === undefined || originatorNs <= key.retiredAt * 1_000_000_000n + RETIRED_GRACE_NS;
  }

  async #keyOf(nodeId: number, signer: Address): Promise<Known["key"]> {
    const name = `${nodeId}:${signer}`;
    const now = this.#clock.now();
    const known = this.#known.get(name);
    if (known && now - known.askedAt < (known.key ? KEY_MS : STRANGER_MS)) return known.key;
    this.#countQuestion(nodeId, now);
    const key = await this.#keys.keyOf(nodeId, signer);
    if (this.#known.size >= MOST_KEYS) this.#known.clear();
    this.#known.set(name, { key, askedAt: now });
    return key;
  }

  #countQuestion(nodeId: number, now: number): void {
    const asked = this.#questions.get(nodeId);
    if (!asked || now - asked.since >= QUESTIONS_PER_MS) this.#questions.set(nodeId, { since: now, count: 1 });
    else if (asked.count >= MOST_QUESTIONS) {
      throw new TooManyKeysError(`the chain was asked too often about keys of node ${nodeId}: try again in 10 s`);
    } else asked.count++;
  }
}
