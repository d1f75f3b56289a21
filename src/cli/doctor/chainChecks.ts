import type { DeploymentRecord } from "../../contracts/deploymentRecord.ts";
import type { ConnectedEndpoints } from "../../contracts/rpc/connectEndpoints.ts";
import { deploymentStatus } from "../../deployment/status.ts";
import { isWrong, problemOf } from "../../deployment/verifyDeployment.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { OperatorConfig } from "../config/operatorConfig.ts";
import type { Found } from "./finding.ts";
import { fail, ok, warn } from "./finding.ts";

/** A settlement of some forty payers. */
const TYPICAL_GAS = 500_000n;
const CLOCK_WARN_SECONDS = 60;
const CLOCK_FAIL_SECONDS = 300;
const HTTP_MS = 5_000;

type Endpoint = ConnectedEndpoints["single"][number];

interface Seen {
  name: string;
  problem?: string;
  number: number;
  timestamp: number;
  finalized?: { number: number };
}

/** Whether every endpoint is of the chain, synced, and of one mind with the others about the final block. */
export async function checkEndpoints(
  endpoints: readonly Endpoint[],
  staleHeadMs: number,
  clock: Clock,
): Promise<Found> {
  const seen = await Promise.all(endpoints.map((endpoint) => look(endpoint)));
  const bad = seen.filter(({ problem }) => problem !== undefined);
  const fix = "correct or replace it in rpcUrls";
  if (bad.length === seen.length) return fail(bad.map(({ problem }) => problem).join("; "), fix);
  if (bad.length > 0) return warn(bad.map(({ problem }) => problem).join("; "), fix);
  const now = clock.now() / 1_000;
  const stale = seen.filter(({ timestamp }) => (now - timestamp) * 1_000 > staleHeadMs);
  if (stale.length > 0) {
    const says = stale.map(({ name, timestamp }) => `${name}'s newest block is ${Math.round(now - timestamp)} s old`);
    return fail(says.join("; "), "wait until it has caught up, or replace it; see that this machine's clock is right");
  }
  const dispute = await disputeOf(endpoints, seen);
  if (dispute !== undefined)
    return fail(dispute, "compare with a block explorer and take the wrong one out of rpcUrls");
  const heads = seen.map(({ name, number }) => `${name} at block ${number}`).join(", ");
  if (seen.length > 1) return ok(heads);
  return warn(
    `${heads}; it is the only one, and whoever runs it can make the node lend`,
    "add one or two of others to rpcUrls",
  );
}

async function look({ name, provider }: Endpoint): Promise<Seen> {
  const nothing = { name, number: 0, timestamp: 0 };
  try {
    if ((await provider.send("eth_syncing", [])) !== false) return { ...nothing, problem: `${name} is still syncing` };
    const [latest, finalized] = await Promise.all([
      provider.getBlock("latest"),
      provider.getBlock("finalized").catch(() => null),
    ]);
    if (!latest) return { ...nothing, problem: `${name} has no latest block` };
    const { number, timestamp } = latest;
    return { name, number, timestamp, ...(finalized ? { finalized: { number: finalized.number } } : {}) };
  } catch (error) {
    return { ...nothing, problem: (error as Error).message };
  }
}

/** Two hashes of the newest block that is final at all of them. */
async function disputeOf(endpoints: readonly Endpoint[], seen: readonly Seen[]): Promise<string | undefined> {
  const number = Math.min(...seen.map((one) => one.finalized?.number ?? one.number));
  const hashes = await Promise.all(endpoints.map(async ({ provider }) => (await provider.getBlock(number))?.hash));
  if (new Set(hashes).size <= 1) return undefined;
  return `endpoints have different blocks ${number}: ${endpoints.map(({ name }, i) => `${name} ${hashes[i]}`).join(", ")}`;
}

/** Code, links and roles, as `pennyblack deployment status` compares them. */
export async function checkContracts(record: DeploymentRecord, { provider }: ConnectedEndpoints): Promise<Found> {
  const { checks } = await deploymentStatus(record, provider);
  const wrong = checks.filter(isWrong);
  if (wrong.length === 0) return ok(`${checks.length} comparisons of code, links and roles hold`);
  const says = wrong.slice(0, 3).map(problemOf).join("; ");
  return fail(
    says,
    "take the record of this network (`deployment`); `pennyblack deployment status` has the whole list",
  );
}

/** The machine's clock against the newest block's time: it dates and prices the node's messages. */
export async function checkClock({ provider }: ConnectedEndpoints, clock: Clock): Promise<Found> {
  const block = await provider.getBlock("latest");
  const off = Math.round(clock.now() / 1_000 - block!.timestamp);
  const fix = "set this machine's clock, and run NTP (timedatectl set-ntp true)";
  if (off < -CLOCK_FAIL_SECONDS) return fail(`the clock is ${-off} s behind the chain's`, fix);
  if (off < -CLOCK_WARN_SECONDS) return warn(`the clock is ${-off} s behind the chain's`, fix);
  const ahead = `the clock is ${off} s ahead of the newest block`;
  return off > CLOCK_FAIL_SECONDS ? warn(ahead, `${fix}; or the endpoints stand still`) : ok(ahead);
}

/** Whether an account can pay for gas, and for how long. */
export async function checkGas(
  account: Address,
  { provider }: ConnectedEndpoints,
  { config }: OperatorConfig,
): Promise<Found> {
  const [balance, price] = await Promise.all([
    provider.getBalance(account),
    provider.send("eth_gasPrice", []).then((answer) => BigInt(String(answer))),
  ]);
  const cost = TYPICAL_GAS * price;
  const runway = cost > 0n ? `${balance / cost} settlements` : "any number of settlements";
  const says = `${account} has ${balance} wei, ${runway} at the price of now`;
  const fix = `send ${account} some of the chain's token`;
  if (balance < cost || balance === 0n) return fail(says, `${fix}: not even one settlement is paid for`);
  return balance < 2n * config.gasReserve + cost ? warn(says, `${fix}: it is near the reserve (gasReserve)`) : ok(says);
}

/** Whether the registered address leads to a node that is healthy. */
export async function checkAddress(httpAddress: string): Promise<Found> {
  const fix = "see that it leads to `listen`: DNS, firewall, TLS, and whether the node runs";
  let response: Response;
  try {
    response = await fetch(new URL("/health", httpAddress), {
      signal: AbortSignal.timeout(HTTP_MS),
      redirect: "error",
    });
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: string } };
    const why = name === "TimeoutError" ? `not within ${HTTP_MS / 1_000} s` : (cause?.code ?? "connection lost");
    return fail(`${httpAddress} cannot be reached from here: ${why}`, fix);
  }
  const body = (await response.json().catch(() => undefined)) as { ok?: unknown } | undefined;
  if (body?.ok === true) return ok(`${httpAddress} answers`);
  if (body?.ok === false) return fail(`${httpAddress} answers, and is not healthy`, "`pennyblack status` says why");
  return fail(`something else answers at ${httpAddress} (HTTP ${response.status})`, fix);
}
