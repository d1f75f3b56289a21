import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { parse } from "yaml";

import { metricsPage } from "../scripts/docs/metricsPage.ts";
import { METRICS } from "../src/daemon/metrics/catalogue.ts";
import type { MetricDefinition } from "../src/platform/metrics/definitions.ts";

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");
const NAMES = new Set(
  Object.values(METRICS).flatMap(({ name, type }: MetricDefinition) =>
    type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
);

function expectKnown(expression: string): void {
  const used = [...expression.matchAll(/\bpennyblack_\w+/g)].map(([name]) => name);
  for (const name of used) expect([...NAMES], expression).to.include(name);
}

describe("ops", () => {
  it("docs/metrics.md is what the table of metrics says: run `npm run docs:metrics`", async () => {
    expect(read("docs/metrics.md")).to.equal(await metricsPage());
  });

  it("every alert uses metrics that exist, and has its section in the troubleshooting page, and no section is left over", () => {
    const { groups } = parse(read("ops/prometheus/alerts.yml")) as {
      groups: { rules: { alert: string; expr: string; annotations: { runbook: string; summary: string } }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).to.be.greaterThan(20);
    const sections = [...read("docs/operators-trouble.md").matchAll(/^### (Pennyblack\w+)$/gm)].map(
      ([, name]) => name!,
    );
    for (const { alert, expr, annotations } of rules) {
      expectKnown(expr);
      expect(annotations.runbook).to.equal(`docs/operators-trouble.md#${alert.toLowerCase()}`);
    }
    expect(rules.map(({ alert }) => alert)).to.have.members(sections);
  });

  it("the dashboard uses metrics that exist, and shows every one", () => {
    const text = read("ops/grafana/pennyblack.json");
    const { panels } = JSON.parse(text) as { panels: { targets?: { expr: string }[] }[] };
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(expressions.length).to.be.greaterThan(40);
    for (const expression of expressions) expectKnown(expression);
    for (const { name } of Object.values(METRICS)) expect(text, name).to.include(name);
  });
});
