import { randomBytes } from "node:crypto";
import { setImmediate, setTimeout } from "node:timers/promises";

import { verifyTypedData } from "ethers";

import { Gate } from "../../../src/daemon/gate.ts";
import { Ledger } from "../../../src/daemon/ledger.ts";
import { openHoldings } from "../../../src/daemon/holdings/openHoldings.ts";
import { Meter } from "../../../src/daemon/meter.ts";
import type { Charge, DaemonStore } from "../../../src/daemon/ports.ts";
import { FactKind, packFacts } from "../../../src/daemon/reports/facts.ts";
import { RateBook } from "../../../src/daemon/rateBook.ts";
import type { Threads } from "../../../src/daemon/threads/threads.ts";
import { openThreads } from "../../../src/daemon/threads/threads.ts";
import { systemClock } from "../../../src/platform/clock.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { fastRecoverAddress } from "../../../src/platform/fastEcdsa.ts";
import { readPayerEnvelope } from "../../../src/protocol/envelope.ts";
import type { ReadPayerEnvelope } from "../../../src/protocol/envelope.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { readVoucher, voucherFromHeader, voucherToHeader } from "../../../src/protocol/voucher.ts";
import { RETENTION_DAYS } from "../../../test/support/envelopes.ts";
import type { Payer } from "./world.ts";
import { DOMAIN, NODE_ID, fund, logOf, payerEnvelopeOf, voucherRow } from "./world.ts";

/** XMTP's published settings, xmtp-wire.md. */
const RATES = {
  messageFeePico: 100n,
  storageFeePico: 200n,
  congestionFeePico: 300n,
  targetRatePerMinute: 1_000_000n,
  startAt: 0n,
};
/** Calls under way at a time: what a busy node has open. */
const CONCURRENCY = 512;
/** 0.01 USD more each time: a headroom that some messages fit into. */
const STEP = 10_000n;
/** Alone, as before there was anything to lend. */
const SEATS = 1;
/** Of bad vouchers. */
const MOST_PER_BURST = 256;
const CHARGES_PER_BATCH = 1_000;

interface Call {
  envelopes: readonly ReadPayerEnvelope[];
  voucherHeader: string;
}

function booksOver(daemonStore: DaemonStore, threads?: Threads) {
  const { ledger: store, isShared } = daemonStore;
  const ledger = new Ledger(store, { isShared });
  const holdings = openHoldings({ store: daemonStore, ledger, clock: systemClock, log: silentLog });
  const rateBook = new RateBook();
  rateBook.update([RATES], RETENTION_DAYS);
  const gate = new Gate({
    ...{ nodeId: NODE_ID, domain: DOMAIN, ledger, rateBook, clock: systemClock, exposureCap: 2n ** 62n },
    ...{ holdings, seats: () => SEATS, chainDoubt: () => 0, onShareUsed: () => {} },
    ...{ isReady: () => true, isCaughtUp: () => true, recover: threads?.recover },
  });
  return { ledger, holdings, store, rateBook, gate };
}

/** Started and warm, as after a minute of work. */
async function startedThreads(payers: readonly Payer[]): Promise<Threads> {
  const threads = openThreads(silentLog);
  const log = await logOf(payers, 4_000, 600_000).read(NODE_ID, 0n, 4_000);
  await threads.read(
    log.map(({ envelope }) => envelope),
    RETENTION_DAYS,
  );
  return threads;
}

/** Publishes of which each brings a new voucher. The envelopes were read: their payers count in `envelopesPerSecond`. */
function callsOf(payers: readonly Payer[], count: number, from: number): Call[] {
  return Array.from({ length: count }, (_, i) => {
    const payer = payers[i % payers.length]!;
    const fees = BigInt(from + Math.floor(i / payers.length) + 1) * STEP;
    const read = readPayerEnvelope(payerEnvelopeOf(from * payers.length + i, payer), fastRecoverAddress);
    return { envelopes: [read], voucherHeader: voucherToHeader(voucherRow({ fees, stamps: 0n }, payer)) };
  });
}

/** Vouchers a second that are checked, merged and on disk when the gate lets their publish in. */
export async function vouchersPerSecond(store: DaemonStore, payers: readonly Payer[], count: number): Promise<number> {
  await fund(
    store,
    payers.map(({ channel }) => channel),
  );
  const threads = await startedThreads(payers);
  const { gate } = booksOver(store, threads);
  const calls = callsOf(payers, count, 0);
  const began = performance.now();
  let next = 0;
  const worker = async () => {
    for (let call = calls[next++]; call; call = calls[next++]) (await gate.admit(call)).release(false);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  const result = perSecond(count, began);
  await threads.close();
  return result;
}

/** Acknowledgements that arrive at a steady rate, whether or not those before have been answered. */
export async function ackP99Ms(
  store: DaemonStore,
  payers: readonly Payer[],
  { rate, seconds }: { rate: number; seconds: number },
): Promise<number> {
  const threads = await startedThreads(payers);
  const { gate } = booksOver(store, threads);
  const p99Ms = await steadyP99Ms(gate, callsOf(payers, Math.floor(rate * seconds), 1_000_000), rate);
  await threads.close();
  return p99Ms;
}

async function steadyP99Ms(gate: Gate, calls: readonly Call[], rate: number): Promise<number> {
  const took: number[] = [];
  const open: Promise<void>[] = [];
  const began = performance.now();
  for (const [i, call] of calls.entries()) {
    const dueAt = began + (i * 1_000) / rate;
    if (performance.now() < dueAt) await setTimeout(dueAt - performance.now());
    else if (i % 16 === 0) await setImmediate();
    open.push(
      gate.admit(call).then((admission) => {
        admission.release(false);
        took.push(performance.now() - dueAt);
      }),
    );
  }
  await Promise.all(open);
  return percentile(took, 0.99);
}

/**
 * Case 60: the same steady rate while somebody with a funded channel sends vouchers of a bad signature, so many a second.
 * They come in bursts of a millisecond, in this process: what it takes to make them is counted against the gate.
 */
export async function floodedP99Ms(
  store: DaemonStore,
  payers: readonly Payer[],
  load: { rate: number; seconds: number; flood: number },
): Promise<{ p99Ms: number; refused: number }> {
  const [attacker, ...honest] = payers;
  const threads = await startedThreads(payers);
  const { gate } = booksOver(store, threads);
  const [bad] = callsOf([attacker!], 1, 3_000_000);
  const row = voucherFromHeader(bad!.voucherHeader);
  row[30]! ^= 1;
  const call = { ...bad!, voucherHeader: voucherToHeader(row) };
  const good = callsOf(honest, Math.floor(load.rate * load.seconds), 2_000_000);
  let [isOver, refused] = [false, 0];
  const flooding = (async () => {
    const began = performance.now();
    for (let sent = 0; !isOver; await setTimeout(1)) {
      // What could not be made in time is not made up for: else each burst would be longer than the last.
      const due = Math.min(sent + MOST_PER_BURST, ((performance.now() - began) * load.flood) / 1_000);
      for (; sent < due; sent++) gate.admit(call).catch(() => void refused++);
    }
  })();
  const p99Ms = await steadyP99Ms(gate, good, load.rate);
  isOver = true;
  await flooding;
  await threads.close();
  return { p99Ms, refused };
}

/** From the bytes of a node's log to charges on disk; vouchers are signed ahead, so none is looked at. */
export async function envelopesPerSecond(store: DaemonStore, payers: readonly Payer[], count: number): Promise<number> {
  await fund(
    store,
    payers.map(({ channel }) => channel),
  );
  const { ledger, holdings, rateBook } = booksOver(store);
  const threads = await startedThreads(payers);
  const envelopeLog = logOf(payers, count, 600_000);
  const meter = new Meter({
    envelopeLog,
    store: store.ledger,
    ledger,
    holdings,
    rateBook,
    log: silentLog,
    read: threads.read,
  });
  const began = performance.now();
  await meter.drain();
  const result = perSecond(count, began);
  await threads.close();
  const cursor = await store.ledger.meterCursor(NODE_ID);
  if (cursor !== BigInt(count)) throw new Error(`${cursor} of ${count} envelopes were metered`);
  return result;
}

/** Charges a second of known payers. */
export async function ledgerPerSecond(store: DaemonStore, payers: readonly Payer[], count: number): Promise<number> {
  const originatorId = NODE_ID + 100;
  const charges = Array.from({ length: count }, (_, i): Charge => ({
    ...{ channel: payers[i % payers.length]!.channel, digest: randomBytes(16).toString("hex"), feePico: 5_000_000n },
  }));
  const { ledger } = booksOver(store);
  const began = performance.now();
  for (let i = 0; i < count; i += CHARGES_PER_BATCH) {
    const some = charges.slice(i, i + CHARGES_PER_BATCH);
    const minuteCounts = new Map([[BigInt(i) / 100_000n, BigInt(i + some.length)]]);
    const upTo = BigInt(i + some.length);
    const facts = factsOf(some, i);
    const charged = await ledger.meter({ originatorId, after: BigInt(i), upTo, charges: some, minuteCounts, facts });
    if (charged.length !== some.length) throw new Error("a charge was not made");
  }
  return perSecond(count, began);
}

/** What reports will say of them. */
function factsOf(charges: readonly Charge[], from: number): Uint8Array {
  const payerEnvelopeHash = randomBytes(32);
  return packFacts(
    charges.map(({ channel }, i) => ({
      ...{ sequenceId: BigInt(from + i + 1), kind: FactKind.copy, seconds: BigInt(from), size: 500 },
      ...{ payer: channel, payerEnvelopeHash },
    })),
  );
}

/** The same vouchers, checked with ethers and committed one by one: what one would write first. */
export async function baselinePerSecond(store: DaemonStore, payers: readonly Payer[], count: number): Promise<number> {
  await fund(
    store,
    payers.map(({ channel }) => channel),
  );
  const domain = {
    ...{ name: "Pennyblack Postage", version: "1", chainId: DOMAIN.chainId },
    verifyingContract: DOMAIN.postageChannels,
  };
  const types = {
    Voucher: [
      { name: "fees", type: "uint64" },
      { name: "stamps", type: "uint64" },
    ],
  };
  const rows = Array.from({ length: count }, (_, i) => {
    const payer = payers[i % payers.length]!;
    const voucher = { fees: BigInt(Math.floor(i / payers.length) + 1) * STEP, stamps: 0n };
    return { row: voucherRow(voucher, payer), voucher };
  });
  const began = performance.now();
  for (const { row, voucher } of rows) {
    const signature = { r: toHex(row.slice(16, 48)), yParityAndS: toHex(row.slice(48)) };
    const signer = verifyTypedData(domain, types, voucher, signature).toLowerCase();
    await store.ledger.raise([{ ...voucher, channel: signer as Payer["channel"], row }]);
  }
  const result = perSecond(count, began);
  const last = rows.at(-1)!;
  const { channel } = readVoucher(DOMAIN, last.row);
  const account = await store.ledger.account(channel);
  if (account?.vouchers?.fees.fees !== last.voucher.fees) throw new Error("the last voucher is not in the store");
  return result;
}

function perSecond(count: number, began: number): number {
  return Math.round((count * 1_000) / (performance.now() - began));
}

function percentile(values: number[], share: number): number {
  const sorted = values.sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 10) / 10;
}
