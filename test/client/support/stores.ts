import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openPostgresStore } from "../../../src/client/adapters/postgres/postgresStore.ts";
import { openSqliteStore } from "../../../src/client/adapters/sqliteStore.ts";
import type { LedgerOptions } from "../../../src/client/channel/ledger.ts";
import { ChannelLedger } from "../../../src/client/channel/ledger.ts";
import type { GatewayStore } from "../../../src/client/ports.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { queryPostgres, sharedPostgres } from "../../support/postgres.ts";
import { DOMAIN, POSTAGE_KEY } from "./fakeNetwork.ts";

export interface StoreFlavour {
  name: "SQLite" | "PostgreSQL";
  isShared: boolean;
}

const SQLITE: StoreFlavour = { name: "SQLite", isShared: false };
const POSTGRES: StoreFlavour = { name: "PostgreSQL", isShared: true };

const TABLES = ["channels", "processes", "steps", "attempts", "refusals", "answers", "receipts", "spend", "top_ups"];

/** The place of one test's store; every `open` opens it anew. */
export class StorePlace {
  readonly clock = new ManualClock();
  readonly #directory = mkdtempSync(join(tmpdir(), "pennyblack-gateway-store-"));
  readonly #url: string | undefined;
  #open: GatewayStore[] = [];
  #file = "gateway.sqlite";
  #files = 0;

  /** @param url of a database; a file when left out */
  constructor(url: string | undefined) {
    this.#url = url;
  }

  async open(): Promise<GatewayStore> {
    const store = this.#url
      ? await openPostgresStore(this.#url, silentLog)
      : openSqliteStore(join(this.#directory, this.#file));
    this.#open.push(store);
    return store;
  }

  async ledger(changes: Partial<LedgerOptions> = {}): Promise<ChannelLedger> {
    const store = changes.store ?? (await this.open());
    const fixed = { domain: DOMAIN, postageKey: POSTAGE_KEY, clock: this.clock, log: silentLog };
    return ChannelLedger.open({ ...fixed, leaseMs: 15_000, graceMs: 10_000, ...changes, store });
  }

  /** Forgets everything. */
  async empty(): Promise<void> {
    for (const store of this.#open.splice(0)) await store.close();
    if (this.#url) {
      for (const table of TABLES) await this.query(`truncate gateway_${table}`).catch(() => {});
    } else this.#file = `gateway-${this.#files++}.sqlite`;
  }

  /** Behind the store's back. */
  query(text: string): Promise<Record<string, unknown>[]> {
    return queryPostgres(this.#url!, text);
  }

  async remove(): Promise<void> {
    for (const store of this.#open.splice(0)) await store.close();
    rmSync(this.#directory, { recursive: true });
  }
}

/** One suite for every kind of store. */
export function onEveryStore(
  title: string,
  suite: (place: () => StorePlace, flavour: StoreFlavour) => void,
  flavours = [SQLITE, POSTGRES],
): void {
  for (const flavour of flavours) {
    describe(`${title} on ${flavour.name}`, () => {
      let place: StorePlace;
      beforeEach(async function () {
        const cluster = flavour.isShared ? await sharedPostgres() : undefined;
        if (flavour.isShared && !cluster) return this.skip();
        place = new StorePlace(await cluster?.create());
      });
      afterEach(() => place?.remove());
      suite(() => place, flavour);
    });
  }
}

export const onSharedStore = (title: string, suite: (place: () => StorePlace) => void) =>
  onEveryStore(title, suite, [POSTGRES]);
