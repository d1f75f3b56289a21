import { Text } from "@mantine/core";

import type { GasLane } from "../../views.ts";
import { count, duration, ether } from "../format.ts";
import { Address, Card, Nothing, Row } from "../parts/parts.tsx";

const COLORS = { none: undefined, low: "yellow.7", reserve: "red", empty: "red" } as const;

/** How long the gas lasts, by account. */
export function Gas({ lanes, isFenced, now }: { lanes: readonly GasLane[]; isFenced: boolean; now: number }) {
  return (
    <Card title="Gas runway">
      {isFenced && <Nothing>Another process writes to the chain now.</Nothing>}
      {lanes.length === 0 && <Nothing>This daemon sends no transactions.</Nothing>}
      <div className="rows">
        {lanes.map(({ lane, account, balanceWei, runway, alarm, open, pending, oldestPendingAt }) => (
          <div key={account}>
            {lanes.length > 1 && <div className="label">{lane}</div>}
            <Text component="div" className="figure" {...(COLORS[alarm] ? { c: COLORS[alarm] } : {})}>
              {runway === undefined ? "unknown" : count(runway)}
              <Text component="span" fz="sm" fw={400} ml={6} className="quiet">
                settlements
              </Text>
            </Text>
            <Row label="Balance">
              {balanceWei === undefined ? "unknown" : `${ether(balanceWei)} of the chain's token`}
            </Row>
            <Row label="Account">
              <Address of={account} />
            </Row>
            <Row label="Under way">
              {open}
              {pending > 0 && oldestPendingAt !== undefined
                ? `, ${pending} pending for ${duration((now - oldestPendingAt) / 1_000)}`
                : ""}
            </Row>
          </div>
        ))}
      </div>
    </Card>
  );
}
