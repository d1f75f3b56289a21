import { Badge, Group, Text } from "@mantine/core";

import type { DeadlineRow, OperatorView, SettlementLane } from "../../views.ts";
import { duration, usd } from "../format.ts";
import { Address, Card, Nothing } from "../parts/parts.tsx";

interface Props {
  lanes: readonly SettlementLane[];
  deadlines: readonly DeadlineRow[];
  leaving: number;
  view: Pick<OperatorView, "now" | "chain">;
}

/** What goes out next, and why it has not yet. */
export function Settlement({ lanes, deadlines, leaving, view: { now, chain } }: Props) {
  return (
    <Card title="Next settlement">
      <div className="rows">
        {lanes.map((one) => (
          <Lane key={one.lane} of={one} now={now} />
        ))}
        <div>
          <Text fz="sm" fw={600}>
            Deadlines
          </Text>
          {deadlines.length === 0 ? (
            <Nothing>Nobody who owes fees is withdrawing.</Nothing>
          ) : (
            deadlines.map((one) => <Deadline key={one.channel} of={one} chainSeconds={chain.head?.timestampSeconds} />)
          )}
          {leaving > deadlines.length && <span className="label">and {leaving - deadlines.length} more</span>}
        </div>
      </div>
    </Card>
  );
}

function Lane({ of: { lane, whyNot, lastRun }, now }: { of: SettlementLane; now: number }) {
  const { due, unsettledPayers, unsettled } = lastRun ?? { due: 0, unsettledPayers: 0, unsettled: "0" };
  return (
    <div>
      <Group justify="space-between" gap="xs">
        <Text fz="sm" fw={600}>
          {lane === "routine" ? "Routine" : "Of payers who leave"}
        </Text>
        {due > 0 ? (
          <Badge variant="light" color="ink" radius="sm" tt="none">
            {due} of {unsettledPayers} due
          </Badge>
        ) : (
          <span className="label number">{usd(unsettled)}</span>
        )}
      </Group>
      <Text fz="sm" mt={2}>
        {sentence(whyNot)}
      </Text>
      {lastRun && <span className="label">looked {duration((now - lastRun.at) / 1_000)} ago</span>}
    </div>
  );
}

function Deadline({ of, chainSeconds }: { of: DeadlineRow; chainSeconds: number | undefined }) {
  const { channel, unsettled, withdrawableAtSeconds } = of;
  const left =
    withdrawableAtSeconds === undefined || chainSeconds === undefined
      ? undefined
      : Math.max(0, withdrawableAtSeconds - chainSeconds);
  const isNear = left !== undefined && left < 21_600;
  return (
    <Group justify="space-between" wrap="nowrap" mt={6}>
      <Address of={channel} />
      <Text fz="sm" className="number" {...(isNear ? { c: "red" } : {})}>
        owes {usd(unsettled)},{" "}
        {left === undefined ? "when is unknown" : left === 0 ? "can leave now" : `leaves in ${duration(left)}`}
      </Text>
    </Group>
  );
}

const sentence = (text: string) => `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}.`;
