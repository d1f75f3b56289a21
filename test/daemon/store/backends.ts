import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import Database from "better-sqlite3";

import { openStore } from "../../../src/daemon/store/openStore.ts";
import { openStoreInThread } from "../../../src/daemon/store/openStoreInThread.ts";
import type { StoreOptions } from "../../../src/daemon/store/openStore.ts";
import type { DaemonStore } from "../../../src/daemon/ports.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { queryPostgres, sharedPostgres } from "../../support/postgres.ts";
import { DOMAIN, NODE_ID } from "../support.ts";

/** A place for a store, and a look behind its back. */
export interface Place {
  at: string;
  query(text: string): Promise<Record<string, unknown>[]>;
}

export interface Backend {
  name: string;
  isShared: boolean;
  open(options: StoreOptions): Promise<DaemonStore>;
  /** Undefined where the database is not installed. */
  place(): Promise<Place | undefined>;
}

const sqlite: Backend = {
  name: "SQLite",
  isShared: false,
  open: openStore,
  place: async () => {
    const directory = mkdtempSync(join(tmpdir(), "pennyblack-store-"));
    directories.push(directory);
    const at = join(directory, "ledger.sqlite");
    const query = async (text: string) => {
      const database = new Database(at);
      try {
        const statement = database.prepare(text);
        return statement.reader ? (statement.all() as Record<string, unknown>[]) : (statement.run(), []);
      } finally {
        database.close();
      }
    };
    return { at, query };
  },
};

const postgres: Backend = {
  name: "PostgreSQL",
  isShared: true,
  open: openStore,
  place: async () => {
    const cluster = await sharedPostgres();
    if (!cluster) return undefined;
    const at = await cluster.create();
    return { at, query: (text) => queryPostgres(at, text) };
  },
};

/** As `pennyblack daemon` opens a file. */
const thread: Backend = {
  ...sqlite,
  name: "SQLite in a thread",
  open: ({ at, domain, nodeId, log, chargesPerGeneration }) =>
    openStoreInThread({ at, domain, nodeId, ...(chargesPerGeneration ? { chargesPerGeneration } : {}) }, log),
};

export const BACKENDS = [sqlite, thread, postgres];
/** Those whose clock and migrations a test can set. */
export const IN_PROCESS = [sqlite, postgres];

const directories: string[] = [];

/** One suite for both databases: `open` opens (again) the database that this test has, `place` says where it is. */
export function onBoth(title: string, suite: (store: Fixture, backend: Backend) => void, backends = BACKENDS): void {
  for (const backend of backends) {
    describe(`${title} on ${backend.name}`, () => {
      const fixture = new Fixture(backend);
      beforeEach(async function () {
        const place = await backend.place();
        if (!place) return this.skip();
        fixture.place = place;
      });
      afterEach(async () => {
        await fixture.closeAll();
        for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
      });
      suite(fixture, backend);
    });
  }
}

export class Fixture {
  place!: Place;
  readonly clock = new ManualClock();
  readonly #backend: Pick<Backend, "open">;
  #open: DaemonStore[] = [];

  constructor(backend: Pick<Backend, "open"> = postgres) {
    this.#backend = backend;
  }

  async open(changes: Partial<StoreOptions> = {}): Promise<DaemonStore> {
    const { clock } = this;
    const options = { at: this.place.at, domain: DOMAIN, nodeId: NODE_ID, clock, log: silentLog, ...changes };
    const store = await this.#backend.open(options);
    this.#open.push(store);
    return store;
  }

  async closeAll(): Promise<void> {
    for (const store of this.#open.splice(0)) await store.close();
  }
}

/** What an action throws; fails the test when it throws nothing. */
export async function failureOf(action: Promise<unknown>): Promise<Error> {
  try {
    await action;
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing failed");
}
