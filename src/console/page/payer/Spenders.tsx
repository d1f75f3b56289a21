import { Group, Progress, Text } from "@mantine/core";

import type { PayerView } from "../../views.ts";
import { count, usdOfPico } from "../format.ts";
import { Card, Nothing } from "../parts/parts.tsx";

/** Who spent most in the fortnight. */
export function Spenders({ spend }: { spend: PayerView["spend"] }) {
  const { spenders, spenderCount, isPartial } = spend;
  const most = BigInt(spenders[0]?.postagePico ?? 0);
  return (
    <Card title="Who spent it" aside={<span className="label">14 days</span>}>
      {spenders.length === 0 ? (
        <Nothing>Nobody yet.</Nothing>
      ) : (
        <div className="rows">
          {spenders.map(({ app, user, envelopes, postagePico }) => (
            <div key={JSON.stringify([app, user])}>
              <Group justify="space-between" wrap="nowrap" mb={5}>
                <Text fz="sm" truncate>
                  {nameOf(app, user)}
                </Text>
                <Text fz="sm" className="number nowrap">
                  {usdOfPico(postagePico)} <span className="quiet">({count(envelopes)})</span>
                </Text>
              </Group>
              <Progress value={most === 0n ? 0 : Number((BigInt(postagePico) * 100n) / most)} size={4} radius="xl" />
            </div>
          ))}
        </div>
      )}
      {spenderCount > spenders.length && (
        <Text className="label" mt="sm">
          of {count(spenderCount)}
          {isPartial ? " or more: days with very many users are not read to their end" : ""}
        </Text>
      )}
    </Card>
  );
}

function nameOf(app: string, user: string): string {
  if (app === "" && user === "") return "without a name";
  return app === "" ? user : user === "" ? app : `${user} (${app})`;
}
