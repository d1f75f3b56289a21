import { expect } from "chai";

import type { MetricDefinition, MetricTable } from "../../src/platform/metrics/definitions.ts";

/** Whatever is exported is in the table, with no label that the table does not have. */
export function expectOnlyCatalogue(text: string, table: MetricTable): void {
  const definitions: readonly MetricDefinition[] = Object.values(table);
  for (const line of text.split("\n").filter((one) => one !== "" && !one.startsWith("#"))) {
    const [, name, labels = ""] = /^(\w+)(?:\{(.*)\})? /.exec(line)!;
    const base = name!.replace(/_(bucket|sum|count)$/, "");
    const found = definitions.find((one) => one.name === name || (one.type === "histogram" && one.name === base));
    expect(found, line).not.to.equal(undefined);
    const known = [...Object.keys(found!.labels ?? {}), ...(found!.type === "histogram" ? ["le"] : [])];
    const used = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label!);
    expect(known, line).to.include.members(used);
  }
}
