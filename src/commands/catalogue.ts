import type { ArgumentSpec, CommandSpec, OptionSpec } from "./core/spec.ts";

const NODE: ArgumentSpec = { name: "node", description: "the node's id: 100, 200, ..." };
const CHANNEL: ArgumentSpec = { name: "channel", description: "address of the postage key" };
const REPORT: ArgumentSpec = { name: "report", description: "the report's digest" };
const PROPOSAL: ArgumentSpec = { name: "proposal", description: "the proposal's id" };
const RECIPIENT: OptionSpec = { name: "recipient", description: "who gets it; the owner unless told" };
const DIRECTORY: OptionSpec = { name: "directory", description: "where the node's key files are" };

/** Every command that is a Hardhat task too, in the order in which the documentation lists them. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    kind: "local",
    path: ["operator", "keys"],
    description: "make a node's key files that are missing; never overwrites one",
    arguments: [],
    options: [DIRECTORY],
    load: async () => (await import("./operator/keys.ts")).operatorKeys,
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
    load: async () => (await import("./operator/register.ts")).operatorRegister,
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
    load: async () => (await import("./operator/stake.ts")).operatorStake,
  },
  {
    kind: "write",
    path: ["operator", "unstake"],
    description: "start to take stake out of a node that goes on",
    arguments: [NODE],
    options: [{ name: "amount", description: 'how much, "500 PENNY"' }],
    load: async () => (await import("./operator/unstake.ts")).operatorUnstake,
  },
  {
    kind: "write",
    path: ["operator", "withdraw-stake"],
    description: "withdraw stake that has finished unbonding",
    arguments: [NODE],
    options: [RECIPIENT],
    load: async () => (await import("./operator/withdrawStake.ts")).operatorWithdrawStake,
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
    load: async () => (await import("./operator/rotateKey.ts")).operatorRotateKey,
  },
  {
    kind: "write",
    path: ["operator", "exit"],
    description: "leave for good with a node: its whole stake unbonds",
    arguments: [NODE],
    options: [],
    load: async () => (await import("./operator/exit.ts")).operatorExit,
  },
  {
    kind: "write",
    path: ["operator", "claim"],
    description: "send a node's earnings to its payout address",
    arguments: [NODE],
    options: [],
    load: async () => (await import("./operator/claim.ts")).operatorClaim,
  },
  {
    kind: "read",
    path: ["operator", "show"],
    description: "a node's standing, seat, stake, money and keys, and what to do next",
    arguments: [NODE],
    options: [],
    load: async () => (await import("./operator/show.ts")).operatorShow,
  },
  {
    kind: "write",
    path: ["channel", "deposit"],
    description: "fund a channel",
    arguments: [CHANNEL],
    options: [{ name: "amount", description: 'how much, "5 USD"' }],
    load: async () => (await import("./channel/deposit.ts")).channelDeposit,
  },
  {
    kind: "local",
    path: ["channel", "key"],
    description: "make a postage key, encrypted; never overwrites a file",
    arguments: [],
    options: [
      { name: "to", description: "the new keystore" },
      { name: "passwordFile", description: "file with its password, 12 characters at least" },
    ],
    load: async () => (await import("./channel/key.ts")).channelKey,
  },
  {
    kind: "write",
    path: ["channel", "assign-owner"],
    description: "name who may withdraw from a channel, instead of its own key",
    arguments: [CHANNEL],
    options: [
      { name: "owner", description: "the account, of a key that is not hot or a smart account" },
      { name: "postageKey", description: "the channel's key: a keystore, or a file of hex" },
      { name: "passwordFile", description: "file with the keystore's password" },
    ],
    load: async () => (await import("./channel/owner.ts")).channelAssignOwner,
  },
  {
    kind: "write",
    path: ["channel", "rotate"],
    description: "open the next channel of a payer: another postage key, the same owner",
    arguments: [CHANNEL],
    options: [
      { name: "postageKey", description: "the new postage key: a keystore, or a file of hex" },
      { name: "passwordFile", description: "file with the keystore's password" },
      { name: "amount", description: 'what the next channel has to have, "5 USD"' },
      { name: "owner", description: "who withdraws; the old channel's owner unless told" },
    ],
    load: async () => (await import("./channel/rotate.ts")).channelRotate,
  },
  {
    kind: "read",
    path: ["channel", "show"],
    description: "a channel's deposit, what is spent, and its withdrawal",
    arguments: [CHANNEL],
    options: [],
    load: async () => (await import("./channel/show.ts")).channelShow,
  },
  {
    kind: "sign",
    path: ["channel", "sign-voucher"],
    description: "sign a voucher with a postage key",
    arguments: [],
    options: [
      { name: "postageKey", description: "the channel's key: a keystore, or a file of hex" },
      { name: "passwordFile", description: "file with the keystore's password" },
      { name: "channel", description: "its address; needed with --unsigned only" },
      { name: "fees", description: 'all fees since the channel began, "1.5 USD"' },
      { name: "stamps", description: "ceiling for stamps; what was signed before unless told" },
    ],
    load: async () => (await import("./channel/signVoucher.ts")).channelSignVoucher,
  },
  {
    kind: "write",
    path: ["channel", "settle"],
    description: "put vouchers on chain",
    arguments: [{ name: "vouchers", description: "rows in hex, or headers", isVariadic: true }],
    options: [],
    load: async () => (await import("./channel/settle.ts")).channelSettle,
  },
  {
    kind: "write",
    path: ["channel", "request-withdrawal"],
    description: "ask for unspent money of a channel",
    arguments: [CHANNEL],
    options: [{ name: "amount", description: 'how much, "5 USD", or all' }],
    load: async () => (await import("./channel/withdrawal.ts")).channelRequestWithdrawal,
  },
  {
    kind: "write",
    path: ["channel", "cancel-withdrawal"],
    description: "call a pending withdrawal off",
    arguments: [CHANNEL],
    options: [],
    load: async () => (await import("./channel/withdrawal.ts")).channelCancelWithdrawal,
  },
  {
    kind: "write",
    path: ["channel", "withdraw"],
    description: "withdraw what was asked for, after its delay",
    arguments: [CHANNEL],
    options: [RECIPIENT],
    load: async () => (await import("./channel/withdrawal.ts")).channelWithdraw,
  },
  {
    kind: "read",
    path: ["stamps", "show"],
    description: "what was charged for stamps under a report, and what becomes of it",
    arguments: [REPORT],
    options: [],
    load: async () => (await import("./stamps/show.ts")).stampsShow,
  },
  {
    kind: "write",
    path: ["stamps", "claim"],
    description: "pay payouts of a report to their accounts; anyone may",
    arguments: [REPORT, { name: "payouts", description: "files with payouts and their proofs", isVariadic: true }],
    options: [],
    load: async () => (await import("./stamps/claim.ts")).stampsClaim,
  },
  {
    kind: "read",
    path: ["rates", "show"],
    description: "what carriage costs, now and as scheduled",
    arguments: [],
    options: [],
    load: async () => (await import("./network/ratesShow.ts")).ratesShow,
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
    load: async () => (await import("./gov/ratesPropose.ts")).ratesPropose,
  },
  {
    kind: "write",
    path: ["gov", "propose"],
    description: "propose what a file says to the vote",
    arguments: [],
    options: [{ name: "file", description: "JSON: a description, and calls by contract, function and args" }],
    load: async () => (await import("./gov/propose.ts")).govPropose,
  },
  {
    kind: "read",
    path: ["gov", "show"],
    description: "a proposal's state, votes, dates and calls, and what to do next; without an id, all of them",
    arguments: [{ ...PROPOSAL, isOptional: true }],
    options: [],
    load: async () => (await import("./gov/show.ts")).govShow,
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
    load: async () => (await import("./gov/vote.ts")).govVote,
  },
  {
    kind: "write",
    path: ["gov", "queue"],
    description: "hand a proposal that has passed to the Timelock; anyone may",
    arguments: [PROPOSAL],
    options: [],
    load: async () => (await import("./gov/carryOut.ts")).govQueue,
  },
  {
    kind: "write",
    path: ["gov", "execute"],
    description: "do what has passed and waited; anyone may",
    arguments: [PROPOSAL],
    options: [],
    load: async () => (await import("./gov/carryOut.ts")).govExecute,
  },
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
    load: async () => (await import("./network/faultProve.ts")).faultProve,
  },
  {
    kind: "read",
    path: ["identity", "show"],
    description: "an inbox, verified again from its log and compared with the registry",
    arguments: [{ name: "identity", description: "inbox id, wallet address, or a passkey's public key in hex" }],
    options: [],
    load: async () => (await import("./network/identityShow.ts")).identityShow,
  },
  {
    kind: "read",
    path: ["stock-config"],
    description: "the JSON for a stock xmtpd node and gateway, each contract asked what they ask",
    arguments: [],
    options: [],
    load: async () => (await import("./network/stockConfig.ts")).stockConfig,
  },
];

/** What groups of commands are about. */
export const GROUPS: Record<string, string> = {
  operator: "run a node: keys, stake, seat, earnings",
  channel: "pay postage: deposits, vouchers, withdrawals",
  stamps: "what strangers pay for a first message",
  rates: "what carriage costs",
  gov: "votes on how the network is run",
  fault: "misbehaviour of nodes",
  identity: "inboxes on chain",
};

const JSON_OPTION: OptionSpec = { name: "json", description: "print JSON, amounts in base units", isFlag: true };
const DRY_RUN: OptionSpec = { name: "dryRun", description: "explain and simulate, send nothing", isFlag: true };
const SIGNING: readonly OptionSpec[] = [
  { name: "key", description: "file of the key that signs (64 hex digits, 0600)" },
  { name: "from", description: "the account that signs, when there is no --key" },
  DRY_RUN,
  { name: "unsigned", description: "print the transactions for another signer, such as a Safe", isFlag: true },
  { name: "timeout", description: "seconds to wait for each transaction, 600 unless told" },
];

export const RPC_URL: OptionSpec = {
  ...{ name: "rpcUrl", description: "JSON-RPC endpoint of its chain" },
  ...{ value: "url", variable: "PENNYBLACK_RPC_URL" },
};
/** Which network a command works on, where Hardhat does not say so. */
export const NETWORK_OPTIONS: readonly OptionSpec[] = [
  {
    ...{ name: "deployment", description: "the network's record, deployments/<network>.json" },
    ...{ value: "file", variable: "PENNYBLACK_DEPLOYMENT" },
  },
  RPC_URL,
];

/** What a command takes besides its own options. */
export function commonOptions({ kind }: CommandSpec): readonly OptionSpec[] {
  switch (kind) {
    case "read":
      return [JSON_OPTION];
    case "write":
      return [...SIGNING, JSON_OPTION];
    case "local":
      return [DRY_RUN, JSON_OPTION];
    case "sign":
      return [DRY_RUN, { name: "unsigned", description: "print what the key would sign", isFlag: true }, JSON_OPTION];
  }
}
