import type { Address } from "../protocol/bytes.ts";
import { equalBytes } from "../protocol/bytes.ts";
import type { ReadPayerEnvelope } from "../protocol/envelope.ts";
import { isCanonicalPayerEnvelope } from "../protocol/envelope.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { minuteOf } from "../protocol/fees.ts";
import { isNodeOnly } from "../protocol/topics.ts";
import type { StampHeaders } from "../protocol/stamps/headers.ts";
import { NO_STAMP_HEADERS } from "../protocol/stamps/headers.ts";
import type { PostageDomain, SignedVoucher } from "../protocol/voucher.ts";
import { signedVoucher, unpackVoucher, voucherFromHeader } from "../protocol/voucher.ts";
import { BatcherFullError } from "../platform/batcher.ts";
import type { Clock } from "../platform/clock.ts";
import { FairQueue, QueueFullError } from "../platform/fairQueue.ts";
import { fastRecoverAddress } from "../platform/fastEcdsa.ts";
import { chargeDigest } from "./account.ts";
import type { Terms } from "./backing.ts";
import { Doubts } from "./doubts.ts";
import type { Hold, Holdings } from "./holdings/ports.ts";
import type { Ledger } from "./ledger.ts";
import type { Account, Charge, RecoverSoon } from "./ports.ts";
import type { RateBook } from "./rateBook.ts";
import { PostageRefused } from "./refusal.ts";
import type { StampGate, StampNeed } from "./stamps/stampGate.ts";

/** One publish call as the node read it. */
export interface PublishCall {
  envelopes: readonly ReadPayerEnvelope[];
  /** The metadata `x-postage-voucher`. */
  voucherHeader: string | null;
  stampHeaders?: StampHeaders;
  /**
   * The node has looked: none of these is in its log, and it stores none twice. So none was charged, unless an operator trusts a
   * log that has lost some: these are held until they are metered, and not charged again.
   */
  isNew?: boolean;
  /** Where it came from; the same for everybody behind one proxy of the operator's. */
  caller?: string;
}

export interface GateOptions {
  nodeId: number;
  domain: PostageDomain;
  ledger: Ledger;
  rateBook: RateBook;
  /** Without it no welcome needs a stamp. */
  stamps?: Pick<StampGate, "look">;
  /** In this thread unless told otherwise. */
  recover?: RecoverSoon;
  holdings: Holdings;
  clock: Clock;
  /** See Terms. */
  exposureCap: bigint;
  chainDoubt: () => number;
  isCaughtUp: () => boolean;
  seats: () => number;
  /** False until the node's own log has been metered to its end. */
  isReady: () => boolean;
  /** A channel has used its share of a headroom that other nodes lend too: ask them soon. */
  onShareUsed: () => void;
}

const recoverNow: RecoverSoon = async (digest, signature) => fastRecoverAddress(digest, signature);

/** Calls that wait for a disk, a database or a look at signatures, by turns among payers, of whom none may fill it. */
const QUEUE = { concurrency: 1_024, mostRunningPerKey: 64, mostPerKey: 512, mostInAll: 16_384, startsPerTurn: 16 };

/** Lets in what is signed for and backed. Everything it refuses is a PostageRefused; nothing is charged then. */
export class Gate {
  readonly #options: GateOptions;
  readonly #turns = new FairQueue(QUEUE);
  readonly #doubts: Doubts;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#doubts = new Doubts(options.clock);
  }

  /** A raised voucher is on disk when this resolves, and the fee of each new envelope is held. */
  async admit(call: PublishCall): Promise<Hold> {
    if (!this.#options.isReady()) {
      throw new PostageRefused("not_ready", "this node is still reading its log: try again or use another node");
    }
    const party = call.envelopes[0]?.payer ?? "";
    const source = sourceOf(call);
    const isDoubted = this.#doubts.has(source);
    // Whoever floods is told so before anything else is looked at.
    if (!this.#turns.hasRoom(party) || (isDoubted && !this.#doubts.mayTry(source))) throw BUSY;
    // What costs nothing to find out comes before what takes a turn.
    for (const envelope of call.envelopes) this.#requireForm(envelope);
    try {
      return await this.#turns.run(party, () => {
        // Found out while this waited.
        if (!isDoubted && this.#doubts.has(source)) throw BUSY;
        return this.#admit(call);
      });
    } catch (error) {
      if (!(error instanceof QueueFullError) && !(error instanceof BatcherFullError)) throw error;
      throw BUSY;
    }
  }

  async #admit(call: PublishCall): Promise<Hold> {
    const { envelopes, voucherHeader, stampHeaders = NO_STAMP_HEADERS, isNew = false } = call;
    const accounts = await this.#accountsOf(envelopes);
    const voucher = voucherHeader === null ? undefined : await this.#readVoucher(voucherHeader, call, accounts);
    const raise = voucher && isRaise(voucher, accounts.get(voucher.channel)!) ? voucher : undefined;
    const needs = await this.#options.stamps?.look(envelopes, stampHeaders);
    const charges = await this.#chargesOf(envelopes, needs);
    const hasVoucher = voucher !== undefined;
    const ask = { channels: [...accounts.keys()], charges, isNew, raise, hasVoucher, terms: () => this.#terms() };
    try {
      return await this.#options.holdings.hold(ask);
    } catch (error) {
      if (error instanceof PostageRefused && error.refusal === "lending_limit") this.#options.onShareUsed();
      throw error;
    }
  }

  /** Whether a paid publish can succeed now. */
  isOpen(): boolean {
    return this.#options.isReady();
  }

  /** A stranger can send a payer's envelope again in other bytes; only one form is taken, so nothing is billed twice. */
  #requireForm(envelope: ReadPayerEnvelope): void {
    const { targetOriginator, retentionDays } = envelope;
    const { nodeId, rateBook } = this.#options;
    if (targetOriginator !== nodeId) {
      throw new PostageRefused("wrong_node", `the envelope is signed for node ${targetOriginator}, this is ${nodeId}`);
    }
    if (retentionDays !== rateBook.retentionDays) {
      const problem = `messages are kept ${rateBook.retentionDays} days on this network, ${retentionDays} were asked`;
      throw new PostageRefused("wrong_retention", problem);
    }
    if (!isCanonicalPayerEnvelope(envelope)) {
      throw new PostageRefused("not_canonical", "encode the payer envelope canonically, with a low s and v of 0 or 1");
    }
  }

  /** Checked on every path, also when the voucher is stale: a bad signature is an error whatever it claims. */
  async #readVoucher(header: string, call: PublishCall, known: ReadonlyMap<Address, Account>): Promise<SignedVoucher> {
    const { domain, recover = recoverNow } = this.#options;
    try {
      const row = voucherFromHeader(header);
      // The very bytes that were checked before, signature and all: most publishes carry the voucher of the one before.
      const same = [...known.values()].find(({ vouchers }) => vouchers && equalBytes(vouchers.fees.row, row));
      if (same?.vouchers) return same.vouchers.fees;
      const { voucher: claimed, digest, signature } = unpackVoucher(domain, row);
      const voucher = signedVoucher(claimed, row, await recover(digest, signature));
      if (call.envelopes.some(({ payer }) => payer === voucher.channel)) return voucher;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#doubts.add(sourceOf(call));
      const code = error.code === "malformed_voucher" ? "voucher_malformed" : "bad_signature";
      throw new PostageRefused(code, error.message);
    }
    this.#doubts.add(sourceOf(call));
    const { chainId, postageChannels } = domain;
    throw new PostageRefused(
      "bad_signature",
      `the voucher is not signed by the payer of these envelopes for chain ${chainId}, contract ${postageChannels}`,
    );
  }

  async #accountsOf(envelopes: readonly ReadPayerEnvelope[]): Promise<Map<Address, Account>> {
    const accounts = new Map<Address, Account>();
    const payers = [...new Set(envelopes.map(({ payer }) => payer))];
    const found = await Promise.all(payers.map((payer) => this.#options.ledger.account(payer)));
    for (const [i, payer] of payers.entries()) {
      const account = found[i];
      if (!account || account.chain.deposited === 0n) {
        throw new PostageRefused(
          "channel_unknown",
          `channel ${payer} has no deposit on chain ${this.#options.domain.chainId}: deposit to it, wait until it is safe`,
          { channel: payer, required: 0n, authorised: 0n, available: 0n },
        );
      }
      accounts.set(payer, account);
    }
    return accounts;
  }

  /** One charge per distinct envelope that costs something, in order. */
  async #chargesOf(envelopes: readonly ReadPayerEnvelope[], needs?: ReadonlyMap<string, StampNeed>): Promise<Charge[]> {
    const { holdings, ledger, nodeId, rateBook, clock } = this.#options;
    const originatorNs = BigInt(clock.now()) * 1_000_000n;
    const counts = await ledger.minutes.countsAt(nodeId, minuteOf(originatorNs), clock.now());
    const charges = new Map<string, Charge>();
    for (const { payer, digest: payerDigest, canonicalSize, client } of envelopes) {
      const digest = chargeDigest(payerDigest);
      const key = `${payer}:${digest}`;
      if (isNodeOnly(client.topic.kind) || charges.has(key)) continue;
      const ahead = BigInt(holdings.count + charges.size);
      const feePico = rateBook.feePico(counts, originatorNs, canonicalSize, ahead);
      const stamp = needs?.get(key);
      charges.set(key, { channel: payer, digest, feePico, ...(stamp ? { stamp } : {}) });
    }
    return [...charges.values()];
  }

  #terms(): Terms {
    const { exposureCap, chainDoubt, isCaughtUp, seats } = this.#options;
    return { exposureCap, chainDoubt: chainDoubt(), isCaughtUp: isCaughtUp(), seats: seats() };
  }
}

/** Anybody can bring another payer's public envelope: whose it is alone says nothing of who brought it. */
const sourceOf = ({ caller = "", envelopes }: PublishCall) => `${caller} ${envelopes[0]?.payer ?? ""}`;

/** One for all: a flood costs what it takes to refuse it, and making these would be most of that. */
const BUSY = new PostageRefused("busy", "this node has more to do than it takes on: try again soon, or another node");

function isRaise(voucher: SignedVoucher, { vouchers }: Account): boolean {
  return !vouchers || voucher.fees > vouchers.fees.fees || voucher.stamps > vouchers.stamps.stamps;
}
