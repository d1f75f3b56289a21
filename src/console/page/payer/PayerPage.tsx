import { Badge, Button, Group, Progress, SimpleGrid, Skeleton, Stack, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Suspense, lazy, useState } from "react";

import type { PayerView } from "../../views.ts";
import { PAYER_VIEW_PATH } from "../../views.ts";
import { count, ether, usd, usdOfPico } from "../format.ts";
import { Alerts } from "../parts/Alerts.tsx";
import { Address, Card, Row, Stat } from "../parts/parts.tsx";
import { Silent } from "../parts/Silent.tsx";
import { useView } from "../useView.ts";
import { SpendChart } from "./SpendChart.tsx";
import { Spenders } from "./Spenders.tsx";

// With what talks to wallets and chains, which nobody needs who only looks.
const TopUp = lazy(() => import("./TopUp.tsx"));

/** Days below which a runway is worth a warning, and an alarm. */
const [SHORT_DAYS, EMPTY_DAYS] = [14, 3];

export default function PayerPage() {
  const [turn, setTurn] = useState(0);
  const [isOpen, { open, close }] = useDisclosure();
  const { view, problem } = useView<PayerView>(PAYER_VIEW_PATH, turn);
  if (!view) return problem ? <Silent who="gateway" problem={problem} /> : <Skeleton h={420} radius="lg" />;
  const { channel, problems, topUp, spend, counts } = view;
  const isServing = problems.length === 0;
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="xs">
        <Group gap="sm">
          <Title order={1} fz="1.5rem">
            Gateway
          </Title>
          <Badge color={isServing ? "teal" : "red"} variant="light" size="lg" radius="sm" tt="none">
            {isServing ? "serving" : "not serving"}
          </Badge>
        </Group>
        <Group gap="sm">
          <span className="label">
            channel <Address of={channel} />
          </span>
          {topUp && <Button onClick={open}>Top up</Button>}
        </Group>
      </Group>
      {problem && <Silent who="gateway" problem={problem} />}
      <Alerts alerts={problems.map((text) => ({ level: "bad" as const, text }))} />
      <Figures view={view} />
      <SpendChart days={spend.days} />
      <SimpleGrid cols={{ base: 1, md: 3 }} spacing="md">
        <Spenders spend={spend} />
        <Channel view={view} />
        <Card title="At work">
          <Row label="Calls under way">{count(counts.active)}</Row>
          <Row label="On hold for money or nodes">{count(counts.held)}</Row>
          <Row label="Of unknown fate">{count(counts.openAttempts)}</Row>
          <Row label="Charged by two nodes">{count(counts.doubles)}</Row>
          <Row label="Receipts kept">{count(counts.receipts)}</Row>
          <Row label="Nodes that can be used">
            {view.nodes.filter(({ isAvailable }) => isAvailable).length} of {view.nodes.length}
          </Row>
        </Card>
      </SimpleGrid>
      {topUp && isOpen && (
        <Suspense fallback={null}>
          <TopUp channel={channel} target={topUp} onClose={close} onFunded={() => setTurn((one) => one + 1)} />
        </Suspense>
      )}
    </Stack>
  );
}

function Figures({ view }: { view: PayerView }) {
  const { onChain, runway, usedPico, spend, budget } = view;
  const days = runway?.daysLeft;
  const color = days === undefined ? undefined : days < EMPTY_DAYS ? "red" : days < SHORT_DAYS ? "yellow.7" : undefined;
  const share = onChain && BigInt(onChain.deposited) > 0n ? percent(onChain.left, onChain.deposited) : undefined;
  const today = spend.days.find(({ day }) => day === new Date(view.now).toISOString().slice(0, 10));
  const todayPico = today?.kinds.reduce((sum, { postagePico }) => sum + BigInt(postagePico), 0n) ?? 0n;
  const messages = today?.kinds.reduce((sum, { envelopes }) => sum + envelopes, 0) ?? 0;
  const most = budget?.postage;
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing={{ base: "xs", sm: "md" }}>
      <Stat
        label="Left"
        figure={onChain ? usd(onChain.left) : "unknown"}
        note={onChain ? `of ${usd(onChain.deposited)} deposited` : "the chain was not read yet"}
      >
        {share !== undefined && (
          <Progress value={share} size="sm" mt="xs" radius="xl" aria-label={`${share} % are left`} />
        )}
      </Stat>
      <Stat
        label="Runway"
        color={color}
        figure={days === undefined ? (runway && onChain ? "years" : "–") : daysText(days)}
        note={runway ? `at ${usdOfPico(runway.perDayPico)} a day, as this week` : "nothing was spent this week"}
      />
      <Stat label="Spent today (UTC)" figure={usdOfPico(todayPico)} note={`${count(messages)} envelopes`}>
        {most !== undefined && (
          <>
            <Progress
              value={percent(String(BigInt(budget!.spentTodayPico) / 1_000_000n), most)}
              size="sm"
              mt="xs"
              radius="xl"
              aria-label="Of today's budget"
            />
            <div className="label">of {usd(most)} a day</div>
          </>
        )}
      </Stat>
      <Stat
        label="Spent in all"
        figure={usdOfPico(usedPico)}
        note={
          budget?.gasWei === undefined
            ? `${usdOfPico(view.inFlightPico)} under way`
            : `gas today: ${ether(budget.gasTodayWei)} of ${ether(budget.gasWei)}`
        }
      />
    </SimpleGrid>
  );
}

/** What was signed, and what nodes have collected of it. */
function Channel({ view: { signed, stampsSigned, headroom, onChain } }: { view: PayerView }) {
  return (
    <Card title="Channel">
      <Row label="Signed for fees">{usd(signed)}</Row>
      {onChain && <Row label="Settled on chain">{usd(onChain.settled)}</Row>}
      <Row label="Signed ahead, at most">{usd(headroom)}</Row>
      {stampsSigned !== "0" && <Row label="Ceiling for stamps">{usd(stampsSigned)}</Row>}
      {onChain && onChain.pendingWithdrawal !== "0" && (
        <Row label="Being withdrawn">{usd(onChain.pendingWithdrawal)}</Row>
      )}
    </Card>
  );
}

const percent = (part: string, whole: string): number =>
  BigInt(whole) === 0n ? 0 : Math.min(100, Number((BigInt(part) * 1_000n) / BigInt(whole)) / 10);

function daysText(days: number): string {
  if (days < 2) return `${Math.floor(days * 24)} hours`;
  return days < 730 ? `${Math.floor(days)} days` : `${Math.floor(days / 365)} years`;
}
