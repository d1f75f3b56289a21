import type { Signer } from "ethers";
import { Contract, ContractFactory } from "ethers";

import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { decodeRevert } from "../../src/contracts/decodeRevert.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { recoverAddress } from "../../src/protocol/ecdsa.ts";
import { readIdentityUpdate } from "../../src/protocol/identity/read.ts";
import type { VerifySmartAccount } from "../../src/protocol/identity/signature.ts";
import type { InboxState } from "../../src/protocol/identity/state.ts";
import { applyIdentityUpdate } from "../../src/protocol/identity/state.ts";
import type { Actor } from "../support/identityActors.ts";
import { smartAccount, wallet } from "../support/identityActors.ts";
import type { World } from "./fixtures.ts";

/** How many blocks back a smart account may be asked. */
export const MOST_ACCOUNT_BLOCKS = 1_800n;

/** What the registry says of an update when it is simulated: "taken", or the error's name with its arguments. */
export async function verdict(
  world: Pick<World, "identityRegistry">,
  inboxId: string,
  clientEnvelope: Uint8Array,
): Promise<string> {
  try {
    await world.identityRegistry.addIdentityUpdate.staticCall(`0x${inboxId}`, clientEnvelope);
    return "taken";
  } catch (error) {
    return describe(error);
  }
}

/** Gas that any update needs, so that nothing has to be estimated. */
const PLENTY = "0x1000000";

/** `verdict` and sequencing for thousands of updates: what is refused is not traced, and no gas is estimated. */
export interface FastRegistry {
  verdict(inboxId: string, clientEnvelope: Uint8Array): Promise<string>;
  sequence(inboxId: string, clientEnvelope: Uint8Array): Promise<void>;
}

export async function fastRegistry({ identityRegistry, net, deployer }: World): Promise<FastRegistry> {
  const { abi, bytecode } = readArtifact("test/support/Simulator.sol");
  const deployed = await new ContractFactory(abi, bytecode, deployer).deploy();
  const simulator = await deployed.getAddress();
  const { interface: shape } = new Contract(simulator, abi);
  const to = await identityRegistry.getAddress();
  const calldata = (inboxId: string, clientEnvelope: Uint8Array) =>
    identityRegistry.interface.encodeFunctionData("addIdentityUpdate", [`0x${inboxId}`, clientEnvelope]);
  return {
    async verdict(inboxId, clientEnvelope) {
      const data = shape.encodeFunctionData("simulate", [to, calldata(inboxId, clientEnvelope)]);
      const params = [{ to: simulator, data, gas: PLENTY }, "latest"];
      const result = (await net.provider.request({ method: "eth_call", params })) as string;
      const [succeeds, answer] = shape.decodeFunctionResult("simulate", result) as unknown as [boolean, string];
      return succeeds ? "taken" : describe({ data: answer });
    },
    async sequence(inboxId, clientEnvelope) {
      const data = calldata(inboxId, clientEnvelope);
      const params = [{ from: deployer.address, to, data, gas: PLENTY }];
      await net.provider.request({ method: "eth_sendTransaction", params });
    },
  };
}

function describe(error: unknown): string {
  const revert = decodeRevert(error);
  if (!revert) throw error;
  return `${revert.name}(${Object.values(revert.args).map(String).join(", ")})`;
}

/** Sequences an update and returns the gas it took. */
export async function sequence(
  world: Pick<World, "identityRegistry">,
  inboxId: string,
  clientEnvelope: Uint8Array,
): Promise<bigint> {
  const sent = await world.identityRegistry.addIdentityUpdate(`0x${inboxId}`, clientEnvelope);
  const receipt = await sent.wait();
  return receipt!.gasUsed;
}

/** What it takes to deploy and to ask accounts. */
export interface AccountWorld {
  deployer: Signer;
  chainId: bigint;
}

export interface DeployedAccount extends Actor {
  address: string;
}

/** Smart accounts of keys that are wallets 1000 and up; `block` is the one that their signatures name. */
export async function deployAccounts(
  world: AccountWorld,
  count: number,
  block: () => bigint,
): Promise<DeployedAccount[]> {
  const { abi, bytecode } = readArtifact("test/support/SmartAccount.sol");
  const accounts: DeployedAccount[] = [];
  for (let n = 0; n < count; n++) {
    const owner = wallet(1_000 + n);
    const deployed = await new ContractFactory(abi, bytecode, world.deployer).deploy(owner.identifier);
    const address = await deployed.getAddress();
    accounts.push({ ...smartAccount(address, owner.key, world.chainId, block), address });
  }
  return accounts;
}

/** The chain's answer, worked out here: whether one of the accounts' owners signed, about a block that may be asked. */
export function askAccounts(
  world: Pick<AccountWorld, "chainId">,
  accounts: readonly DeployedAccount[],
  currentBlock: () => bigint | Promise<bigint>,
): VerifySmartAccount {
  return async ({ account, chainId, blockNumber, hash, signature }) => {
    const age = (await currentBlock()) - blockNumber;
    if (chainId !== world.chainId || age < 1n || age > MOST_ACCOUNT_BLOCKS) return false;
    const n = accounts.findIndex(({ identifier }) => identifier === account);
    const isWhole = signature.length === 65 && signature[64]! >= 27;
    return n >= 0 && isWhole && recoverAddress(hash, signature) === wallet(1_000 + n).identifier;
  };
}

/** What TypeScript makes of an update: the inbox afterwards, or undefined when it refuses it. */
export async function stateAfter(
  before: InboxState | undefined,
  inboxId: string,
  clientEnvelope: Uint8Array,
  verify: VerifySmartAccount,
): Promise<InboxState | undefined> {
  try {
    return await applyIdentityUpdate(before, readIdentityUpdate(clientEnvelope, inboxId), verify);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
