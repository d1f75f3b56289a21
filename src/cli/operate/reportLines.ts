import type { OverviewData } from "../../daemon/overview/overview.ts";
import type { Jsonified } from "./askDaemon.ts";

type Status = Jsonified<OverviewData>["reports"];

const WORDS = {
  reported: "is on chain",
  settling: "is waited for: logs are on their way to other nodes",
  waiting: "is due, at another seat's turn",
  proposing: "is proposed by this node; too few attest it so far",
  sent: "was submitted by this node",
  cannot: "CANNOT BE ATTESTED BY THIS NODE",
};

/** The report that is due, why this node cannot attest it, what it did not attest, and the last final one. */
export function reportLines(status: Status): string {
  if (!status) return "off: no attestationKey in the config, or the deployment has no EpochReports";
  const { epoch, state, why, message, at, signed, differences, refused, latest, lastFinal } = status;
  const which = epoch === undefined || epoch === null ? "the report of the last epoch" : `the report of epoch ${epoch}`;
  const lines = [state === "reported" && message ? message : `${which} ${WORDS[state]}`];
  if (state === "cannot") lines.push(`${why}${placeOf(at)}: ${message}`);
  if (signed && state === "proposing") lines.push(`attested by ${signed.join(", ")}`);
  for (const one of differences ?? []) lines.push(`nodes have different logs${placeOf(one)}`);
  if (refused) lines.push(`not attested, of node ${refused.proposer}: ${refused.why}${placeOf(refused.at)}`);
  const newest = latest[0];
  if (newest) lines.push(`newest: epoch ${newest.epoch}, ${newest.state}, ${attestedOf(newest)}`);
  lines.push(lastFinal ? `last final: epoch ${lastFinal.epoch}, ${attestedOf(lastFinal)}` : "none is final yet");
  return lines.join("\n");
}

const placeOf = (at: { originatorId: number; sequenceId: string } | undefined) =>
  at ? ` from originator ${at.originatorId}, sequence id ${at.sequenceId}` : "";

const attestedOf = ({ attestedAt }: { attestedAt?: number }) =>
  attestedAt === undefined ? "not attested by this node" : "attested by this node";
