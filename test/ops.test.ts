import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { parse } from "yaml";

import { metricsPage } from "../scripts/docs/metricsPage.ts";
import { GATEWAY_METRICS } from "../src/client/metrics/catalogue.ts";
import { METRICS } from "../src/daemon/metrics/catalogue.ts";
import type { MetricDefinition, MetricTable } from "../src/platform/metrics/definitions.ts";

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");
const ALL: MetricTable = { ...METRICS, ...prefixed(GATEWAY_METRICS) };

/** Two tables have keys in common. */
function prefixed(table: MetricTable): MetricTable {
  return Object.fromEntries(Object.entries(table).map(([key, one]) => [`gateway ${key}`, one]));
}

/** Metric names in an expression, each with the labels that it is selected by. */
function expectKnown(expression: string): void {
  const definitions: readonly MetricDefinition[] = Object.values(ALL);
  for (const [, name, selected = ""] of expression.matchAll(/\b(pennyblack_\w+)(?:\{([^}]*)\})?/g)) {
    const found = definitions.find((one) =>
      one.type === "histogram" ? new RegExp(`^${one.name}_(bucket|sum|count)$`).test(name!) : one.name === name,
    );
    expect(found, `${name} in ${expression}`).not.to.equal(undefined);
    const labels = [...selected.matchAll(/(\w+)=/g)].map(([, label]) => label!);
    expect([...Object.keys(found!.labels ?? {}), "instance", "job"], expression).to.include.members(labels);
    for (const [, values] of selected.matchAll(/\bresult=~?"([^"]*)"/g)) {
      for (const value of values!.split("|")) expect(KNOWN_RESULTS, expression).to.include(`\`${value}\``);
    }
  }
}

const KNOWN_RESULTS = read("docs/errors.md") + JSON.stringify(ALL);

/** A process that is watched, and where each part of that is. */
const WATCHED = [
  { what: "daemon", alerts: "alerts", page: "operators-trouble", dashboard: "pennyblack", table: METRICS, least: 20 },
  {
    ...{ what: "gateway", alerts: "gateway-alerts", page: "payers-trouble", dashboard: "pennyblack-gateway" },
    ...{ table: GATEWAY_METRICS, least: 15 },
  },
];

describe("ops", () => {
  it("docs/metrics.md is what the tables of metrics say: run `npm run docs:metrics`", async () => {
    expect(read("docs/metrics.md")).to.equal(await metricsPage());
  });

  it("no two metrics have one name", () => {
    const names = Object.values(ALL).map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
  });

  it("Prometheus reads the rules of both", () => {
    const { rule_files: files } = parse(read("ops/prometheus/prometheus.yml")) as { rule_files: string[] };
    expect(files).to.deep.equal(WATCHED.map(({ alerts }) => `${alerts}.yml`));
  });

  for (const { what, alerts, page, dashboard, table, least } of WATCHED) {
    it(`every alert of the ${what} uses metrics that exist, and has its section in ${page}.md, and no section is left over`, () => {
      const { groups } = parse(read(`ops/prometheus/${alerts}.yml`)) as {
        groups: { rules: { alert: string; expr: string; annotations: { runbook: string; summary: string } }[] }[];
      };
      const rules = groups.flatMap((group) => group.rules);
      expect(rules.length).to.be.greaterThan(least);
      const sections = [...read(`docs/${page}.md`).matchAll(/^### (Pennyblack\w+)$/gm)].map(([, name]) => name!);
      for (const { alert, expr, annotations } of rules) {
        expectKnown(expr);
        expect(annotations.runbook).to.equal(`docs/${page}.md#${alert.toLowerCase()}`);
      }
      expect(rules.map(({ alert }) => alert)).to.have.members(sections);
    });

    it(`the dashboard of the ${what} uses metrics that exist, and shows every one`, () => {
      const { panels } = JSON.parse(read(`ops/grafana/${dashboard}.json`)) as {
        panels: { targets?: { expr: string }[] }[];
      };
      const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
      expect(expressions.length).to.be.greaterThan(40);
      for (const expression of expressions) expectKnown(expression);
      const definitions: readonly MetricDefinition[] = Object.values(table);
      for (const { name } of definitions) {
        const isShown = expressions.some((one) => new RegExp(`\\b${name}(_bucket)?\\b`).test(one));
        expect(isShown, name).to.equal(true);
      }
    });
  }
});
