import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { expect } from "chai";

import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import { queryPostgres } from "../../support/postgres.ts";
import { PAYER } from "../support.ts";
import { GRACE_MS, LEASE_MS, messagesIn, openProcess } from "./sharedChild.ts";
import { FEE_PICO } from "./support.ts";

const CHILD = fileURLToPath(new URL("sharedChild.ts", import.meta.url));
/** What the payer signs for more in each round. */
const MORE = 150;
const ENDS_WITHIN_MS = 60_000;

/** The payer's deposit, before the first round. */
export async function fund(at: string, file: string): Promise<void> {
  const { store } = await openProcess(at, file);
  const states = new Map([[PAYER, { ...EMPTY_CHANNEL, deposited: 10n ** 12n }]]);
  await store.ledger.recordChain({ states, readTo: 1n, blocks: [] });
  await store.close();
}

/**
 * Two processes on one database compete for the same messages; one is killed at a random moment, or stands still until it
 * was taken for gone and goes on. They must come to all that was signed for, which takes what the dead one held, and to
 * nothing more; then both are killed.
 * @returns how many messages there are then
 */
export async function killOneOfTwo(
  at: string,
  file: string,
  seed: number,
  harm: "kill" | "pause" = "kill",
): Promise<number> {
  const most = messagesIn(file).length + MORE;
  const start = (n: number) => {
    const args = ["--import", "tsx", CHILD, at, file, String(most), String(seed * 2 + n)];
    return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  };
  const [dies, lives] = [start(0), start(1)];
  const closed = [dies, lives].map((child) => once(child, "close"));
  try {
    await Promise.all([dies, lives].map((child) => once(child.stdout, "data")));
    await sleep(Math.random() * 300);
    dies.kill(harm === "kill" ? "SIGKILL" : "SIGSTOP");
    if (harm === "pause") {
      await sleep(LEASE_MS + 2 * GRACE_MS);
      dies.kill("SIGCONT");
    }
    const until = Date.now() + ENDS_WITHIN_MS;
    while (messagesIn(file).length < most && lives.exitCode === null && Date.now() < until) await sleep(20);
    // Whatever comes above it would come now.
    await sleep(100);
  } finally {
    for (const child of [dies, lives]) child.kill("SIGKILL");
    await Promise.all(closed);
  }
  const messages = messagesIn(file);
  expect(messages.length, "all that was signed for, and nothing more").to.equal(most);
  expect(new Set(messages).size, "no message was sent to the node twice").to.equal(most);
  await checkBooks(at, file, most);
  return most;
}

/** Once both are gone for long enough everything is charged, once, and nothing is held. */
async function checkBooks(at: string, file: string, messages: number): Promise<void> {
  const { store, ledger, holdings, meter } = await openProcess(at, file);
  try {
    await sleep(LEASE_MS + GRACE_MS);
    await holdings.tend();
    await meter.drain();
    expect((await ledger.account(PAYER))!.usagePico).to.equal(BigInt(messages) * FEE_PICO);
    expect(await queryPostgres(at, "select * from reservations"), "nothing is held").to.deep.equal([]);
  } finally {
    await holdings.close();
    await store.close();
  }
}
