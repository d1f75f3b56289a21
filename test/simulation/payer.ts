import { PostageRefused } from "../../src/daemon/refusal.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import { picoToUnitsUp } from "../../src/protocol/units.ts";
import type { PostageDomain } from "../../src/protocol/voucher.ts";
import { signVoucher, voucherToHeader } from "../../src/protocol/voucher.ts";
import { payerEnvelope } from "../support/envelopes.ts";
import type { SimChain } from "./chain.ts";
import { WITHDRAWAL_DELAY_SECONDS } from "./chain.ts";
import type { SimNode } from "./node.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "./virtualClock.ts";

/**
 * `steady` pays as it should. `greedy` shows one headroom to all nodes at once. `leaver` asks for its money back in the
 * middle and goes on sending. `miser` signs nothing ahead.
 */
export type PayerKind = "steady" | "greedy" | "leaver" | "miser";

export interface PayerOptions {
  kind: PayerKind;
  key: Uint8Array;
  domain: PostageDomain;
  chain: SimChain;
  clock: VirtualClock;
  random: Random;
  nodes: readonly SimNode[];
  /** Of each message, at most: no minute is congested. */
  feePico: bigint;
  deposit: bigint;
}

/** Signing takes a millisecond and the same messages serve every seed. */
const SIGNED = new Map<string, Uint8Array>();
const ANSWER_TIMEOUT_MS = 5_000;
const MOST_AHEAD = 40_000n;

/** What a payer was told, for the judges to compare with. */
export interface Told {
  nodeId: number;
  envelope: Uint8Array;
  /** Of the voucher that this node was shown: another may have been shown a larger one since. */
  fees: bigint;
}

export class SimPayer {
  readonly channel: Address;
  readonly kind: PayerKind;
  /** Acknowledged by a node: from then on it must never be lost. */
  readonly accepted: Told[] = [];
  readonly refusals = new Map<string, number>();
  /** The largest voucher that any node was shown. */
  signed = 0n;
  isStopped = false;
  withdrawalAskedAt: bigint | undefined;
  /** The chain took the deposit back at least once. */
  depositWasDropped = false;
  #sent = 0;
  #mayOwePico = 0n;
  #fundedAt: bigint | undefined;
  #voucher: { fees: bigint; header: string } | undefined;
  readonly #options: PayerOptions;

  constructor(options: PayerOptions) {
    this.#options = options;
    this.channel = addressOf(options.key);
    this.kind = options.kind;
  }

  fund(): void {
    const { chain, deposit } = this.#options;
    chain.act({
      channel: this.channel,
      apply: (channel, timestamp) => {
        // Applied again, a reorg had taken it.
        this.depositWasDropped ||= this.#fundedAt !== undefined && timestamp > this.#fundedAt;
        this.#fundedAt = timestamp;
        channel.deposited += deposit;
        return true;
      },
    });
  }

  /** One round of what this payer does. */
  async step(): Promise<void> {
    const { random, nodes } = this.#options;
    if (this.isStopped) return;
    if (this.kind === "greedy") {
      await Promise.all(nodes.map((node) => this.#send(node, this.#signUpTo(20_000n))));
      return;
    }
    const ahead = this.kind === "miser" ? 0n : BigInt(random.between(0, Number(MOST_AHEAD)));
    await this.#send(random.pick(nodes), this.#signUpTo(ahead));
    if (this.kind === "leaver" && random.chance(0.02)) this.askForAll();
  }

  /** Asks for everything that is not spent; withdraws when it may. */
  askForAll(): void {
    const { chain } = this.#options;
    chain.act({
      channel: this.channel,
      apply: (channel, timestamp) => {
        const amount = channel.deposited - channel.feesSpent;
        if (channel.pendingWithdrawal > 0n || amount === 0n) return false;
        channel.pendingWithdrawal = amount;
        channel.readyAt = timestamp + WITHDRAWAL_DELAY_SECONDS;
        this.withdrawalAskedAt = timestamp;
        return true;
      },
    });
  }

  withdraw(): void {
    const { chain } = this.#options;
    chain.act({
      channel: this.channel,
      apply: (channel, timestamp, state) => {
        if (channel.pendingWithdrawal === 0n || timestamp < channel.readyAt) return false;
        const free = channel.deposited - channel.feesSpent;
        const amount = channel.pendingWithdrawal < free ? channel.pendingWithdrawal : free;
        channel.deposited -= amount;
        channel.pendingWithdrawal = 0n;
        state.withdrawn += amount;
        return true;
      },
    });
  }

  /** A total that covers one more message, and some headroom unless the last one still does. */
  #signUpTo(ahead: bigint): bigint {
    const needed = picoToUnitsUp(this.#mayOwePico + this.#options.feePico);
    return this.signed >= needed ? this.signed : needed + ahead;
  }

  async #send(node: SimNode, fees: bigint): Promise<void> {
    const { key, domain, feePico, clock } = this.#options;
    const n = this.#sent++;
    const envelope = signed(n, node.nodeId, key);
    if (fees > this.signed) this.signed = fees;
    this.#mayOwePico += feePico;
    if (this.#voucher?.fees !== fees) {
      this.#voucher = { fees, header: voucherToHeader(signVoucher(domain, { fees, stamps: 0n }, key)) };
    }
    const { header } = this.#voucher;
    try {
      const publishing = node.publish(envelope, header);
      // Of one that nobody answers the fate is unknown: it stays in what may be owed.
      const isStored = await Promise.race([publishing, clock.sleep(ANSWER_TIMEOUT_MS).then(() => false)]);
      if (isStored) this.accepted.push({ nodeId: node.nodeId, envelope, fees });
    } catch (error) {
      this.#mayOwePico -= feePico;
      const code = error instanceof PostageRefused ? error.refusal : String(error);
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    }
  }
}

function signed(n: number, target: number, key: Uint8Array): Uint8Array {
  const id = `${n}/${target}/${Buffer.from(key).toString("hex")}`;
  let envelope = SIGNED.get(id);
  if (!envelope) SIGNED.set(id, (envelope = payerEnvelope(n, target, key)));
  return envelope;
}
