import { Badge, ScrollArea, Table } from "@mantine/core";

import type { SentTransaction } from "../../views.ts";
import { dateAndTime } from "../format.ts";
import { Address, Card, Nothing } from "../parts/parts.tsx";

const COLORS: Record<SentTransaction["state"], string> = {
  pending: "yellow",
  mined: "cyan",
  done: "teal",
  reverted: "red",
  replaced: "gray",
};
const NAMES: Record<string, string> = {
  settle: "settle",
  distribute: "pass fees on",
  rollOver: "write registry version",
  claim: "claim",
  fault: "report a fault",
  report: "report an epoch",
  penalties: "apply penalties",
  announce: "announce ranges",
  charge: "charge stamps",
  rollCall: "answer a roll call",
  rollCallOpen: "open a roll call",
  rollCallClose: "close a roll call",
};

/** What this daemon sent to the chain, the newest first. */
export function Transactions({ transactions }: { transactions: readonly SentTransaction[] }) {
  return (
    <Card title="Sent to the chain">
      {transactions.length === 0 ? (
        <Nothing>Nothing yet.</Nothing>
      ) : (
        <ScrollArea.Autosize mah={360} offsetScrollbars type="auto">
          <Table fz="sm" verticalSpacing={7} horizontalSpacing={0} withRowBorders>
            <Table.Tbody>
              {transactions.map(({ id, kind, rows, at, state, hash }) => (
                <Table.Tr key={id}>
                  <Table.Td pr="sm">
                    {NAMES[kind] ?? kind}
                    {rows === undefined ? "" : `, ${rows} ${rows === 1 ? "payer" : "payers"}`}
                  </Table.Td>
                  <Table.Td pr="sm" className="number quiet nowrap">
                    {dateAndTime(at)}
                  </Table.Td>
                  <Table.Td pr="sm" visibleFrom="sm">
                    {hash && <Address of={hash} />}
                  </Table.Td>
                  <Table.Td ta="right">
                    <Badge variant="light" color={COLORS[state]} radius="sm" tt="none" miw="max-content">
                      {state}
                    </Badge>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea.Autosize>
      )}
    </Card>
  );
}
