import { RECIPIENT } from "../core/options.ts";
import type { ArgumentSpec, CommandSpec, OptionSpec } from "../core/spec.ts";

const CHANNEL: ArgumentSpec = { name: "channel", description: "address of the postage key" };
const POSTAGE_KEY: OptionSpec = { name: "postageKey", description: "the channel's key: a keystore, or a file of hex" };
const PASSWORD_FILE: OptionSpec = { name: "passwordFile", description: "file with the keystore's password" };

/** `pennyblack channel ...` */
export const CHANNEL_COMMANDS: readonly CommandSpec[] = [
  {
    kind: "write",
    path: ["channel", "deposit"],
    description: "fund a channel",
    arguments: [CHANNEL],
    options: [{ name: "amount", description: 'how much, "5 USD"' }],
    load: async () => (await import("./deposit.ts")).channelDeposit,
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
    load: async () => (await import("./key.ts")).channelKey,
  },
  {
    kind: "write",
    path: ["channel", "assign-owner"],
    description: "name who may withdraw from a channel, instead of its own key",
    arguments: [CHANNEL],
    options: [
      { name: "owner", description: "the account, of a key that is not hot or a smart account" },
      POSTAGE_KEY,
      PASSWORD_FILE,
    ],
    load: async () => (await import("./owner.ts")).channelAssignOwner,
  },
  {
    kind: "write",
    path: ["channel", "rotate"],
    description: "open the next channel of a payer: another postage key, the same owner",
    arguments: [CHANNEL],
    options: [
      { name: "postageKey", description: "the new postage key: a keystore, or a file of hex" },
      PASSWORD_FILE,
      { name: "amount", description: 'what the next channel has to have, "5 USD"' },
      { name: "owner", description: "who withdraws; the old channel's owner unless told" },
    ],
    load: async () => (await import("./rotate.ts")).channelRotate,
  },
  {
    kind: "read",
    path: ["channel", "show"],
    description: "a channel's deposit, what is spent, and its withdrawal",
    arguments: [CHANNEL],
    options: [],
    load: async () => (await import("./show.ts")).channelShow,
  },
  {
    kind: "sign",
    path: ["channel", "sign-voucher"],
    description: "sign a voucher with a postage key",
    arguments: [],
    options: [
      POSTAGE_KEY,
      PASSWORD_FILE,
      { name: "channel", description: "its address; needed with --unsigned only" },
      { name: "fees", description: 'all fees since the channel began, "1.5 USD"' },
      { name: "stamps", description: "ceiling for stamps; what was signed before unless told" },
    ],
    load: async () => (await import("./signVoucher.ts")).channelSignVoucher,
  },
  {
    kind: "write",
    path: ["channel", "settle"],
    description: "put vouchers on chain",
    arguments: [{ name: "vouchers", description: "rows in hex, or headers", isVariadic: true }],
    options: [],
    load: async () => (await import("./settle.ts")).channelSettle,
  },
  {
    kind: "write",
    path: ["channel", "request-withdrawal"],
    description: "ask for unspent money of a channel",
    arguments: [CHANNEL],
    options: [{ name: "amount", description: 'how much, "5 USD", or all' }],
    load: async () => (await import("./withdrawal.ts")).channelRequestWithdrawal,
  },
  {
    kind: "write",
    path: ["channel", "cancel-withdrawal"],
    description: "call a pending withdrawal off",
    arguments: [CHANNEL],
    options: [],
    load: async () => (await import("./withdrawal.ts")).channelCancelWithdrawal,
  },
  {
    kind: "write",
    path: ["channel", "withdraw"],
    description: "withdraw what was asked for, after its delay",
    arguments: [CHANNEL],
    options: [RECIPIENT],
    load: async () => (await import("./withdrawal.ts")).channelWithdraw,
  },
];
