import { BarChart } from "@mantine/charts";

import type { SpendDay } from "../../views.ts";
import { dollarsOfPico, usdTick } from "../format.ts";
import { Card, Nothing } from "../parts/parts.tsx";
import { SERIES } from "../theme.ts";

const KINDS = {
  message: "messages",
  welcome: "welcomes",
  keyPackage: "key packages",
  commit: "commits",
  identityUpdate: "identity updates",
  unnamed: "found later",
} as const;
const DAY_MS = 86_400_000;
const SHOWN_DAYS = 14;

/** Postage by day and kind, also of days without any. */
export function SpendChart({ days }: { days: readonly SpendDay[] }) {
  const kinds = Object.keys(KINDS).filter((kind) =>
    days.some((day) => day.kinds.some((one) => one.kind === kind && one.postagePico !== "0")),
  );
  return (
    <Card title="Postage by day">
      {kinds.length === 0 ? (
        <Nothing>Nothing was spent on postage in the last fourteen days.</Nothing>
      ) : (
        <BarChart
          h={240}
          data={pointsOf(days, kinds)}
          dataKey="day"
          type="stacked"
          series={kinds.map((kind, i) => ({
            ...{ name: kind, label: KINDS[kind as keyof typeof KINDS], color: SERIES[i % SERIES.length]! },
          }))}
          withLegend={kinds.length > 1}
          gridAxis="x"
          tickLine="none"
          barProps={{ isAnimationActive: false, maxBarSize: 40 }}
          xAxisProps={{ tickFormatter: tickOf, minTickGap: 20 }}
          yAxisProps={{ width: 62, tickCount: 4, tickFormatter: usdTick }}
          valueFormatter={usdTick}
          aria-label="postage by day"
        />
      )}
    </Card>
  );
}

function pointsOf(days: readonly SpendDay[], kinds: readonly string[]) {
  const today = Math.floor(Date.now() / DAY_MS);
  const known = new Map(days.map((day) => [day.day, day]));
  return Array.from({ length: SHOWN_DAYS }, (_, i) => {
    const day = new Date((today - SHOWN_DAYS + 1 + i) * DAY_MS).toISOString().slice(0, 10);
    const amounts = kinds.map((kind) => {
      const one = known.get(day)?.kinds.find((of) => of.kind === kind);
      return [kind, one ? dollarsOfPico(one.postagePico) : 0] as const;
    });
    return { day, ...Object.fromEntries(amounts) };
  });
}

/** Days are those of UTC. */
const tickOf = (day: string): string =>
  new Date(`${day}T00:00:00Z`).toLocaleDateString([], { day: "numeric", month: "short", timeZone: "UTC" });
