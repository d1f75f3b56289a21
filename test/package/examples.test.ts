import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect } from "chai";
import { Contract } from "ethers";

import { localWallet } from "../../scripts/local/localChain.ts";
import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";

const EXAMPLES = join("docs", "examples");
const USD = 1_000_000n;
/** Test accounts that the local network does not use itself. */
const [PAYER, GAS] = [15, 16];
/** Shown elsewhere: what is left out of the examples, and why. */
const ELSEWHERE: Record<string, string> = {
  Daemon: "src/cli/settlement.ts wires it, as the `pennyblack daemon` command",
  ForgedLogError: "thrown by an EnvelopeLog that a node brings",
  NotServedYetError: "thrown by an EnvelopeLog that a node brings",
  ethersChain: "openGateway and src/cli/settlement.ts wire the one of each",
  httpGossip: "src/cli/settlement.ts",
  startGateway: "openGateway is startGateway with its parts; src/client/openGateway.ts",
  ReceiptProver: "src/cli/receipts wires it, as `pennyblack receipts prove`; the gateway does it by itself",
};

const files = readdirSync(EXAMPLES).filter((name) => name.endsWith(".ts"));

/** Values that the package exports: functions, classes and constants of every entry. */
function exportedValues(): Set<string> {
  const surface = readFileSync(join("test", "package", "surface.txt"), "utf8");
  const names = [...surface.matchAll(/^(?:export )?declare (?:abstract )?(?:function|class|const) (\w+)/gm)];
  return new Set(names.map((match) => match[1]!));
}

describe("docs/examples", () => {
  let network: LocalNetwork | undefined;
  let directory: string;

  before(async function () {
    this.timeout(180_000);
    directory = mkdtempSync(join(tmpdir(), "pennyblack-examples-"));
    network = await startLocalNetwork({ directory, nodes: 2, deposit: 5n * USD, headroom: 1_000n });
    const token = new Contract(
      network.record.token,
      ["function mint(address, uint256)"],
      localWallet(0).connect(network.chain.provider),
    );
    await ((await token.mint!(localWallet(PAYER).address, 100n * USD)) as { wait(): Promise<unknown> }).wait();
  });
  after(async () => {
    await network?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("show every value that the package exports, but for those that are shown elsewhere", () => {
    const shown = files.map((name) => readFileSync(join(EXAMPLES, name), "utf8")).join("\n");
    const missing = [...exportedValues()].filter(
      (name) => !new RegExp(`\\b${name}\\b[\\s\\S]*\\b${name}\\b`).test(shown),
    );
    expect(missing.filter((name) => !(name in ELSEWHERE))).to.deep.equal([]);
    expect(
      Object.keys(ELSEWHERE).filter((name) => !missing.includes(name)),
      "no exception is left over",
    ).to.deep.equal([]);
  });

  for (const file of files) {
    it(`${file} runs`, async function () {
      this.timeout(180_000);
      const env = {
        ...process.env,
        RPC_URL: network!.chain.url,
        DEPLOYMENT: join(directory, "deployment.json"),
        PAYER_KEY: localWallet(PAYER).privateKey,
        GAS_KEY: localWallet(GAS).privateKey,
      };
      await promisify(execFile)(process.execPath, ["--import", "tsx", join(EXAMPLES, file)], { env, timeout: 120_000 });
    });
  }
});
