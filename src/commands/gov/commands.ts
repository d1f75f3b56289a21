import type { ArgumentSpec, CommandSpec } from "../core/spec.ts";

const PROPOSAL: ArgumentSpec = { name: "proposal", description: "the proposal's id" };

/** `pennyblack rates ...` and `pennyblack gov ...` */
export const GOV_COMMANDS: readonly CommandSpec[] = [
  {
    kind: "read",
    path: ["rates", "show"],
    description: "what carriage costs, now and as scheduled",
    arguments: [],
    options: [],
    load: async () => (await import("./ratesShow.ts")).ratesShow,
  },
  {
    kind: "write",
    path: ["rates", "propose"],
    description: "propose other rates to the vote; those that are not named stay",
    arguments: [],
    options: [
      { name: "messageFeePico", description: "pico per message" },
      { name: "storageFeePicoPerByteDay", description: "pico per byte and day" },
      { name: "congestionFeePicoPerUnit", description: "pico per congestion unit" },
      { name: "targetRatePerMinute", description: "messages a minute above which congestion begins" },
      { name: "start", description: "from when, 2026-12-10T00:00Z or unix seconds; early unless told" },
      { name: "description", description: "why; what changes unless told" },
    ],
    load: async () => (await import("./ratesPropose.ts")).ratesPropose,
  },
  {
    kind: "write",
    path: ["gov", "propose"],
    description: "propose what a file says to the vote",
    arguments: [],
    options: [{ name: "file", description: "JSON: a description, and calls by contract, function and args" }],
    load: async () => (await import("./propose.ts")).govPropose,
  },
  {
    kind: "read",
    path: ["gov", "show"],
    description: "a proposal's state, votes, dates and calls, and what to do next; without an id, all of them",
    arguments: [{ ...PROPOSAL, isOptional: true }],
    options: [],
    load: async () => (await import("./show.ts")).govShow,
  },
  {
    kind: "write",
    path: ["gov", "vote"],
    description: "vote on a proposal, with all votes that the account had when voting began",
    arguments: [PROPOSAL],
    options: [
      { name: "for", description: "for it", isFlag: true },
      { name: "against", description: "against it", isFlag: true },
      { name: "abstain", description: "neither; counts towards the quorum", isFlag: true },
      { name: "reason", description: "public, with the vote" },
    ],
    load: async () => (await import("./vote.ts")).govVote,
  },
  {
    kind: "write",
    path: ["gov", "queue"],
    description: "hand a proposal that has passed to the Timelock; anyone may",
    arguments: [PROPOSAL],
    options: [],
    load: async () => (await import("./carryOut.ts")).govQueue,
  },
  {
    kind: "write",
    path: ["gov", "execute"],
    description: "do what has passed and waited; anyone may",
    arguments: [PROPOSAL],
    options: [],
    load: async () => (await import("./carryOut.ts")).govExecute,
  },
];
