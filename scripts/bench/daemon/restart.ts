import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { Address } from "../../../src/protocol/bytes.ts";
import { concatBytes, toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { fund, openAt } from "./world.ts";

const CHILD = fileURLToPath(new URL("./restartChild.ts", import.meta.url));

/** Milliseconds from the start of a process to the open gate of its daemon, with so many vouchers in its store. */
export async function restartMs(at: string, vouchers: number): Promise<number> {
  const store = await openAt(at);
  const channels = Array.from({ length: vouchers }, (_, i): Address => toHex(uintToBytes(mixed(i), 20)));
  for (let i = 0; i < channels.length; i += 5_000) {
    const some = channels.slice(i, i + 5_000);
    await fund(store, some);
    // Rows of a store are not checked again, so they need no real signature.
    const row = concatBytes(uintToBytes(10_000n, 8), new Uint8Array(72).fill(7));
    await store.ledger.raise(some.map((channel) => ({ channel, fees: 10_000n, stamps: 0n, row })));
  }
  await store.close();
  const began = performance.now();
  const child = spawn(process.execPath, [...process.execArgv, CHILD, at], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (data: Buffer) => (said += data.toString()));
  while (!said.includes("\n")) await Promise.race([once(child.stdout, "data"), failed(child)]);
  const took = Math.round(performance.now() - began);
  child.kill("SIGKILL");
  if (said.trim() !== "open") throw new Error(`the daemon said ${said}`);
  return took;
}

async function failed(child: ReturnType<typeof spawn>): Promise<never> {
  const [code] = (await once(child, "exit")) as [number | null];
  throw new Error(`the daemon ended with ${code}`);
}

/** Spread over the whole range, as addresses are. */
function mixed(i: number): bigint {
  return (BigInt(i + 1) * 0x9e3779b97f4a7c15f39cc0605cedc8341082276bn) & (2n ** 160n - 1n);
}
