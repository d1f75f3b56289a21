import { Recent } from "../../../platform/recent.ts";
import type { Hex } from "../../../protocol/bytes.ts";
import { STAMP_COVERS_SECONDS } from "../../../protocol/stamps/rules.ts";
import type { Stamp } from "../../stamps/ports.ts";
import type { ReportStore } from "../ports.ts";
import { saidKey } from "./nextStamps.ts";
import type { ReportStamps, StampRow } from "./stampRows.ts";
import { NO_STAMPS, Outcome, pairOf } from "./stampRows.ts";

/** Reports that a look goes back: the newest one on chain has all. */
const LOOKED_AT = 4;

type Named = Pick<Stamp, "payer" | "inbox" | "welcome" | "openedAt">;

/** What became of a stamp in the newest report on chain. `unreported`: it has no such stamp; `none`: there is no report. */
export type Reported = keyof typeof Outcome | "unreported" | "none";

/**
 * What the newest report on chain says of single stamps. It is read once: whoever sends statements, one after another, would
 * otherwise have a whole report read for each.
 */
export class ReportedStamps {
  readonly #store: Pick<ReportStore, "latest" | "get">;
  readonly #rows = new Recent<ReadonlyMap<string, StampRow>>(1);

  constructor(store: Pick<ReportStore, "latest" | "get">) {
    this.#store = store;
  }

  /** Whether it was charged as spam: then nothing that is said later changes it. */
  async isCharged(stamp: Omit<Named, "openedAt">): Promise<boolean> {
    const row = (await this.#newest())?.get(pairOf(stamp));
    return row !== undefined && row.outcome === Outcome.spam && saidKey(row) === saidKey(stamp);
  }

  /** In their order. The report may name another welcome of the same stamp. */
  async outcomesOf(stamps: readonly Named[]): Promise<Reported[]> {
    if (stamps.length === 0) return [];
    const rows = await this.#newest();
    return stamps.map((stamp) => {
      if (!rows) return "none";
      const row = rows.get(pairOf(stamp));
      return row && isSame(row, stamp) ? NAMES[row.outcome] : "unreported";
    });
  }

  async #newest(): Promise<ReadonlyMap<string, StampRow> | undefined> {
    const latest = await this.#store.latest(LOOKED_AT);
    const onChain = latest.find(({ state }) => state === "accepted" || state === "final");
    return onChain && this.#rows.get(onChain.digest, () => this.#read(onChain.digest));
  }

  async #read(digest: Hex): Promise<ReadonlyMap<string, StampRow>> {
    const { rows }: Pick<ReportStamps, "rows"> = (await this.#store.get(digest))?.stamps ?? NO_STAMPS;
    return new Map(rows.map((row) => [pairOf(row), row]));
  }
}

/** Of one payer and inbox two stamps are never closer than what one covers. */
function isSame(row: StampRow, { openedAt }: Named): boolean {
  const apart = row.openedAt > openedAt ? row.openedAt - openedAt : openedAt - row.openedAt;
  return apart < STAMP_COVERS_SECONDS;
}

const NAMES = Object.fromEntries(Object.entries(Outcome).map(([name, value]) => [value, name])) as Record<
  Outcome,
  keyof typeof Outcome
>;
