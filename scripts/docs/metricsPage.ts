import { format, resolveConfig } from "prettier";

import type { MetricDefinition } from "../../src/platform/metrics/definitions.ts";
import { METRICS } from "../../src/daemon/metrics/catalogue.ts";

const HEAD = `# Metrics

Made from \`src/daemon/metrics/catalogue.ts\` by \`npm run docs:metrics\`. What prom-client knows of the process
(\`process_*\`, \`nodejs_*\`) comes beside these. How to scrape, alerts and the dashboard: [run and
monitor](operators-run.md#metrics-and-alerts).

Amounts are for graphs: Prometheus counts in floating point. The ledger and \`pennyblack export\` have them to the unit.

| Metric | Type | Unit | Labels | |
|---|---|---|---|---|
`;

/** docs/metrics.md as it has to be. */
export async function metricsPage(): Promise<string> {
  const definitions: readonly MetricDefinition[] = Object.values(METRICS);
  const rows = definitions.map(({ name, type, unit, help, labels = {} }) => {
    const bounds = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
    return `| \`${name}\` | ${type} | ${unit} | ${bounds.join("; ")} | ${help} |`;
  });
  const options = await resolveConfig(new URL("../../docs/metrics.md", import.meta.url));
  return format(HEAD + rows.join("\n") + "\n", { ...options, plugins: [], parser: "markdown" });
}
