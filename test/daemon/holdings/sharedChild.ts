/**
 * One of several processes of a node, until it is killed: `node --import tsx sharedChild.ts <database> <log file> <messages> <seed>`.
 * It admits messages that the others want too, and has the node, which is the file, store each that is held for it alone. A
 * line of the file is a message; a node of this kind stores what comes twice twice. The payer has signed for so many messages.
 */
import { appendFileSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Gate } from "../../../src/daemon/gate.ts";
import { SharedHoldings } from "../../../src/daemon/holdings/sharedHoldings.ts";
import { Ledger } from "../../../src/daemon/ledger.ts";
import { Meter } from "../../../src/daemon/meter.ts";
import type { EnvelopeLog } from "../../../src/daemon/ports.ts";
import { RateBook } from "../../../src/daemon/rateBook.ts";
import { PostageRefused } from "../../../src/daemon/refusal.ts";
import { openStore } from "../../../src/daemon/store/openStore.ts";
import { systemClock as clock } from "../../../src/platform/clock.ts";
import { silentLog as log } from "../../../src/platform/log.ts";
import { RETENTION_DAYS, originatorEnvelope } from "../../support/envelopes.ts";
import { Random } from "../../simulation/random.ts";
import { DOMAIN, NODE_ID, PAYER_KEY, RATES, headerOf } from "../support.ts";
import { envelopeOf, feesOf } from "./support.ts";

/** Long enough for a machine that is busy with other tests. */
export const LEASE_MS = 1_500;
export const GRACE_MS = 500;
/** So many messages at a time are wanted by everybody. */
const WANTED = 8;
const AT_ONCE = 6;
const NS = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;
const NODE_KEY = new Uint8Array(32).fill(0x22);

export function messagesIn(file: string): number[] {
  return readFileSync(file, "utf8").split("\n").slice(0, -1).map(Number);
}

/** The first that are not stored: what the dead one had and did not send stays wanted. */
function wantedBeside(stored: ReadonlySet<number>): number[] {
  const wanted: number[] = [];
  for (let n = 0; wanted.length < WANTED; n++) if (!stored.has(n)) wanted.push(n);
  return wanted;
}

/** The node's log as its daemons read it. */
export function fileLog(file: string): EnvelopeLog {
  return {
    originators: async () => [NODE_ID],
    read: async (_id, after, limit) =>
      messagesIn(file)
        .slice(Number(after), Number(after) + limit)
        .map((n, i) => {
          const place = { originatorId: NODE_ID, sequenceId: after + BigInt(i) + 1n, originatorNs: NS };
          return { sequenceId: place.sequenceId, envelope: originatorEnvelope(envelopeOf(n).bytes, place, NODE_KEY) };
        }),
    onAppend: () => () => {},
  };
}

export async function openProcess(at: string, file: string) {
  const store = await openStore({ at, domain: DOMAIN, nodeId: NODE_ID, clock, log });
  const ledger = new Ledger(store.ledger, { isShared: true });
  const options = { ledger, store: store.holdings!, clock, log, leaseMs: LEASE_MS, graceMs: GRACE_MS };
  const holdings = new SharedHoldings(options);
  const rateBook = new RateBook();
  rateBook.update([RATES], RETENTION_DAYS);
  const gate = new Gate({
    ...{ nodeId: NODE_ID, domain: DOMAIN, ledger, rateBook, clock, holdings },
    ...{ exposureCap: 1_000_000_000n, chainDoubt: () => 0, isCaughtUp: () => true, seats: () => 4 },
    ...{ isReady: () => true, onShareUsed: () => {} },
  });
  const meter = new Meter({ envelopeLog: fileLog(file), store: store.ledger, ledger, holdings, rateBook, log });
  return { store, ledger, holdings, gate, meter };
}

// The test runner loads this file too.
if (process.argv[1] === fileURLToPath(import.meta.url)) await work(process.argv.slice(2));

async function work([at, file, most, seed]: string[]): Promise<never> {
  const { holdings, gate, meter } = await openProcess(at!, file!);
  const random = new Random(Number(seed));
  const voucherHeader = headerOf(feesOf(Number(most)), PAYER_KEY);
  await holdings.tend();
  writeSync(1, "ready\n");
  const publish = async () => {
    for (;;) {
      const n = random.pick(wantedBeside(new Set(messagesIn(file!))));
      try {
        const hold = await gate.admit({ envelopes: [envelopeOf(n)], voucherHeader });
        const isSent = hold.isHeld() && random.chance(0.8);
        if (isSent) appendFileSync(file!, `${n}\n`);
        hold.release(isSent);
      } catch (error) {
        if (!(error instanceof PostageRefused)) throw error;
        await sleep(5);
      }
    }
  };
  const tend = async () => {
    for (;;) {
      await holdings.tend();
      await meter.drain();
      await holdings.noteRound();
      await sleep(20);
    }
  };
  await Promise.all([tend(), ...Array.from({ length: AT_ONCE }, publish)]);
  throw new Error("it never ends by itself");
}
