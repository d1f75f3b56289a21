import type { Hold, HoldingStore } from "../../../src/daemon/holdings/ports.ts";
import { SharedHoldings } from "../../../src/daemon/holdings/sharedHoldings.ts";
import { Gate } from "../../../src/daemon/gate.ts";
import { Ledger } from "../../../src/daemon/ledger.ts";
import { Meter } from "../../../src/daemon/meter.ts";
import type { DaemonStore } from "../../../src/daemon/ports.ts";
import { RateBook } from "../../../src/daemon/rateBook.ts";
import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { readPayerEnvelope } from "../../../src/protocol/envelope.ts";
import { RETENTION_DAYS, payerEnvelope } from "../../support/envelopes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import type { Fixture } from "../store/backends.ts";
import { DOMAIN, MemoryLog, NODE_ID, PAYER, PAYER_KEY, RATES, headerOf } from "../support.ts";

/** Of one test message: 100 + 200 * 223 bytes * 60 days, in picodollars. */
export const FEE_PICO = 100n + 200n * BigInt(payerEnvelope(1, NODE_ID, PAYER_KEY).length) * 60n;
/** Base units that cover so many messages, and not one more. */
export const feesOf = (messages: number) => (BigInt(messages) * FEE_PICO + 999_999n) / 1_000_000n;
export const LEASE_MS = 30_000;
export const GRACE_MS = 30_000;

/** What the processes of one node share: its log, and the terms. */
export class SharedNode {
  readonly log = new MemoryLog();
  readonly terms = { exposureCap: 1_000_000_000n, seats: 1 };
  readonly fixture: Fixture;

  constructor(fixture: Fixture) {
    this.fixture = fixture;
  }

  /** @param wrap what stands between the process and its holdings in the database */
  async process(wrap = (holdings: HoldingStore) => holdings): Promise<Process> {
    const store = await this.fixture.open();
    return new Process(this, store, wrap(store.holdings!));
  }

  async fund(channel: Address = PAYER, deposited = 5_000_000n): Promise<void> {
    const { ledger } = await this.fixture.open();
    const states = new Map([[channel, { ...EMPTY_CHANNEL, deposited }]]);
    await ledger.recordChain({ states, readTo: 1n, blocks: [] });
  }

  /** What the database holds for a channel, in all. */
  async held(): Promise<{ messages: number; pico: bigint }> {
    const [row] = await this.fixture.place.query(
      "select count(*)::int as messages, coalesce(sum(fee_pico), 0)::text as pico from reservations",
    );
    return { messages: row!.messages as number, pico: BigInt(row!.pico as string) };
  }

  async lentPico(): Promise<bigint> {
    const [row] = await this.fixture.place.query("select coalesce(sum(pico), 0)::text as pico from lent");
    return BigInt(row!.pico as string);
  }

  async usagePico(): Promise<bigint> {
    const { ledger } = await this.fixture.open();
    return (await ledger.account(PAYER))!.usagePico;
  }

  /** As if the database's clock had gone on so far for all processes, or for one. */
  async pass(ms: number, { process }: { process?: Process } = {}): Promise<void> {
    const only = process ? ` where id = ${await process.number()}` : "";
    await this.fixture.place.query(`update processes set expires_at = expires_at - ${ms}${only}`);
    if (process) process.clock.advance(ms);
  }
}

/** One of several processes of a node: gate, ledger and meter over the database that they share. */
export class Process {
  readonly clock = new ManualClock();
  readonly ledger: Ledger;
  readonly holdings: SharedHoldings;
  readonly gate: Gate;
  readonly meter: Meter;
  readonly #node: SharedNode;
  #number: bigint | undefined;

  constructor(node: SharedNode, { ledger: store, isShared }: DaemonStore, holdings: HoldingStore) {
    this.#node = node;
    const { clock } = this;
    const noting: HoldingStore = new Proxy(holdings, {
      get: (target, name) => {
        if (name === "enter") return async (ms: number) => (this.#number = await target.enter(ms));
        const value = Reflect.get(target, name) as unknown;
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    this.ledger = new Ledger(store, { isShared });
    const { ledger } = this;
    this.holdings = new SharedHoldings({
      ...{ ledger, store: noting, clock, log: silentLog, leaseMs: LEASE_MS, graceMs: GRACE_MS },
    });
    const rateBook = new RateBook();
    rateBook.update([RATES], RETENTION_DAYS);
    this.gate = new Gate({
      ...{ nodeId: NODE_ID, domain: DOMAIN, ledger, rateBook, clock, holdings: this.holdings },
      exposureCap: node.terms.exposureCap,
      ...{ chainDoubt: () => 0, isReady: () => true, isCaughtUp: () => true, onShareUsed: () => {} },
      seats: () => node.terms.seats,
    });
    this.meter = new Meter({
      ...{ envelopeLog: node.log, store, ledger, rateBook },
      holdings: this.holdings,
      log: silentLog,
    });
  }

  /** The one that others know it by; it enters when it has none. */
  async number(): Promise<bigint> {
    if (this.#number === undefined) await this.holdings.tend();
    return this.#number!;
  }

  publish(n: number, fees?: bigint): Promise<Hold> {
    return this.gate.admit({ envelopes: [envelopeOf(n)], voucherHeader: voucherOf(fees) });
  }

  /** The node has it on disk, and says so. */
  store(n: number, hold?: Hold): void {
    this.#node.log.append(NODE_ID, payerEnvelope(n, NODE_ID, PAYER_KEY), BigInt(this.clock.now()) * 1_000_000n);
    hold?.release(true);
  }

  /** What was released is in the database when this resolves. */
  async settled(): Promise<void> {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    await this.holdings.tend();
    // An empty exchange waits behind those before it.
    await this.holdings.hold({
      ...{
        channels: [PAYER],
        charges: [],
        isNew: false,
        hasVoucher: false,
        raise: (await this.ledger.account(PAYER))!.vouchers!.fees,
      },
      terms: () => ({ exposureCap: 0n, chainDoubt: 0, isCaughtUp: true, seats: 1 }),
    });
  }
}

/** Signing takes longer than what is tested. */
function once<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key)!;
  };
}

export const envelopeOf = once((n: number) => readPayerEnvelope(payerEnvelope(n, NODE_ID, PAYER_KEY)));
const voucherOf = once((fees: bigint | undefined) => headerOf(fees));

export const countOf = (outcomes: readonly PromiseSettledResult<unknown>[]) =>
  outcomes.filter(({ status }) => status === "fulfilled").length;
