import { systemClock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { openInThread } from "../../platform/storeThread/storeThread.ts";
import type { DaemonStore } from "../ports.ts";
import { StaleTermError } from "../transactions/ports.ts";
import * as errors from "./errors.ts";
import type { StoreOptions } from "./openStore.ts";
import { isPostgres, openStore } from "./openStore.ts";

type Place = Pick<StoreOptions, "at" | "domain" | "nodeId">;

/** What runs in the thread. */
export function open(place: Place, log: Log): Promise<DaemonStore> {
  return openStore({ ...place, clock: systemClock, log });
}

/** `openStore` by the system's clock; a SQLite file in a thread of its own, so that no commit keeps publishes waiting. */
export function openStoreInThread({ log, ...place }: Place & { log: Log }): Promise<DaemonStore> {
  if (isPostgres(place.at)) return open(place, log);
  return openInThread({
    ...{ name: "the daemon's store", module: import.meta.url, data: place, log },
    errors: [...Object.values(errors), StaleTermError],
  });
}
