import { Badge, Group, Progress, Text } from "@mantine/core";

import type { ReactNode } from "react";

import type { NetworkNode } from "../../views.ts";
import { count, usdOfPico } from "../format.ts";
import { Card, Nothing } from "../parts/parts.tsx";

/** Every node with its share of the stakes and of the traffic. */
export function Nodes({
  nodes,
  registryVersion,
}: {
  nodes: readonly NetworkNode[];
  registryVersion?: string | undefined;
}) {
  const all = nodes.reduce((sum, one) => sum + (one.messages ?? 0), 0);
  const aside = registryVersion !== undefined && (
    <span className="label">weights of registry version {registryVersion}</span>
  );
  return (
    <Card title="Nodes" aside={aside}>
      {nodes.length === 0 && <Nothing>The registry was not read yet, or has no node.</Nothing>}
      <div className="rows">
        {nodes.map((node) => (
          <Node key={node.id} node={node} all={all} />
        ))}
      </div>
    </Card>
  );
}

function Node({ node, all }: { node: NetworkNode; all: number }) {
  const { id, httpAddress, problem, weightPercent, messages, feesPico } = node;
  return (
    <div role="group" aria-label={`node ${id}`} className="node">
      <div>
        <Group gap="xs">
          <Text fz="sm" fw={600} className="number">
            {id}
          </Text>
          <State {...node} />
        </Group>
        <Text className="label">{httpAddress}</Text>
        {problem !== undefined && (
          <Text fz="sm" c="red">
            {problem}
          </Text>
        )}
      </div>
      {weightPercent !== undefined && (
        <Share label="of the weight" percent={weightPercent} color="ink">
          {weightPercent.toFixed(1)} %
        </Share>
      )}
      {messages !== undefined && (
        <Share
          label={`${count(messages)} ${messages === 1 ? "message" : "messages"}`}
          percent={all === 0 ? 0 : (messages / all) * 100}
          color="teal"
        >
          {usdOfPico(feesPico ?? "0")}
        </Share>
      )}
    </div>
  );
}

interface ShareProps {
  label: string;
  percent: number;
  color: string;
  children: ReactNode;
}

function Share({ label, percent, color, children }: ShareProps) {
  return (
    <div>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <span className="label">{label}</span>
        <span className="label number nowrap">{children}</span>
      </Group>
      <Progress
        value={percent}
        size="sm"
        mt={4}
        radius="xl"
        color={color}
        aria-label={`${percent.toFixed(1)} % ${label}`}
      />
    </div>
  );
}

function State({ isSeated, isAvailable }: NetworkNode) {
  const [color, word] =
    isAvailable !== undefined
      ? isAvailable
        ? ["teal", "answers"]
        : ["red", "left out"]
      : isSeated
        ? ["teal", "seated"]
        : ["gray", "from the next epoch"];
  return (
    <Badge color={color} variant="light" radius="sm" size="sm" tt="none">
      {word}
    </Badge>
  );
}
