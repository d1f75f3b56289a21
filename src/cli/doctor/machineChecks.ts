import { statfs } from "node:fs/promises";

import { Wallet } from "ethers";

import { isReadByOthers } from "../../platform/keyFile.ts";
import type { KeySource, LocalKeySource } from "../../platform/keys/keySource.ts";
import type { Address } from "../../protocol/bytes.ts";
import { toAddress, toHex } from "../../protocol/bytes.ts";
import type { OperatorConfig } from "../config/operatorConfig.ts";
import { openKey } from "../config/openKeys.ts";
import { DaemonSilentError, askOverview } from "../operate/askDaemon.ts";
import type { Found } from "./finding.ts";
import { fail, ok, warn } from "./finding.ts";

const DISK_LOW_BYTES = 2e9;
const DISK_FULL_BYTES = 2e8;
const SIGNER_MS = 5_000;

export type KeyName = "signing" | "settlement" | "deadline";

/** The keys that the settings name. */
export function keysOf({ kind, config }: OperatorConfig): [KeyName, KeySource][] {
  return [
    ...(kind === "node" ? [["signing", config.signingKey] as [KeyName, KeySource]] : []),
    ["settlement", config.settlementKey],
    ...(config.deadlineKey ? [["deadline", config.deadlineKey] as [KeyName, KeySource]] : []),
  ];
}

/** Whether a key's file is the operator's alone and opens, or its remote signer answers. Notes its address. */
export async function checkKey(source: KeySource, note: (address: Address) => void): Promise<Found> {
  if ("remoteSigner" in source) {
    const { url, address } = source.remoteSigner;
    note(toAddress(address));
    return checkSigner(url, address);
  }
  const { address } = new Wallet(toHex(await openKey(source)));
  note(toAddress(address));
  return checkFile(source, address);
}

/** Whether the node can sign reports: without it a roll call jails its seat. */
export async function checkAttestationKey(source: LocalKeySource | undefined): Promise<Found> {
  if (!source) {
    return warn(
      "none: this node signs no reports, and a roll call jails its seat",
      "name the file that `operator keys` made: attestationKeyFile",
    );
  }
  await openKey(source);
  return checkFile(source, "there");
}

function checkFile(source: LocalKeySource, says: string): Found {
  const file = "keyFile" in source ? source.keyFile : source.keystoreFile;
  if (!isReadByOthers(file)) return ok(`${says}, in a file of yours alone`);
  return warn(
    `${says}, in a file that others can read`,
    `chmod 600 ${file}, and take another key if somebody may have`,
  );
}

async function checkSigner(url: string, address: string): Promise<Found> {
  const fix = "start the remote signer, or correct its url; nothing is lost, it is asked again";
  try {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_accounts", params: [] });
    const headers = { "content-type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(SIGNER_MS) });
    const { result } = (await response.json()) as { result?: unknown };
    if (!Array.isArray(result)) return warn("the remote signer answers, and does not say which keys it has", fix);
    const has = result.some((one) => String(one).toLowerCase() === address.toLowerCase());
    return has
      ? ok(`${address}, in a remote signer`)
      : fail(`the remote signer has no key of ${address}`, "give it the key");
  } catch {
    // Without the address: it may carry a password.
    return fail("the remote signer does not answer", fix);
  }
}

export async function checkDisk({ config }: OperatorConfig): Promise<Found> {
  const { bavail, bsize } = await statfs(config.dataDirectory);
  return judgeDisk(bavail * bsize, config.dataDirectory);
}

export function judgeDisk(free: number, dataDirectory: string): Found {
  const says = `${(free / 1e9).toFixed(1)} GB free at ${dataDirectory}`;
  if (free >= DISK_LOW_BYTES) return ok(says);
  const fix = "free some, or move dataDirectory to a larger disk while the node is stopped";
  return free < DISK_FULL_BYTES ? fail(says, `${fix}: with a full disk nothing is acknowledged`) : warn(says, fix);
}

/** Whether the daemon runs and says that it is well. */
export async function checkRunning({ config }: OperatorConfig): Promise<Found> {
  if (config.operatorPort === 0) {
    return warn("operatorPort 0 takes any free port, which cannot be asked", "set a port, such as 5051");
  }
  try {
    const { health, ready } = await askOverview(`http://127.0.0.1:${config.operatorPort}`);
    if (!health.ok) return fail(health.reasons.join("; "), "start it again, and look at what its log said before");
    if (!ready.ok) return fail(ready.reasons.join("; "), "see the gate's reasons in docs/operators-trouble.md");
    return ok("it runs, is healthy and ready");
  } catch (error) {
    if (!(error instanceof DaemonSilentError)) throw error;
    return warn(`nothing answers at port ${config.operatorPort}`, "start it, unless it is stopped on purpose");
  }
}

const STOCK_MS = 5_000;

/** Whether the stock node answers where the settings say. */
export async function checkStockNode(url: string, query: (signal: AbortSignal) => Promise<unknown>): Promise<Found> {
  try {
    await query(AbortSignal.timeout(STOCK_MS));
  } catch (error) {
    const why = String((error as Error).message).slice(0, 200);
    return fail(`the stock node does not answer: ${why}`, "start it; see upstream.url and upstream.protocol");
  }
  if (isPrivate(new URL(url).hostname)) return ok(`the stock node answers at ${new URL(url).host}`);
  const fix = "close its port to everybody but the daemon, or messages are carried that nobody pays for";
  return warn(`the stock node answers at ${new URL(url).host}, which is no private address`, fix);
}

function isPrivate(host: string): boolean {
  return (
    /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[::1\]|\[f[cd])/.test(host) || !host.includes(".")
  );
}
