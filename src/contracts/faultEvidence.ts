import { AbiCoder, Interface, concat, dataSlice, keccak256 } from "ethers";

import { faultProofsAbi } from "#abi/FaultProofs.ts";
import type { Address, Hex } from "../protocol/bytes.ts";
import { concatBytes, equalBytes, toHex } from "../protocol/bytes.ts";
import { recoverAddress } from "../protocol/ecdsa.ts";
import { originatorDigest, payerEnvelopeHash } from "../protocol/envelope.ts";
import type { EnvelopeReading } from "../protocol/goEnvelope.ts";
import { readAsGo, readSignedAsGo } from "../protocol/goEnvelope.ts";

const FAULT_PROOFS = new Interface(faultProofsAbi);
/** As FaultProofs numbers them: the larger, the heavier. */
export const FAULTS = { equivocation: 1, wrongTarget: 2, contradictedReceipt: 3 } as const;
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

/** What contradicts the one envelope shown: a final report that its node attested. Whether it does is EpochReports' to say. */
export interface ReportExhibit {
  /** Digest of the report. */
  report: Hex;
  /** As EpochReports takes it, see `encodeContradiction`. */
  proof: Hex;
}

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
 * (`xmtp-wire.md` section 5): two of one sequence id with different payer envelopes or times, one for another node, or one
 * that a report contradicts. Whose signatures they carry is FaultProofs' to say: simulate before sending.
 *
 * @param salt 32 random bytes, kept until the reveal.
 */
export function faultEvidence(
  envelopes: Exhibits,
  { reporter, salt, contradiction }: { reporter: Address; salt: Hex; contradiction?: ReportExhibit | undefined },
): FaultEvidence | undefined {
  const found = examine(envelopes, contradiction);
  return found && evidence(found, { reporter, salt, contradiction });
}

export interface FoundFault extends Fault {
  signers: (Address | undefined)[];
  walked: number;
  /** Of the first envelope. */
  payerEnvelopeHash: Hex;
}

/**
 * The fault that envelopes show, the accounts that signed them, and how many bytes FaultProofs has to walk field by field
 * to see it; undefined when they show none.
 */
export function faultIn(envelopes: Exhibits, contradiction?: ReportExhibit): FoundFault | undefined {
  const found = examine(envelopes, contradiction);
  if (!found) return undefined;
  const { originatorNodeId: nodeId, sequenceId, payerEnvelope } = found.signed[0]!.reading;
  const signers = found.signed.map(({ unsigned, signature }) => recoverAddress(originatorDigest(unsigned), signature));
  const hash = toHex(payerEnvelopeHash(payerEnvelope));
  return { fault: found.fault, nodeId, sequenceId, signers, walked: found.walked, payerEnvelopeHash: hash };
}

interface Examined {
  fault: FaultName;
  signed: Signed[];
  walked: number;
}

function examine(envelopes: Exhibits, contradiction: ReportExhibit | undefined): Examined | undefined {
  const signed = envelopes.map(readSigned);
  const [first, second] = signed;
  if (!first || signed.includes(undefined)) return undefined;
  const shown: Examined[] = [];
  if (contradiction && !second) {
    shown.push({ fault: "contradictedReceipt", signed: [first], walked: aroundPayerEnvelope(first) });
  }
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

interface Reporting {
  reporter: Address;
  salt: Hex;
  contradiction: ReportExhibit | undefined;
}

/** How FaultProofs takes each fault: what it is told beside the envelopes, in order. */
const REVEALS = {
  equivocation: "revealEquivocation",
  wrongTarget: "revealWrongTarget",
  contradictedReceipt: "revealContradiction",
};

function evidence({ fault, signed }: Examined, { reporter, salt, contradiction }: Reporting): FaultEvidence {
  const [digest, otherDigest = NO_DIGEST] = signed.map(({ unsigned }) => toHex(originatorDigest(unsigned)));
  const by = fault === "contradictedReceipt" ? contradiction : undefined;
  const commitment = hashOf(
    ["address", "bytes32", "bytes32"],
    [reporter, salt, hashOf(["uint8", "bytes32", "bytes32"], [FAULTS[fault], digest, by?.report ?? otherDigest])],
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
      const shown = by ? [by.report, by.proof] : [];
      return FAULT_PROOFS.encodeFunctionData(REVEALS[fault], [...receipts, ...shown, salt]) as Hex;
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
