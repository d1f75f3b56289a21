import { Interface, keccak256 } from "ethers";

import { faultProofsAbi } from "#abi/FaultProofs.ts";

import { faultEvidence } from "../../../src/contracts/faultEvidence.ts";
import type { EvidenceKey, FaultCase, FaultChain } from "../../../src/daemon/faults/ports.ts";
import { FaultRefused } from "../../../src/daemon/faults/ports.ts";
import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { toHex } from "../../../src/protocol/bytes.ts";

const FAULT_PROOFS = new Interface(faultProofsAbi);
export const ME: Address = `0x${"aa".repeat(20)}`;
export const RIVAL: Address = `0x${"bb".repeat(20)}`;
export const DAY = 86_400n;
export const APPEAL = 7n * DAY;
export const BOUNTY = 20n;

/** When a transaction fails: nothing was sent, or it was mined and the answer got lost. */
export type Failure = "before" | "after";

/**
 * FaultProofs as far as a reporter sees it: commitments that count from 1 minute to 1 day, one case a message, earlier
 * commitments win. What reveals prove is fixed by `subject`; the contract itself is tested in test/contracts.
 */
export class FakeFaultChain implements FaultChain {
  time = 1_000_000n;
  account = ME;
  readonly commitments = new Map<string, bigint>();
  readonly cases = new Map<string, FaultCase>();
  readonly deployed: Hex[] = [];
  credit = 0n;
  withdrawn = 0n;
  /** Names of the transactions that were mined, in order. */
  readonly mined: string[] = [];
  /** The next transactions of a name that fail, and how; `butFirst` so many succeed. */
  readonly failures: { name: string; how: Failure; butFirst?: number }[] = [];
  /** Names of the transactions that were tried, mined or not. */
  readonly tried: string[] = [];
  /** FaultProofs' error for every reveal. */
  refusal: string | undefined;
  hasStake = true;
  frozen = false;
  isDown = false;

  constructor(readonly subject: { envelopes: () => readonly [Uint8Array] | readonly [Uint8Array, Uint8Array] }) {}

  async reporter(): Promise<Address> {
    return this.account;
  }

  async now(): Promise<bigint> {
    this.#read();
    return this.time;
  }

  async isKeyOf(): Promise<boolean> {
    return true;
  }

  async isWorthSlashing(): Promise<boolean> {
    this.#read();
    return this.hasStake;
  }

  async isFrozen(): Promise<boolean> {
    this.#read();
    return this.frozen;
  }

  async committedAt(commitment: Hex): Promise<bigint | undefined> {
    this.#read();
    return this.commitments.get(commitment);
  }

  async caseOf({ nodeId, sequenceId }: EvidenceKey): Promise<FaultCase | undefined> {
    this.#read();
    const found = this.cases.get(`${nodeId}:${sequenceId}`);
    return found && { ...found };
  }

  async commit(commitData: Hex): Promise<void> {
    await this.#mine("commit", () => {
      const [commitment] = FAULT_PROOFS.decodeFunctionData("commit", commitData) as unknown as [string];
      if (this.commitments.has(commitment)) throw new FaultRefused("FaultProofsAlreadyCommitted");
      this.commitments.set(commitment, this.time);
    });
  }

  async deploy(creationCode: Hex): Promise<Address> {
    await this.#mine("deploy", () => void this.deployed.push(creationCode));
    return addressOfPiece(creationCode);
  }

  async reveal(revealData: Hex): Promise<void> {
    await this.#mine("reveal", () => this.revealBy(this.account, revealData));
  }

  revealBy(reporter: Address, revealData: Hex): void {
    if (this.refusal) throw new FaultRefused(this.refusal);
    const { args } = FAULT_PROOFS.parseTransaction({ data: revealData })!;
    const salt = args.at(-1) as Hex;
    const evidence = faultEvidence(this.subject.envelopes(), { reporter, salt })!;
    const at = this.commitments.get(evidence.commitment);
    if (at === undefined) throw new FaultRefused("FaultProofsNotCommitted");
    if (this.time < at + 60n) throw new FaultRefused("FaultProofsRevealTooEarly");
    if (this.time > at + DAY) throw new FaultRefused("FaultProofsRevealTooLate");
    this.openCase(evidence, reporter, at);
  }

  openCase({ nodeId, sequenceId }: EvidenceKey, reporter: Address, at: bigint): FaultCase {
    const key = `${nodeId}:${sequenceId}`;
    const there = this.cases.get(key);
    if (there && (there.status !== "open" || at >= there.committedAt)) {
      throw new FaultRefused("FaultProofsAlreadyReported");
    }
    const opened: FaultCase = there
      ? { ...there, reporter, committedAt: at }
      : {
          ...{ id: BigInt(this.cases.size + 1), status: "open", fault: "equivocation", reporter, committedAt: at },
          executableAt: this.time + APPEAL,
        };
    this.cases.set(key, opened);
    return opened;
  }

  async execute(caseId: bigint): Promise<void> {
    await this.#mine("execute", () => {
      const found = [...this.cases.values()].find(({ id }) => id === caseId);
      if (found?.status !== "open") throw new FaultRefused("FaultProofsCaseNotOpen");
      if (this.time < found.executableAt) throw new FaultRefused("FaultProofsAppealNotOver");
      found.status = "executed";
      if (found.reporter === this.account) this.credit += BOUNTY;
    });
  }

  async withdrawCredit(): Promise<bigint> {
    this.#read();
    const amount = this.credit;
    if (amount > 0n) {
      await this.#mine("withdrawCredit", () => {
        this.credit = 0n;
        this.withdrawn += amount;
      });
    }
    return amount;
  }

  #read(): void {
    if (this.isDown) throw new Error("connection refused");
  }

  #failureOf(name: string): { how: Failure } | undefined {
    const at = this.failures.findIndex((failure) => failure.name === name);
    const failure = this.failures[at];
    if (failure?.butFirst) failure.butFirst--;
    else if (failure) return this.failures.splice(at, 1)[0];
    return undefined;
  }

  async #mine(name: string, effect: () => void): Promise<void> {
    this.#read();
    this.tried.push(name);
    const failure = this.#failureOf(name);
    if (failure?.how === "before") throw new Error("nonce too low");
    effect();
    this.mined.push(name);
    if (failure?.how === "after") throw new Error("the answer was lost");
  }
}

export function addressOfPiece(creationCode: Hex): Address {
  return toHex(Buffer.from(keccak256(creationCode).slice(2, 42), "hex"));
}
