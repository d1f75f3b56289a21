import {
  ActionIcon,
  Box,
  Container,
  Group,
  SegmentedControl,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { Suspense, lazy, useEffect, useState } from "react";

import type { ConsoleHost } from "../views.ts";
import stamp from "./stamp.svg?no-inline";

const PAGES = {
  operator: lazy(() => import("./operator/OperatorPage.tsx")),
  network: lazy(() => import("./network/NetworkPage.tsx")),
  payer: lazy(() => import("./payer/PayerPage.tsx")),
};

const NETWORK = { value: "network", label: "Network" } as const;
const TABS = {
  daemon: [{ value: "operator", label: "Operator" }, NETWORK],
  gateway: [{ value: "payer", label: "Payer" }, NETWORK],
} as const;

type Tab = (typeof TABS)[ConsoleHost][number]["value"];

export function App({ host }: { host: ConsoleHost }) {
  const tabs = TABS[host];
  const [tab, setTab] = useTab(tabs.map(({ value }) => value));
  const Page = tab && PAGES[tab];
  return (
    <>
      <Box component="header" className="bar">
        <Container size={1240} px="md">
          <Group h={56} justify="space-between" wrap="nowrap">
            <Group gap={10} wrap="nowrap">
              <img src={stamp} alt="" width={26} height={26} />
              <Text fw={650} visibleFrom="xs">
                Pennyblack
              </Text>
            </Group>
            {tabs.length > 1 && (
              <SegmentedControl
                size="sm"
                radius="xl"
                aria-label="View"
                data={[...tabs]}
                value={tab ?? ""}
                onChange={(value) => setTab(value as Tab)}
              />
            )}
            <SchemeSwitch />
          </Group>
        </Container>
      </Box>
      <Container component="main" size={1240} px="md" py="lg">
        <Suspense fallback={null}>{Page && <Page />}</Suspense>
      </Container>
    </>
  );
}

/** Which tab is open stands in the address, so that a reload and a bookmark keep it. */
function useTab(tabs: readonly Tab[]): [Tab | undefined, (tab: Tab) => void] {
  const read = () => tabs.find((tab) => `#${tab}` === location.hash) ?? tabs[0];
  const [tab, setTab] = useState(read);
  useEffect(() => {
    const onHash = () => setTab(read());
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  });
  return [tab, (next) => (location.hash = next)];
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      radius="xl"
      aria-label={`${other} colours`}
      onClick={() => setColorScheme(other)}
    >
      <svg
        viewBox="0 0 24 24"
        width="18"
        height="18"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
      >
        {scheme === "dark" ? (
          <path d="M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2m0 16v2M4.9 4.9l1.4 1.4m11.4 11.4 1.4 1.4M2 12h2m16 0h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4" />
        ) : (
          <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z" strokeLinejoin="round" />
        )}
      </svg>
    </ActionIcon>
  );
}
