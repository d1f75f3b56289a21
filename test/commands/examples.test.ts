import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Command } from "commander";
import { expect } from "chai";
import { Contract, Signature, Wallet, concat, toBeHex } from "ethers";

import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { writeDeployment } from "../../src/deployment/writeDeployment.ts";
import type { LocalChain } from "../../scripts/local/localChain.ts";
import { localWallet, startLocalChain } from "../../scripts/local/localChain.ts";
import { addDeploymentCommands } from "../../src/cli/deploymentCommands.ts";
import { addNetworkCommands } from "../../src/cli/networkCommands.ts";
import { COMMANDS } from "../../src/commands/catalogue.ts";
import { commonOptions } from "../../src/commands/core/options.ts";
import { kebab } from "../../src/commands/core/spec.ts";
import { operatorKeys } from "../../src/commands/operator/keys.ts";
import { Input } from "../../src/commands/core/input.ts";
import type { Contracts } from "../../src/contracts/connectContracts.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import { DAY, EPOCH, TOKEN, USD, postageKey } from "../contracts/fixtures.ts";
import { identityEnvelope, identityUpdate, inboxOf, wallet } from "../support/identityActors.ts";
import { storedEnvelope } from "../support/storedEnvelope.ts";
import { chargeStamps } from "./stampsStory.ts";
import { keyFile, temporary } from "./support.ts";

const DOCUMENT = readFileSync(new URL("../../docs/commands.md", import.meta.url), "utf8");
const STAMPED = "0x00000000000000000000000000000000000000bb";
const RECIPIENT = "0x00000000000000000000000000000000000000aa";
/** A node earns in the first epoch after fees were distributed, and claims when that has passed. */
const EPOCHS_TO_EARN = 3;

interface Example {
  command: string;
  line: string;
}

const examples: Example[] = [...DOCUMENT.matchAll(/^\| `([a-z -]+)` +\|.*\| `(pennyblack [^`]+)` +\|$/gm)].map(
  ([, command, line]) => ({ command: command!, line: line! }),
);

interface Story {
  chain: LocalChain;
  record: DeploymentRecord;
  contracts: Contracts;
  usdc: Contract;
  directory: string;
  /** Digest of a report with stamps. */
  report: string;
  /** What the example before has printed. */
  printed: string;
}

/** A local network, and somebody with an owner's, a payer's and a postage key. */
async function begin(): Promise<Story> {
  const chain = await startLocalChain();
  const deployer = localWallet(0).connect(chain.provider);
  const record = await deployNetwork({ signer: deployer, parameters: readParameters("local") });
  const contracts = connectContracts(record, deployer);
  const usdc = new Contract(record.token, readArtifact("test/support/TestUSDC.sol").abi, deployer);
  const directory = temporary();
  writeDeployment(record, join(directory, "deployment.json"));
  keyFile(directory, "owner.key", localWallet(1).privateKey);
  keyFile(directory, "payer.key", localWallet(2).privateKey);
  keyFile(directory, "postage.key", postageKey(1).privateKey);
  keyFile(directory, "password.key", "correct horse battery");
  await operatorKeys(new Input({ directory: join(directory, "spare") }), { dryRun: false });
  await (await contracts.postageToken.transfer(localWallet(1).address, 20_000n * TOKEN)).wait();
  await (await usdc.getFunction("mint")(localWallet(2).address, 100n * USD)).wait();
  const update = identityEnvelope(identityUpdate(inboxOf(wallet(1)), [{ do: "create", owner: wallet(1) }]));
  await (await contracts.identityRegistry.addIdentityUpdate(`0x${inboxOf(wallet(1))}`, update)).wait();
  return { chain, record, contracts, usdc, directory, report: "", printed: "" };
}

/** What happens in the world before an example. */
const BEFORE: Record<string, (story: Story) => Promise<void>> = {
  "operator withdraw-stake": async ({ chain }) => chain.increaseTime(14 * DAY),
  "operator claim": async ({ chain, contracts, usdc, directory }) => {
    const [deployer, payer] = [localWallet(0).connect(chain.provider), postageKey(9)];
    for (const address of [postageKey(1).address, settlementAddress(directory)]) {
      await (await deployer.sendTransaction({ to: address, value: 10n ** 18n })).wait();
    }
    await (await usdc.getFunction("mint")(deployer.address, 28n * USD)).wait();
    await (await usdc.getFunction("approve")(contracts.postageChannels, 28n * USD)).wait();
    await (await contracts.postageChannels.deposit(payer.address, 28n * USD)).wait();
    const types = { Voucher: ["fees", "stamps"].map((name) => ({ name, type: "uint64" })) };
    const domain = {
      ...{ name: "Pennyblack Postage", version: "1", chainId: 31_337 },
      verifyingContract: await contracts.postageChannels.getAddress(),
    };
    const { compactSerialized } = Signature.from(
      await payer.signTypedData(domain, types, { fees: 28n * USD, stamps: 0n }),
    );
    const row = concat([toBeHex(28n * USD, 8), toBeHex(0, 8), compactSerialized]);
    await (await contracts.postageChannels.settle(row)).wait();
    await (await contracts.feeDistributor.distribute()).wait();
    await chain.increaseTime(EPOCHS_TO_EARN * EPOCH);
  },
  "stamps show": async (story) => {
    const { chain, contracts, usdc, directory } = story;
    const deployer = localWallet(0).connect(chain.provider);
    await (await usdc.getFunction("mint")(deployer.address, USD)).wait();
    await (await usdc.getFunction("approve")(contracts.postageChannels, USD)).wait();
    const attestationKeyFile = join(directory, "node", "attestation.key");
    story.report = await chargeStamps({
      ...{ chain, contracts, deployer, attestationKeyFile, directory, recipient: STAMPED },
    });
  },
  "stamps claim": async ({ chain }) => chain.increaseTime(3 * DAY),
  "channel withdraw": async ({ chain }) => chain.increaseTime(3 * DAY),
  "gov propose": async ({ chain, contracts, directory }) => {
    const owner = localWallet(1).connect(chain.provider);
    await (await contracts.postageToken.transfer(owner.address, 50_000_000n * TOKEN)).wait();
    await (await contracts.postageToken.connect(owner).delegate(owner.address)).wait();
    await chain.increaseTime(1);
    const call = { contract: "nodeSeats", function: "setMaxSeats(uint256)", args: ["30"] };
    writeFileSync(join(directory, "proposal.json"), JSON.stringify({ description: "More seats", calls: [call] }));
  },
  "gov vote": async ({ chain }) => chain.increaseTime(DAY + 1),
  "gov queue": async ({ chain }) => chain.increaseTime(5 * DAY),
  "gov execute": async ({ chain }) => chain.increaseTime(2 * DAY),
  "fault prove": async ({ directory }) => {
    const key = fromHex(readFileSync(join(directory, "spare", "signing.key"), "utf8").trim());
    writeFileSync(join(directory, "first.bin"), storedEnvelope({ key }));
    writeFileSync(join(directory, "second.bin"), storedEnvelope({ key, text: "b" }));
  },
};

function settlementAddress(directory: string): string {
  return new Wallet(readFileSync(join(directory, "node", "settlement.key"), "utf8").trim()).address;
}

/** The words of a line, quotes and the shell's redirection taken away, with the story's names put in. */
function wordsOf({ directory, printed, report }: Story, line: string): string[] {
  const words = [...line.replace(/ > .*$/, "").matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
  const names: Record<string, string> = {
    "0xCHANNEL": postageKey(1).address,
    "0xRECIPIENT": RECIPIENT,
    "0xREPORT": report,
    "0xWALLET": wallet(1).identifier,
    PROPOSAL: /\b\d{60,78}\b/.exec(printed)?.[0] ?? "",
    VOUCHER: /0x[0-9a-f]{160}/.exec(printed)?.[0] ?? "",
  };
  const isFile = (word: string) => /^[a-z/]+\.(key|json|bin)$|^node$/.test(word);
  return words.slice(1).map((word) => names[word] ?? (isFile(word) ? join(directory, word) : word));
}

async function perform(story: Story, { command, line }: Example): Promise<number> {
  const network = ["--deployment", join(story.directory, "deployment.json"), "--rpc-url", story.chain.url];
  const program = new Command("pennyblack").exitOverride();
  let exitCode = -1;
  let printed = "";
  const print = (text: string) => void (printed += `${text}\n`);
  for (const add of [addNetworkCommands, addDeploymentCommands]) {
    add(program, { out: print, err: print }, (code) => (exitCode = code));
  }
  const isLocal = command === "operator keys" || command === "channel key";
  await program.parseAsync([...wordsOf(story, line), ...(isLocal ? [] : network)], { from: "user" });
  story.printed = printed;
  return exitCode;
}

describe("docs/commands.md", function () {
  this.timeout(180_000);

  it("has an example of every command", () => {
    const documented = examples.map(({ command }) => command);
    expect(documented).to.have.members([...COMMANDS.map(({ path }) => path.join(" ")), "deploy", "deployment status"]);
  });

  it("has examples that work, one after the other", async () => {
    const story = await begin();
    try {
      for (const example of examples) {
        await BEFORE[example.command]?.(story);
        expect(await perform(story, example), `${example.line}\n${story.printed}`).to.equal(0);
      }
      expect(await story.contracts.nodeRegistry.phaseOf(100)).to.equal(2n);
      expect(await story.usdc.getFunction("balanceOf")(STAMPED)).to.equal(USD / 20n);
      expect(await story.usdc.getFunction("balanceOf")(RECIPIENT)).to.equal((35n * USD) / 10n);
    } finally {
      await story.chain.close();
    }
  });

  it("gives no two options of a command one name", () => {
    for (const spec of COMMANDS) {
      const names = [...spec.options, ...commonOptions(spec)].map(({ name }) => kebab(name));
      expect(new Set([...names, "deployment", "rpc-url"]).size, spec.path.join(" ")).to.equal(names.length + 2);
    }
  });
});
