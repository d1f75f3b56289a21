import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import Database from "better-sqlite3";
import { expect } from "chai";
import { sql } from "kysely";

import { LedgerDomainError, LedgerInUseError, LedgerNodeError } from "../../../src/daemon/store/errors.ts";
import { LedgerTables } from "../../../src/daemon/store/ledgerTables.ts";
import { MIGRATIONS } from "../../../src/daemon/store/migrations.ts";
import { openSqliteEngine } from "../../../src/daemon/store/sqliteEngine.ts";
import {
  StoreNotDurableError,
  StoreUnavailableError,
  StoreVersionError,
} from "../../../src/platform/database/errors.ts";
import type { Migration } from "../../../src/platform/database/migrate.ts";
import { DOMAIN, NODE_ID } from "../support.ts";
import type { Backend, Fixture } from "./backends.ts";
import { IN_PROCESS, failureOf, onBoth } from "./backends.ts";

const CHILD = fileURLToPath(new URL("migrationChild.ts", import.meta.url));

onBoth("store/open", opens, IN_PROCESS);

function opens(fixture: Fixture, { isShared }: Backend): void {
  it("53: refuses the ledger of another chain, contract or node, and says whose it is", async () => {
    await (await fixture.open()).close();
    for (const domain of [
      { ...DOMAIN, chainId: 1n },
      { ...DOMAIN, postageChannels: `0x${"bb".repeat(20)}` as const },
    ]) {
      const error = await failureOf(fixture.open({ domain }));
      expect(error).to.be.instanceOf(LedgerDomainError);
      expect(error.message).to.include(`31337:${DOMAIN.postageChannels}`).and.include("its own file");
    }
    const error = await failureOf(fixture.open({ nodeId: NODE_ID + 100 }));
    expect(error).to.be.instanceOf(LedgerNodeError);
    expect(error.message).to.include("node 100, not of node 200");
    expect(await (await fixture.open()).ledger.meterCursor(NODE_ID)).to.equal(0n);
  });

  it("refuses a newer schema and leaves it alone", async () => {
    const newer: Migration[] = [...MIGRATIONS, () => ["create table later (a text)"]];
    await (await fixture.open({ migrations: newer })).close();
    const error = await failureOf(fixture.open());
    expect(error).to.be.instanceOf(StoreVersionError);
    expect(error.message).to.include(`has version ${newer.length}`).and.include("run the newer program");
    await (await fixture.open({ migrations: newer })).close();
  });

  it("61: a migration that fails half way, or is killed there, leaves the version before it", async () => {
    await (await fixture.open()).close();
    const broken: Migration[] = [...MIGRATIONS, () => ["create table half (a text)", "create table half (a text)"]];
    await failureOf(fixture.open({ migrations: broken }));
    const child = spawn(process.execPath, ["--import", "tsx", CHILD, fixture.place.at], { stdio: "inherit" });
    const [, signal] = (await once(child, "exit")) as [number | null, string | null];
    expect(signal, "it died between two statements").to.equal("SIGKILL");
    const mended: Migration[] = [...MIGRATIONS, () => ["create table half (a text)"]];
    await fixture.open({ migrations: mended });
    await fixture.closeAll();
    expect(await fixture.place.query("select version from store_version")).to.have.length(1);
  });

  if (isShared) {
    it("lets several processes start at once on an empty database", async () => {
      const stores = await Promise.all(Array.from({ length: 5 }, () => fixture.open()));
      expect(stores.map((store) => store.isShared)).to.deep.equal(Array(5).fill(true));
      await Promise.all(stores.map(({ ledger }, i) => ledger.raiseHighWater(BigInt(i))));
      expect(await stores[0]!.ledger.raiseHighWater(0n)).to.equal(4n);
    });

    it("refuses a server that would forget, and says what to set", async () => {
      const name = new URL(fixture.place.at).pathname.slice(1);
      await fixture.place.query(`alter database ${name} set synchronous_commit = off`);
      const error = await failureOf(fixture.open());
      expect(error).to.be.instanceOf(StoreNotDurableError);
      expect(error.message).to.include("Set synchronous_commit = on");
      await fixture.place.query(`alter database ${name} set synchronous_commit = remote_apply`);
      await fixture.open();
    });

    it("names the server without the password when it does not answer", async () => {
      const error = await failureOf(fixture.open({ at: "postgres://user:secret@127.0.0.1:1/ledger" }));
      expect(error).to.be.instanceOf(StoreUnavailableError);
      expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.to.include("secret");
    });
  } else {
    it("53: refuses the file while another process has it, and says what to do", async () => {
      await fixture.open();
      const error = await failureOf(fixture.open());
      expect(error).to.be.instanceOf(LedgerInUseError);
      expect(error.message).to.include("another process has").and.include("databaseUrl");
      await fixture.closeAll();
      await fixture.open();
    });

    it("refuses a ledger from before the first release, and says what becomes of it", async () => {
      const old = new Database(fixture.place.at);
      old.exec("create table facts (name text); pragma user_version = 2");
      old.close();
      const error = await failureOf(fixture.open());
      expect(error).to.be.instanceOf(StoreVersionError);
      expect(error.message).to.include("unreleased").and.include("move it away");
    });

    it("54: a full disk acknowledges nothing, and the ledger goes on when there is room again", async () => {
      await (await fixture.open()).close();
      const engine = openSqliteEngine(fixture.place.at, fixture.clock);
      const ledger = new LedgerTables(engine);
      const [{ page_count }] = (await fixture.place.query("pragma page_count")) as [{ page_count: number }];
      const allow = (pages: number) => sql.raw(`pragma max_page_count = ${pages}`).execute(engine.kysely);
      const charges = Array.from({ length: 500 }, (_, i) => ({
        ...{ channel: `0x${String(i).padStart(40, "0")}` as const, digest: String(i).padStart(32, "0"), feePico: 1n },
      }));
      await allow(page_count + 2);
      const batch = { originatorId: 200, after: 0n, upTo: 500n, charges, minuteCounts: new Map<bigint, bigint>() };
      const error = await failureOf(ledger.meter(batch));
      expect(error).to.be.instanceOf(StoreUnavailableError);
      expect(error.message).to.include("SQLITE_FULL").and.include("free space");
      expect(await ledger.meterCursor(200)).to.equal(0n);
      expect(await ledger.accounts(undefined, 10)).to.deep.equal([]);
      await allow(1_000_000);
      expect(await ledger.meter(batch)).to.have.length(500);
      await engine.close();
    });
  }
}
