import { SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";

import type { NetworkView } from "../../views.ts";
import { NETWORK_VIEW_PATH } from "../../views.ts";
import { count, usdOfPico } from "../format.ts";
import { Stat } from "../parts/parts.tsx";
import { Silent } from "../parts/Silent.tsx";
import { useView } from "../useView.ts";
import { Fees } from "./Fees.tsx";
import { Nodes } from "./Nodes.tsx";
import { Proposals } from "./Proposals.tsx";
import { Reports } from "./Reports.tsx";

const TYPICAL_BYTES = 1_000;

export default function NetworkPage() {
  const { view, problem } = useView<NetworkView>(NETWORK_VIEW_PATH);
  if (!view) return problem ? <Silent who="server" problem={problem} /> : <Skeleton h={420} radius="lg" />;
  const { fees, reports, epochs, proposals } = view;
  return (
    <Stack gap="md">
      <Title order={1} fz="1.5rem">
        Network
      </Title>
      {problem && <Silent who="server" problem={problem} />}
      <Figures view={view} />
      <Nodes nodes={view.nodes} registryVersion={view.registryVersion} />
      <SimpleGrid cols={{ base: 1, md: fees && reports ? 2 : 1 }} spacing="md">
        {fees && <Fees fees={fees} />}
        {reports && <Reports reports={reports} epochs={epochs ?? []} />}
      </SimpleGrid>
      {proposals && <Proposals proposals={proposals} />}
      <Text className="label">
        As the one who serves this page knows it. `pennyblack gov show` says what a proposal would change, and all there
        ever were.
      </Text>
    </Stack>
  );
}

function Figures({ view: { nodes, fees } }: { view: NetworkView }) {
  const seated = nodes.filter(({ isSeated }) => isSeated).length;
  const known = nodes.filter(({ isAvailable }) => isAvailable !== undefined);
  const typical = fees?.typical.find(({ bytes }) => bytes === TYPICAL_BYTES);
  const messages = nodes.reduce((sum, one) => sum + (one.messages ?? 0), 0);
  const carried = nodes.reduce((sum, { feesPico }) => sum + BigInt(feesPico ?? 0), 0n);
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing={{ base: "xs", sm: "md" }}>
      {known.length > 0 ? (
        <Stat
          label="Nodes that answer"
          figure={known.filter(({ isAvailable }) => isAvailable).length}
          note={`of ${known.length}`}
        />
      ) : (
        <Stat label="Seats" figure={seated} note={`of ${count(nodes.length)} nodes`} />
      )}
      {typical && <Stat label="A message of 1 kB" figure={usdOfPico(typical.feePico)} note="without congestion" />}
      {fees && <Stat label="Kept for" figure={`${fees.retentionDays} days`} note="by every node" />}
      {nodes.some((one) => one.messages !== undefined) && (
        <Stat label="Carried in 7 days" figure={count(messages)} note={`messages, for ${usdOfPico(carried)}`} />
      )}
    </SimpleGrid>
  );
}
