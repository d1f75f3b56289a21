import { BarChart } from "@mantine/charts";
import { Group, SegmentedControl, Text } from "@mantine/core";
import { useState } from "react";

import type { Traffic } from "../../views.ts";
import { clockTime, compact, count, dateAndTime, dollarsOfPico, usdOfPico, usdTick } from "../format.ts";
import { Card, Nothing } from "../parts/parts.tsx";
import { SERIES } from "../theme.ts";

const HOUR_MS = 3_600_000;
const SPANS = { day: 24, week: 168 } as const;
/** A bar of a week is this many hours. */
const HOURS_PER_BAR = { day: 1, week: 6 } as const;

type Span = keyof typeof SPANS;
type What = "fees" | "messages";

export function TrafficChart({ traffic, now }: { traffic: Traffic; now: number }) {
  const [what, setWhat] = useState<What>("fees");
  const [span, setSpan] = useState<Span>("day");
  const { data, total } = pointsOf(traffic, now, what, span);
  const sum = what === "fees" ? usdOfPico(total) : `${count(String(total))} messages`;
  const switches = (
    <Group gap="xs">
      <SegmentedControl
        size="xs"
        aria-label="What"
        data={[
          { value: "fees", label: "Fees" },
          { value: "messages", label: "Messages" },
        ]}
        value={what}
        onChange={(value) => setWhat(value)}
      />
      <SegmentedControl
        size="xs"
        aria-label="Since when"
        data={[
          { value: "day", label: "24 h" },
          { value: "week", label: "7 d" },
        ]}
        value={span}
        onChange={(value) => setSpan(value)}
      />
    </Group>
  );
  return (
    <Card title="Carried over time" aside={switches}>
      <Text fz="sm" className="quiet number" mt={-6} mb="xs">
        {sum} in the last {span === "day" ? "24 hours" : "7 days"}, by the node that took them
      </Text>
      {traffic.hours.length === 0 ? (
        <Nothing>No message that is paid for was metered in the last seven days.</Nothing>
      ) : (
        <BarChart
          h={260}
          data={data}
          dataKey="at"
          type="stacked"
          series={traffic.nodes.map((node, i) => ({
            ...{
              name: String(node),
              label: node < 0 ? "other nodes" : `node ${node}`,
              color: SERIES[i % SERIES.length]!,
            },
          }))}
          withLegend={traffic.nodes.length > 1}
          gridAxis="x"
          tickLine="none"
          barProps={{ isAnimationActive: false, maxBarSize: 34 }}
          xAxisProps={{ tickFormatter: (at: number) => tickOf(at, span), minTickGap: 28 }}
          yAxisProps={{ width: 58, tickCount: 4, tickFormatter: what === "fees" ? usdTick : compact }}
          valueFormatter={what === "fees" ? usdTick : count}
          tooltipProps={{ labelFormatter: (at) => dateAndTime(Number(at)) }}
          aria-label={`${what} over time`}
        />
      )}
    </Card>
  );
}

/** A point per hour, or per six of a week, also where there was nothing. */
function pointsOf({ nodes, hours }: Traffic, now: number, what: What, span: Span) {
  const stepMs = HOURS_PER_BAR[span] * HOUR_MS;
  const last = Math.floor(now / stepMs) * stepMs;
  const first = last - (SPANS[span] / HOURS_PER_BAR[span] - 1) * stepMs;
  const points = new Map<number, Record<string, number>>();
  for (let at = first; at <= last; at += stepMs) {
    points.set(at, { at, ...Object.fromEntries(nodes.map((node) => [String(node), 0])) });
  }
  let total = 0n;
  for (const hour of hours) {
    const point = points.get(Math.floor(hour.at / stepMs) * stepMs);
    if (!point) continue;
    for (const [i, node] of nodes.entries()) {
      total += what === "fees" ? BigInt(hour.feesPico[i]!) : BigInt(hour.messages[i]!);
      point[String(node)]! += what === "fees" ? dollarsOfPico(hour.feesPico[i]!) : hour.messages[i]!;
    }
  }
  return { data: [...points.values()], total };
}

function tickOf(at: number, span: Span): string {
  if (span === "day") return clockTime(at);
  return new Date(at).toLocaleDateString([], { weekday: "short", day: "numeric" });
}
