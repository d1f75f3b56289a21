import { setImmediate } from "node:timers/promises";

import { Wallet } from "ethers";

import type { Receipt } from "../../../src/daemon/transactions/chain.ts";
import type { TransactionManagerOptions } from "../../../src/daemon/transactions/manager.ts";
import { TransactionManager } from "../../../src/daemon/transactions/manager.ts";
import type { SendRequest } from "../../../src/daemon/transactions/send.ts";
import { localSigner } from "../../../src/platform/keys/localSigner.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { CONTRACT, FakeMempool, GWEI } from "./fakeMempool.ts";
import { MemoryIntents } from "./memoryIntents.ts";

export const CHAIN_ID = 31_337n;
export const POLLING_MS = 1_000;
export const BLOCK_MS = 2_000;
export const ROUTINE_KEY = new Uint8Array(32).fill(0x41);
export const DEADLINE_KEY = new Uint8Array(32).fill(0x42);
export const routineSigner = localSigner(ROUTINE_KEY);
export const deadlineSigner = localSigner(DEADLINE_KEY);
/** 300,000 gas, the limit of a call here, at 5 gwei. */
export const BUDGET = 1_500_000n * GWEI;

/** One account pays for both lanes unless a test says otherwise. */
export function world() {
  const clock = new ManualClock();
  const chain = new FakeMempool(clock);
  const store = new MemoryIntents(clock);
  const start = (options: Partial<TransactionManagerOptions> = {}) =>
    new TransactionManager({
      ...{ chain, store, leadership: store, clock, chainId: CHAIN_ID, log: silentLog, pollingMs: POLLING_MS },
      ...{ holder: "a", leaseMs: 30_000, signers: { routine: routineSigner }, reserveWei: 0n },
      hasEffect: (_, { logs }) => logs.length > 0,
      ...options,
    });
  return { clock, chain, store, start };
}

export type World = ReturnType<typeof world>;

let calls = 0;

export function request(change: Partial<SendRequest> = {}): SendRequest {
  const data: Hex = `0x${(++calls).toString(16).padStart(8, "0")}`;
  return { lane: "routine", kind: "settle", to: CONTRACT, data, budgetWei: BUDGET, ...change };
}

export interface Sent {
  receipt?: Receipt;
  error?: Error & { code?: string };
}

/** Sends and notes what comes of it. */
export function sending(manager: TransactionManager, what: SendRequest, signal = new AbortController().signal): Sent {
  const sent: Sent = {};
  manager.send(what, signal).then(
    (receipt) => (sent.receipt = receipt),
    (error: Error) => (sent.error = error),
  );
  return sent;
}

/** Lets everything run that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 16; i++) await setImmediate();
}

/** Lets time pass in seconds, with a block every other one unless a test mines itself. */
export async function pass({ clock, chain }: World, seconds: number, mines = true): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await settled();
    clock.advance(1_000);
    if (mines && i % 2 === 1) chain.mine();
  }
  await settled();
}

/** Another program's transaction with the routine key. */
export async function foreign(nonce: number, gwei: bigint): Promise<Hex> {
  const wallet = new Wallet(`0x${Buffer.from(ROUTINE_KEY).toString("hex")}`);
  const fees = { maxFeePerGas: gwei * GWEI, maxPriorityFeePerGas: gwei * GWEI };
  const what = { to: `0x${"ee".repeat(20)}`, gasLimit: 21_000n, type: 2 } as const;
  return (await wallet.signTransaction({ ...what, nonce, chainId: CHAIN_ID, ...fees })) as Hex;
}
