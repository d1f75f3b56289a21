import { keccak256 } from "ethers";

import type { Hex } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Member, MemberKind } from "../../protocol/identity/member.ts";
import { checkedMember, memberKey } from "../../protocol/identity/member.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Report, Row } from "../core/plan.ts";
import { table } from "../core/print.ts";
import type { FoldedInbox, LoggedUpdate } from "./identityLog.ts";
import { foldIdentityLog, readIdentityLog } from "./identityLog.ts";

/** As MemberKind of contracts/types/Identity.sol numbers them. */
const KINDS: Record<MemberKind, number> = { ethereum: 1, installation: 2, passkey: 3 };
const NAMES: Record<MemberKind, string> = { ethereum: "wallet", installation: "installation", passkey: "passkey" };
const NO_INBOX = /^0x0{64}$/;

/** An inbox from its log, with every update verified again and the result compared with what the registry says. */
export async function identityShow(context: Context, input: Input): Promise<Report> {
  const { identityRegistry } = context.contracts;
  const block = await context.provider.getBlockNumber();
  const inboxId = await inboxOf(context, input.text("identity"), block);
  const log = await readIdentityLog(context, inboxId, block);
  const folded = await foldIdentityLog(inboxId, log);
  const { count, head } = await identityRegistry.logOf(`0x${inboxId}`, { blockTag: block });
  if (count === 0n && log.length === 0) {
    const problem = `there is no inbox ${inboxId} on this chain`;
    throw new CommandError("unknown_inbox", `${problem}: check the id, --deployment and the chain`);
  }
  const differences = [
    ...(count === BigInt(log.length) ? [] : [`the registry counts ${count} updates, the log has ${log.length}`]),
    ...(head === folded.head ? [] : [`the registry's head is ${head}, the log makes ${folded.head}`]),
    ...folded.invalid,
    ...(await stateDifferences(context, inboxId, folded, block)),
  ];
  return reportOf({ inboxId, block, log, folded, head: head as Hex, differences });
}

/** The inbox that an id, a wallet or a passkey means. Throws `bad_identifier` or `unknown_inbox`. */
async function inboxOf({ contracts }: Context, text: string, block: number): Promise<string> {
  const digits = text.toLowerCase().replace(/^0x/, "");
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  const member = rootMember(digits);
  const inbox = await contracts.identityRegistry.inboxOf(onChain(member), { blockTag: block });
  if (!NO_INBOX.test(inbox)) return inbox.slice(2);
  const problem = `${NAMES[member.kind]} ${member.identifier} belongs to no inbox on this chain`;
  throw new CommandError("unknown_inbox", `${problem}: check it, --deployment and the chain`);
}

function rootMember(digits: string): Member {
  try {
    return digits.length === 40 ? checkedMember("ethereum", `0x${digits}`) : checkedMember("passkey", digits);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const forms = "an inbox id has 64 hex digits, a wallet 0x and 40, a passkey's public key 66 or 130";
    throw new CommandError("bad_identifier", `"${digits.slice(0, 140)}" is nobody's: ${forms}`, { cause: error });
  }
}

/** A member as the registry names it. */
function onChain({ kind, identifier }: Member): { kind: number; key: Hex } {
  const hex = identifier.replace(/^0x/, "");
  const key = kind === "passkey" ? keccak256(`0x${hex}`) : `0x${hex.padStart(64, "0")}`;
  return { kind: KINDS[kind], key: key as Hex };
}

async function stateDifferences(
  { contracts }: Context,
  inboxId: string,
  { state, everMembers }: FoldedInbox,
  block: number,
): Promise<string[]> {
  const { identityRegistry } = contracts;
  const at = { blockTag: block };
  const differences: string[] = [];
  const recovery = await identityRegistry.recoveryOf(`0x${inboxId}`, at);
  const expected = state ? onChain(state.recovery) : undefined;
  if (Number(recovery.kind) !== (expected?.kind ?? 0) || (expected && recovery.key !== expected.key)) {
    differences.push(`the registry's recovery is ${recovery.key}, the log makes ${expected?.key ?? "none"}`);
  }
  const members = state?.members ?? new Map<string, Member>();
  const installations = [...members.values()].filter(({ kind }) => kind === "installation").length;
  const counted = await identityRegistry.installationCount(`0x${inboxId}`, at);
  if (counted !== BigInt(installations)) {
    differences.push(`the registry counts ${counted} installations, the log makes ${installations}`);
  }
  for (const [key, member] of everMembers) {
    const isMember = await identityRegistry.isMember(`0x${inboxId}`, onChain(member), at);
    if (isMember === members.has(key)) continue;
    const says = `the registry says that ${NAMES[member.kind]} ${member.identifier} is ${isMember ? "a" : "no"} member`;
    differences.push(`${says}, the log says the opposite`);
  }
  return differences;
}

interface Found {
  inboxId: string;
  block: number;
  log: LoggedUpdate[];
  folded: FoldedInbox;
  head: Hex;
  differences: string[];
}

function reportOf({ inboxId, block, log, folded, head, differences }: Found): Report {
  const members = [...(folded.state?.members.values() ?? [])];
  const isAccounts = members.some(({ isAccount }) => isAccount);
  const recovery = folded.state?.recovery;
  const rows = members.map(({ kind, identifier, addedBy, isAccount }): Row => {
    const by = addedBy ? `added by ${NAMES[addedBy.kind]} ${addedBy.identifier}` : "created the inbox";
    return [isAccount ? "smart account" : NAMES[kind], `${identifier}\n${by}`];
  });
  const former = [...folded.everMembers].filter(([key]) => !folded.state?.members.has(key)).map(([, member]) => member);
  const summary = differences.length === 0 ? "log and registry agree, every update holds" : "LOG AND REGISTRY DIFFER";
  return {
    kind: "report",
    title: `Inbox ${inboxId}: ${summary}`,
    sections: [
      {
        rows: [
          ["recovery", recovery ? `${NAMES[recovery.kind]} ${recovery.identifier}` : "none"],
          ["updates", `${log.length}, sequence ids ${log.map(({ sequenceId }) => sequenceId).join(", ")}`],
          ["head", head],
          ["at block", String(block)],
        ],
      },
      { heading: `Members (${members.length})`, rows },
      ...(former.length > 0
        ? [{ heading: "No longer", rows: former.map(({ kind, identifier }): Row => [NAMES[kind], identifier]) }]
        : []),
    ],
    notes: isAccounts ? ["Signatures of smart accounts were asked when the registry took them, and not again."] : [],
    data: {
      ...{ inboxId, block, head, computedHead: folded.head, differences },
      recovery: recovery ? { kind: recovery.kind, identifier: recovery.identifier } : null,
      members: members.map(({ kind, identifier, addedBy, isAccount }) => ({
        ...{ kind, identifier, isAccount },
        addedBy: addedBy ? memberKey(addedBy) : null,
      })),
      formerMembers: former.map(({ kind, identifier }) => ({ kind, identifier })),
      updates: log.map(({ sequenceId, block: at }) => ({ sequenceId, block: at })),
    },
    ...(differences.length > 0 ? { problem: differ(differences) } : {}),
  };
}

function differ(differences: string[]): CommandError {
  const list = table(differences.map((one, i) => [`${i + 1}.`, one]))
    .join("; ")
    .trim();
  const advice = "trust neither, try another endpoint, and tell the network's maintainers";
  return new CommandError("log_differs", `the log and the registry differ: ${list}: ${advice}`);
}
