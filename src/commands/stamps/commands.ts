import type { ArgumentSpec, CommandSpec } from "../core/spec.ts";

const REPORT: ArgumentSpec = { name: "report", description: "the report's digest" };

/** `pennyblack stamps ...` */
export const STAMPS_COMMANDS: readonly CommandSpec[] = [
  {
    kind: "read",
    path: ["stamps", "show"],
    description: "what was charged for stamps under a report, and what becomes of it",
    arguments: [REPORT],
    options: [],
    load: async () => (await import("./show.ts")).stampsShow,
  },
  {
    kind: "write",
    path: ["stamps", "claim"],
    description: "pay payouts of a report to their accounts; anyone may",
    arguments: [REPORT, { name: "payouts", description: "files with payouts and their proofs", isVariadic: true }],
    options: [],
    load: async () => (await import("./claim.ts")).stampsClaim,
  },
];
