import type { Stamp } from "../../stamps/ports.ts";
import type { ReportStore } from "../ports.ts";
import { saidKey } from "./nextStamps.ts";
import { Outcome } from "./stampRows.ts";

/** Reports that a look goes back: the newest one on chain has all. */
const LOOKED_AT = 4;

/** Whether a report on chain has charged a stamp as spam: then nothing that is said later changes it. */
export async function isChargedAsSpam(
  store: Pick<ReportStore, "latest" | "get">,
  stamp: Pick<Stamp, "payer" | "inbox" | "welcome">,
): Promise<boolean> {
  const latest = await store.latest(LOOKED_AT);
  const onChain = latest.find(({ state }) => state === "accepted" || state === "final");
  const rows = (onChain && (await store.get(onChain.digest)))?.stamps?.rows ?? [];
  return rows.some((row) => row.outcome === Outcome.spam && saidKey(row) === saidKey(stamp));
}
