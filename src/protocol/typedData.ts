import type { Address } from "./bytes.ts";
import { concatBytes, fromHex, uintToBytes, utf8ToBytes } from "./bytes.ts";
import { keccak256 } from "./keccak.ts";

export const keccakText = (text: string): Uint8Array => keccak256(utf8ToBytes(text));

const DOMAIN_TYPE = keccakText("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
const VERSION = keccakText("1");
const PREFIX = Uint8Array.of(0x19, 0x01);

/** An address as a word of 32 bytes. */
export const addressWord = (address: Address): Uint8Array => concatBytes(new Uint8Array(12), fromHex(address));

/** EIP-712's separator of a domain `{name, "1", chainId, contract}`. `name` comes hashed: it is the same every time. */
export function separatorOf(name: Uint8Array, chainId: bigint, contract: Address): Uint8Array {
  return keccak256(DOMAIN_TYPE, name, VERSION, uintToBytes(chainId, 32), addressWord(contract));
}

/** What is signed of a struct in a domain; both come hashed. */
export function typedDigest(separator: Uint8Array, struct: Uint8Array): Uint8Array {
  return keccak256(PREFIX, separator, struct);
}
