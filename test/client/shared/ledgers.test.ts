import { expect } from "chai";
import fc from "fast-check";

import type { ChannelLedger } from "../../../src/client/channel/ledger.ts";
import { isGatewayError } from "../../../src/client/errors.ts";
import type { Attempt } from "../../../src/client/ports.ts";
import { toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { picoToUnitsUp, unitsToPico } from "../../../src/protocol/units.ts";
import { readVoucher } from "../../../src/protocol/voucher.ts";
import { CHANNEL, DOMAIN } from "../support/fakeNetwork.ts";
import type { StorePlace } from "../support/stores.ts";
import { onSharedStore } from "../support/stores.ts";
import type { TurnFault } from "./recorder.ts";
import { Replay, TurnRecorder } from "./recorder.ts";

const DEPOSIT = 20_000n;
const USERS = ["alice", "bob"];
const BUDGET = 4_000n;

const step = fc.record({
  kind: fc.constantFrom(
    ...([
      "reserve",
      "reserve",
      "reserve",
      "complete",
      "complete",
      "release",
      "refuse",
      "raise",
      "raiseStamps",
    ] as const),
    ...(["settleUp", "tend", "catchUp", "die"] as const),
  ),
  who: fc.nat(3),
  n: fc.nat(9),
  node: fc.constantFrom(100, 200),
  pico: fc.bigInt(0n, 900_000_000n),
  headroom: fc.bigInt(0n, 2_000n),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const fault = fc.constantFrom<TurnFault[]>("none", "none", "none", "none", "rolledBack", "answerLost");

function attemptOf({ n, node, pico }: Step, now: number): Attempt {
  return {
    envelopeHash: toHex(uintToBytes(BigInt(n), 32)),
    ...{ originatorId: node, topic: Uint8Array.of(n), payerEnvelope: Uint8Array.of(n, node & 0xff) },
    ...{ reservedPico: pico, reservedWei: 0n, spender: { app: "chat", user: USERS[n % 2]! }, startedAt: now },
  };
}

/** Several processes, as far as a store can tell. */
class Processes {
  readonly recorder = new TurnRecorder();
  readonly ledgers: ChannelLedger[] = [];
  readonly #place: StorePlace;
  readonly #lease: { leaseMs: number; graceMs: number };

  constructor(place: StorePlace, lease: { leaseMs: number; graceMs: number }) {
    this.#place = place;
    this.#lease = lease;
  }

  async start(i: number): Promise<void> {
    const store = this.recorder.over(await this.#place.open());
    const budgets = { user: { postage: BUDGET } };
    this.ledgers[i] = await this.#place.ledger({ store, budgets, ...this.#lease });
  }

  async take(one: Step): Promise<void> {
    const i = one.who % this.ledgers.length;
    const ledger = this.ledgers[i]!;
    const { stampsSigned } = ledger;
    const terms = () => ({
      ...{ backed: DEPOSIT - ledger.stampsSigned, headroom: one.headroom, stampsSigned: ledger.stampsSigned },
    });
    const attempt = attemptOf(one, this.#place.clock.now());
    const { kind, pico } = one;
    if (kind === "reserve") return void (await ledger.reserve([attempt], terms));
    if (kind === "complete") {
      // A node stores what was sent: anybody may find its receipt, whoever sent it.
      const charged = ledger.attemptsOf(attempt.envelopeHash).find(({ originatorId }) => originatorId === one.node);
      if (!charged) return;
      const answer = { envelope: new Uint8Array(1), chargedPico: charged.reservedPico, answeredAt: 1 };
      return void (await ledger.complete(attempt, charged.reservedPico, answer));
    }
    if (kind === "release") return ledger.release([attempt]);
    if (kind === "refuse") return ledger.refuse([attempt], one.n);
    if (kind === "raise") return void (await ledger.raise(pico / 100_000n, terms));
    if (kind === "raiseStamps") {
      const spender = { app: "chat", user: USERS[one.n % 2]! };
      return void (await ledger.raiseStamps(stampsSigned + (pico % 500n), terms, spender));
    }
    if (kind === "settleUp") return void (await ledger.settleUp(() => terms().backed));
    if (kind === "tend") return ledger.tend((hash) => BigInt(hash) % 3n !== 0n);
    if (kind === "catchUp") return ledger.catchUp();
    // As kill -9 does: nobody is told.
    await this.start(i);
  }
}

/** What every process knows of every attempt. */
const inHand = ({ envelopeHash, originatorId, reservedPico, process }: Attempt) => {
  return `${envelopeHash} at ${originatorId}: ${reservedPico}, ${process === undefined ? "nobody" : process}`;
};

const EXPECTED = ["out_of_money", "demand_above_ledger", "budget_exhausted"];

async function takeAll(processes: Processes, steps: readonly Step[]): Promise<void> {
  // Whatever comes at once races for the channel.
  for (let i = 0; i < steps.length; i += 6) {
    const results = await Promise.allSettled(steps.slice(i, i + 6).map((one) => processes.take(one)));
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      const reason: unknown = result.reason;
      if (isGatewayError(reason)) expect(reason.code).to.be.oneOf(EXPECTED);
      else expect(String(reason)).to.match(/rolled back|nobody heard/);
    }
  }
}

/** What has to hold after every single step, whoever took it. */
function judge({ recorder }: Processes): Replay {
  const replay = new Replay();
  let [fees, stamps, usage, revision] = [0n, 0n, 0n, 0n];
  for (const one of recorder.steps) {
    replay.take(one);
    const { state } = one;
    const voucher = state.voucherRow ? readVoucher(DOMAIN, state.voucherRow) : { fees: 0n, stamps: 0n };
    expect(state.revision, "no step is lost or written twice").to.equal(revision + 1n);
    expect(voucher.fees >= fees && voucher.stamps >= stamps, "vouchers never go backwards").to.equal(true);
    expect(voucher.fees + voucher.stamps <= DEPOSIT, "nothing is signed that the deposit does not back").to.equal(true);
    expect(state.usagePico >= usage).to.equal(true);
    expect(picoToUnitsUp(state.usagePico + replay.inFlightPico) <= voucher.fees, "all that is out is covered").to.equal(
      true,
    );
    for (const user of USERS) {
      expect(replay.burdenOf(user) <= unitsToPico(BUDGET), `${user}'s budget holds`).to.equal(true);
    }
    const hands = new Map<string, Set<bigint | undefined>>();
    for (const { envelopeHash, process } of replay.attempts.values()) {
      hands.set(envelopeHash, (hands.get(envelopeHash) ?? new Set()).add(process));
    }
    for (const who of hands.values()) expect(who.size, "one process publishes an envelope, or nobody").to.equal(1);
    [fees, stamps, usage, revision] = [voucher.fees, voucher.stamps, state.usagePico, state.revision];
  }
  return replay;
}

onSharedStore("client/channel/ledger of several processes", (place) => {
  const holds = (name: string, lease: { leaseMs: number; graceMs: number }, faults: fc.Arbitrary<TurnFault>) =>
    it(name, async function () {
      this.timeout(300_000);
      const world = fc.record({
        count: fc.integer({ min: 2, max: 4 }),
        steps: fc.array(step, { minLength: 20, maxLength: 60 }),
        faults: fc.array(faults, { maxLength: 40 }),
      });
      await fc.assert(
        fc.asyncProperty(world, async ({ count, steps, faults: planned }) => {
          await place().empty();
          const processes = new Processes(place(), lease);
          for (let i = 0; i < count; i++) await processes.start(i);
          processes.recorder.faults = planned;
          await takeAll(processes, steps);
          processes.recorder.faults = [];
          const { attempts, refusals, inFlightPico, spent } = judge(processes);
          for (const ledger of processes.ledgers) await ledger.catchUp();
          const store = await place().open();
          const stored = (await store.loadChannel(CHANNEL)) ?? { usagePico: 0n, voucherRow: undefined, doubles: 0n };
          for (const ledger of processes.ledgers) {
            expect(ledger, "memory of each is what the store has").to.include({
              ...{ usagePico: stored.usagePico, inFlightPico, doubles: stored.doubles },
            });
            expect(ledger.voucherRow).to.deep.equal(stored.voucherRow);
            const known = ledger.attempts().map(inHand).sort();
            expect(known.join("\n")).to.equal([...attempts.values()].map(inHand).sort().join("\n"));
          }
          expect(await store.loadAttempts(CHANNEL)).to.have.deep.members([...attempts.values()]);
          expect(await store.loadRefusals(CHANNEL)).to.have.deep.members([...refusals.values()]);
          const rows = await store.spendPage(CHANNEL, { from: 0, to: 1_000_000 }, undefined, 100);
          const total = rows.reduce((sum, { postagePico }) => sum + postagePico, 0n);
          expect(total, "what was spent is what was used").to.equal(stored.usagePico);
          for (const user of USERS) {
            const own = rows.filter((row) => row.user === user);
            const pico = own.reduce((sum, row) => sum + row.postagePico + unitsToPico(row.stampUnits), 0n);
            expect(pico).to.equal(spent.get(user) ?? 0n);
          }
        }),
        // What interleaves differently each time cannot be made smaller.
        { numRuns: 25, endOnFailure: true },
      );
    });

  const patient = { leaseMs: 60_000, graceMs: 60_000 };
  holds(
    "signs forwards, covers all that is out and keeps every budget, however they interleave",
    patient,
    fc.constant("none"),
  );
  holds("and whatever becomes of their transactions", patient, fault);
  holds("and also while they take each other for gone all the time", { leaseMs: 1, graceMs: 0 }, fault);
});
