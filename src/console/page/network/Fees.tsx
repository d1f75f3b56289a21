import { Text } from "@mantine/core";

import type { NetworkFees } from "../../views.ts";
import { count, dateAndTime, usd, usdOfPico } from "../format.ts";
import { Card, Row } from "../parts/parts.tsx";

/** What a message costs now, and from when on it costs something else. */
export function Fees({ fees }: { fees: NetworkFees }) {
  const { messageFeePico, storageFeePico, congestionFeePico, targetRatePerMinute, retentionDays, next } = fees;
  return (
    <Card title="Fees" aside={<span className="label">in force since {dateAndTime(fees.sinceSeconds * 1_000)}</span>}>
      {fees.typical.map(({ bytes, feePico }) => (
        <Row key={bytes} label={`A message of ${count(bytes)} bytes`}>
          {usdOfPico(feePico)}
        </Row>
      ))}
      <Row label="of it, for each message">{usdOfPico(messageFeePico)}</Row>
      <Row label={`and for a kilobyte, ${retentionDays} days`}>
        {usdOfPico(BigInt(storageFeePico) * 1_000n * BigInt(retentionDays))}
      </Row>
      <Row label={`A unit of congestion, above ${count(targetRatePerMinute)} a minute`}>
        <span className="nowrap">{usdOfPico(congestionFeePico)}</span>
      </Row>
      {fees.stampPrice !== undefined && <Row label="A stamp for a stranger">{usd(fees.stampPrice)}</Row>}
      {next && (
        <Text fz="sm" mt="xs">
          From {dateAndTime(next.atSeconds * 1_000)}: {usdOfPico(next.messageFeePico)} for each message and{" "}
          {usdOfPico(BigInt(next.storageFeePico) * 1_000n * BigInt(retentionDays))} for a kilobyte.
        </Text>
      )}
    </Card>
  );
}
