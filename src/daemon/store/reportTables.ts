import type { Hex } from "../../protocol/bytes.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import { packDebits, unpackDebits } from "../../protocol/report/debits.ts";
import { packRange, unpackRanges } from "../../protocol/report/packedRanges.ts";
import { reportFromJson, reportToJson } from "../../protocol/report/reportJson.ts";
import type { ReportContents, ReportState, ReportStore, ReportSummary } from "../reports/ports.ts";
import { packStamps, unpackStamps } from "../reports/stamps/stampRows.ts";
import { UsageLeaves } from "../reports/usageLeaves.ts";
import { bytesOf, hexOf } from "./encode.ts";
import { FactTable } from "./factTable.ts";
import type { ReportTable } from "./tables.ts";

const SUMMARY = ["digest", "epoch", "state", "attested_at", "final_at", "report"] as const;

/** Reports, and what metering keeps for them. */
export class ReportTables extends FactTable implements ReportStore {
  async put(digest: Hex, { report, ranges, usage, debits, stamps }: ReportContents, builtAt: number): Promise<void> {
    await this.engine.kysely
      .insertInto("reports")
      .values({
        ...{ digest: bytesOf(digest), epoch: report.epoch, report: JSON.stringify(reportToJson(report)) },
        ...{ ranges: concatBytes(...ranges.map(packRange)), usage_leaves: usage.packed, debits: packDebits(debits) },
        stamps: stamps ? packStamps(stamps) : null,
        ...{ state: "built", built_at: BigInt(builtAt), attested_at: null, final_at: null },
      })
      .onConflict((conflict) => conflict.column("digest").doNothing())
      .execute();
  }

  async get(digest: Hex): Promise<ReportContents | undefined> {
    const row = await this.engine.kysely
      .selectFrom("reports")
      .select(["report", "ranges", "usage_leaves", "debits", "stamps"])
      .where("digest", "=", bytesOf(digest))
      .executeTakeFirst();
    if (!row) return undefined;
    return {
      report: reportFromJson(JSON.parse(row.report)),
      ranges: unpackRanges(new Uint8Array(row.ranges)),
      usage: new UsageLeaves(new Uint8Array(row.usage_leaves)),
      debits: unpackDebits(new Uint8Array(row.debits)),
      ...(row.stamps ? { stamps: unpackStamps(new Uint8Array(row.stamps)) } : {}),
    };
  }

  async change(
    digest: Hex,
    { state, attestedAt, finalAt }: { state?: ReportState; attestedAt?: number; finalAt?: bigint },
  ): Promise<void> {
    await this.engine.kysely
      .updateTable("reports")
      .set({
        ...(state === undefined ? {} : { state }),
        ...(attestedAt === undefined ? {} : { attested_at: BigInt(attestedAt) }),
        ...(finalAt === undefined ? {} : { final_at: finalAt }),
      })
      .where("digest", "=", bytesOf(digest))
      .execute();
  }

  async latest(limit: number): Promise<ReportSummary[]> {
    const query = this.engine.kysely.selectFrom("reports").select(SUMMARY);
    const rows = await query.orderBy("epoch", "desc").orderBy("built_at", "desc").limit(limit).execute();
    return rows.map(toSummary);
  }

  async summary(digest: Hex): Promise<ReportSummary | undefined> {
    const query = this.engine.kysely.selectFrom("reports").select(SUMMARY);
    const row = await query.where("digest", "=", bytesOf(digest)).executeTakeFirst();
    return row && toSummary(row);
  }

  async expired(finalBefore: bigint, epochBefore: bigint, limit: number): Promise<ReportSummary[]> {
    const rows = await this.engine.kysely
      .selectFrom("reports")
      .select(SUMMARY)
      .where("epoch", "<", epochBefore)
      .where((eb) =>
        eb.or([
          eb.and([eb("state", "=", "final"), eb("final_at", "<", finalBefore)]),
          eb("state", "in", ["built", "void"]),
        ]),
      )
      .orderBy("epoch")
      .limit(limit)
      .execute();
    return rows.map(toSummary);
  }

  async drop(digest: Hex): Promise<void> {
    await this.engine.kysely.deleteFrom("reports").where("digest", "=", bytesOf(digest)).execute();
  }
}

function toSummary(row: Pick<ReportTable, (typeof SUMMARY)[number]>): ReportSummary {
  return {
    ...{ digest: hexOf(row.digest), epoch: row.epoch, state: row.state as ReportState },
    parent: reportFromJson(JSON.parse(row.report)).parent,
    ...(row.attested_at === null ? {} : { attestedAt: Number(row.attested_at) }),
    ...(row.final_at === null ? {} : { finalAt: row.final_at }),
  };
}
