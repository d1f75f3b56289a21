import { RateBook } from "../../../src/daemon/rateBook.ts";
import type { BuildRequest, BuildSources, ChannelBacking } from "../../../src/daemon/reports/buildReport.ts";
import { buildReport } from "../../../src/daemon/reports/buildReport.ts";
import { LogWalk } from "../../../src/daemon/reports/logWalk.ts";
import type { FactStore, ReportContents } from "../../../src/daemon/reports/ports.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import type { LogRange } from "../../../src/protocol/report/leaves.ts";
import type { ReportsDomain } from "../../../src/protocol/report/report.ts";
import { NO_PARENT } from "../../../src/protocol/report/report.ts";
import { RETENTION_DAYS } from "../../support/envelopes.ts";
import { RATES } from "../support.ts";

export const REPORTS: ReportsDomain = { chainId: 31337n, epochReports: "0x00000000000000000000000000000000000000e5" };
/** Epochs of 12 hours; the first of January 2026 begins one. */
export const EPOCH_SECONDS = 43_200n;
export const EPOCH = BigInt(Date.UTC(2026, 0, 1)) / 1_000n / EPOCH_SECONDS;
export const EPOCH_END = (EPOCH + 1n) * EPOCH_SECONDS;
export const IN_EPOCH_NS = EPOCH * EPOCH_SECONDS * 1_000_000_000n;
export const SECOND_NS = 1_000_000_000n;

export function ratesOf(rates = RATES): RateBook {
  const book = new RateBook();
  book.update([rates], RETENTION_DAYS);
  return book;
}

export interface Money {
  backing?: Record<Address, Partial<ChannelBacking>>;
  signed?: Record<Address, bigint>;
}

export function sourcesOf(
  facts: Pick<FactStore, "pages">,
  { backing = {}, signed = {} }: Money = {},
  rates = ratesOf(),
): BuildSources {
  const nothing = { deposited: 0n, stampsSpent: 0n, feesSpent: 0n };
  return {
    ...{ domain: REPORTS, facts, rates },
    backing: async () =>
      new Map(Object.entries(backing).map(([channel, state]) => [channel as Address, { ...nothing, ...state }])),
    signedFees: async () => new Map(Object.entries(signed) as [Address, bigint][]),
  };
}

/** What a node that agrees with itself reports of all it has. */
export async function reportAll(
  sources: BuildSources,
  originators: readonly number[],
  changes: Partial<BuildRequest> = {},
  parent?: ReportContents & { digest: `0x${string}` },
) {
  const { epoch = EPOCH } = changes;
  const ranges: LogRange[] = [];
  for (const originatorId of [...originators].sort((a, b) => a - b)) {
    const before = parent?.ranges.find((range) => range.originatorId === originatorId);
    const options = { store: sources.facts, originatorId, after: before?.lastSequenceId ?? 0n };
    ranges.push(
      await new LogWalk({ ...options, endsAt: (epoch + 1n) * EPOCH_SECONDS }).whole().then((known) => known.range),
    );
  }
  const request = { epoch, round: 0, parent: parent?.digest ?? NO_PARENT, registryVersion: 1n, seats: 24 };
  return buildReport(sources, { ...request, absentSeats: 0n, ranges, ...changes }, parent);
}
