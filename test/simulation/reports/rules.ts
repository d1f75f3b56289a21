import { fromHex, toHex } from "../../../src/protocol/bytes.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import type { SeatList } from "../../../src/daemon/reports/quorum.ts";
import { isQuorum, nodesOf } from "../../../src/daemon/reports/quorum.ts";
import { aggregatePublicKeys, isAttestation } from "../../../src/protocol/report/bls.ts";
import type { Report, ReportsDomain } from "../../../src/protocol/report/report.ts";
import { NO_PARENT, reportDigest } from "../../../src/protocol/report/report.ts";
import { reportFromJson, reportToJson } from "../../../src/protocol/report/reportJson.ts";

/** Five of them pass in the simulated time: two in bad minutes, the others in quiet ones. */
export const EPOCH_SECONDS = 240n;
export const VETO_WINDOW_SECONDS = 120n;

/** A report that the chain took. Never changed: blocks share it. */
export interface SimReport {
  readonly digest: Hex;
  readonly report: Report;
  readonly signers: bigint;
  readonly acceptedAt: bigint;
  readonly hasPenaltiesApplied: boolean;
  readonly isAnnounced: boolean;
}

/** What daemons send to EpochReports, as the simulated chain has it. */
export type ReportCall =
  | { do: "report"; report: ReturnType<typeof reportToJson>; signers: string; signature: Hex }
  | { do: "penalties"; digest: Hex }
  | { do: "announce"; digest: Hex };

/** A call that reverts, in EpochReports' words. */
export class SimRevert extends Error {
  override readonly name = "SimRevert";
  readonly error: string;

  constructor(error: string) {
    super(`execution reverted: ${error}`);
    this.error = error;
  }
}

export function submitCall(report: Report, signers: bigint, signature: Uint8Array): ReportCall {
  return { do: "report", report: reportToJson(report), signers: String(signers), signature: toHex(signature) };
}

/** EpochReports' rules of what is accepted, final and done once. */
export class ReportRules {
  readonly seats: SeatList;
  readonly domain: ReportsDomain;
  /** Pairings take long, and each block, simulation and reorganisation asks again. */
  readonly #verified = new Map<string, boolean>();

  constructor(seats: SeatList, domain: ReportsDomain) {
    this.seats = seats;
    this.domain = domain;
  }

  /** The reports after a call. Throws SimRevert. */
  run(reports: readonly SimReport[], call: ReportCall, timestamp: bigint): readonly SimReport[] {
    if (call.do === "report") return [...reports, this.#accepted(reports, call, timestamp)];
    const at = reports.findIndex(({ digest }) => digest === call.digest);
    const found = reports[at];
    if (!found) throw new SimRevert("EpochReportsNotAccepted");
    if (!isFinal(found, timestamp)) throw new SimRevert("EpochReportsNotFinal");
    if (call.do === "penalties" && found.hasPenaltiesApplied) throw new SimRevert("EpochReportsPenaltiesApplied");
    if (call.do === "announce" && found.isAnnounced) throw new SimRevert("EpochReportsAnnounced");
    const change = call.do === "penalties" ? { hasPenaltiesApplied: true } : { isAnnounced: true };
    return reports.with(at, { ...found, ...change });
  }

  #accepted(reports: readonly SimReport[], call: ReportCall & { do: "report" }, timestamp: bigint): SimReport {
    const report = reportFromJson(call.report);
    const head = reports.at(-1);
    const endsAt = (report.epoch + 1n) * EPOCH_SECONDS;
    if (timestamp < endsAt) throw new SimRevert("EpochReportsEpochNotOver");
    if (timestamp >= endsAt + 2n * EPOCH_SECONDS) throw new SimRevert("EpochReportsTooLate");
    if (report.parent !== (head?.digest ?? NO_PARENT)) throw new SimRevert("EpochReportsNotOnHead");
    if (report.round !== 0) throw new SimRevert("EpochReportsWrongRound");
    if (head && report.epoch <= head.report.epoch) throw new SimRevert("EpochReportsEpochNotAfterParent");
    if (report.registryVersion !== this.seats.version) throw new SimRevert("EpochReportsWrongVersion");
    const signers = BigInt(call.signers);
    const digest = reportDigest(this.domain, report);
    if (!isQuorum(this.seats, new Set(nodesOf(this.seats, signers)))) throw new SimRevert("AttestationsNoQuorum");
    if (!this.#isSigned(digest, signers, call.signature)) throw new SimRevert("AttestationsInvalid");
    const flags = { hasPenaltiesApplied: false, isAnnounced: false };
    return { digest: toHex(digest), report, signers, acceptedAt: timestamp, ...flags };
  }

  #isSigned(digest: Uint8Array, signers: bigint, signature: Hex): boolean {
    const id = `${toHex(digest)}/${signers}/${signature}`;
    const known = this.#verified.get(id);
    if (known !== undefined) return known;
    const signed = new Set(nodesOf(this.seats, signers));
    const keys = this.seats.seats.filter(({ nodeId }) => signed.has(nodeId)).map((seat) => seat.attestationKey);
    const isValid = isAttestation(digest, aggregatePublicKeys(keys), fromHex(signature));
    this.#verified.set(id, isValid);
    return isValid;
  }
}

export function isFinal({ acceptedAt }: SimReport, timestamp: bigint): boolean {
  return timestamp >= acceptedAt + VETO_WINDOW_SECONDS;
}
