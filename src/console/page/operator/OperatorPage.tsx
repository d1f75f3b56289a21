import { Badge, Group, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";

import type { OperatorView } from "../../views.ts";
import { OPERATOR_VIEW_PATH } from "../../views.ts";
import { duration } from "../format.ts";
import { Alerts } from "../parts/Alerts.tsx";
import { Silent } from "../parts/Silent.tsx";
import { useView } from "../useView.ts";
import { Channels } from "./Channels.tsx";
import { Epochs } from "./Epochs.tsx";
import { Flow } from "./Flow.tsx";
import { Gas } from "./Gas.tsx";
import { Machine } from "./Machine.tsx";
import { SettledChart } from "./SettledChart.tsx";
import { Settlement } from "./Settlement.tsx";
import { TrafficChart } from "./TrafficChart.tsx";
import { Transactions } from "./Transactions.tsx";

export default function OperatorPage() {
  const { view, problem } = useView<OperatorView>(OPERATOR_VIEW_PATH);
  if (!view) return problem ? <Silent who="daemon" problem={problem} /> : <Skeleton h={420} radius="lg" />;
  return (
    <Stack gap="md">
      <Headline view={view} />
      {problem && <Silent who="daemon" problem={problem} />}
      <Alerts alerts={view.alerts} />
      <Flow money={view.money} channels={view.channels.count} />
      <TrafficChart traffic={view.history.traffic} now={view.now} />
      {view.history.settled && <SettledChart settled={view.history.settled} now={view.now} />}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Settlement lanes={view.settlement} deadlines={view.deadlines} leaving={view.channels.leaving} view={view} />
        <Channels channels={view.channels} exposureCap={view.money.exposureCap} />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 3 }} spacing="md">
        <Gas lanes={view.gas} isFenced={view.isFenced} now={view.now} />
        <Epochs view={view} />
        <Machine view={view} />
      </SimpleGrid>
      <Transactions transactions={view.history.transactions} />
    </Stack>
  );
}

function Headline({ view }: { view: OperatorView }) {
  const { nodeId, isHealthy, isReady, now, chain } = view;
  const [color, word] = !isHealthy ? ["red", "not healthy"] : isReady ? ["teal", "ready"] : ["orange", "not ready"];
  const age = chain.head ? Math.max(0, now / 1_000 - chain.head.timestampSeconds) : undefined;
  return (
    <Group justify="space-between" align="center" gap="xs">
      <Group gap="sm">
        <Title order={1} fz="1.5rem">
          Node {nodeId}
        </Title>
        <Badge color={color} variant="light" size="lg" radius="sm" tt="none">
          {word}
        </Badge>
      </Group>
      <Text fz="sm" className="quiet number">
        {chain.head ? `block ${chain.head.number}, ${duration(age!)} old` : "the chain was not read yet"}
      </Text>
    </Group>
  );
}
