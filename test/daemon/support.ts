import { ConnectError } from "@connectrpc/connect";

import type { Address } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import { readPayerEnvelope } from "../../src/protocol/envelope.ts";
import type { Rates } from "../../src/protocol/fees.ts";
import type { PostageDomain } from "../../src/protocol/voucher.ts";
import { signVoucher, voucherToHeader } from "../../src/protocol/voucher.ts";
import { silentLog } from "../../src/platform/log.ts";
import { fastRecoverAddress } from "../../src/platform/fastEcdsa.ts";
import { EMPTY_CHANNEL } from "../../src/daemon/account.ts";
import { Gate } from "../../src/daemon/gate.ts";
import { Ledger } from "../../src/daemon/ledger.ts";
import { MemoryHoldings } from "../../src/daemon/holdings/memoryHoldings.ts";
import { Meter } from "../../src/daemon/meter.ts";
import type { ChannelOnChain, EnvelopeLog } from "../../src/daemon/ports.ts";
import { RateBook } from "../../src/daemon/rateBook.ts";
import { PostageRefused } from "../../src/daemon/refusal.ts";
import { openStore } from "../../src/daemon/store/openStore.ts";
import { RETENTION_DAYS, originatorEnvelope, payerEnvelope } from "../support/envelopes.ts";
import { ManualClock } from "../support/manualClock.ts";

export const NODE_ID = 100;
export const PAYER_KEY = new Uint8Array(32).fill(0x11);
export const PAYER = addressOf(PAYER_KEY);
export const OTHER_KEY = new Uint8Array(32).fill(0x33);
export const DOMAIN: PostageDomain = {
  chainId: 31337n,
  postageChannels: "0x00000000000000000000000000000000000000aa",
};
export const RATES: Rates = {
  messageFeePico: 100n,
  storageFeePico: 200n,
  congestionFeePico: 300n,
  targetRatePerMinute: 6_000n,
  startAt: 0n,
};
const SIGNING_KEY = new Uint8Array(32).fill(0x22);

/** The log of a node that takes whatever a test puts in. */
export class MemoryLog implements EnvelopeLog {
  readonly #logs = new Map<number, { sequenceId: bigint; envelope: Uint8Array }[]>();
  readonly #listeners = new Set<(originatorId: number) => void>();

  append(originatorId: number, payer: Uint8Array, originatorNs: bigint): void {
    const log = this.#logs.get(originatorId) ?? [];
    const sequenceId = (log.at(-1)?.sequenceId ?? 0n) + 1n;
    log.push({
      sequenceId,
      envelope: originatorEnvelope(payer, { originatorId, sequenceId, originatorNs }, SIGNING_KEY),
    });
    this.#logs.set(originatorId, log);
    for (const listener of this.#listeners) listener(originatorId);
  }

  async originators(): Promise<number[]> {
    return [...this.#logs.keys()];
  }

  async read(originatorId: number, after: bigint, limit: number) {
    return (this.#logs.get(originatorId) ?? []).filter(({ sequenceId }) => sequenceId > after).slice(0, limit);
  }

  onAppend(listener: (originatorId: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** A daemon's store in a file, or in memory. */
export function storeAt(at = ":memory:", { domain = DOMAIN, nodeId = NODE_ID, clock = new ManualClock() } = {}) {
  return openStore({ at, domain, nodeId, clock, log: silentLog });
}

const NOBODY: (channel: Address) => void = () => {};

/** Gate, ledger and meter of one daemon over a SQLite file, with the chain's side set by the test. */
export async function openBooks(path = ":memory:", envelopeLog = new MemoryLog(), exposureCap = 1_000_000n) {
  const clock = new ManualClock();
  const books = await storeAt(path, { clock });
  const { ledger: store, reports, stamps } = books;
  const state = { doubt: 0, isReady: true, isCaughtUp: true, onRaise: NOBODY, seats: 1, sharesUsed: 0, recoveries: 0 };
  const ledger = new Ledger(store, { onRaise: (channel) => state.onRaise(channel) });
  const holdings = new MemoryHoldings(ledger);
  const rateBook = new RateBook();
  rateBook.update([RATES], RETENTION_DAYS);
  const gate = new Gate({
    ...{ nodeId: NODE_ID, domain: DOMAIN, ledger, rateBook, clock, exposureCap },
    chainDoubt: () => state.doubt,
    isReady: () => state.isReady,
    isCaughtUp: () => state.isCaughtUp,
    holdings,
    recover: async (digest, signature) => {
      state.recoveries++;
      return fastRecoverAddress(digest, signature);
    },
    seats: () => state.seats,
    onShareUsed: () => void state.sharesUsed++,
  });
  const meter = new Meter({ envelopeLog, store, ledger, holdings, rateBook, log: silentLog });
  const fund = (channel: Address, chain: Partial<ChannelOnChain>) =>
    ledger.recordChain({ states: new Map([[channel, { ...EMPTY_CHANNEL, ...chain }]]), readTo: 1n, blocks: [] });
  const publish = async (n: number, fees?: bigint) => {
    const bytes = payerEnvelope(n, NODE_ID, PAYER_KEY);
    const admission = await gate.admit({ envelopes: [readPayerEnvelope(bytes)], voucherHeader: headerOf(fees) });
    return { admission, bytes, ns: BigInt(clock.now()) * 1_000_000n };
  };
  /** A publish that the node stores and the daemon meters. */
  const deliver = async (n: number, fees?: bigint) => {
    const { admission, bytes, ns } = await publish(n, fees);
    envelopeLog.append(NODE_ID, bytes, ns);
    admission.release(true);
    await meter.drain();
  };
  const close = () => books.close();
  return {
    clock,
    store,
    reports,
    stamps,
    close,
    ledger,
    holdings,
    rateBook,
    gate,
    meter,
    envelopeLog,
    state,
    fund,
    publish,
    deliver,
  };
}

export function headerOf(fees: bigint | undefined, key = PAYER_KEY, domain = DOMAIN): string | null {
  return fees === undefined ? null : voucherToHeader(signVoucher(domain, { fees, stamps: 0n }, key));
}

/** The code of a refusal; fails the test when the action succeeds or throws anything else. */
export async function refusalOf(action: Promise<unknown>): Promise<PostageRefused> {
  try {
    await action;
  } catch (error) {
    if (error instanceof PostageRefused) return error;
    throw error instanceof ConnectError ? new Error(`not a refusal: ${error.message}`) : error;
  }
  throw new Error("nothing was refused");
}
