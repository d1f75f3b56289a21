import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { BaseWallet, HDNodeWallet, Signer } from "ethers";
import { Contract, Signature, Wallet, concat, toBeHex } from "ethers";
import { network } from "hardhat";

import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import type { DeploymentParameters } from "../../src/deployment/parameters.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { nodeRegistration } from "../../src/contracts/nodeRegistration.ts";
import type { Contracts } from "../../src/contracts/connectContracts.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { fromHex, toAddress } from "../../src/protocol/bytes.ts";

export const USD = 1_000_000n;
/** One unit of the stake token. */
export const TOKEN = 10n ** 18n;
export const HOUR = 3_600;
export const DAY = 24 * HOUR;
export const EPOCH = 12 * HOUR;
/** Bits of a voucher's columns. */
export const U64_MAX = 2n ** 64n - 1n;
/** A deadline that is not reached. */
export const NEVER = 2n ** 40n;

export type Network = Awaited<ReturnType<typeof network.create<"l1">>>;

/** A deployed network on a chain of its own, with named accounts that hold USDC and have approved the contracts. */
export interface World extends Contracts {
  record: DeploymentRecord;
  net: Network;
  ethers: Network["ethers"];
  usdc: Contract;
  deployer: HardhatEthersSigner;
  funder: HardhatEthersSigner;
  settler: HardhatEthersSigner;
  operator: HardhatEthersSigner;
  stranger: HardhatEthersSigner;
  /** Speaks as the Timelock: what a vote that passed does, without the vote. */
  governance: HardhatEthersSigner;
  /** Speaks as the Guardian contract, which alone may pause. */
  pauser: HardhatEthersSigner;
  chainId: bigint;
}

/** Local parameters, with what a test changes; `hardfork` makes it an older chain. */
export async function deployedWorld(changes: Partial<DeploymentParameters> = {}, hardfork = "prague"): Promise<World> {
  const net = await network.create({ network: "local", chainType: "l1", override: { hardfork } });
  const { ethers } = net;
  const [deployer, funder, settler, operator, stranger] = await ethers.getSigners();
  const parameters = { ...readParameters("local"), ...changes };
  const record = await deployNetwork({ signer: deployer!, parameters });
  const contracts = connectContracts(record, deployer!);
  const usdc = new Contract(record.token, readArtifact("test/support/TestUSDC.sol").abi, deployer);
  for (const account of [funder!, operator!, stranger!]) {
    await usdc.getFunction("mint")(account, 10_000_000n * USD);
    await (usdc.connect(account) as Contract).getFunction("approve")(contracts.postageChannels, 2n ** 256n - 1n);
    await contracts.postageToken.transfer(account, 100_000_000n * TOKEN);
    await contracts.postageToken.connect(account).approve(contracts.nodeStaking, 2n ** 256n - 1n);
  }
  return {
    ...contracts,
    record,
    net,
    ethers,
    usdc,
    deployer: deployer!,
    funder: funder!,
    settler: settler!,
    operator: operator!,
    stranger: stranger!,
    governance: await impersonated({ net, ethers }, record.contracts.timelock.address),
    pauser: await impersonated({ net, ethers }, record.contracts.guardian.address),
    chainId: BigInt(record.chainId),
  };
}

/** The n-th postage key, always the same one. */
export function postageKey(n: number): BaseWallet {
  return new Wallet(toBeHex(0x1000 + n, 32));
}

/** Signs a voucher the reference way, with ethers, and packs it: `fees 8 | stamps 8 | r 32 | vs 32`. */
export async function voucherRow(
  world: Pick<World, "postageChannels" | "chainId">,
  key: BaseWallet | HDNodeWallet,
  fees: bigint,
  stamps = 0n,
  domain: { chainId?: bigint; verifyingContract?: string } = {},
): Promise<string> {
  const signature = await key.signTypedData(
    {
      name: "Pennyblack Postage",
      version: "1",
      chainId: world.chainId,
      verifyingContract: await world.postageChannels.getAddress(),
      ...domain,
    },
    {
      Voucher: [
        { name: "fees", type: "uint64" },
        { name: "stamps", type: "uint64" },
      ],
    },
    { fees, stamps },
  );
  return packedRow(fees, stamps, Signature.from(signature).compactSerialized);
}

export function packedRow(fees: bigint, stamps: bigint, compactSignature: string): string {
  return concat([toBeHex(fees, 8), toBeHex(stamps, 8), compactSignature]);
}

/** Funds a channel from the funder's account. */
export async function fund(world: World, key: { address: string }, amount: bigint): Promise<void> {
  await world.postageChannels.connect(world.funder).deposit(key.address, amount);
}

/** The EIP-712 domain of TestUSDC. */
export async function tokenDomain({ usdc, chainId }: World) {
  return { name: "USD Coin", version: "1", chainId, verifyingContract: await usdc.getAddress() };
}

/** The owner's permit for PostageChannels, without a deadline. */
export async function signPermit(world: World, owner: Signer, amount: bigint): Promise<Signature> {
  const types = {
    Permit: [
      { name: "owner", type: "address" },
      { name: "spender", type: "address" },
      { name: "value", type: "uint256" },
      { name: "nonce", type: "uint256" },
      { name: "deadline", type: "uint256" },
    ],
  };
  const from = await owner.getAddress();
  const value = {
    owner: from,
    spender: await world.postageChannels.getAddress(),
    value: amount,
    nonce: (await world.usdc.getFunction("nonces")(from)) as bigint,
    deadline: NEVER,
  };
  return Signature.from(await owner.signTypedData(await tokenDomain(world), types, value));
}

/** What the i-th of some nodes brings; the same keys for the same i. */
export function registrationOf(
  world: Pick<World, "record">,
  owner: { address: string },
  i: number,
  changes: { payout?: string; httpAddress?: string } = {},
): ReturnType<typeof nodeRegistration> {
  return nodeRegistration(world.record, {
    owner: toAddress(owner.address),
    signingKey: signingKey(i),
    attestationKey: fromHex(toBeHex(0x3000 + i, 32)),
    httpAddress: changes.httpAddress ?? `http://127.0.0.1:${5050 + i}`,
    payout: toAddress(changes.payout ?? owner.address),
  });
}

/** The i-th signing key, 32 bytes. */
export const signingKey = (i: number): Uint8Array => fromHex(toBeHex(0x2000 + i, 32));

/** Registers the i-th of some nodes for an owner; it takes a free seat. */
export async function register(
  world: World,
  owner: HardhatEthersSigner,
  i: number,
  changes: { payout?: string; httpAddress?: string } = {},
): Promise<bigint> {
  await world.nodeRegistry.connect(owner).register(registrationOf(world, owner, i, changes));
  return world.nodeRegistry.lastNodeId();
}

/** The i-th of some nodes of the operator, with a seat from the next epoch on while seats are free. */
export async function registerNode(world: World, i: number, payout: string): Promise<bigint> {
  return register(world, world.operator, i, { payout });
}

/** Moves time to the beginning of the epoch `count` epochs ahead. */
export async function passEpochs(world: World, count: number): Promise<void> {
  const { time } = world.net.networkHelpers;
  const epoch = Math.floor((await time.latest()) / EPOCH);
  await time.increaseTo((epoch + count) * EPOCH);
}

/** Speaks as an account whose key nobody has, such as a contract that is not built yet or a peer. */
export async function impersonated(
  world: Pick<World, "net" | "ethers">,
  address: string,
): Promise<HardhatEthersSigner> {
  await world.net.networkHelpers.impersonateAccount(address);
  await world.net.networkHelpers.setBalance(address, 10n ** 18n);
  return world.ethers.getSigner(address);
}
