import { setImmediate as turn } from "node:timers/promises";

import { expect } from "chai";
import fc from "fast-check";

import type { Address } from "../../src/protocol/bytes.ts";
import { bytesToUint, concatBytes, uintToBytes } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import { VOUCHER_ROW_LENGTH, signVoucher } from "../../src/protocol/voucher.ts";
import { silentLog } from "../../src/platform/log.ts";
import { Gossip, GossipBusy } from "../../src/daemon/gossip.ts";
import { EMPTY_CHANNEL } from "../../src/daemon/account.ts";
import type { Ledger } from "../../src/daemon/ledger.ts";
import type { Account, GossipTransport } from "../../src/daemon/ports.ts";
import { DOMAIN, MemoryLog, OTHER_KEY, PAYER, PAYER_KEY, openBooks } from "./support.ts";
import { payerEnvelope } from "../support/envelopes.ts";
import { ManualClock } from "../support/manualClock.ts";

const NS = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;
const clock = new ManualClock();
const never = new AbortController().signal;

const row = (fees: bigint, stamps = 0n, key = PAYER_KEY) => signVoucher(DOMAIN, { fees, stamps }, key);

/** Daemons that reach each other by id; `lost` decides what a call loses. */
async function network(ids: number[], lost: (from: number, to: number) => boolean = () => false) {
  const members = new Map<number, { gossip: Gossip; books: Awaited<ReturnType<typeof openBooks>> }>();
  const nodes = ids.map((nodeId) => ({ nodeId, httpAddress: `http://node-${nodeId}`, isCanonical: true }));
  for (const nodeId of ids) {
    const books = await openBooks(":memory:", new MemoryLog());
    const transport: GossipTransport = {
      async send(httpAddress, rows) {
        const to = Number(httpAddress.split("-")[1]);
        if (lost(nodeId, to)) throw new Error("unreachable");
        await members.get(to)!.gossip.receive(rows);
      },
    };
    const gossip = new Gossip({ nodeId, domain: DOMAIN, ledger: books.ledger, transport, clock, log: silentLog });
    books.state.onRaise = (channel) => gossip.noteRaise(channel);
    members.set(nodeId, { gossip, books });
  }
  return { members, nodes };
}

const PEER = [100, 200].map((nodeId) => ({ nodeId, httpAddress: `http://node-${nodeId}`, isCanonical: true }));

/** Channels with a voucher each, whose fees are the channel's number. */
function bookOf(channels: readonly Address[]): Ledger {
  const accounts = channels.map((channel, i): Account => {
    const voucher = { channel, fees: BigInt(i + 1), stamps: 0n, row: new Uint8Array(VOUCHER_ROW_LENGTH) };
    voucher.row.set(uintToBytes(voucher.fees, 8));
    return { channel, usagePico: 0n, vouchers: { fees: voucher, stamps: voucher }, chain: EMPTY_CHANNEL };
  });
  const byChannel = new Map(accounts.map((account) => [account.channel, account]));
  return {
    account: async (channel: Address) => byChannel.get(channel),
    accounts: async (after: Address | undefined, limit: number) => {
      const from = after === undefined ? 0 : Number(BigInt(after));
      return accounts.slice(from, from + limit);
    },
  } as Partial<Ledger> as Ledger;
}

function numbersIn(rows: Uint8Array): number[] {
  return Array.from({ length: rows.length / VOUCHER_ROW_LENGTH }, (_, i) =>
    Number(bytesToUint(rows.subarray(i * VOUCHER_ROW_LENGTH, i * VOUCHER_ROW_LENGTH + 8))),
  );
}

describe("daemon/gossip", () => {
  it("takes signed vouchers of funded channels only", async () => {
    const { members } = await network([100]);
    const { gossip, books } = members.get(100)!;
    await books.fund(PAYER, { deposited: 1_000_000n });
    const forged = row(5_000n);
    forged[30]! ^= 1;
    expect(await gossip.receive(concatBytes(forged, row(5_000n, 0n, OTHER_KEY), new Uint8Array(80)))).to.equal(0);
    expect(await books.ledger.account(addressOf(OTHER_KEY))).to.equal(undefined);
    expect(await gossip.receive(concatBytes(row(5_000n), row(6_000n).subarray(0, 79)))).to.equal(1);
    expect((await books.ledger.account(PAYER))!.vouchers!.fees.fees).to.equal(5_000n);
  });

  it("a stranger who floods keeps no peer from being heard, nor from knowing that this daemon is there", async () => {
    const { members } = await network([100]);
    const { gossip, books } = members.get(100)!;
    await books.fund(PAYER, { deposited: 1_000_000n });
    const junk = concatBytes(...Array.from({ length: 20 }, (_, i) => row(BigInt(i + 1), 0n, OTHER_KEY)));
    let answered = 0;
    const flood = Array.from({ length: 200 }, () =>
      gossip.receive(junk, "203.0.113.9").then(
        () => void answered++,
        (error: unknown) => expect(error).to.be.instanceOf(GossipBusy),
      ),
    );
    expect(await gossip.receive(new Uint8Array(), "198.51.100.7")).to.equal(0);
    expect(await gossip.receive(row(5_000n), "198.51.100.7")).to.equal(1);
    expect(answered, "by turns").to.be.below(4);
    await Promise.all(flood);
    expect(answered).to.be.below(200);
  });

  it("passes over raises that are not worth a disk write, but for what pays for usage", async () => {
    const log = new MemoryLog();
    const books = await openBooks(":memory:", log);
    const transport: GossipTransport = { send: async () => {} };
    const gossip = new Gossip({ nodeId: 100, domain: DOMAIN, ledger: books.ledger, transport, clock, log: silentLog });
    await books.fund(PAYER, { deposited: 10_000_000n });
    expect(await gossip.receive(row(1_000_000n))).to.equal(1);
    expect(await gossip.receive(row(1_000_999n)), "less than 1 % and less than 0.001 USD").to.equal(0);
    expect(await gossip.receive(row(1_001_000n)), "0.001 USD").to.equal(1);
    expect(await gossip.receive(row(1_001_000n, 1n)), "the other column").to.equal(1);
    const poor = await openBooks(":memory:", log);
    const poorGossip = new Gossip({
      nodeId: 200,
      domain: DOMAIN,
      ledger: poor.ledger,
      transport,
      clock,
      log: silentLog,
    });
    for (let n = 0; n < 90; n++) log.append(300, payerEnvelope(n, 300, PAYER_KEY), NS);
    await poor.meter.drain();
    await poor.fund(PAYER, { deposited: 10_000_000n });
    expect(await poorGossip.receive(row(200n))).to.equal(1);
    expect(await poorGossip.receive(row(201n)), "pays for usage that nothing covers").to.equal(1);
  });

  it("waits five seconds for a peer that never answers, and tells it again", async () => {
    const books = await openBooks(":memory:", new MemoryLog());
    const reasons: unknown[] = [];
    const send: GossipTransport["send"] = (_, __, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => (reasons.push(signal.reason), reject(signal.reason as Error))),
      );
    const options = { nodeId: 100, domain: DOMAIN, ledger: books.ledger, clock, log: silentLog };
    const gossip = new Gossip({ ...options, transport: { send } });
    await books.fund(PAYER, { deposited: 1_000_000n });
    await gossip.receive(row(5_000n));
    const peers = [100, 200, 300].map((nodeId) => ({ nodeId, httpAddress: `http://${nodeId}`, isCanonical: true }));
    for (let round = 1; round <= 2; round++) {
      const reached = gossip.round(peers, never);
      await turn();
      clock.advance(4_999);
      await turn();
      expect(reasons, "not yet").to.have.length(2 * (round - 1));
      clock.advance(1);
      expect(await reached).to.equal(false);
      expect(String(reasons.at(-1))).to.include("5000 ms");
    }
  });

  it("converges to the same largest vouchers whatever is lost in between", async () => {
    const amounts = fc.array(
      fc.record({ at: fc.constantFrom(100, 200, 300), fees: fc.bigInt(0n, 4n), stamps: fc.bigInt(0n, 4n) }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(amounts, fc.array(fc.boolean(), { maxLength: 12 }), async (vouchers, losses) => {
        const pending = [...losses];
        const { members, nodes } = await network([100, 200, 300], () => pending.shift() ?? false);
        for (const { books } of members.values()) await books.fund(PAYER, { deposited: 10_000_000n });
        for (const { at, fees, stamps } of vouchers) {
          await members.get(at)!.gossip.receive(row(fees * 10_000n, stamps * 10_000n));
          for (const { gossip } of members.values()) await gossip.round(nodes, never);
        }
        for (let i = 0; i < 16; i++) for (const { gossip } of members.values()) await gossip.round(nodes, never);
        const ends = await Promise.all(
          [...members.values()].map(async ({ books }) => {
            const largest = (await books.ledger.account(PAYER))?.vouchers;
            return [largest?.fees.fees ?? 0n, largest?.stamps.stamps ?? 0n];
          }),
        );
        const most = (column: "fees" | "stamps") =>
          vouchers.reduce((m, v) => (v[column] * 10_000n > m ? v[column] * 10_000n : m), 0n);
        for (const end of ends) expect(end).to.deep.equal([most("fees"), most("stamps")]);
      }),
      { numRuns: 25 },
    );
  });

  it("tells again what a peer had no use for the first time", async () => {
    const { members, nodes } = await network([100, 200]);
    const [one, other] = [members.get(100)!, members.get(200)!];
    await one.books.fund(PAYER, { deposited: 1_000_000n });
    await one.gossip.receive(row(5_000n));
    await one.gossip.round(nodes, never);
    expect(await other.books.ledger.account(PAYER), "the deposit is not known there yet").to.equal(undefined);
    await other.books.fund(PAYER, { deposited: 1_000_000n });
    for (let i = 0; i < 60; i++) await one.gossip.round(nodes, never);
    expect((await other.books.ledger.account(PAYER))!.vouchers!.fees.fees).to.equal(5_000n);
  });

  it("retells many channels some at a time, goes on where it failed, and begins again after sixty rounds", async () => {
    const channels = Array.from({ length: 1_200 }, (_, i): Address => `0x${(i + 1).toString(16).padStart(40, "0")}`);
    const book = bookOf(channels);
    const rounds: number[][] = [];
    let isAway = false;
    const transport: GossipTransport = {
      async send(_, rows) {
        if (isAway) throw new Error("unreachable");
        rounds.at(-1)!.push(...numbersIn(rows));
      },
    };
    const gossip = new Gossip({ nodeId: 100, domain: DOMAIN, ledger: book, transport, clock, log: silentLog });
    const round = async () => {
      rounds.push([]);
      await gossip.round(PEER, never);
    };
    for (let i = 0; i < 2; i++) await round();
    isAway = true;
    for (let i = 0; i < 3; i++) await round();
    isAway = false;
    for (let i = 0; i < 3; i++) await round();
    expect(rounds.map(({ length }) => length)).to.deep.equal([250, 250, 0, 0, 0, 250, 250, 200]);
    expect(rounds.flat(), "each once, in order").to.deep.equal(channels.map((_, i) => i + 1));
    while (rounds.length < 60) await round();
    expect(rounds.slice(8).flat()).to.deep.equal([]);
    await round();
    expect(rounds.at(-1)![0]).to.equal(1);
  });

  it("remembers a bounded part of what grew while a peer is away, and retells all when that was not enough", async () => {
    const channels = Array.from({ length: 12_000 }, (_, i): Address => `0x${(i + 1).toString(16).padStart(40, "0")}`);
    const sizes: number[] = [];
    const heard = new Set<number>();
    let isAway = false;
    const transport: GossipTransport = {
      async send(_, rows) {
        if (isAway) throw new Error("unreachable");
        sizes[sizes.length - 1]! += rows.length;
        for (const number of numbersIn(rows)) heard.add(number);
      },
    };
    const book = bookOf(channels);
    const gossip = new Gossip({ nodeId: 100, domain: DOMAIN, ledger: book, transport, clock, log: silentLog });
    const round = async () => {
      sizes.push(0);
      return gossip.round(PEER, never, true);
    };
    for (let i = 0; i < 60; i++) await round();
    isAway = true;
    heard.clear();
    for (const channel of channels) gossip.noteRaise(channel);
    await round();
    isAway = false;
    expect(await round(), "not all that grew").to.equal(false);
    for (let i = 0; i < 49; i++) await round();
    expect(heard.size).to.equal(channels.length);
    expect(await round()).to.equal(true);
    expect(Math.max(...sizes)).to.be.at.most(10_250 * VOUCHER_ROW_LENGTH);
  });

  it("lets others have their turn while it reads a full call, and turns away a flood", async () => {
    const { members } = await network([100]);
    const { gossip, books } = members.get(100)!;
    await books.fund(PAYER, { deposited: 1_000_000n });
    let turns = 0;
    let isReading = true;
    const count = () => {
      turns++;
      if (isReading) setImmediate(count);
    };
    setImmediate(count);
    const rows = concatBytes(...Array.from({ length: 100 }, () => row(5_000n, 0n, OTHER_KEY)));
    const calls = Array.from({ length: 40 }, () => gossip.receive(rows.subarray(0, 80)));
    const outcomes = await Promise.allSettled([gossip.receive(rows), ...calls]);
    isReading = false;
    expect(turns).to.be.greaterThan(10);
    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused.length).to.equal(9);
  });

  it("58: a peer that takes its time with every answer holds up no round: else nobody could lend", async () => {
    const books = await openBooks();
    await books.fund(PAYER, { deposited: 1_000_000n });
    const stop = new AbortController();
    let asked = 0;
    const transport: GossipTransport = {
      send: async (httpAddress, _, signal) => {
        if (httpAddress !== "http://node-400") return;
        asked++;
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("too late"))));
      },
    };
    const gossip = new Gossip({ nodeId: 100, domain: DOMAIN, ledger: books.ledger, transport, clock, log: silentLog });
    const nodes = [100, 200, 300, 400].map((nodeId) => {
      return { nodeId, httpAddress: `http://node-${nodeId}`, isCanonical: true };
    });
    for (let i = 0; i < 2; i++) {
      const round = gossip.round(nodes, stop.signal, true);
      await turn();
      clock.advance(1_000);
      expect(await round).to.equal(true);
    }
    expect(asked, "one call at a time").to.equal(1);
    stop.abort();
  });

  it("counts a round only when a majority of seats was reached, also with nothing to tell", async () => {
    const cut = new Set<number>();
    const { members, nodes } = await network([100, 200, 300, 400], (_, to) => cut.has(to));
    const { gossip } = members.get(100)!;
    const round = () => gossip.round(nodes, never, true);
    expect(await round()).to.equal(true);
    expect(await gossip.round(nodes, never), "nobody was called").to.equal(false);
    cut.add(200);
    expect(await round(), "three of four").to.equal(true);
    cut.add(300);
    expect(await round(), "two of four").to.equal(false);
    cut.clear();
    expect(await round()).to.equal(true);
  });
});
