import { Interface, ZeroAddress, formatEther, formatUnits, keccak256 } from "ethers";
import type { Provider } from "ethers";

import type { ContractKey } from "../contracts/abis.ts";
import { abis } from "../contracts/abis.ts";
import { contractName } from "./contractAddresses.ts";
import type { DeterministicCall } from "./create3.ts";
import { CREATE3_DEPLOYER, PROXY, PROXY_COST, create3DeployerCall, deterministicCall } from "./create3.ts";
import { TEST_TOKEN_SOURCE } from "./deployTestToken.ts";
import { DeploymentError } from "./errors.ts";
import { ADMIN_ROLE, handOverCalls } from "./handOver.ts";
import type { NetworkParameters } from "./networkParameters.ts";
import type { Artifact, ReadArtifact } from "./readArtifact.ts";
import type { Suite } from "./suite.ts";
import { CONTRACT_KEYS, CREATE3_DEPLOYER_INTERFACE, suiteOf } from "./suite.ts";

/** What a deployment asks the chain. */
export type ChainReader = Pick<
  Provider,
  "call" | "estimateGas" | "getBalance" | "getCode" | "getFeeData" | "getNetwork"
>;

/** Every stage is final before the next one begins. */
export const STAGES = ["foundation", "contracts", "hand-over"] as const;
export type Stage = (typeof STAGES)[number];

export interface Call {
  to: string;
  data: string;
  value?: bigint;
}

export interface Step {
  id: string;
  stage: Stage;
  /** What happens, to whom. */
  words: string;
  /** What the deploying account sends; `raw` is signed already, by nobody's account. */
  call: Call | { raw: string };
  /** What is there afterwards. */
  address?: string;
  /** The contract of the suite that it deploys. */
  key?: ContractKey;
  /** With arguments, to estimate it while the contract that will deploy it is not there. */
  creationCode?: string;
  /** Whether the chain shows it done. Throws DeploymentError when something else is in its place. */
  isDone(chain: ChainReader): Promise<boolean>;
}

/** All of a deployment, on a chain where nothing is done yet. Nothing is read or sent. */
export interface Deployment {
  network: NetworkParameters;
  token: string;
  suite: Suite;
  steps: Step[];
}

export function deploymentOf(network: NetworkParameters, artifacts: ReadArtifact): Deployment {
  const { chain, parameters } = network;
  const create3 = create3DeployerCall(chain.deployer, chain.suite);
  const testToken = chain.feeToken === "test" ? artifacts(TEST_TOKEN_SOURCE) : undefined;
  const testTokenCall = testToken && deterministicCall("pennyblack.TestUSDC", testToken.bytecode);
  const token = testTokenCall?.address ?? (chain.feeToken as { address: string }).address;
  const suite = suiteOf({ deployer: create3.address, token, signer: chain.deployer, parameters, artifacts });
  const steps = [
    ...proxySteps(network),
    deterministicStep("create3Deployer", create3, `Create3Deployer, owned by ${chain.deployer} for now`, (code) => {
      return keccak256(code) === CREATE3_DEPLOYER.runtimeCodeHash;
    }),
    ...(testToken && testTokenCall
      ? [
          deterministicStep("token", testTokenCall, "TestUSDC, of which anyone may mint: worth nothing", (code) => {
            return isCodeOf(testToken, code);
          }),
        ]
      : []),
    ...CONTRACT_KEYS.map((key) => contractStep(key, suite, artifacts)),
    ...handOverSteps(network, suite),
  ];
  return { network, token, suite, steps };
}

function proxySteps({ chain: { dataFeeOracle } }: NetworkParameters): Step[] {
  const { address, code, transaction } = PROXY;
  const isThere = async (chain: ChainReader) =>
    isOurs("the deterministic proxy", address, chain, (found) => found === code);
  const payer = transaction.from!;
  // What is not used stays there for good.
  const value = dataFeeOracle ? (PROXY_COST * 11n) / 10n : PROXY_COST;
  return [
    {
      id: "proxyMoney",
      stage: "foundation",
      words: `${formatEther(value)} of the chain's money to ${payer}, which deploys the deterministic proxy`,
      call: { to: payer, data: "0x", value },
      isDone: async (chain) => (await isThere(chain)) || (await chain.getBalance(payer)) >= value,
    },
    {
      id: "proxy",
      stage: "foundation",
      words: "deterministic proxy, by its well-known transaction: owned by nobody",
      call: { raw: transaction.serialized },
      address,
      isDone: isThere,
    },
  ];
}

function deterministicStep(
  id: string,
  { address, data, creationCode }: DeterministicCall,
  words: string,
  isCode: (code: string) => boolean,
): Step {
  const isDone = (chain: ChainReader) => isOurs(id, address, chain, isCode);
  return { id, stage: "foundation", words, call: { to: PROXY.address, data }, address, creationCode, isDone };
}

function contractStep(key: ContractKey, { deployer, contracts }: Suite, artifacts: ReadArtifact): Step {
  const { address, source, creationCode, data } = contracts[key];
  const artifact = artifacts(source);
  return {
    id: key,
    stage: "contracts",
    words: contractName(key),
    call: { to: deployer, data },
    address,
    key,
    creationCode,
    isDone: (chain) => isOurs(contractName(key), address, chain, (code) => isCodeOf(artifact, code)),
  };
}

function handOverSteps({ chain: { deployer: account } }: NetworkParameters, { deployer, addresses }: Suite): Step[] {
  const calls = handOverCalls(addresses, deployer, account);
  const manager = new Interface(abis.accessManager);
  const isAdmin = async (chain: ChainReader, who: string) => {
    const data = manager.encodeFunctionData("hasRole", [ADMIN_ROLE, who]);
    const answer = await chain.call({ to: addresses.accessManager, data });
    return answer !== "0x" && Boolean(manager.decodeFunctionResult("hasRole", answer)[0]);
  };
  return [
    {
      id: "roles",
      stage: "hand-over",
      words: `every role at AccessManager to the Timelock, pausing to the Guardian; ${account} gives up its own`,
      call: calls.roles,
      isDone: async (chain) => (await isAdmin(chain, addresses.timelock)) && !(await isAdmin(chain, account)),
    },
    {
      id: "handOver",
      stage: "hand-over",
      words: "Create3Deployer to the Timelock: what is still empty is filled by a vote or never",
      call: calls.deployer,
      isDone: async (chain) => (await ownerOf(deployer, chain)) === addresses.timelock,
    },
  ];
}

async function ownerOf(deployer: string, chain: ChainReader): Promise<string> {
  const answer = await chain.call({ to: deployer, data: CREATE3_DEPLOYER_INTERFACE.encodeFunctionData("owner") });
  return answer === "0x"
    ? ZeroAddress
    : (CREATE3_DEPLOYER_INTERFACE.decodeFunctionResult("owner", answer)[0] as string);
}

async function isOurs(name: string, address: string, chain: ChainReader, isCode: (code: string) => boolean) {
  const code = await chain.getCode(address);
  if (code === "0x") return false;
  if (isCode(code)) return true;
  throw new DeploymentError(
    "address_occupied",
    `${address}, where ${name} belongs, has other code: check out the commit that this deployment was begun with, or ` +
      "begin another one with a new `suite` in the network's parameters",
  );
}

/** Whether deployed code is an artifact's, whatever its constructor wrote into it. */
export function isCodeOf({ deployedBytecode, immutableReferences }: Artifact, code: string): boolean {
  if (code.length !== deployedBytecode.length) return false;
  const [found, made] = [code, deployedBytecode].map((text) => Buffer.from(text.slice(2), "hex"));
  for (const { start, length } of Object.values(immutableReferences).flat()) {
    found!.fill(0, start, start + length);
    made!.fill(0, start, start + length);
  }
  return found!.equals(made!);
}

/** Who will own what, in sentences: what a reviewer of a plan has to agree with. */
export function ownersOf({ network: { chain, parameters }, suite: { addresses } }: Deployment): string[] {
  const { timelock, postageGovernor, guardian } = addresses;
  const delay = `${parameters.timelockDelaySeconds / 3_600} h`;
  return [
    `Timelock ${timelock}: the treasury; every setter; the Create3Deployer. Acts ${delay} after a vote that passed`,
    `PostageGovernor ${postageGovernor}: alone schedules and cancels at the Timelock; anyone executes`,
    `Guardian ${guardian}: may pause entries, within its budget`,
    `${parameters.guardianKeyholder}: the guardian's keyholder for the first year`,
    ...parameters.allocations.map(({ holder, amount }) => `${holder}: ${formatUnits(amount, 18)} stake tokens`),
    `${chain.deployer}, which deploys: nothing${heldBy(chain.deployer, parameters)}`,
  ];
}

function heldBy(account: string, { guardianKeyholder, allocations }: NetworkParameters["parameters"]): string {
  const also = [
    ...(guardianKeyholder === account ? ["the guardian's keyholder"] : []),
    ...(allocations.some(({ holder }) => holder === account) ? ["a holder of stake tokens"] : []),
  ];
  return also.length === 0 ? "" : ` as deployer, but it is also ${also.join(" and ")}`;
}
