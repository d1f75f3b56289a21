import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { network as hardhatNetwork } from "hardhat";
import { JsonRpcProvider } from "ethers";

import { CREATE3_DEPLOYER } from "../../src/deployment/create3.ts";
import { explorerTargets, productionRuntime, verifyOnExplorer } from "../../scripts/deploy/explorer.ts";
import { buildProduction } from "../../scripts/deploy/productionBuild.ts";
import type { ReadArtifact } from "../../src/deployment/readArtifact.ts";
import { productionArtifacts, readArtifact } from "../../src/deployment/readArtifact.ts";
import { deploymentOf } from "../../src/deployment/steps.ts";
import { CONTRACT_KEYS } from "../../src/deployment/suite.ts";
import config from "../../hardhat.config.ts";
import { apply, filledParameters, memoryStore, putToken } from "./support.ts";
import type { Network } from "../contracts/fixtures.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** A production build of small contracts: the Create3Deployer, one with links, one with structs in its constructor. */
const OUTPUT = "tmp/explorer-test";
const CREATE3 = "contracts/deployment/Create3Deployer.sol";
const SHOWN = ["contracts/governance/VotingPower.sol", "contracts/RateRegistry.sol"];

interface SolcOutput {
  contracts: Record<string, Record<string, { evm: { bytecode: { object: string } } }>>;
}

describe("explorer verification", function () {
  this.timeout(400_000);
  const production = productionArtifacts(OUTPUT);
  const artifacts: ReadArtifact = (source) => (SHOWN.includes(source) ? production : readArtifact)(source);

  before(() => buildProduction([CREATE3, ...SHOWN], OUTPUT));

  it("the Create3Deployer's fixed code is what the production build makes of its source", () => {
    expect(production(CREATE3).bytecode).to.equal(CREATE3_DEPLOYER.creationCode);
  });

  it("names every contract with its source and arguments", () => {
    const targets = explorerTargets(deploymentOf(filledParameters("base"), readArtifact));
    expect(targets).to.have.length(CONTRACT_KEYS.length + 1);
    expect(targets.map(({ contract }) => contract)).to.include.members([
      "contracts/deployment/Create3Deployer.sol:Create3Deployer",
      "contracts/governance/Guardian.sol:Guardian",
      "generated/contracts/Ed25519Verifier.sol:Ed25519Verifier",
    ]);
  });

  it("shows the explorer sources and arguments that compile to what was deployed, bit by bit", async () => {
    const network = filledParameters("base");
    const chain = await hardhatNetwork.createServer({ network: "simulatedBase", chainType: "op" });
    const { address, port } = await chain.listen();
    const url = `http://${address}:${port}`;
    const provider = new JsonRpcProvider(url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
    const explorer = await stubExplorer();
    try {
      await putTokenOver(provider, network.chain.feeToken as { address: string });
      const deployment = deploymentOf(network, artifacts);
      await apply(network, provider, memoryStore(), { artifacts });

      const targets = explorerTargets(deployment).filter(({ contract }) =>
        [CREATE3, ...SHOWN].includes(contract.split(":")[0]!),
      );
      const here = {
        ...config,
        networks: { base: { type: "http" as const, chainType: "op" as const, url } },
        verify: { etherscan: { apiKey: "none" } },
        chainDescriptors: {
          8453: { name: "Base", blockExplorers: { etherscan: { url: "http://explorer", apiUrl: explorer.url } } },
        },
      };
      const runtime = await productionRuntime(here, "base", ROOT, OUTPUT);
      const quiet = console.log;
      console.log = () => {};
      const failed = await verifyOnExplorer(targets, runtime, () => {}).finally(() => (console.log = quiet));
      expect([...failed.values()]).to.deep.equal([]);

      expect(explorer.shown).to.have.length(targets.length);
      for (const form of explorer.shown) {
        const [source, name] = form.contractname!.split(":") as [string, string];
        const target = targets.find(({ contract }) => contract.endsWith(`:${name}`))!;
        expect(form.contractaddress).to.equal(target.address);
        expect(form.compilerversion).to.match(/^v0\.8\.37\+commit\.[0-9a-f]{8}$/);
        const code = compile(form.sourceCode!).contracts[source]![name]!.evm.bytecode.object;
        const step = deployment.steps.find(({ address }) => address === target.address)!;
        const args = form.constructorArguments ?? form.constructorArguements ?? "";
        expect(`0x${code}${args}`).to.equal(step.creationCode);
      }
    } finally {
      provider.destroy();
      await explorer.close();
      await chain.close();
    }
  });
});

function compile(input: string): SolcOutput {
  const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
  const parsed = JSON.parse(input) as { settings: object };
  const settings = { ...parsed.settings, outputSelection: { "*": { "*": ["evm.bytecode.object"] } } };
  return JSON.parse(solc.compile(JSON.stringify({ ...parsed, settings }))) as SolcOutput;
}

/** Takes what Etherscan's API takes, and calls all of it verified. */
async function stubExplorer() {
  const shown: Record<string, string>[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const query = new URL(request.url!, "http://explorer").searchParams;
      const form = Object.fromEntries(new URLSearchParams(body));
      const action = query.get("action") ?? form.action;
      if (action === "verifysourcecode") shown.push(form);
      const result =
        action === "getsourcecode" ? [{ SourceCode: "" }] : action === "verifysourcecode" ? "guid" : "Pass - Verified";
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ status: "1", message: "OK", result }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/api`,
    shown,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** The stand-in for USDC on a chain over HTTP. */
async function putTokenOver(provider: JsonRpcProvider, { address }: { address: string }): Promise<void> {
  const local = (await hardhatNetwork.create("local")) as unknown as Network;
  await putToken(local, address);
  await provider.send("hardhat_setCode", [address, await local.ethers.provider.getCode(address)]);
  await provider.send("hardhat_setStorageAt", [address, "0x4", await local.ethers.provider.getStorage(address, 4)]);
  await local.close();
}
