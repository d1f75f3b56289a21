import { AbiCoder, Interface, concat, dataSlice, keccak256 } from "ethers";

import { faultProofsAbi } from "#abi/FaultProofs.ts";
import type { Address, Hex } from "../protocol/bytes.ts";
import { concatBytes, equalBytes, toHex } from "../protocol/bytes.ts";
import { recoverAddress } from "../protocol/ecdsa.ts";
import { originatorDigest } from "../protocol/envelope.ts";
import type { EnvelopeReading } from "../protocol/goEnvelope.ts";
import { readAsGo, readSignedAsGo } from "../protocol/goEnvelope.ts";

const FAULT_PROOFS = new Interface(faultProofsAbi);
const FAULTS = { equivocation: 1, wrongTarget: 2 } as const;
const NO_DIGEST = `0x${"00".repeat(32)}`;

/** Bytes of a data contract's code, without the byte that keeps it from being called. */
export const PIECE_LENGTH = 24_575;
/** Envelopes larger than this are put on the chain in pieces first: a transaction holds 128 kB, and may hold two. */
const LARGEST_IN_CALLDATA = 48_000;

/**
 * Bytes that a reveal may have to walk field by field. Bare fields cost up to 800 gas a byte, and a transaction has 2^24
 * (`docs/assurance-envelopes.md`); the rest is for bringing the envelopes there and joining them.
 */
export const MOST_WALKED = 8_000;

/** From FaultProofs: when a reveal counts, after its commitment. */
export const REVEAL_AFTER_SECONDS = 60n;
export const REVEAL_UNTIL_SECONDS = 86_400n;

export type FaultName = keyof typeof FAULTS;

/** One stored OriginatorEnvelope (serialized), or two. */
export type Exhibits = readonly [Uint8Array] | readonly [Uint8Array, Uint8Array];

export interface Fault {
  fault: FaultName;
  nodeId: number;
  sequenceId: bigint;
}

export interface FaultEvidence extends Fault {
  commitment: Hex;
  /** Calldata for FaultProofs: first this, */
  commitData: Hex;
  /**
   * then, from 1 minute to 1 day later and by the same account, what this returns. `pieces` holds, per envelope, the
   * addresses of the data contracts made of `pieces`, in order; none where there are none to make.
   */
  revealData: (pieces?: Address[][]) => Hex;
  /** Per envelope, the creation code of each data contract to deploy after the commitment. */
  pieces: Hex[][];
}

interface Signed {
  unsigned: Uint8Array;
  signature: Uint8Array;
  reading: EnvelopeReading;
}

/**
 * What convicts the node of one or two stored OriginatorEnvelopes (serialized), or undefined when they show no fault
 * (`xmtp-wire.md` section 5): two of one sequence id with different payer envelopes or times, or one for another node.
 * Whose signatures they carry is FaultProofs' to say: simulate before sending.
 *
 * @param salt 32 random bytes, kept until the reveal.
 */
export function faultEvidence(
  envelopes: Exhibits,
  { reporter, salt }: { reporter: Address; salt: Hex },
): FaultEvidence | undefined {
  const found = examine(envelopes);
  return found && evidence(found.fault, found.signed, reporter, salt);
}

/**
 * The fault that envelopes show, the accounts that signed them, and how many bytes FaultProofs has to walk field by field
 * to see it; undefined when they show none.
 */
export function faultIn(
  envelopes: Exhibits,
): (Fault & { signers: (Address | undefined)[]; walked: number }) | undefined {
  const found = examine(envelopes);
  if (!found) return undefined;
  const { originatorNodeId: nodeId, sequenceId } = found.signed[0]!.reading;
  const signers = found.signed.map(({ unsigned, signature }) => recoverAddress(originatorDigest(unsigned), signature));
  return { fault: found.fault, nodeId, sequenceId, signers, walked: found.walked };
}

interface Examined {
  fault: FaultName;
  signed: Signed[];
  walked: number;
}

function examine(envelopes: Exhibits): Examined | undefined {
  const signed = envelopes.map(readSigned);
  const [first, second] = signed;
  if (!first || signed.includes(undefined)) return undefined;
  const shown: Examined[] = [];
  for (const one of second ? [first, second] : [first]) {
    if (isForAnotherNode(one.reading)) {
      shown.push({ fault: "wrongTarget", signed: [one], walked: aroundClientEnvelope(one) });
    }
  }
  if (second && isEquivocation(first.reading, second.reading)) {
    const walked = aroundPayerEnvelope(first) + aroundPayerEnvelope(second);
    shown.push({ fault: "equivocation", signed: [first, second], walked });
  }
  // The heavier fault first: a second envelope must not make a wrong target a first equivocation.
  return shown.find(({ walked }) => walked <= MOST_WALKED) ?? shown[0];
}

/** The payer envelope itself is hashed. */
function aroundPayerEnvelope({ unsigned, reading }: Signed): number {
  return unsigned.length - reading.payerEnvelope.length;
}

/** The target is in the payer envelope, around the client's. */
function aroundClientEnvelope({ unsigned, reading }: Signed): number {
  // The client envelope has the number there that the unsigned envelope has in an OriginatorEnvelope, and a signature
  // the same one too. An empty signature behind it makes it one that is signed.
  const read = readSignedAsGo(concatBytes(reading.payerEnvelope, Uint8Array.of(0x12, 0)));
  return unsigned.length - (read?.unsigned.length ?? 0);
}

function readSigned(envelope: Uint8Array): Signed | undefined {
  const signed = readSignedAsGo(envelope);
  const reading = signed && readAsGo(signed.unsigned);
  return reading && { ...signed, reading };
}

function isEquivocation(a: EnvelopeReading, b: EnvelopeReading): boolean {
  if (a.originatorNodeId !== b.originatorNodeId || a.sequenceId !== b.sequenceId) return false;
  return a.originatorNs !== b.originatorNs || !equalBytes(a.payerEnvelope, b.payerEnvelope);
}

function isForAnotherNode({ target, originatorNodeId }: EnvelopeReading): boolean {
  return target !== undefined && target !== originatorNodeId;
}

function evidence(fault: FaultName, signed: Signed[], reporter: Address, salt: Hex): FaultEvidence {
  const digests = signed.map(({ unsigned }) => toHex(originatorDigest(unsigned)));
  const commitment = hashOf(
    ["address", "bytes32", "bytes32"],
    [reporter, salt, hashOf(["uint8", "bytes32", "bytes32"], [FAULTS[fault], digests[0], digests[1] ?? NO_DIGEST])],
  );
  const pieces = signed.map(({ unsigned }) => piecesOf(unsigned));
  const { originatorNodeId: nodeId, sequenceId } = signed[0]!.reading;
  return {
    fault,
    nodeId,
    sequenceId,
    commitment,
    commitData: FAULT_PROOFS.encodeFunctionData("commit", [commitment]) as Hex,
    pieces,
    revealData: (deployed = []) => {
      const receipts = signed.map(({ unsigned, signature }, i) => ({
        envelope: pieces[i]!.length > 0 ? "0x" : unsigned,
        pieces: pieces[i]!.length > 0 ? (deployed[i] ?? []) : [],
        signature,
      }));
      const name = fault === "equivocation" ? "revealEquivocation" : "revealWrongTarget";
      return FAULT_PROOFS.encodeFunctionData(name, [...receipts, salt]) as Hex;
    },
  };
}

function hashOf(types: string[], values: unknown[]): Hex {
  return keccak256(AbiCoder.defaultAbiCoder().encode(types, values)) as Hex;
}

function piecesOf(unsigned: Uint8Array): Hex[] {
  if (unsigned.length <= LARGEST_IN_CALLDATA) return [];
  const count = Math.ceil(unsigned.length / PIECE_LENGTH);
  return Array.from({ length: count }, (_, i) =>
    pieceCode(unsigned.subarray(i * PIECE_LENGTH, (i + 1) * PIECE_LENGTH)),
  );
}

/** Creation code of a contract whose code is a zero byte and then `data`. */
export function pieceCode(data: Uint8Array): Hex {
  const size = dataSlice(`0x${(data.length + 1).toString(16).padStart(4, "0")}`, 0, 2);
  return concat(["0x61", size, "0x80600a3d393df3", "0x00", data]) as Hex;
}
