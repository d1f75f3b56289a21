import { Group, Progress, Text } from "@mantine/core";

import type { OperatorView } from "../../views.ts";
import { count, usd } from "../format.ts";
import { Address, Card, Nothing } from "../parts/parts.tsx";

const HIGH = 90;
const RISING = 60;

/** Who owes most, held against what one channel may owe. */
export function Channels({ channels, exposureCap }: { channels: OperatorView["channels"]; exposureCap: string }) {
  const { count: all, largest } = channels;
  const aside = <span className="label number">each up to {usd(exposureCap)}</span>;
  return (
    <Card title="Exposure by channel" aside={aside}>
      {largest.length === 0 ? (
        <Nothing>Nothing that was carried is unpaid.</Nothing>
      ) : (
        <div className="rows">
          {largest.map(({ channel, exposure, unsettled }) => {
            const percent = percentOf(exposure, exposureCap);
            return (
              <div key={channel}>
                <Group justify="space-between" wrap="nowrap" mb={6}>
                  <Address of={channel} />
                  <Text fz="sm" className="number">
                    {usd(exposure)} <span className="quiet">({usd(unsettled)} signed)</span>
                  </Text>
                </Group>
                <Progress
                  value={percent}
                  size="sm"
                  radius="xl"
                  color={percent > HIGH ? "red" : percent > RISING ? "yellow" : "ink"}
                  aria-label={`${percent} % of what it may owe`}
                />
              </div>
            );
          })}
        </div>
      )}
      {all > largest.length && (
        <Text className="label" mt="sm">
          {largest.length > 0 ? "the largest of" : "in"} {count(all)} {all === 1 ? "channel" : "channels"}
        </Text>
      )}
    </Card>
  );
}

const percentOf = (part: string, whole: string): number =>
  BigInt(whole) === 0n ? 0 : Math.min(100, Number((BigInt(part) * 1_000n) / BigInt(whole)) / 10);
