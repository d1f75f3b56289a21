import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import type { Log } from "../../platform/log.ts";
import type { GatewayStore } from "../ports.ts";
import { openPostgresStore } from "./postgres/postgresStore.ts";
import { openSqliteStore } from "./sqliteStore.ts";
import { openSqliteStoreInThread } from "./sqliteStoreThread.ts";

/** Where a gateway keeps its ledger: a PostgreSQL that several processes may share, or a file of its own. */
export interface StorePlace {
  dataDirectory?: string;
  databaseUrl?: string;
}

/** In a data directory. */
export const STORE_FILE = "gateway.sqlite";

/** Rejects when the directory cannot be written, as `openPostgresStore` does, and with TypeError when no place is named. */
export async function openGatewayStore({ dataDirectory, databaseUrl }: StorePlace, log: Log): Promise<GatewayStore> {
  if (databaseUrl !== undefined) return openPostgresStore(databaseUrl, log);
  if (dataDirectory === undefined) throw new TypeError("name a dataDirectory, or a databaseUrl");
  mkdirSync(dataDirectory, { recursive: true });
  return openSqliteStoreInThread(join(dataDirectory, STORE_FILE), log);
}

/** For a look at it from another process, where there is one. */
export async function lookIntoStore(
  { dataDirectory, databaseUrl }: Required<Pick<StorePlace, "dataDirectory">> & StorePlace,
  log: Log,
): Promise<GatewayStore | { missing: string }> {
  if (databaseUrl !== undefined) return openPostgresStore(databaseUrl, log);
  const path = join(dataDirectory, STORE_FILE);
  return existsSync(path) ? openSqliteStore(path) : { missing: path };
}
