import { Alert as Box, Stack } from "@mantine/core";

import type { Alert } from "../../views.ts";

const MOST = 8;

export function Alerts({ alerts }: { alerts: readonly Alert[] }) {
  if (alerts.length === 0) return null;
  const shown = alerts.slice(0, MOST);
  const more = alerts.length - shown.length;
  return (
    <Stack gap="xs" role="list" aria-label="Alerts">
      {shown.map(({ level, text }) => (
        <Box key={text} role="listitem" variant="light" color={level === "bad" ? "red" : "yellow"} py={9} radius="md">
          {text}
        </Box>
      ))}
      {more > 0 && <span className="label">and {more} more</span>}
    </Stack>
  );
}
