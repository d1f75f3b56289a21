import { setTimeout as sleep } from "node:timers/promises";

import { expect } from "chai";

import type { ReservedRows } from "../../../src/client/channel/decisions.ts";
import type { ChannelLedger } from "../../../src/client/channel/ledger.ts";
import { isGatewayError } from "../../../src/client/errors.ts";
import type { Attempt } from "../../../src/client/ports.ts";
import { toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { CHANNEL, USD } from "../support/fakeNetwork.ts";
import { onSharedStore } from "../support/stores.ts";

const RICH = () => ({ backed: 1_000n * USD, headroom: 0n });
const SHORT = { leaseMs: 60_000, graceMs: 10_000 };
const spender = { app: "", user: "" };

function attemptOf(n: number, originatorId = 100): Attempt {
  const envelopeHash = toHex(uintToBytes(BigInt(n), 32));
  const sent = {
    topic: Uint8Array.of(n),
    payerEnvelope: Uint8Array.of(n, 7, 7),
    reservedPico: 5_000_000n,
    startedAt: n,
  };
  return { envelopeHash, originatorId, ...sent, reservedWei: 0n, spender };
}

const answer = { envelope: Uint8Array.of(1), chargedPico: 5_000_000n, answeredAt: 1 };

const publishesAll = () => true;
const stray = (ledger: ChannelLedger) => ledger.strayAttempts(() => true);

async function codeOf(action: Promise<unknown>): Promise<string> {
  return action.then(
    () => "no error",
    (error: unknown) => (isGatewayError(error) ? error.code : String(error)),
  );
}

onSharedStore("client/channel/lease", (place) => {
  /** As if the leases of all processes had ended so long ago. */
  const age = (ms: number) => place().query(`update gateway_processes set expires_at = expires_at - ${ms}`);

  it("lets nobody touch what a process has in hand, and gives its answer to who comes later", async () => {
    const [one, two] = [await place().ledger(SHORT), await place().ledger(SHORT)];
    await one.reserve([attemptOf(1)], RICH);
    expect(await two.reserve([attemptOf(1), attemptOf(2)], RICH), "also not at another node").to.deep.equal({
      ...{ kind: "elsewhere", envelopeHashes: [attemptOf(1).envelopeHash] },
    });
    expect(await two.reserve([attemptOf(1, 200)], RICH)).to.include({ kind: "elsewhere" });
    expect(await two.note(attemptOf(1, 0))).to.equal(false);
    await two.release([attemptOf(1)]);
    await two.refuse([attemptOf(1)], 5);
    expect(two).to.include({ inFlightPico: 5_000_000n });
    await one.complete(attemptOf(1), 5_000_000n, answer);
    expect(await two.reserve([attemptOf(1, 200)], RICH), "it is answered").to.include({ kind: "elsewhere" });
    expect(await two.reserve([attemptOf(2)], RICH)).to.include({ kind: "reserved", isAgain: false });
  });

  it("counts what one signed and used with the other, to the unit", async () => {
    const [one, two] = [await place().ledger(SHORT), await place().ledger(SHORT)];
    const terms = () => ({ backed: 12n, headroom: 0n });
    await one.reserve([attemptOf(1)], terms);
    await two.reserve([attemptOf(2)], terms);
    expect(await codeOf(one.reserve([attemptOf(3)], terms))).to.equal("out_of_money");
    await two.complete(attemptOf(2), 5_000_000n, answer);
    await one.catchUp();
    expect(one).to.include({ usagePico: 5_000_000n, inFlightPico: 5_000_000n, authorised: 10n });
    expect(await codeOf(one.raise(10_011n, RICH))).to.equal("demand_above_ledger");
  });

  it("lets another process go on with what one that is gone had sent, byte for byte, after its lease and a grace", async () => {
    const [one, two] = [await place().ledger(SHORT), await place().ledger(SHORT)];
    await one.reserve([attemptOf(1), attemptOf(2)], RICH);
    await one.refuse([attemptOf(2)], 9);
    await age(65_000);
    await two.tend(publishesAll);
    expect(await stray(two), "its grace is not over").to.deep.equal([]);
    await age(65_000);
    await two.tend(publishesAll);
    expect(await stray(two)).to.deep.equal([attemptOf(1)]);
    expect(two.refusals().map(({ refusedAt }) => refusedAt)).to.deep.equal([9]);
    const draft = { ...attemptOf(1), payerEnvelope: Uint8Array.of(1, 1, 1), reservedPico: 77n };
    const again = await two.reserve([draft], RICH);
    expect(again).to.include({ kind: "reserved", isAgain: true });
    const [sent] = again.kind === "reserved" ? again.attempts : [];
    expect(sent).to.deep.include({ payerEnvelope: attemptOf(1).payerEnvelope, reservedPico: 5_000_000n });
    await two.complete(attemptOf(1), 5_000_000n, answer);
    expect(two).to.include({ usagePico: 5_000_000n, inFlightPico: 0n });
  });

  it("holds a budget against what the same turn has spent, also when it had not read that day before", async () => {
    const one = await place().ledger(SHORT);
    await one.reserve([attemptOf(1)], RICH);
    await one.close();
    const two = await place().ledger({ ...SHORT, budgets: { all: { postage: 9n } } });
    const [, code] = await Promise.all([
      two.complete(attemptOf(1), 5_000_000n, answer),
      codeOf(two.reserve([{ ...attemptOf(2), startedAt: 1 }], RICH)),
    ]);
    expect(code).to.equal("budget_exhausted");
    expect(await codeOf(two.reserve([{ ...attemptOf(3), reservedPico: 4_000_000n }], RICH))).to.equal("no error");
  });

  it("keeps the newer of two reservations when an envelope is let go of and taken up again in one turn", async () => {
    const one = await place().ledger(SHORT);
    await one.reserve([attemptOf(1)], RICH);
    const dearer = { ...attemptOf(1), reservedPico: 9_000_000n, payerEnvelope: Uint8Array.of(2) };
    await Promise.all([one.release([attemptOf(1)]), one.reserve([dearer], RICH)]);
    await one.close();
    const two = await place().ledger(SHORT);
    expect([one.inFlightPico, two.inFlightPico]).to.deep.equal([9_000_000n, 9_000_000n]);
    expect(await stray(two)).to.deep.equal([dearer]);
  });

  it("goes on with what came and was let go of in the same turn", async () => {
    const one = await place().ledger(SHORT);
    const both = [attemptOf(1), attemptOf(1, 200)];
    const [, , , again] = await Promise.all([
      ...[one.catchUp(), one.reserve(both, RICH), one.tend(() => false)],
      one.reserve(both, RICH),
    ]);
    expect(again).to.include({ kind: "reserved", isAgain: true });
    const sent = both.map(({ payerEnvelope }) => payerEnvelope);
    expect((again as ReservedRows).attempts.map(({ payerEnvelope }) => payerEnvelope)).to.deep.equal(sent);
  });

  it("takes over at once from one that has left", async () => {
    const one = await place().ledger(SHORT);
    await one.reserve([attemptOf(1)], RICH);
    await one.close();
    const two = await place().ledger(SHORT);
    expect(await stray(two)).to.deep.equal([attemptOf(1)]);
    expect(await two.reserve([attemptOf(1)], RICH)).to.include({ kind: "reserved", isAgain: true });
  });

  it("lets a paused process send nothing that another one has taken over, and tells it", async () => {
    const [one, two] = [await place().ledger(SHORT), await place().ledger(SHORT)];
    await one.reserve([attemptOf(1)], RICH);
    await one.note(attemptOf(3, 0));
    expect(one.isSure).to.equal(true);
    place().clock.advance(60_000);
    expect(one.isSure, "by its own clock, before anybody else can think so").to.equal(false);
    await age(130_000);
    await two.tend(publishesAll);
    expect(await two.reserve([attemptOf(1)], RICH)).to.include({ kind: "reserved" });
    expect(await codeOf(one.reserveGas(attemptOf(3, 0), 1n)), "nothing goes on chain").to.equal("in_progress");
    expect(await one.reserve([attemptOf(1)], RICH)).to.include({ kind: "elsewhere" });
    await one.release([attemptOf(1)]);
    expect(one.isSure, "under a new number it may go on").to.equal(true);
    expect(await one.reserve([attemptOf(2)], RICH)).to.include({ kind: "reserved" });
    await one.complete(attemptOf(1), 5_000_000n, answer);
    expect(await two.complete(attemptOf(1), 5_000_000n, answer), "a receipt counts once, whoever finds it").to.equal(
      false,
    );
    expect(two).to.include({ usagePico: 5_000_000n });
  });

  it("leaves a paused process what nobody has taken over", async () => {
    const one = await place().ledger(SHORT);
    await one.reserve([attemptOf(1)], RICH);
    await age(500_000);
    expect(await one.reserve([attemptOf(1)], RICH)).to.include({ kind: "reserved", isAgain: true });
    await (await place().ledger(SHORT)).tend(publishesAll);
    expect(await one.reserve([attemptOf(1)], RICH), "still").to.include({ kind: "reserved", isAgain: true });
  });

  it("leaves what a process has given up to whoever is asked for it next", async () => {
    const [one, two] = [await place().ledger(SHORT), await place().ledger(SHORT)];
    await one.reserve([attemptOf(1), attemptOf(2)], RICH);
    await one.note(attemptOf(3, 0));
    await one.tend((hash) => hash === attemptOf(2).envelopeHash);
    expect(await two.reserve([attemptOf(1, 200)], RICH), "its other attempt comes with it").to.include({
      kind: "reserved",
    });
    expect(await one.reserve([attemptOf(1)], RICH)).to.include({ kind: "elsewhere" });
    expect(await two.note(attemptOf(3, 0))).to.equal(true);
    expect(await two.reserve([attemptOf(2)], RICH)).to.include({ kind: "elsewhere" });
    expect(two).to.include({ inFlightPico: 20_000_000n });
    await one.release([attemptOf(1), attemptOf(2)]);
    await two.catchUp();
    expect(two, "nobody frees what another one sends").to.include({ inFlightPico: 15_000_000n });
  });

  it("has nobody send what is answered, also when another attempt at it was given up", async () => {
    const [one, two] = [await place().ledger(SHORT), await place().ledger(SHORT)];
    await one.reserve([attemptOf(1)], RICH);
    await one.reserve([attemptOf(1, 200)], RICH);
    await one.complete(attemptOf(1, 200), 5_000_000n, answer);
    await one.tend(() => false);
    expect(await two.reserve([attemptOf(1)], RICH)).to.include({ kind: "elsewhere" });
    expect(await stray(two), "its fate is still to be found out").to.deep.equal([attemptOf(1)]);
  });

  it("knows who lives, and has one of them do what one is enough for", async () => {
    const [one, two] = [await place().ledger(SHORT), await place().ledger(SHORT)];
    await one.tend(publishesAll);
    expect([one.processes, two.processes]).to.deep.equal([2, 2]);
    expect([one.isFirst, two.isFirst]).to.deep.equal([true, false]);
    await one.close();
    await two.tend(publishesAll);
    expect([two.processes, two.isFirst]).to.deep.equal([1, true]);
  });

  it("reads everything anew when it fell behind what is remembered, or the database was set back", async () => {
    const [one, two] = [await place().ledger(SHORT), await place().ledger(SHORT)];
    await one.reserve([attemptOf(1)], RICH);
    await two.catchUp();
    await one.complete(attemptOf(1), 5_000_000n, answer);
    await one.reserve([attemptOf(2)], RICH);
    await place().query("delete from gateway_steps");
    await two.catchUp();
    expect(two).to.include({ usagePico: 5_000_000n, inFlightPico: 5_000_000n });
    expect(two.attempts().map(({ envelopeHash }) => envelopeHash)).to.deep.equal([attemptOf(2).envelopeHash]);
    await place().query("update gateway_channels set revision = 1");
    await two.catchUp();
    expect(await two.reserve([attemptOf(3)], RICH)).to.include({ kind: "reserved" });
  });

  it("reads everything anew when the database was set back and has gone as far again on another way", async () => {
    const [one, two] = [await place().ledger(SHORT), await place().ledger(SHORT)];
    const tables = ["gateway_channels", "gateway_steps", "gateway_attempts"];
    await one.reserve([attemptOf(1)], RICH);
    for (const table of tables) await place().query(`create table kept_${table} as select * from ${table}`);
    await two.reserve([attemptOf(2)], RICH);
    await one.catchUp();
    for (const table of tables) {
      await place().query(`delete from ${table}; insert into ${table} select * from kept_${table}`);
    }
    await one.reserve([{ ...attemptOf(3), reservedPico: 7_000_000n }], RICH);
    for (const ledger of [one, two]) {
      await ledger.catchUp();
      expect(ledger).to.include({ inFlightPico: 12_000_000n });
      expect(ledger.attempts().map(({ startedAt }) => startedAt)).to.have.members([1, 3]);
    }
  });

  it("takes another number when a database that was set back has given its own to another channel", async () => {
    const [one, two] = [await place().ledger(SHORT), await place().ledger(SHORT)];
    await place().query(
      "update gateway_processes set channel = '\\x01' where id = (select min(id) from gateway_processes)",
    );
    await one.reserve([attemptOf(1)], RICH);
    await age(130_000);
    await two.tend(publishesAll);
    expect(await stray(two), "else nobody would ever take it over").to.deep.equal([attemptOf(1)]);
  });

  it("has no number together with a process to which a set-back database gave the same one", async () => {
    const one = await place().ledger(SHORT);
    const tables = "gateway_processes, gateway_channels, gateway_steps, gateway_attempts";
    await one.reserve([attemptOf(1)], RICH);
    await place().query(`truncate ${tables} restart identity`);
    const two = await place().ledger(SHORT);
    await two.reserve([attemptOf(2)], RICH);
    expect(await one.reserve([attemptOf(2)], RICH)).to.include({ kind: "elsewhere" });
    await one.tend(publishesAll);
    expect(one.processes).to.equal(2);
  });

  it("ends no lease but its own", async () => {
    const { shared } = await place().open();
    const two = await place().ledger(SHORT);
    const [{ id }] = (await place().query("select id from gateway_processes")) as [{ id: bigint }];
    await shared!.leave(CHANNEL, id);
    await two.tend(publishesAll);
    expect(await place().query("select 1 from gateway_processes where expires_at > 0")).to.have.length(1);
    const three = await place().ledger(SHORT);
    await two.reserve([attemptOf(1)], RICH);
    await shared!.leave(CHANNEL, id);
    expect(await three.reserve([attemptOf(1)], RICH)).to.include({ kind: "elsewhere" });
    await three.tend(publishesAll);
    expect(await three.reserve([attemptOf(1)], RICH), "nobody buried it").to.include({ kind: "elsewhere" });
  });

  it("hears no more than what is new", async () => {
    const [one, two] = [(await place().open()).shared!, (await place().open()).shared!];
    const heard: (number | undefined)[] = [];
    const turn = (store: typeof one, known: bigint | undefined) =>
      store.turn(CHANNEL, { process: undefined, leaseMs: 60_000, known, envelopes: [] }, async ({ news, ...taken }) => {
        heard.push(news?.length);
        const state = { ...taken.state, revision: taken.state.revision + 1n };
        await taken.commit([{ channel: CHANNEL, state }]);
      });
    await turn(one, undefined);
    await turn(two, undefined);
    await turn(two, 2n);
    await turn(one, 1n);
    await turn(one, 4n);
    expect(heard).to.deep.equal([undefined, undefined, 0, 2, 0]);
  });

  it("lets a process that stopped in the middle of a turn stand in nobody's way for long, and forgets that turn", async () => {
    const { shared } = await place().open();
    const one = await place().ledger(SHORT);
    const ask = { process: undefined, leaseMs: 60_000, known: undefined, envelopes: [] };
    const stuck = shared!.turn(one.channel, ask, async (turn) => {
      const state = { ...turn.state, revision: turn.state.revision + 1n, doubles: 9n };
      await turn.commit([{ channel: one.channel, state }]);
      await sleep(6_000);
    });
    stuck.catch(() => {});
    await sleep(200);
    expect(await one.reserve([attemptOf(1)], RICH)).to.include({ kind: "reserved" });
    expect(await codeOf(stuck)).to.equal("store_unavailable");
    expect(one.doubles).to.equal(0n);
  }).timeout(20_000);
});
