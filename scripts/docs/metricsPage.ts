import { format, resolveConfig } from "prettier";

import { GATEWAY_METRICS } from "../../src/client/metrics/catalogue.ts";
import { METRICS } from "../../src/daemon/metrics/catalogue.ts";
import type { MetricDefinition, MetricTable } from "../../src/platform/metrics/definitions.ts";

const HEAD = `# Metrics

Made from \`src/daemon/metrics/catalogue.ts\` and \`src/client/metrics/catalogue.ts\` by \`npm run docs:metrics\`. What prom-client
knows of the process (\`process_*\`, \`nodejs_*\`) comes beside these. How to scrape, alerts and dashboards: [run and
monitor](operators-run.md#metrics-and-alerts) a daemon, [look at a gateway](payers.md#metrics-and-alerts).

Amounts are for graphs: Prometheus counts in floating point. Ledgers, \`pennyblack export\` and \`pennyblack spend\` have them to the
unit.
`;

function tableOf(title: string, metrics: MetricTable): string {
  const definitions: readonly MetricDefinition[] = Object.values(metrics);
  const rows = definitions.map(({ name, type, unit, help, labels = {} }) => {
    const bounds = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
    return `| \`${name}\` | ${type} | ${unit} | ${bounds.join("; ")} | ${help} |`;
  });
  return `\n## ${title}\n\n| Metric | Type | Unit | Labels | |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
}

/** docs/metrics.md as it has to be. */
export async function metricsPage(): Promise<string> {
  const options = await resolveConfig(new URL("../../docs/metrics.md", import.meta.url));
  const page = HEAD + tableOf("Of a daemon", METRICS) + tableOf("Of a gateway", GATEWAY_METRICS);
  return format(page, { ...options, plugins: [], parser: "markdown" });
}
