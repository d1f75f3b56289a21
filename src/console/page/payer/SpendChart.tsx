import { BarChart } from "@mantine/charts";

import type { SpendDay } from "../../views.ts";
import { dollarsOfPico, usdTick } from "../format.ts";
import { Card, Nothing } from "../parts/parts.tsx";
import { SERIES } from "../theme.ts";
import { dayTick, lastDays } from "../utcDays.ts";

const KINDS = {
  message: "messages",
  welcome: "welcomes",
  keyPackage: "key packages",
  commit: "commits",
  identityUpdate: "identity updates",
  unnamed: "found later",
} as const;
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
          xAxisProps={{ tickFormatter: dayTick, minTickGap: 20 }}
          yAxisProps={{ width: 62, tickCount: 4, tickFormatter: usdTick }}
          valueFormatter={usdTick}
          aria-label="postage by day"
        />
      )}
    </Card>
  );
}

function pointsOf(days: readonly SpendDay[], kinds: readonly string[]) {
  const known = new Map(days.map((day) => [day.day, day]));
  return lastDays(Date.now(), SHOWN_DAYS).map((day) => {
    const amounts = kinds.map((kind) => {
      const one = known.get(day)?.kinds.find((of) => of.kind === kind);
      return [kind, one ? dollarsOfPico(one.postagePico) : 0] as const;
    });
    return { day, ...Object.fromEntries(amounts) };
  });
}
