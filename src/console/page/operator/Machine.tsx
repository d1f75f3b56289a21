import { Group, Text, Tooltip } from "@mantine/core";

import type { OperatorView } from "../../views.ts";
import { bytes, count, duration, usd } from "../format.ts";
import { Card, Row } from "../parts/parts.tsx";

/** Whether what it stands on holds: the chain's endpoints, the loops, the disk. */
export function Machine({ view }: { view: OperatorView }) {
  const { chain, loops, disk, stamps } = view;
  return (
    <Card title="Chain and machine">
      {chain.finalized !== undefined && <Row label="Final block">{chain.finalized}</Row>}
      {chain.endpoints.map(({ name, state, problem }) => (
        <Row key={name} label={`Endpoint ${name}`}>
          <Text component="span" fz="sm" title={problem} {...(state === "well" ? {} : { c: "red" })}>
            {state}
          </Text>
        </Row>
      ))}
      {disk && (
        <>
          <Row label="Databases">{bytes(disk.databaseBytes)}</Row>
          <Row label="Free on the disk">{bytes(disk.freeBytes)}</Row>
        </>
      )}
      {stamps && (
        <Row label="Stamps">
          {stamps.price === undefined ? "" : `${usd(stamps.price)} each; `}
          {count(stamps.open)} open
        </Row>
      )}
      <Text fz="sm" className="quiet" mt="xs" mb={6}>
        Loops
      </Text>
      <Group gap={6}>
        {loops.map(({ loop, sinceSuccessSeconds, failures, isStuck }) => (
          <Tooltip
            key={loop}
            label={`worked ${duration(sinceSuccessSeconds)} ago${failures > 0 ? `, failed ${failures} times since the start` : ""}`}
            withArrow
          >
            <Group gap={5} wrap="nowrap">
              <span
                className="dot"
                style={{
                  background: `var(--mantine-color-${isStuck || sinceSuccessSeconds > 120 ? "red" : "teal"}-6)`,
                }}
              />
              <Text fz="0.8rem">{loop}</Text>
            </Group>
          </Tooltip>
        ))}
      </Group>
    </Card>
  );
}
