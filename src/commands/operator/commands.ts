import { RECIPIENT } from "../core/options.ts";
import type { ArgumentSpec, CommandSpec, OptionSpec } from "../core/spec.ts";

const NODE: ArgumentSpec = { name: "node", description: "the node's id: 100, 200, ..." };
const DIRECTORY: OptionSpec = { name: "directory", description: "where the node's key files are" };

/** `pennyblack operator ...` */
export const OPERATOR_COMMANDS: readonly CommandSpec[] = [
  {
    kind: "local",
    path: ["operator", "keys"],
    description: "make a node's key files that are missing; never overwrites one",
    arguments: [],
    options: [DIRECTORY],
    load: async () => (await import("./keys.ts")).operatorKeys,
  },
  {
    kind: "write",
    path: ["operator", "register"],
    description: "register a node with the keys in a directory and post the minimum stake",
    arguments: [],
    options: [
      DIRECTORY,
      { name: "httpAddress", description: "where the node serves, https://..." },
      { name: "payout", description: "where earnings go; the owner unless told" },
      { name: "writeConfig", description: "also write the node's config to this new file" },
      { name: "nativeTokenPrice", description: 'with --write-config: what one token of gas is worth, "4000 USD"' },
      { name: "listen", description: "with --write-config: host:port to bind; that of the http address unless told" },
      { name: "operatorPort", description: "with --write-config: the operator's port, 5051 unless told" },
    ],
    load: async () => (await import("./register.ts")).operatorRegister,
  },
  {
    kind: "write",
    path: ["operator", "stake"],
    description: "add to a node's stake, and take a seat with it",
    arguments: [NODE],
    options: [
      { name: "amount", description: 'how much to add, "500 PENNY"' },
      { name: "takeSeat", description: "take a seat afterwards, a free one or the weakest's", isFlag: true },
    ],
    load: async () => (await import("./stake.ts")).operatorStake,
  },
  {
    kind: "write",
    path: ["operator", "unstake"],
    description: "start to take stake out of a node that goes on",
    arguments: [NODE],
    options: [{ name: "amount", description: 'how much, "500 PENNY"' }],
    load: async () => (await import("./unstake.ts")).operatorUnstake,
  },
  {
    kind: "write",
    path: ["operator", "withdraw-stake"],
    description: "withdraw stake that has finished unbonding",
    arguments: [NODE],
    options: [RECIPIENT],
    load: async () => (await import("./withdrawStake.ts")).operatorWithdrawStake,
  },
  {
    kind: "write",
    path: ["operator", "rotate-key"],
    description: "give a node another signing key, attestation key, or both",
    arguments: [NODE],
    options: [
      { name: "signingKey", description: "file of the new signing key" },
      { name: "attestationKey", description: "file of the new attestation key" },
    ],
    load: async () => (await import("./rotateKey.ts")).operatorRotateKey,
  },
  {
    kind: "write",
    path: ["operator", "exit"],
    description: "leave for good with a node: its whole stake unbonds",
    arguments: [NODE],
    options: [],
    load: async () => (await import("./exit.ts")).operatorExit,
  },
  {
    kind: "write",
    path: ["operator", "claim"],
    description: "send a node's earnings to its payout address",
    arguments: [NODE],
    options: [],
    load: async () => (await import("./claim.ts")).operatorClaim,
  },
  {
    kind: "read",
    path: ["operator", "show"],
    description: "a node's standing, seat, stake, money and keys, and what to do next",
    arguments: [NODE],
    options: [],
    load: async () => (await import("./show.ts")).operatorShow,
  },
];
