import type { CommandSpec } from "../core/spec.ts";

/** `pennyblack fault ...`, `identity ...` and `stock-config` */
export const NETWORK_COMMANDS: readonly CommandSpec[] = [
  {
    kind: "write",
    path: ["fault", "prove"],
    description: "prove what a node must not have signed: commit, and reveal a minute later",
    arguments: [
      {
        name: "first",
        description: "file with a stored originator envelope, with a daemon's evidence, or of receipts prove",
      },
      { name: "second", description: "file with another of the same sequence id", isOptional: true },
    ],
    options: [{ name: "saltFile", description: "keeps the secret of the commitment; <first>.salt unless told" }],
    load: async () => (await import("./faultProve.ts")).faultProve,
  },
  {
    kind: "read",
    path: ["identity", "show"],
    description: "an inbox, verified again from its log and compared with the registry",
    arguments: [{ name: "identity", description: "inbox id, wallet address, or a passkey's public key in hex" }],
    options: [],
    load: async () => (await import("./identityShow.ts")).identityShow,
  },
  {
    kind: "read",
    path: ["stock-config"],
    description: "the JSON for a stock xmtpd node and gateway, each contract asked what they ask",
    arguments: [],
    options: [],
    load: async () => (await import("./stockConfig.ts")).stockConfig,
  },
];
