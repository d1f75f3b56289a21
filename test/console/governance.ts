import type { TransactionRequest } from "ethers";
import { AbiCoder, toUtf8Bytes } from "ethers";

import { localWallet } from "../../scripts/local/localChain.ts";
import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import { toHex } from "../../src/protocol/bytes.ts";

/** Calls that a proposal makes; one that changes nothing will do. */
const PARTS = ["address[]", "uint256[]", "bytes[]", "bytes"];

/** Gives the deployer, who holds most of the stake token, the votes that it may propose with. */
export async function delegateToDeployer({ chain, contracts }: LocalNetwork): Promise<void> {
  const deployer = localWallet(0).connect(chain.provider);
  await (await contracts.postageToken.connect(deployer).delegate(deployer.address)).wait();
  await chain.increaseTime(2);
}

/** Proposes with a text that may be any bytes, which no library would send. Resolves with the proposal's id. */
export async function propose({ chain, contracts }: LocalNetwork, text: string | Uint8Array): Promise<bigint> {
  const deployer = localWallet(0).connect(chain.provider);
  const { postageGovernor, nodeSeats } = contracts;
  const call = nodeSeats.interface.encodeFunctionData("setMaxSeats", [30]);
  const description = toHex(typeof text === "string" ? toUtf8Bytes(text) : text);
  const args = [[await nodeSeats.getAddress()], [0n], [call], description];
  const { selector } = postageGovernor.interface.getFunction("propose");
  const data = selector + AbiCoder.defaultAbiCoder().encode(PARTS, args).slice(2);
  const request: TransactionRequest = { to: await postageGovernor.getAddress(), data };
  const receipt = await (await deployer.sendTransaction(request)).wait();
  const { topicHash } = postageGovernor.interface.getEvent("ProposalCreated");
  const log = receipt!.logs.find(({ topics }) => topics[0] === topicHash)!;
  return BigInt(log.data.slice(0, 66));
}

/** Votes with all of the deployer's votes. */
export async function vote({ chain, contracts }: LocalNetwork, id: bigint, support: 0 | 1 | 2): Promise<void> {
  const deployer = localWallet(0).connect(chain.provider);
  await (await contracts.postageGovernor.connect(deployer).castVote(id, support)).wait();
}
