import type { Clock } from "../../platform/clock.ts";
import type { Gate } from "../gate.ts";
import type { Hold, HoldingStore } from "../holdings/ports.ts";
import type { DaemonStore, GossipTransport, LedgerStore } from "../ports.ts";
import { PostageRefused } from "../refusal.ts";
import type { IntentStore, Leadership } from "../transactions/ports.ts";
import type { Recorder } from "./ports.ts";

type Door = Pick<Gate, "admit" | "isOpen">;

/** The same gate; how it decides, and how long a publish takes until it is stored, is noted. */
export function observeGate(gate: Door, recorder: Recorder, clock: Clock): Door {
  let waiting = 0;
  let unacknowledged = 0;
  const noteWaiting = (by: number) => recorder.set("publishesWaiting", (waiting += by));
  const noteUnacknowledged = (by: number) => recorder.set("publishesUnacknowledged", (unacknowledged += by));
  return {
    isOpen: () => gate.isOpen(),
    async admit(call): Promise<Hold> {
      const from = clock.elapsed();
      const seconds = () => (clock.elapsed() - from) / 1_000;
      noteWaiting(1);
      let admission: Hold;
      try {
        admission = await gate.admit(call);
      } catch (error) {
        recorder.count("publishes", 1, { result: error instanceof PostageRefused ? error.refusal : "failed" });
        throw error;
      } finally {
        noteWaiting(-1);
      }
      recorder.count("publishes", 1, { result: "accepted" });
      recorder.observe("admissionSeconds", seconds());
      noteUnacknowledged(1);
      let isOver = false;
      return {
        isHeld: () => admission.isHeld(),
        release(stored) {
          admission.release(stored);
          if (isOver) return;
          isOver = true;
          noteUnacknowledged(-1);
          if (stored) recorder.observe("acknowledgeSeconds", seconds());
        },
      };
    },
  };
}

export function observeTransport(transport: GossipTransport, recorder: Recorder): GossipTransport {
  return {
    async send(httpAddress, rows, signal) {
      try {
        await transport.send(httpAddress, rows, signal);
        recorder.count("gossipSends", 1, { result: "ok" });
      } catch (error) {
        recorder.count("gossipSends", 1, { result: "failed" });
        throw error;
      }
    },
  };
}

/** The same store; what is written, and how long each call takes, is noted. */
export function observeStore(store: DaemonStore, recorder: Recorder, clock: Clock): DaemonStore {
  return {
    ledger: observeLedger(store.ledger, recorder, clock),
    evidence: store.evidence,
    intents: observeIntents(store.intents, recorder),
    leadership: observeLeadership(store.leadership, recorder),
    holdings: store.holdings && observeHoldings(store.holdings, recorder, clock),
    reports: store.reports,
    stamps: store.stamps,
    isShared: store.isShared,
    close: () => store.close(),
  };
}

function timedBy(recorder: Recorder, clock: Clock) {
  return async <T>(operation: string, call: () => Promise<T>): Promise<T> => {
    const from = clock.elapsed();
    try {
      const result = await call();
      recorder.observe("storeSeconds", (clock.elapsed() - from) / 1_000, { operation });
      return result;
    } catch (error) {
      recorder.count("storeFailures", 1, { operation });
      throw error;
    }
  };
}

function observeHoldings(holdings: HoldingStore, recorder: Recorder, clock: Clock): HoldingStore {
  const timed = timedBy(recorder, clock);
  return {
    enter: (leaseMs) => timed("enter", () => holdings.enter(leaseMs)),
    renew: (process, leaseMs) => timed("renew", () => holdings.renew(process, leaseMs)),
    leave: (process, agoMs) => timed("leave", () => holdings.leave(process, agoMs)),
    async exchange(asked) {
      const exchanged = await timed("exchange", () => holdings.exchange(asked));
      recorder.count("vouchersRaised", asked.asks.filter(({ raise }) => raise).length);
      return exchanged;
    },
    forget: (process, keys) => timed("forget", () => holdings.forget(process, keys)),
    noteRound: (process) => timed("noteRound", () => holdings.noteRound(process)),
    gone: (graceMs) => timed("gone", () => holdings.gone(graceMs)),
    drain: (gone, heir, graceMs) => timed("drain", () => holdings.drain(gone, heir, graceMs)),
  };
}

function observeLedger(ledger: LedgerStore, recorder: Recorder, clock: Clock): LedgerStore {
  const timed = timedBy(recorder, clock);
  return {
    account: (channel) => timed("account", () => ledger.account(channel)),
    accountsOf: (channels) => timed("accountsOf", () => ledger.accountsOf(channels)),
    accounts: (after, limit) => timed("accounts", () => ledger.accounts(after, limit)),
    chargedOf: (charges) => timed("chargedOf", () => ledger.chargedOf(charges)),
    async raise(vouchers) {
      await timed("raise", () => ledger.raise(vouchers));
      recorder.count("vouchersRaised", vouchers.length);
    },
    recordChain: (progress) => timed("recordChain", () => ledger.recordChain(progress)),
    chainCursor: () => timed("chainCursor", () => ledger.chainCursor()),
    journal: () => timed("journal", () => ledger.journal()),
    finalized: () => timed("finalized", () => ledger.finalized()),
    async meter(batch) {
      const charged = await timed("meter", () => ledger.meter(batch));
      recorder.count("envelopesMetered", Number(batch.upTo - batch.after));
      recorder.count("charges", charged.length);
      return charged;
    },
    meterCursor: (originatorId) => timed("meterCursor", () => ledger.meterCursor(originatorId)),
    minuteCounts: (...minutes) => timed("minuteCounts", () => ledger.minuteCounts(...minutes)),
    hours: (...hours) => timed("hours", () => ledger.hours(...hours)),
    stampsUsed: (channels) => timed("stampsUsed", () => ledger.stampsUsed(channels)),
    size: () => timed("size", () => ledger.size()),
    raiseHighWater: (sequenceId) => timed("raiseHighWater", () => ledger.raiseHighWater(sequenceId)),
  };
}

function observeIntents(intents: IntentStore, recorder: Recorder): IntentStore {
  return {
    open: (from) => intents.open(from),
    async begin(intent, term) {
      const begun = await intents.begin(intent, term);
      recorder.count("transactionsBegun", 1, { lane: intent.lane, kind: intent.kind });
      return begun;
    },
    async addAttempt(id, attempt, term) {
      await intents.addAttempt(id, attempt, term);
      recorder.count("transactionAttempts");
    },
    reopen: (from, aboveBlock, term) => intents.reopen(from, aboveBlock, term),
    setMined: (id, mined, term) => intents.setMined(id, mined, term),
    async finish(id, outcome, term) {
      await intents.finish(id, outcome, term);
      recorder.count("transactionsEnded", 1, { outcome });
    },
    recent: (limit) => intents.recent(limit),
  };
}

function observeLeadership(leadership: Leadership, recorder: Recorder): Leadership {
  return {
    async hold(holder, leaseMs) {
      const term = await leadership.hold(holder, leaseMs);
      recorder.set("leads", term === undefined ? 0 : 1);
      return term;
    },
    async release(holder) {
      await leadership.release(holder);
      recorder.set("leads", 0);
    },
  };
}
