/**
 * `npm run campaign:native-client -- [--sdk VERSION] [--messages N] [--keep]`: native XMTP clients (`@xmtp/node-sdk`, gRPC
 * over HTTP/2) through a gateway and paid nodes, both ways, in a DM and a group. The SDK is 200 to 400 MB and no
 * dependency: it is installed at one version into a temporary folder. Exits 0 when everything was read on both sides and
 * gateway and daemons agree on what it cost.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startLocalNetwork } from "../local/localNetwork.ts";
import { waitUntilQuiet } from "../demo/money.ts";
import { talk } from "./nativeClient/run.ts";

/** 6.0.0 needs a newer glibc than Debian 12 has. */
const DEFAULT_SDK = "5.5.0";
const TALK = fileURLToPath(new URL("./nativeClient/talk.ts", import.meta.url));

const { values } = parseArgs({
  options: { sdk: { type: "string" }, messages: { type: "string" }, keep: { type: "boolean" } },
});
const sdk = values.sdk ?? DEFAULT_SDK;
const messages = Number(values.messages ?? "10");
if (!Number.isInteger(messages) || messages < 1) throw new Error("--messages takes a whole number above 0");

const startedAt = Date.now();
const directory = mkdtempSync(join(tmpdir(), "pennyblack-native-"));
const folder = join(directory, "sdk");
mkdirSync(folder);

/** What each of the two bindings in the tree weighs is why there is one only. */
function install(): void {
  const manifest = (overrides: object) => ({
    private: true,
    type: "module",
    dependencies: { "@xmtp/node-sdk": sdk },
    overrides,
  });
  const write = (overrides: object) => writeFileSync(join(folder, "package.json"), JSON.stringify(manifest(overrides)));
  const npm = (...args: string[]) => {
    const all = [...args, "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"];
    const { status } = spawnSync("npm", all, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new Error(`npm ${args.join(" ")} failed; its message is above`);
  };
  write({});
  npm("install", "--package-lock-only");
  const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string }>;
  };
  const bindings = lock.packages["node_modules/@xmtp/node-bindings"]!.version;
  rmSync(join(folder, "package-lock.json"));
  write({ "@xmtp/node-bindings": bindings });
  npm("install");
  console.log(`@xmtp/node-sdk ${sdk} with node-bindings ${bindings} installed`);
}

let isGood = false;
try {
  install();
  const network = await startLocalNetwork({ directory, nodes: 3, deposit: 5_000_000n, headroom: 1_000n });
  try {
    const read = await talk({
      script: TALK,
      folder,
      gatewayUrl: network.gateway.url,
      messages,
      logDirectory: directory,
    });
    const usagePico = await waitUntilQuiet(network);
    isGood = Object.values(read).every((sides) => sides.every((count) => count === messages));
    for (const [kind, [alice, bob]] of Object.entries(read)) {
      console.log(`${kind}: ${messages} sent, Alice read ${alice}, Bob read ${bob}`);
    }
    console.log(`gateway and daemons agree on ${usagePico} picodollars of postage`);
  } finally {
    await network.close();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
} finally {
  if (isGood && !values.keep) rmSync(directory, { recursive: true, force: true });
  else console.error(`files and logs: ${directory}`);
}
console.log(
  `native client ${sdk}: ${isGood ? "everything arrived" : "FAILED"}, ${Math.round((Date.now() - startedAt) / 1000)} s`,
);
process.exit(isGood ? 0 : 1);
