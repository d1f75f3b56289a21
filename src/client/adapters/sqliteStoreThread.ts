import type { Log } from "../../platform/log.ts";
import { openInThread } from "../../platform/storeThread/storeThread.ts";
import { GatewayError } from "../errors.ts";
import type { GatewayStore } from "../ports.ts";
import { openSqliteStore } from "./sqliteStore.ts";

/** What runs in the thread. */
export function open(path: string): GatewayStore {
  return openSqliteStore(path);
}

/** The gateway's store in a thread of its own: while a commit is flushed, other publishes and queries go on. */
export function openSqliteStoreInThread(path: string, log: Log): Promise<GatewayStore> {
  const module = import.meta.url;
  return openInThread({ name: "the gateway's store", module, data: path, log, errors: [GatewayError] });
}
