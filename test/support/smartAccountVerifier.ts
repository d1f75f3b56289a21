import type { Provider } from "ethers";

import { concatBytes, fromHex, toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import type { VerifySmartAccount } from "../../src/protocol/identity/signature.ts";

const IS_VALID_SIGNATURE = fromHex("1626ba7e");
/** What an account may burn; a passkey account in Solidity needs about 1 million. */
const GAS = 3_000_000n;
/** The signature travels as initcode, of which a chain takes 49,152 bytes. */
const MOST_SIGNATURE_BYTES = 40_000;
/** Last 32 bytes of a signature of an account that is not deployed (ERC-6492). */
const ERC_6492_MAGIC = fromHex("6492".repeat(16));

/**
 * Asks accounts by ERC-1271 as the chain stood at a block. The question runs as initcode that makes the call and returns
 * 1 or 0, so it never reverts: an error is always the endpoint's, and an account cannot be mistaken for a dead endpoint.
 * A signature of an account that is not deployed yet (ERC-6492) counts as none.
 */
export function smartAccountVerifier(provider: Pick<Provider, "call">, chainId: bigint): VerifySmartAccount {
  return async (question) => {
    const { account, hash, signature, blockNumber } = question;
    if (question.chainId !== chainId || signature.length > MOST_SIGNATURE_BYTES) return false;
    if (toHex(signature.subarray(-32)) === toHex(ERC_6492_MAGIC)) return false;
    const data = concatBytes(program(fromHex(account)), calldata(hash, signature));
    const answer = await provider.call({ data: toHex(data), blockTag: blockNumber });
    return answer === toHex(uintToBytes(1n, 32));
  };
}

/** `isValidSignature(bytes32 hash, bytes signature)` */
function calldata(hash: Uint8Array, signature: Uint8Array): Uint8Array {
  const length = uintToBytes(BigInt(signature.length), 32);
  const padding = new Uint8Array((32 - (signature.length % 32)) % 32);
  return concatBytes(IS_VALID_SIGNATURE, hash, uintToBytes(64n, 32), length, signature, padding);
}

/** Calls the account with what follows the program, and returns whether its answer is the selector. */
function program(account: Uint8Array): Uint8Array {
  const assemble = (length: number) =>
    fromHex(
      [
        "60206000", // size and place of the answer
        `60${byte(length)}3803`, // length of the calldata: codesize - length of the program
        `8060${byte(length)}600039`, // copy it to memory 0
        "6000", // where it is
        `73${toHex(account).slice(2)}`,
        `62${toHex(uintToBytes(GAS, 3)).slice(2)}`,
        "fa", // staticcall
        "3d601f1016", // and at least 32 bytes came back
        "600051631626ba7e60e01b1416", // and they are the selector
        "60005260206000f3", // return it
      ].join(""),
    );
  return assemble(assemble(0).length);
}

function byte(value: number): string {
  return value.toString(16).padStart(2, "0");
}
