import { BarChart } from "@mantine/charts";
import { Badge, Group, Text } from "@mantine/core";

import type { EpochFees, ReportRow } from "../../views.ts";
import { dateAndTime, dollarsOfPico, usdTick } from "../format.ts";
import { Address, Card, Nothing } from "../parts/parts.tsx";

const COLORS: Record<ReportRow["state"], string> = { built: "gray", accepted: "yellow", final: "teal", void: "red" };

/** What the nodes agreed on: fees by epoch, and how the newest reports stand. */
export function Reports({ reports, epochs }: { reports: readonly ReportRow[]; epochs: readonly EpochFees[] }) {
  return (
    <Card title="Reports">
      {epochs.length > 0 && (
        <>
          <Text className="label" mb={4}>
            Fees by epoch, of all channels
          </Text>
          <BarChart
            h={150}
            data={epochs.map((one) => ({ epoch: one.epoch, fees: dollarsOfPico(one.usedPico) }))}
            dataKey="epoch"
            series={[{ name: "fees", label: "fees", color: "ink.5" }]}
            gridAxis="x"
            tickLine="none"
            barProps={{ isAnimationActive: false, maxBarSize: 28 }}
            yAxisProps={{ width: 58, tickCount: 3, tickFormatter: usdTick }}
            valueFormatter={usdTick}
            aria-label="fees by epoch"
          />
        </>
      )}
      {reports.length === 0 && <Nothing>None yet.</Nothing>}
      <div className="rows">
        {reports.map(({ epoch, digest, state, finalAtSeconds }) => (
          <Group key={digest} justify="space-between" wrap="nowrap" gap="xs">
            <Text fz="sm" className="number nowrap">
              {epoch} <Address of={digest} />
            </Text>
            <Group gap="xs" wrap="nowrap">
              {state === "accepted" && finalAtSeconds !== undefined && (
                <Text component="span" className="label nowrap" visibleFrom="sm">
                  final {dateAndTime(finalAtSeconds * 1_000)}
                </Text>
              )}
              <Badge variant="light" color={COLORS[state]} radius="sm" tt="none" miw="max-content">
                {state}
              </Badge>
            </Group>
          </Group>
        ))}
      </div>
    </Card>
  );
}
