import { Badge, Group, Progress, Text } from "@mantine/core";

import type { ProposalRow, ProposalsView } from "../../views.ts";
import { dateAndTime, short, votes } from "../format.ts";
import { Address, Card, Nothing } from "../parts/parts.tsx";

const STATES: Record<ProposalRow["state"], [color: string, word: string]> = {
  pending: ["gray", "announced"],
  active: ["yellow", "open for votes"],
  canceled: ["gray", "cancelled"],
  defeated: ["red", "defeated"],
  succeeded: ["teal", "passed, not queued"],
  queued: ["teal", "queued"],
  expired: ["gray", "expired"],
  executed: ["teal", "executed"],
};

/** What is proposed to the governor. Titles are others' words: they are shown as text, and lead nowhere. */
export function Proposals({ proposals: { rows, sinceSeconds } }: { proposals: ProposalsView }) {
  return (
    <Card title="Proposals" aside={<span className="label">votes in PENNY</span>}>
      {rows.length === 0 && <Nothing>Nothing was proposed since {dateAndTime(sinceSeconds * 1_000)}.</Nothing>}
      <div className="rows">
        {rows.map((row) => (
          <Proposal key={row.id} row={row} />
        ))}
      </div>
      {rows.length > 0 && <span className="label">the newest since {dateAndTime(sinceSeconds * 1_000)}</span>}
    </Card>
  );
}

function Proposal({ row: { id, title, state, votes: cast, votingEndsSeconds } }: { row: ProposalRow }) {
  const [color, word] = STATES[state];
  const counted = BigInt(cast.for) + BigInt(cast.abstain);
  const all = counted + BigInt(cast.against);
  const quorum = BigInt(cast.quorum);
  const isOver = state !== "pending" && state !== "active";
  const bars = [
    { of: cast.for, color: "teal" },
    { of: cast.against, color: "red" },
    { of: cast.abstain, color: "gray" },
  ];
  // The bar is as long as what was cast, or as the quorum while that is more.
  const whole = all > quorum ? all : quorum;
  return (
    <div role="group" aria-label={`proposal ${short(id)}`}>
      <Group justify="space-between" wrap="nowrap" gap="sm" align="baseline">
        <Text fz="sm" fw={600} className="foreign" lineClamp={3}>
          {title === "" ? "(without a text)" : title}
        </Text>
        <Badge variant="light" color={color} radius="sm" tt="none" miw="max-content">
          {word}
        </Badge>
      </Group>
      <Progress.Root size="sm" radius="xl" mt={6} mb={4}>
        {bars.map(({ of, color }) => (
          <Progress.Section key={color} value={percentOf(BigInt(of), whole)} color={color} aria-hidden />
        ))}
      </Progress.Root>
      <Group justify="space-between" gap="2px 12px">
        <span className="label number">
          for {votes(cast.for)} · against {votes(cast.against)} · abstain {votes(cast.abstain)} · quorum{" "}
          {counted >= quorum ? "reached" : `${votes(String(counted))} of ${votes(cast.quorum)}`}
        </span>
        <span className="label number">
          {isOver ? "voting ended" : "voting ends"} {dateAndTime(votingEndsSeconds * 1_000)} · id <Address of={id} />
        </span>
      </Group>
    </div>
  );
}

const percentOf = (part: bigint, whole: bigint): number => (whole === 0n ? 0 : Number((part * 10_000n) / whole) / 100);
