/** Writes docs/metrics.md from the table of metrics: `npm run docs:metrics`. A test fails when it is old. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { metricsPage } from "./metricsPage.ts";

writeFileSync(fileURLToPath(new URL("../../docs/metrics.md", import.meta.url)), await metricsPage());
