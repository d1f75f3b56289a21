import { BarChart } from "@mantine/charts";
import { Badge, Group, RingProgress, Text } from "@mantine/core";

import type { OperatorView, ReportRow } from "../../views.ts";
import { dollarsOfPico, duration, usdTick } from "../format.ts";
import { Card, Row } from "../parts/parts.tsx";

const COLORS: Record<ReportRow["state"], string> = { built: "gray", accepted: "yellow", final: "teal", void: "red" };

/** The epoch that runs, this node's seat in it, and what the ended ones came to. */
export function Epochs({ view }: { view: OperatorView }) {
  const { epoch, seat, reports, chain, faults, history } = view;
  const left = epoch && chain.head ? Math.max(0, epoch.endsAtSeconds - chain.head.timestampSeconds) : undefined;
  return (
    <Card title="Epoch and seat">
      <Group wrap="nowrap" gap="md" mb="xs">
        {epoch && left !== undefined && (
          <RingProgress
            size={96}
            thickness={8}
            roundCaps
            aria-label="How much of the epoch is over"
            sections={[{ value: 100 * (1 - left / epoch.seconds), color: "ink" }]}
            label={
              <Text ta="center" fz="0.72rem" className="number">
                {duration(left)}
              </Text>
            }
          />
        )}
        <div>
          <div className="figure">{seat.isSeated ? "Seated" : seat.begins ? "From the next epoch" : "No seat"}</div>
          <span className="label">
            {epoch ? `epoch ${epoch.number}; ` : ""}
            {seat.active} of {seat.nodes} nodes have a seat
          </span>
        </div>
      </Group>
      <Row label="Cases">{faults.isAccused ? "this node is accused" : `${faults.openCases} against others`}</Row>
      {reports && <Row label="Report">{stateOf(reports)}</Row>}
      {history.epochs.length > 1 && (
        <>
          <Text fz="sm" fw={600} mt="sm" mb={4}>
            Fees by epoch
          </Text>
          <BarChart
            h={110}
            data={history.epochs.map((one) => ({ epoch: one.epoch, fees: dollarsOfPico(one.usedPico) }))}
            dataKey="epoch"
            series={[{ name: "fees", label: "fees", color: "ink.5" }]}
            withYAxis={false}
            gridAxis="none"
            tickLine="none"
            barProps={{ isAnimationActive: false, maxBarSize: 26 }}
            valueFormatter={usdTick}
            aria-label="fees by epoch"
          />
        </>
      )}
      {reports && reports.latest.length > 0 && (
        <Group gap={6} mt="xs">
          {reports.latest.map(({ epoch: of, digest, state }) => (
            <Badge key={digest} variant="light" color={COLORS[state]} radius="sm" size="sm" tt="none">
              {of} {state}
            </Badge>
          ))}
        </Group>
      )}
    </Card>
  );
}

function stateOf({ state, epoch, message }: NonNullable<OperatorView["reports"]>): string {
  const words: Record<string, string> = { cannot: message ?? "cannot attest", sent: "sent by this node" };
  const what = words[state] ?? state;
  return epoch === undefined ? what : `epoch ${epoch}: ${what}`;
}
