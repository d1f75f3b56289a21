import type { Clock } from "../../platform/clock.ts";
import type { Migration } from "../../platform/database/migrate.ts";
import { migrate } from "../../platform/database/migrate.ts";
import type { PostgresLimits } from "../../platform/database/postgres.ts";
import { isPostgres } from "../../platform/database/postgres.ts";
import { inTransaction } from "../../platform/database/transactions.ts";
import type { Log } from "../../platform/log.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import type { DaemonStore } from "../ports.ts";
import { ChargeBook } from "./charges/chargeBook.ts";
import type { Engine } from "./engine.ts";
import { LedgerDomainError, LedgerNodeError } from "./errors.ts";
import { EvidenceTable } from "./evidenceTable.ts";
import { HoldingTables } from "./holdingTables.ts";
import { IntentTables } from "./intentTables.ts";
import { LeadershipTable, endLease } from "./leadershipTable.ts";
import { LedgerTables } from "./ledgerTables.ts";
import { NoteTables } from "./noteTables.ts";
import { MIGRATIONS } from "./migrations.ts";
import { openPostgresEngine } from "./postgresEngine.ts";
import { ReportTables } from "./reportTables.ts";
import { openSqliteEngine } from "./sqliteEngine.ts";

export interface StoreOptions {
  /** A `postgres://` URL, or the path of a SQLite file; `:memory:` for a test. */
  at: string;
  domain: PostageDomain;
  nodeId: number;
  clock: Clock;
  log: Log;
  limits?: PostgresLimits;
  migrations?: readonly Migration[];
  /** Charges of a generation, see ChargeBook. */
  chargesPerGeneration?: number;
}

/**
 * Opens a daemon's database and brings its schema up to date.
 * Throws LedgerInUseError (a file that another process has), StoreVersionError, LedgerDomainError and LedgerNodeError
 * (somebody else's), StoreNotDurableError, and StoreUnavailableError when it does not answer.
 */
export async function openStore(options: StoreOptions): Promise<DaemonStore> {
  const { at, clock, log, limits, migrations = MIGRATIONS } = options;
  const engine = isPostgres(at) ? openPostgresEngine(at, log, limits) : openSqliteEngine(at, clock);
  try {
    await migrate(engine, migrations);
    await bind(engine, options);
    if (!engine.isShared) await endLease(engine);
  } catch (error) {
    await engine.close();
    throw error;
  }
  const book = new ChargeBook(engine, options.chargesPerGeneration);
  return {
    ledger: new LedgerTables(engine, book),
    evidence: new EvidenceTable(engine),
    intents: new IntentTables(engine),
    leadership: new LeadershipTable(engine),
    holdings: engine.isShared ? new HoldingTables(engine, book) : undefined,
    reports: new ReportTables(engine),
    stamps: new NoteTables(engine),
    isShared: engine.isShared,
    close: async () => {
      await book.settle();
      await engine.close();
    },
  };
}

/** A database belongs to one node of one deployment, from its first use on. */
async function bind(engine: Engine, { domain, nodeId }: StoreOptions): Promise<void> {
  const asked = `${domain.chainId}:${domain.postageChannels}`;
  const found = await inTransaction(engine, async (trx) => {
    await trx
      .insertInto("ledger")
      .values({ one: 1n, domain: asked, node_id: BigInt(nodeId), high_water: new Uint8Array(8) })
      .onConflict((conflict) => conflict.column("one").doNothing())
      .execute();
    return trx.selectFrom("ledger").select(["domain", "node_id"]).executeTakeFirstOrThrow();
  });
  if (found.domain !== asked) {
    const problem = `${engine.name} is the ledger of ${found.domain}, not of ${asked}`;
    throw new LedgerDomainError(`${problem}: give this daemon its own file or database`);
  }
  if (found.node_id !== BigInt(nodeId)) {
    const problem = `${engine.name} is the ledger of node ${found.node_id}, not of node ${nodeId}`;
    throw new LedgerNodeError(`${problem}: give each node its own file or database`);
  }
}
