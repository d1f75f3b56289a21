import { randomUUID } from "node:crypto";

import { sql } from "kysely";

import { StoreUnavailableError } from "../../../platform/database/errors.ts";
import { migrate } from "../../../platform/database/migrate.ts";
import type { PostgresLimits } from "../../../platform/database/postgres.ts";
import { POSTGRES_LIMITS, openPostgres } from "../../../platform/database/postgres.ts";
import { inTransaction } from "../../../platform/database/transactions.ts";
import type { Log } from "../../../platform/log.ts";
import { GatewayError } from "../../errors.ts";
import type { GatewayStore } from "../../ports.ts";
import { lockChannel } from "./lock.ts";
import { MIGRATIONS, VERSION_TABLE } from "./migrations.ts";
import { postgresReceipts } from "./receipts.ts";
import { postgresSpend } from "./spend.ts";
import type { Db, GatewayTables } from "./tables.ts";
import { bytesOf, toAttempt, toRefusal, toStoredChannel } from "./tables.ts";
import { postgresTopUps } from "./topUps.ts";
import { postgresTurns } from "./turn.ts";
import { writeSteps } from "./writeSteps.ts";

/** A turn only computes between its statements: whoever is silent for longer stands in everybody's way. */
export const GATEWAY_LIMITS: PostgresLimits = { ...POSTGRES_LIMITS, connections: 5, idleMs: 4_000 };

/**
 * The gateway's store in PostgreSQL, for several processes with one channel. Rejects with StoreVersionError, StoreNotDurableError,
 * and StoreUnavailableError when it does not answer; its methods reject with GatewayError `store_unavailable` then.
 */
export async function openPostgresStore(url: string, log: Log, limits = GATEWAY_LIMITS): Promise<GatewayStore> {
  const database = openPostgres<GatewayTables>(url, log, limits);
  try {
    await migrate(database, MIGRATIONS, VERSION_TABLE);
  } catch (error) {
    await database.close();
    throw error;
  }
  const { kysely } = database;
  return {
    ...typed({
      ...channelOf(kysely),
      ...postgresReceipts(kysely),
      ...postgresSpend(kysely),
      ...postgresTopUps(kysely),
    }),
    shared: typed(postgresTurns(database, randomUUID())),
    close: () => database.close(),
  };
}

function channelOf(
  db: Db,
): Pick<
  GatewayStore,
  "loadChannel" | "loadAttempts" | "loadRefusals" | "commit" | "flush" | "findAnswer" | "pruneAnswers"
> {
  return {
    async loadChannel(channel) {
      const channels = db.selectFrom("gateway_channels").selectAll().where("address", "=", bytesOf(channel));
      const row = await channels.where("revision", ">", 0n).executeTakeFirst();
      return row && toStoredChannel(row);
    },
    async loadAttempts(channel) {
      const rows = db.selectFrom("gateway_attempts").selectAll().where("channel", "=", bytesOf(channel));
      return (await rows.orderBy("started_at").execute()).map(toAttempt);
    },
    async loadRefusals(channel) {
      const rows = db.selectFrom("gateway_refusals").selectAll().where("channel", "=", bytesOf(channel));
      return (await rows.orderBy("refused_at").execute()).map(toRefusal);
    },
    commit: (step) =>
      inTransaction({ kysely: db }, async (trx) => {
        await lockChannel(trx, step.channel);
        await writeSteps(trx, step.channel, [step]);
      }),
    // A commit is on disk when it has returned.
    flush: async () => {},
    async findAnswer(channel, envelopeHash) {
      const answers = db.selectFrom("gateway_answers").selectAll().where("channel", "=", bytesOf(channel));
      const row = await answers.where("envelope_hash", "=", bytesOf(envelopeHash)).executeTakeFirst();
      if (!row) return undefined;
      const { envelope, charged_pico, answered_at } = row;
      return {
        envelope: new Uint8Array(envelope),
        chargedPico: BigInt(charged_pico),
        answeredAt: Number(answered_at),
      };
    },
    async pruneAnswers(channel, beforeMs, limit) {
      const { numAffectedRows } = await sql`
        delete from gateway_answers where ctid in (
          select ctid from gateway_answers where channel = ${bytesOf(channel)} and answered_at < ${BigInt(beforeMs)}
          order by answered_at limit ${limit})`.execute(db);
      return Number(numAffectedRows ?? 0n);
    },
  };
}

/** The same, with a database that is away as a GatewayError that is worth another try. */
function typed<T extends object>(methods: T): T {
  const wrapped = Object.entries(methods).map(([name, method]: [string, (...args: unknown[]) => Promise<unknown>]) => [
    name,
    async (...args: unknown[]) => {
      try {
        return await method(...args);
      } catch (cause) {
        if (!(cause instanceof StoreUnavailableError)) throw cause;
        throw new GatewayError("store_unavailable", `${cause.message}: send the same bytes again`, {
          ...{ retryable: true, cause },
        });
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}
