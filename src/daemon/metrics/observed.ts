import type { Clock } from "../../platform/clock.ts";
import type { CallObserver } from "../../platform/metrics/observeCalls.ts";
import { observeCalls } from "../../platform/metrics/observeCalls.ts";
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

function observed<T extends object>(store: T, recorder: Recorder, clock: Clock, after: CallObserver<T>["after"]): T {
  const took = (operation: string, seconds: number) => recorder.observe("storeSeconds", seconds, { operation });
  const failed = (operation: string) => recorder.count("storeFailures", 1, { operation });
  return observeCalls(store, { took, failed, ...(after ? { after } : {}) }, clock);
}

function observeHoldings(holdings: HoldingStore, recorder: Recorder, clock: Clock): HoldingStore {
  return observed(holdings, recorder, clock, {
    exchange: ([{ asks }]) => recorder.count("vouchersRaised", asks.filter(({ raise }) => raise).length),
  });
}

function observeLedger(ledger: LedgerStore, recorder: Recorder, clock: Clock): LedgerStore {
  return observed(ledger, recorder, clock, {
    raise: ([vouchers]) => recorder.count("vouchersRaised", vouchers.length),
    meter([{ after, upTo }], charged) {
      recorder.count("envelopesMetered", Number(upTo - after));
      recorder.count("charges", charged.length);
    },
  });
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
