import type { MantineColorsTuple } from "@mantine/core";
import { createTheme } from "@mantine/core";

const ink: MantineColorsTuple = [
  ...(["#eef0fb", "#dadef4", "#b3baea", "#8893df", "#6473d6", "#4d5fd0", "#4054ce"] as const),
  ...(["#3245b7", "#2a3da4", "#1f3491"] as const),
];

export const theme = createTheme({
  primaryColor: "ink",
  colors: { ink },
  defaultRadius: "md",
  fontFamily: "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  headings: { fontWeight: "650" },
});

/** Of nodes in charts, in their order. */
export const SERIES = ["ink.5", "teal.6", "yellow.6", "grape.5", "cyan.6", "orange.6", "gray.5"] as const;
