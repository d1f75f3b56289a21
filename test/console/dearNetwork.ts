import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser } from "playwright-core";

import { waitUntilQuiet } from "../../scripts/demo/money.ts";
import { publish } from "../../scripts/demo/publish.ts";
import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";
import { browserFor } from "./support.ts";

const USD = 1_000_000n;
export const DEPOSIT = 50n * USD;

/** What there is for the tests of a block, from its beginning to its end. */
export interface DearNetwork {
  network: LocalNetwork;
  browser: Browser;
}

/**
 * A browser, and a network of processes so dear that a few messages come to more than a base unit, once some were sent. For the
 * block that calls this: its tests may kill nodes and move the chain's clock.
 */
export function useDearNetwork(nodes: number, messages: readonly Uint8Array[]): DearNetwork {
  const used: Partial<DearNetwork> = {};
  let directory: string | undefined;
  before(async function () {
    const browser = await browserFor(this);
    if (!browser) return;
    used.browser = browser;
    directory = mkdtempSync(join(tmpdir(), "pennyblack-console-"));
    const dear = { deposit: DEPOSIT, headroom: 50_000n, storageFeePico: 1_000_000n };
    used.network = await startLocalNetwork({ directory, nodes, ...dear });
    for (const message of messages) await publish(used.network.gateway.url, message);
    await waitUntilQuiet(used.network);
  });
  after(async () => {
    await used.browser?.close();
    await used.network?.close();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });
  return used as DearNetwork;
}
