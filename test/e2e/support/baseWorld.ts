import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import { Contract, HDNodeWallet } from "ethers";

import type { NetworkParameters } from "../../../src/deployment/networkParameters.ts";
import { parseNetworkParameters } from "../../../src/deployment/networkParameters.ts";
import { readArtifact } from "../../../src/deployment/readArtifact.ts";
import { deploymentStatus } from "../../../src/deployment/status.ts";
import { isWrong } from "../../../src/deployment/verifyDeployment.ts";
import type { RawInput } from "../../../src/commands/core/input.ts";
import { connectContracts } from "../../../src/contracts/connectContracts.ts";
import { fromHex } from "../../../src/protocol/bytes.ts";
import { keyFile, run, temporary } from "../../commands/support.ts";
import { TOKEN, type World } from "../../contracts/fixtures.ts";
import { envelopeOf } from "../../daemon/faults/support.ts";
import type { SimulatedChain } from "../../deploy/support.ts";
import { PHRASE, WALLET, apply, memoryStore, reviewedFiles, simulatedChain } from "../../deploy/support.ts";

type Signer = HardhatEthersSigner;

/** Accounts of the simulated Base; nobody's key is borrowed. */
export interface People {
  /** Deploys, and is nobody afterwards. */
  deployer: Signer;
  /** Each holds half of the stake token at first. */
  founders: [Signer, Signer];
  /** Whose the guardian's powers are. */
  keyholder: Signer;
  operators: Signer[];
  /** Pays for both payers' postage. */
  company: Signer;
  /** Own the postage keys with which messages are paid. */
  payers: Signer[];
  settler: Signer;
  reporter: Signer;
  grantee: Signer;
  /** Anybody. */
  stranger: Signer;
}

/** A network that the deployment's own functions deployed on a simulated Base, from the reviewed files. */
export interface BaseWorld {
  chain: SimulatedChain;
  network: NetworkParameters;
  world: World;
  people: People;
}

const FIRST = { founder: 1, keyholder: 3, operator: 4, company: 10, payer: 11, settler: 13, reporter: 14 } as const;
const HALF = 5n * 10n ** 26n;

export async function baseWorld(suite = 1): Promise<BaseWorld> {
  const chain = await simulatedChain("base");
  const people = await peopleOf(chain);
  const network = baseParameters(people, suite);
  return { chain, network, people, world: await deployedOn(chain, network, people) };
}

/** The reviewed files as they are, with what only a reviewer knows, and what else a test changes. */
export function baseParameters(people: People, suite: number, changes: Record<string, unknown> = {}) {
  const { parameters } = reviewedFiles("base");
  const chain = { ...(parameters.chain as object), deployer: WALLET.address, suite };
  const allocations = people.founders.map(({ address }) => ({ holder: address, amount: HALF.toString() }));
  const filled = { ...parameters, guardianKeyholder: people.keyholder.address, ...changes, chain };
  return parseNetworkParameters("base", filled, { allocations });
}

async function peopleOf({ net }: SimulatedChain): Promise<People> {
  const all = await net.ethers.getSigners();
  const some = (first: number, count: number) => all.slice(first, first + count);
  return {
    deployer: all[0]!,
    founders: [all[FIRST.founder]!, all[FIRST.founder + 1]!],
    keyholder: all[FIRST.keyholder]!,
    operators: some(FIRST.operator, 5),
    company: all[FIRST.company]!,
    payers: some(FIRST.payer, 2),
    settler: all[FIRST.settler]!,
    reporter: all[FIRST.reporter]!,
    grantee: all[15]!,
    stranger: all[16]!,
  };
}

/** Applies the plan, and connects everything; calls that name nobody come from the stranger. */
export async function deployedOn(chain: SimulatedChain, network: NetworkParameters, people: People): Promise<World> {
  const { ethers } = chain.net;
  const record = await apply(network, chain.provider, memoryStore());
  const contracts = connectContracts(record, people.stranger);
  return {
    ...contracts,
    record,
    net: chain.net,
    ethers,
    usdc: new Contract(record.token, readArtifact("test/support/TestUSDC.sol").abi, people.stranger),
    deployer: people.deployer,
    funder: people.founders[0],
    settler: people.settler,
    operator: people.operators[0]!,
    stranger: people.stranger,
    // Names only: nobody can sign as either.
    governance: await ethers.getSigner(record.contracts.timelock.address),
    pauser: await ethers.getSigner(record.contracts.guardian.address),
    chainId: BigInt(record.chainId),
  };
}

/** Runs a command that has to succeed; what it printed as JSON. */
export async function does(world: World, who: Signer | undefined, command: string, raw: RawInput) {
  const ran = await run(world, who, command, { ...raw, json: true });
  expect(ran.exitCode, `${command}: ${ran.out}`).to.equal(0);
  return ran.json;
}

/** Runs a command that has to be refused; the code of its error, the contract's own where there is one. */
export async function refused(world: World, who: Signer, command: string, raw: RawInput): Promise<string> {
  const ran = await run(world, who, command, { ...raw, json: true });
  expect(ran.exitCode, `${command}: ${ran.out}`).to.equal(1);
  const { error } = ran.json as { error: { code: string; contractError?: string } };
  return error.contractError ?? error.code;
}

/** What `status` finds different, as it prints it: name, is, should be. */
export async function drift({ chain, world }: BaseWorld, network: NetworkParameters): Promise<string[][]> {
  const { checks } = await deploymentStatus(world.record, chain.provider, network);
  return checks.filter(isWrong).map(({ name, actual, expected }) => [name, actual, expected]);
}

/** Has the founders delegate and give operators PENNY for a stake, and each of those register a node. */
export async function newNodes(
  { world, people }: Pick<BaseWorld, "world" | "people">,
  count = 5,
): Promise<{ ids: bigint[]; directories: string[] }> {
  const { postageToken, nodeRegistry } = world;
  for (const founder of people.founders) await postageToken.connect(founder).delegate(founder);
  const directories: string[] = [];
  const ids: bigint[] = [];
  for (const [i, operator] of people.operators.slice(0, count).entries()) {
    await postageToken.connect(people.founders[1]).transfer(operator, 12_000n * TOKEN);
    const directory = join(temporary(), "node");
    await does(world, undefined, "operator keys", { directory });
    const httpAddress = `https://node-${i}.example.org`;
    const { nodeId } = await does(world, operator, "operator register", { directory, httpAddress });
    expect(await nodeRegistry.ownerOf(nodeId)).to.equal(operator.address);
    directories.push(directory);
    ids.push(BigInt(nodeId));
  }
  return { ids, directories };
}

/** A payer's postage key: the payer's account is the channel. */
export function postageWallet(payer: number): HDNodeWallet {
  return HDNodeWallet.fromPhrase(PHRASE, "", `m/44'/60'/0'/0/${FIRST.payer + payer}`);
}

export const postageKeyFile = (payer: number) => keyFile(temporary(), "postage.key", postageWallet(payer).privateKey);

/** Two envelopes that a node's real key signed for one sequence id, as files. */
export function twoForOne(directory: string, nodeId: bigint, sequenceId = 7n): { first: string; second: string } {
  const key = fromHex(readFileSync(join(directory, "signing.key"), "utf8").trim());
  const [first, second] = [5n, 6n].map((ns) => {
    const file = join(temporary(), "envelope");
    writeFileSync(file, envelopeOf(Number(nodeId), sequenceId, { ns, key }));
    return file;
  });
  return { first: first!, second: second! };
}
