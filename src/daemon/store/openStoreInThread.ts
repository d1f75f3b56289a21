import { systemClock } from "../../platform/clock.ts";
import * as databaseErrors from "../../platform/database/errors.ts";
import type { Log } from "../../platform/log.ts";
import { openInThread } from "../../platform/storeThread/storeThread.ts";
import type { DaemonStore } from "../ports.ts";
import { UsageLeaves } from "../reports/usageLeaves.ts";
import { StaleTermError } from "../transactions/ports.ts";
import * as storeErrors from "./errors.ts";
import { isPostgres } from "../../platform/database/postgres.ts";
import type { StoreOptions } from "./openStore.ts";
import { openStore } from "./openStore.ts";

export type ThreadedStoreOptions = Pick<StoreOptions, "at" | "domain" | "nodeId" | "chargesPerGeneration">;

/** What runs in the thread. */
export function open(options: ThreadedStoreOptions, log: Log): Promise<DaemonStore> {
  return openStore({ ...options, clock: systemClock, log });
}

/**
 * The store as a program opens it: a file in a thread of its own, so that node and gate go on while a commit is flushed; of a
 * PostgreSQL server, which is elsewhere already, the connection here. Throws what `openStore` throws.
 */
export async function openStoreInThread(options: ThreadedStoreOptions, log: Log): Promise<DaemonStore> {
  if (isPostgres(options.at)) return open(options, log);
  const store = await openInThread<DaemonStore>({
    ...{ name: "the ledger", module: import.meta.url, data: options, log },
    errors: [...Object.values(databaseErrors), ...Object.values(storeErrors), StaleTermError],
  });
  return {
    ...store,
    reports: {
      ...store.reports,
      // No message carries a class.
      get: async (digest) => {
        const contents = await store.reports.get(digest);
        return contents && { ...contents, usage: new UsageLeaves(contents.usage.packed) };
      },
    },
  };
}
