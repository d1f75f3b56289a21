import type { EventLog, Provider } from "ethers";
import { Interface, ZeroAddress } from "ethers";

import type { ContractKey } from "../contracts/abis.ts";
import { abis } from "../contracts/abis.ts";
import type { Contracts } from "../contracts/connectContracts.ts";
import type { DeploymentRecord } from "../contracts/deploymentRecord.ts";
import { queryInSpans } from "../contracts/queryInSpans.ts";
import { ADMIN_ROLE, PAUSABLE_KEYS, PAUSER_FUNCTIONS, PAUSER_ROLE } from "./handOver.ts";

type Found = [name: string, actual: string | bigint, expected: string | bigint];

/**
 * Who may do what at AccessManager and Timelock, and who should: every holder of every role, from all grants there ever
 * were, and the role of every function that changes something, from the ABIs. Nobody who is not named has any.
 */
export async function rolesFound(record: DeploymentRecord, handles: Contracts, provider: Provider): Promise<Found[]> {
  return [
    ...(await accessRoles(record, handles, provider)),
    ...(await timelockRoles(record, handles, provider)),
    ...(await functionRoles(record, handles)),
  ];
}

async function accessRoles(record: DeploymentRecord, { accessManager }: Contracts, provider: Provider) {
  const { timelock, guardian } = record.contracts;
  const granted = await eventsOf(record, "accessManager", ["RoleGranted"], provider);
  const pairs = pairsOf(granted.map(({ args }) => [args[0] as bigint, args[1] as string] as const));
  const held = [];
  for (const [role, account] of pairs) {
    // Also a grant that begins later, which `hasRole` does not see yet.
    const { since, currentDelay } = await accessManager.getAccess(role, account);
    if (since !== 0n) held.push(`${role} ${account}${currentDelay === 0n ? "" : ` after ${currentDelay} s`}`);
  }
  const expected = [`${ADMIN_ROLE} ${timelock.address}`, `${PAUSER_ROLE} ${guardian.address}`];
  return [
    ["accessManager.roles", sorted(held), sorted(expected)],
    ["accessManager.getRoleAdmin of pausing", await accessManager.getRoleAdmin(PAUSER_ROLE), ADMIN_ROLE],
    ["accessManager.getRoleGuardian of pausing", await accessManager.getRoleGuardian(PAUSER_ROLE), ADMIN_ROLE],
    ["accessManager.getRoleGrantDelay of admins", await accessManager.getRoleGrantDelay(ADMIN_ROLE), 0n],
    ["accessManager.getRoleGrantDelay of pausing", await accessManager.getRoleGrantDelay(PAUSER_ROLE), 0n],
    ["accessManager delays ahead", await delaysAhead(record, provider), ""],
  ] as Found[];
}

/** Delays that were set and are not in force yet, which no view of the AccessManager shows: they could lock roles for good. */
async function delaysAhead(record: DeploymentRecord, provider: Provider): Promise<string> {
  const set = await eventsOf(record, "accessManager", ["TargetAdminDelayUpdated", "RoleGrantDelayChanged"], provider);
  const now = BigInt((await provider.getBlock("latest"))!.timestamp);
  const ahead = set.filter(({ args }) => (args[2] as bigint) > now);
  return sorted(ahead.map(({ args: [of, delay, since] }) => `${String(of)} ${String(delay)} s from ${String(since)}`));
}

async function timelockRoles(record: DeploymentRecord, { timelock }: Contracts, provider: Provider) {
  const granted = await eventsOf(record, "timelock", ["RoleGranted"], provider);
  const pairs = pairsOf(granted.map(({ args }) => [args[0] as string, args[1] as string] as const));
  const names = new Map([
    [await timelock.DEFAULT_ADMIN_ROLE(), "admin"],
    [await timelock.PROPOSER_ROLE(), "proposer"],
    [await timelock.CANCELLER_ROLE(), "canceller"],
    [await timelock.EXECUTOR_ROLE(), "executor"],
  ]);
  const held = [];
  for (const [role, account] of pairs) {
    if (await timelock.hasRole(role, account)) held.push(`${names.get(role) ?? role} ${account}`);
  }
  const { postageGovernor, timelock: itself } = record.contracts;
  const expected = [
    `admin ${itself.address}`,
    `proposer ${postageGovernor.address}`,
    `canceller ${postageGovernor.address}`,
    // Anyone.
    `executor ${ZeroAddress}`,
  ];
  return [["timelock.roles", sorted(held), sorted(expected)]] as Found[];
}

/** Which role each function of the AccessManager's targets takes. The others say themselves who may call them. */
async function functionRoles({ contracts }: DeploymentRecord, { accessManager }: Contracts): Promise<Found[]> {
  const found: Found[] = [];
  for (const key of managedKeys()) {
    const { address } = contracts[key];
    found.push([`${key} closed`, String(await accessManager.isTargetClosed(address)), "false"]);
    found.push([`${key} admin delay`, await accessManager.getTargetAdminDelay(address), 0n]);
    for (const fragment of new Interface(abis[key]).fragments) {
      if (!isWrite(fragment)) continue;
      const isPause = PAUSABLE_KEYS.includes(key) && (PAUSER_FUNCTIONS as readonly string[]).includes(fragment.name);
      const role = await accessManager.getTargetFunctionRole(address, fragment.selector);
      found.push([`${key}.${fragment.name} role`, role, isPause ? PAUSER_ROLE : ADMIN_ROLE]);
    }
  }
  return found;
}

/** The contracts that ask the AccessManager, which their ABIs say. */
export function managedKeys(): ContractKey[] {
  return (Object.keys(abis) as ContractKey[]).filter((key) => new Interface(abis[key]).hasFunction("authority()"));
}

type Fragment = Interface["fragments"][number];
type FunctionFragment = Exclude<ReturnType<Interface["getFunction"]>, null>;

function isWrite(fragment: Fragment): fragment is FunctionFragment {
  return fragment.type === "function" && !(fragment as FunctionFragment).constant;
}

async function eventsOf(
  { contracts, deploymentBlock }: DeploymentRecord,
  key: "accessManager" | "timelock",
  names: readonly string[],
  provider: Provider,
) {
  const iface = new Interface(abis[key]);
  const { address } = contracts[key];
  const topics = [names.map((name) => iface.getEvent(name)!.topicHash)];
  const query = (fromBlock: number, toBlock: number) => provider.getLogs({ address, topics, fromBlock, toBlock });
  const head = await provider.getBlockNumber();
  // Some search everything at once, which is a thousand calls less on a chain that is a year old.
  const logs = await query(deploymentBlock, head).catch(() => queryInSpans(query, deploymentBlock, head));
  return logs.map((log) => iface.parseLog(log)!) as unknown as EventLog[];
}

/** Each pair once. */
function pairsOf<T extends bigint | string>(pairs: (readonly [T, string])[]): (readonly [T, string])[] {
  return [...new Map(pairs.map((pair) => [pair.join(" "), pair])).values()];
}

const sorted = (lines: string[]): string => lines.toSorted().join(", ");
