import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { LocalChain } from "./localChain.ts";

/** What configs of nodes and gateways have in common. */
export function commonConfig({ url }: LocalChain, port: number) {
  return {
    deployment: "../deployment.json",
    rpcUrl: url,
    listen: { host: "127.0.0.1", port },
    dataDirectory: ".",
    chainPollMs: 100,
    logLevel: "info" as const,
  };
}

export function writeConfig(home: string, config: object): string {
  const file = join(home, "config.json");
  writeFileSync(file, JSON.stringify(config, null, 2) + "\n");
  return file;
}

export function writeKey(file: string, key: string): void {
  writeFileSync(file, key + "\n", { mode: 0o600 });
}
