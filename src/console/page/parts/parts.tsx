import { Group, Text, Title, Tooltip, UnstyledButton } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import type { ReactNode } from "react";

import { short } from "../format.ts";

/** A titled box; `aside` stands at the right of the title. */
export function Card({ title, aside, children }: { title?: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      {title && (
        <Group justify="space-between" mb="sm" gap="xs">
          <Title order={2} fz="1rem">
            {title}
          </Title>
          {aside}
        </Group>
      )}
      {children}
    </section>
  );
}

interface StatProps {
  label: string;
  figure: ReactNode;
  /** A sentence below it. */
  note?: ReactNode;
  color?: string | undefined;
  children?: ReactNode;
}

export function Stat({ label, figure, note, color, children }: StatProps) {
  return (
    <section className="card" aria-label={label}>
      <div className="label">{label}</div>
      <Text component="div" className="figure" {...(color ? { c: color } : {})}>
        {figure}
      </Text>
      {note && <div className="label note">{note}</div>}
      {children}
    </section>
  );
}

/** Shortened; a click copies the whole. */
export function Address({ of }: { of: string }) {
  const clipboard = useClipboard({ timeout: 1_500 });
  return (
    <Tooltip label={clipboard.copied ? "copied" : of} withArrow openDelay={300} maw={420}>
      <UnstyledButton className="address" aria-label={`copy ${of}`} onClick={() => clipboard.copy(of)}>
        {clipboard.copied ? "copied" : short(of)}
      </UnstyledButton>
    </Tooltip>
  );
}

export function Row({ label, children }: { label: ReactNode; children: ReactNode }) {
  return (
    <Group justify="space-between" wrap="nowrap" gap="md" align="baseline">
      <Text component="span" fz="sm" className="quiet">
        {label}
      </Text>
      <Text component="span" fz="sm" ta="right" className="number">
        {children}
      </Text>
    </Group>
  );
}

export function Nothing({ children }: { children: ReactNode }) {
  return (
    <Text fz="sm" className="quiet" py="xs">
      {children}
    </Text>
  );
}
