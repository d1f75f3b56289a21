import type { Clock } from "../../platform/clock.ts";
import { NewestMap } from "../../platform/newestMap.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { Recover } from "../../protocol/ecdsa.ts";
import { recoverAddress } from "../../protocol/ecdsa.ts";
import type { ReadOriginatorEnvelope } from "../../protocol/envelope.ts";
import { recoverOriginator } from "../../protocol/envelope.ts";
import { withTimeout } from "../async.ts";
import { GatewayError } from "../errors.ts";
import type { GatewayChain, RegisteredNode, SigningKey } from "../ports.ts";

/** A key that the chain was asked for is believed so long: it may be retired meanwhile. */
const REMEMBERED_MS = 600_000;
const MOST_REMEMBERED = 1_024;
/** Questions to the chain in one minute: who serves forgeries must not make a gateway ask all the time. */
const MOST_QUESTIONS = 60;
const MINUTE_MS = 60_000;

export interface SigningKeysOptions {
  chain: Pick<GatewayChain, "signingKey">;
  clock: Clock;
  chainTimeoutMs: number;
  /** How far a node's clock may be from the chain's. */
  clockSkewMs: number;
  /** A faster way than the one that runs everywhere. */
  recover?: Recover;
}

/**
 * Whose key is whose, also before a rotation: what a node signed with an earlier key stays signed, and what it signs with
 * a new one holds before the registry was read again.
 */
export class SigningKeys {
  readonly #options: SigningKeysOptions;
  readonly #known = new NewestMap<string, { key: SigningKey; at: number }>(MOST_REMEMBERED);
  #minute = { startedAt: 0, questions: 0 };

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  /**
   * The account that signed an envelope as this node; undefined when nobody did, when the key never was the node's, and
   * when the envelope is dated after the key was retired. Throws GatewayError `chain_unavailable` or `timeout` when that
   * cannot be known now.
   */
  async signerOf(
    read: ReadOriginatorEnvelope,
    node: RegisteredNode,
    signal: AbortSignal,
  ): Promise<Address | undefined> {
    if (read.originatorId !== node.id) return undefined;
    const signer = recoverOriginator(read, this.#options.recover ?? recoverAddress);
    // The registry that was read last needs no question.
    if (signer === undefined || signer === node.signer) return signer;
    const key = await this.#keyOf(node.id, signer, signal);
    if (!key) return undefined;
    if (key.retiredAt === undefined) return signer;
    const latestNs = key.retiredAt * 1_000_000_000n + BigInt(this.#options.clockSkewMs) * 1_000_000n;
    return read.originatorNs <= latestNs ? signer : undefined;
  }

  async #keyOf(nodeId: number, signer: Address, signal: AbortSignal): Promise<SigningKey | undefined> {
    const { chain, clock, chainTimeoutMs } = this.#options;
    const name = `${nodeId}:${signer}`;
    const known = this.#known.get(name);
    if (known && clock.now() - known.at < REMEMBERED_MS) return known.key;
    this.#count();
    const key = await withTimeout(clock, chainTimeoutMs, signal, "looking up a signing key", (own) =>
      chain.signingKey(nodeId, signer, own),
    ).catch((cause: unknown) => {
      if (signal.aborted || cause instanceof GatewayError) throw cause;
      const problem = `the chain does not say whether ${signer} signs for node ${nodeId}: ${String(cause)}`;
      throw new GatewayError("chain_unavailable", problem, { retryable: true, cause });
    });
    // A stranger's key is not remembered: it may be registered any moment, and forgeries would fill the memory.
    this.#known.delete(name);
    if (!key) return undefined;
    this.#known.set(name, { key, at: clock.now() });
    return key;
  }

  #count(): void {
    const now = this.#options.clock.now();
    if (now - this.#minute.startedAt >= MINUTE_MS) this.#minute = { startedAt: now, questions: 0 };
    if (this.#minute.questions++ < MOST_QUESTIONS) return;
    const problem = `more than ${MOST_QUESTIONS} unknown keys signed in a minute: no more are looked up`;
    throw new GatewayError("chain_unavailable", problem, { retryable: true });
  }
}
