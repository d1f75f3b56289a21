import type { Address } from "../protocol/bytes.ts";
import type { ReadPayerEnvelope } from "../protocol/envelope.ts";
import { isCanonicalPayerEnvelope } from "../protocol/envelope.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { minuteOf } from "../protocol/fees.ts";
import { isNodeOnly } from "../protocol/topics.ts";
import { PICO_PER_UNIT, formatUnits, picoToUnitsUp } from "../protocol/units.ts";
import type { PostageDomain, SignedVoucher } from "../protocol/voucher.ts";
import { VOUCHER_HEADER, signedVoucher, unpackVoucher, voucherFromHeader } from "../protocol/voucher.ts";
import { BatcherFullError } from "../platform/batcher.ts";
import type { Clock } from "../platform/clock.ts";
import { FairQueue, QueueFullError } from "../platform/fairQueue.ts";
import { fastRecoverAddress } from "../platform/recover.ts";
import { authorisedFees, availableFees, backedFees, chargeDigest, exposurePico } from "./account.ts";
import type { Ledger } from "./ledger.ts";
import type { Lending } from "./lending.ts";
import type { Account, Charge, LedgerStore, RecoverSoon } from "./ports.ts";
import type { RateBook } from "./rateBook.ts";
import { WINDOW_MINUTES } from "./rateBook.ts";
import { PostageRefused } from "./refusal.ts";

/** One publish call as the node read it. */
export interface PublishCall {
  envelopes: readonly ReadPayerEnvelope[];
  /** The metadata `x-postage-voucher`. */
  voucherHeader: string | null;
}

/** Postage that is held for a call until the node says whether it stored the envelopes. */
export interface Admission {
  release(stored: boolean): void;
}

export interface GateOptions {
  nodeId: number;
  domain: PostageDomain;
  ledger: Ledger;
  store: LedgerStore;
  rateBook: RateBook;
  /** In this thread unless told otherwise. */
  recover?: RecoverSoon;
  lending: Lending;
  clock: Clock;
  /** Most that one channel may have carried and not settled, in base units. */
  exposureCap: bigint;
  /** 0 while everything may be lent, up to 1 when nothing may: grows while the chain cannot be read. */
  chainDoubt: () => number;
  /** False until the node's own log has been metered to its end. */
  isReady: () => boolean;
  /** False while envelopes that other nodes took before this one started are still on their way here. */
  isCaughtUp: () => boolean;
  /** A channel has used its share of a headroom that other nodes lend too: ask them soon. */
  onShareUsed: () => void;
}

const recoverNow: RecoverSoon = async (digest, signature) => fastRecoverAddress(digest, signature);

const DOUBT_STEPS = 1_000_000;
/** Calls that wait for a disk or a database, by turns among payers. */
const QUEUE = { concurrency: 1_024, mostPerKey: 512, mostInAll: 16_384, startsPerTurn: 16 };
/** Messages per minute are read again after this, also when this process metered nothing: another one may have. */
const COUNTS_MS = 250;
/** Accounts may be dropped from memory between look and check, when very many channels are in use. */
const MOST_TRIES = 5;

/** Lets in what is signed for and backed. Everything it refuses is a PostageRefused; nothing is charged then. */
export class Gate {
  readonly #options: GateOptions;
  readonly #turns = new FairQueue(QUEUE);
  #counts: { key: string; ofMinutes: Promise<Map<bigint, bigint>> } | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** A raised voucher is on disk when this resolves, and the fee of each new envelope is reserved. */
  async admit(call: PublishCall): Promise<Admission> {
    if (!this.#options.isReady()) {
      throw new PostageRefused("not_ready", "this node is still reading its log: try again or use another node");
    }
    // What costs nothing to find out comes before what takes a turn.
    for (const envelope of call.envelopes) this.#requireForm(envelope);
    try {
      return await this.#turns.run(call.envelopes[0]?.payer ?? "", () => this.#admit(call));
    } catch (error) {
      if (!(error instanceof QueueFullError) && !(error instanceof BatcherFullError)) throw error;
      throw new PostageRefused("busy", "this node has more to do than it takes on: try again soon, or another node");
    }
  }

  async #admit({ envelopes, voucherHeader }: PublishCall): Promise<Admission> {
    const known = await this.#accountsOf(envelopes);
    const voucher = voucherHeader === null ? undefined : await this.#readVoucher(voucherHeader, envelopes);
    if (voucher) await this.#raise(voucher, known.get(voucher.channel)!);
    const charges = await this.#chargesOf(envelopes);
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const accounts = await this.#accountsOf(envelopes);
      if ([...accounts.values()].every((account) => this.#options.ledger.isLive(account))) {
        return this.#reserve(charges, accounts, voucher !== undefined);
      }
    }
    throw new PostageRefused("not_ready", "this node has more channels than it can hold at once: use another node");
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
  async #readVoucher(header: string, envelopes: readonly ReadPayerEnvelope[]): Promise<SignedVoucher> {
    const { domain, recover = recoverNow } = this.#options;
    try {
      const row = voucherFromHeader(header);
      const { voucher: claimed, digest, signature } = unpackVoucher(domain, row);
      const voucher = signedVoucher(claimed, row, await recover(digest, signature));
      if (envelopes.some(({ payer }) => payer === voucher.channel)) return voucher;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const code = error.code === "malformed_voucher" ? "voucher_malformed" : "bad_signature";
      throw new PostageRefused(code, error.message);
    }
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

  async #raise(voucher: SignedVoucher, { vouchers }: Account): Promise<void> {
    const isRaise = !vouchers || voucher.fees > vouchers.fees.fees || voucher.stamps > vouchers.stamps.stamps;
    if (isRaise) await this.#options.ledger.raise([voucher]);
  }

  /** The charges of a call: one per envelope that was not charged before, in order. */
  async #chargesOf(envelopes: readonly ReadPayerEnvelope[]): Promise<Charge[]> {
    const { ledger, rateBook, clock } = this.#options;
    const originatorNs = BigInt(clock.now()) * 1_000_000n;
    const counts = await this.#countsAt(minuteOf(originatorNs));
    const charges = new Map<string, Charge>();
    for (const { payer, digest: payerDigest, canonicalSize, client } of envelopes) {
      const digest = chargeDigest(payerDigest);
      const key = `${payer}:${digest}`;
      if (isNodeOnly(client.topic.kind) || charges.has(key) || (await ledger.isCharged(payer, digest))) continue;
      const ahead = BigInt(ledger.reservations.count + charges.size);
      const feePico = rateBook.feePico(counts, originatorNs, canonicalSize, ahead);
      charges.set(key, { channel: payer, digest, feePico });
    }
    return [...charges.values()];
  }

  /** Messages of this node per minute; many calls share one read. */
  async #countsAt(minute: bigint): Promise<ReadonlyMap<bigint, bigint>> {
    const { ledger, store, clock, nodeId } = this.#options;
    const key = `${minute}:${ledger.meterings}:${Math.floor(clock.now() / COUNTS_MS)}`;
    if (this.#counts?.key !== key) {
      const ofMinutes = store.minuteCounts(nodeId, minute - WINDOW_MINUTES, minute);
      this.#counts = { key, ofMinutes };
      // One that failed is not asked for again and again from memory.
      ofMinutes.catch(() => (this.#counts = undefined));
    }
    return this.#counts.ofMinutes;
  }

  /** Check and reservation in one go, without an await: two calls cannot both take the last of a voucher. */
  #reserve(charges: readonly Charge[], accounts: ReadonlyMap<Address, Account>, hasVoucher: boolean): Admission {
    const { lending } = this.#options;
    const { reservations } = this.#options.ledger;
    const fresh = charges.filter(({ channel, digest }) => !reservations.has(channel, digest));
    for (const [channel, account] of accounts) {
      const feePico = fresh.reduce((sum, charge) => (charge.channel === channel ? sum + charge.feePico : sum), 0n);
      if (feePico > 0n) this.#requireBacking(account, feePico, hasVoucher);
    }
    for (const charge of fresh) {
      reservations.add(charge);
      lending.lend(charge.channel, charge.feePico);
    }
    return {
      release: (stored) => {
        for (const { channel, digest, feePico } of fresh) {
          if (stored) reservations.markStored(channel, digest);
          else {
            reservations.remove(channel, digest);
            lending.takeBack(channel, feePico);
          }
        }
      },
    };
  }

  #requireBacking(account: Account, feePico: bigint, hasVoucher: boolean): void {
    const { ledger, lending, exposureCap, chainDoubt, isCaughtUp, onShareUsed } = this.#options;
    const { channel } = account;
    // Until the other nodes' logs are here, what the chain has collected says more than what was metered.
    const settledPico = account.chain.feesSpent * PICO_PER_UNIT;
    const knownPico = isCaughtUp() || account.usagePico > settledPico ? account.usagePico : settledPico;
    const usagePico = knownPico + ledger.reservations.sumPico(channel) + feePico;
    const required = picoToUnitsUp(usagePico);
    const authorised = authorisedFees(account);
    const available = availableFees(account);
    const numbers = { channel, required, authorised, available };
    if (usagePico > available * PICO_PER_UNIT) {
      const problem = `channel ${channel} backs ${formatUnits(available)} of fees, ${formatUnits(required)} are needed`;
      throw new PostageRefused("deposit_short", `${problem}: deposit more`, numbers);
    }
    if (usagePico > backedFees(account) * PICO_PER_UNIT) {
      const code = hasVoucher || authorised > 0n ? "voucher_short" : "voucher_missing";
      const problem = `vouchers of channel ${channel} cover ${formatUnits(authorised)}, ${formatUnits(required)} are needed`;
      throw new PostageRefused(code, `${problem}: send a larger one as ${VOUCHER_HEADER}`, numbers);
    }
    if (!lending.isWithinShare(channel, backedFees(account) * PICO_PER_UNIT - (usagePico - feePico), feePico)) {
      onShareUsed();
      const problem = `channel ${channel} has used this node's share of its headroom until the nodes have spoken`;
      throw new PostageRefused("lending_limit", `${problem}: try again soon, another node, or prepay more`, numbers);
    }
    const trust = BigInt(Math.floor((1 - chainDoubt()) * DOUBT_STEPS));
    const capPico = (exposureCap * PICO_PER_UNIT * trust) / BigInt(DOUBT_STEPS);
    if (exposurePico({ ...account, usagePico }) > capPico) {
      throw trust < BigInt(DOUBT_STEPS)
        ? new PostageRefused("chain_unread", "the chain cannot be read at this node: use another node", numbers)
        : new PostageRefused("exposure_cap", `channel ${channel} has too much unsettled here: try again soon`, numbers);
    }
  }
}
