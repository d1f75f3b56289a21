import type { HttpHandler } from "../../platform/grpcServer.ts";
import { VOUCHER_ROW_LENGTH } from "../../protocol/voucher.ts";
import type { AnnouncedRanges, LedgerStore } from "../ports.ts";
import { MOST_GOSSIP_ROWS } from "../gossip.ts";
import type { ReporterOptions } from "./options.ts";
import { Proofs } from "./proofs.ts";
import { REPORTS_PATH, reportsHandler } from "./reportRoutes.ts";
import { ReportedEnds } from "./reportedEnds.ts";
import { Reporter } from "./reporter.ts";
import { Samples } from "./samples.ts";

/** What became of reports is in no hurry: it costs a question each. */
const AFTERMATH_STEPS = 10;
const MOST_AFTERMATH_MS = 300_000;

/** What an operator's config decides. */
export type ReportSettings = Pick<
  ReporterOptions,
  "domain" | "chain" | "peers" | "logs" | "keys" | "attestationKey"
> & { everyMs: number };

type Own = Omit<ReporterOptions, keyof ReportSettings | "absent" | "takeVouchers" | "ledger"> & {
  ledger: LedgerStore;
  /** Takes what one call of gossip carries. */
  receiveVouchers: (rows: Uint8Array) => Promise<unknown>;
};

/** A daemon's part in reports. */
export interface Reports {
  handler: HttpHandler;
  step(signal: AbortSignal): Promise<void>;
  status(): Promise<Awaited<ReturnType<Reporter["status"]>> & { failedReads: ReturnType<Samples["failures"]> }>;
  /** What final reports say of how far logs have come. */
  announced: AnnouncedRanges;
}

export function openReports(settings: ReportSettings, own: Own): Reports {
  const samples = new Samples({ ...own, ...settings });
  const reporter = new Reporter({
    ...own,
    ...settings,
    aftermathMs: Math.min(MOST_AFTERMATH_MS, AFTERMATH_STEPS * settings.everyMs),
    absent: (epoch) => samples.absent(epoch),
    async takeVouchers(rows) {
      const most = MOST_GOSSIP_ROWS * VOUCHER_ROW_LENGTH;
      for (let at = 0; at < rows.length; at += most) await own.receiveVouchers(rows.subarray(at, at + most));
    },
  });
  return {
    handler: reportsHandler(reporter, new Proofs(own.store), own.log),
    async step(signal) {
      const results = await Promise.allSettled([samples.step(signal), reporter.step(signal)]);
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
    },
    status: async () => ({ ...(await reporter.status()), failedReads: samples.failures() }),
    announced: new ReportedEnds({ ...own, ...settings }),
  };
}

/** Whether a request is for reports. */
export function isForReports(url: string | undefined): boolean {
  return url === REPORTS_PATH || (url?.startsWith(`${REPORTS_PATH}/`) ?? false);
}
