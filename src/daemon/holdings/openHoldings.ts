import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Ledger } from "../ledger.ts";
import type { DaemonStore } from "../ports.ts";
import { MemoryHoldings } from "./memoryHoldings.ts";
import type { Holdings } from "./ports.ts";
import { SharedHoldings } from "./sharedHoldings.ts";

/** In memory where nobody else has the database, and else in it. */
export function openHoldings({
  store: { holdings: store },
  ledger,
  ...context
}: {
  store: Pick<DaemonStore, "holdings">;
  ledger: Ledger;
  clock: Clock;
  log: Log;
}): Holdings {
  return store ? new SharedHoldings({ store, ledger, ...context }) : new MemoryHoldings(ledger);
}
