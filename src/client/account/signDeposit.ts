import type { ContractTransaction, Provider, Signer } from "ethers";
import { Signature } from "ethers";

import type { PostageChannels } from "#typechain";

import type { Address, Hex } from "../../protocol/bytes.ts";
import type { FeeToken } from "./feeToken.ts";

const AUTHORIZATION = [
  { name: "from", type: "address" },
  { name: "to", type: "address" },
  { name: "value", type: "uint256" },
  { name: "validAfter", type: "uint256" },
  { name: "validBefore", type: "uint256" },
  { name: "nonce", type: "bytes32" },
];
const PERMIT = [
  { name: "owner", type: "address" },
  { name: "spender", type: "address" },
  { name: "value", type: "uint256" },
  { name: "nonce", type: "uint256" },
  { name: "deadline", type: "uint256" },
];
const OF_ACCOUNTS = "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),bytes)";
const OF_KEYS = "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),uint8,bytes32,bytes32)";

export interface Deposit {
  token: FeeToken;
  /** Who pays, and signs. */
  from: Address;
  /** PostageChannels. */
  to: Address;
  channel: Address;
  amount: bigint;
  /** Seconds since 1970, by the chain's clock. */
  deadline: bigint;
  salt: Hex;
  /** What `salt` becomes for the token. */
  nonce: Hex;
}

/** Lets the holder sign a deposit, in the form that the token takes; answers the transaction, which anybody may send. */
export async function signDeposit(
  signer: Signer,
  deposit: Deposit,
  { channels, provider }: { channels: PostageChannels; provider: Provider },
): Promise<ContractTransaction> {
  const { token, from, to, channel, amount, deadline, salt, nonce } = deposit;
  if (token.form === "permit") {
    const message = { owner: from, spender: to, value: amount, nonce: await token.nonceOf(from), deadline };
    const signature = await signer.signTypedData(token.domain, { Permit: PERMIT }, message);
    const { v, r, s } = Signature.from(signature);
    return channels.depositWithPermit.populateTransaction(channel, amount, deadline, v, r, s);
  }
  const message = { from, to, value: amount, validAfter: 0n, validBefore: deadline, nonce };
  const signature = await signer.signTypedData(token.domain, { ReceiveWithAuthorization: AUTHORIZATION }, message);
  const authorization = { payer: channel, from, amount, validAfter: 0n, validBefore: deadline, salt };
  // A smart account's signature is what it says it is; a key's goes apart, which tokens took first.
  if ((await provider.getCode(from)) !== "0x") {
    return channels[OF_ACCOUNTS].populateTransaction(authorization, signature);
  }
  const { v, r, s } = Signature.from(signature);
  return channels[OF_KEYS].populateTransaction(authorization, v, r, s);
}
