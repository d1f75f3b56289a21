import type { CommandSpec } from "./core/spec.ts";
import { CHANNEL_COMMANDS } from "./channel/commands.ts";
import { GOV_COMMANDS } from "./gov/commands.ts";
import { NETWORK_COMMANDS } from "./network/commands.ts";
import { OPERATOR_COMMANDS } from "./operator/commands.ts";
import { STAMPS_COMMANDS } from "./stamps/commands.ts";

/** Every command that is a Hardhat task too, in the order in which the documentation lists them. */
export const COMMANDS: readonly CommandSpec[] = [
  ...OPERATOR_COMMANDS,
  ...CHANNEL_COMMANDS,
  ...STAMPS_COMMANDS,
  ...GOV_COMMANDS,
  ...NETWORK_COMMANDS,
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
