import { BarChart } from "@mantine/charts";
import { Text } from "@mantine/core";

import type { SettledDays } from "../../views.ts";
import { dateAndTime, dollarsOf, usd, usdTick } from "../format.ts";
import { Card, Nothing } from "../parts/parts.tsx";
import { dayTick, lastDays } from "../utcDays.ts";

const SHOWN_DAYS = 14;
const SERIES = [
  { name: "own", label: "by this node", color: "ink.5" },
  { name: "others", label: "by others", color: "teal.6" },
];

/** What settlements collected from all payers, whoever sent them, also of days without any. */
export function SettledChart({ settled, now }: { settled: SettledDays; now: number }) {
  const { days, sinceSeconds } = settled;
  const total = days.reduce((sum, { own, others }) => sum + BigInt(own) + BigInt(others), 0n);
  const known = new Map(days.map((one) => [one.day, one]));
  const shown = lastDays(now, SHOWN_DAYS);
  const isPartial = sinceSeconds * 1_000 > Date.parse(`${shown[1]}T00:00:00Z`);
  const since = isPartial ? `since ${dateAndTime(sinceSeconds * 1_000)}, and more is being read` : "in 14 days";
  return (
    <Card title="Settled over time" aside={<span className="label">by day, UTC</span>}>
      <Text fz="sm" className="quiet number" mt={-6} mb="xs">
        {usd(total)} collected from all payers {since}
      </Text>
      {days.length === 0 ? (
        <Nothing>Nothing was settled {isPartial ? "since then" : "in the last fourteen days"}.</Nothing>
      ) : (
        <BarChart
          h={220}
          data={shown.map((day) => {
            const { own = "0", others = "0" } = known.get(day) ?? {};
            return { day, own: dollarsOf(own), others: dollarsOf(others) };
          })}
          dataKey="day"
          type="stacked"
          series={SERIES}
          withLegend
          gridAxis="x"
          tickLine="none"
          barProps={{ isAnimationActive: false, maxBarSize: 40 }}
          xAxisProps={{ tickFormatter: dayTick, minTickGap: 20 }}
          yAxisProps={{ width: 62, tickCount: 4, tickFormatter: usdTick }}
          valueFormatter={usdTick}
          aria-label="settled by day, in dollars"
        />
      )}
    </Card>
  );
}
