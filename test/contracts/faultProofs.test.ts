import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import type { TransactionReceipt } from "ethers";
import { Contract, ContractFactory, getCreateAddress, hexlify } from "ethers";
import { network } from "hardhat";

import { bytesField, field, varint } from "../../scripts/campaigns/envelopes/generate.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import type { FaultEvidence } from "../../src/contracts/faultEvidence.ts";
import { PIECE_LENGTH, faultEvidence, pieceCode } from "../../src/contracts/faultEvidence.ts";
import type { Address, Hex } from "../../src/protocol/bytes.ts";
import { concatBytes, fromHex, toAddress, toHex } from "../../src/protocol/bytes.ts";
import { addressOf, signDigest } from "../../src/protocol/ecdsa.ts";
import { encodePayerEnvelope, originatorDigest } from "../../src/protocol/envelope.ts";
import { readVectors } from "../support/vectors.ts";
import type { Network } from "./fixtures.ts";
import { DAY } from "./fixtures.ts";

const NODE = 100;
const KEY = new Uint8Array(32).fill(0x22);
const MINIMUM = 10_000n * 10n ** 18n;
const SALT: Hex = `0x${"5a".repeat(32)}`;
const REPORT = `0x${"77".repeat(32)}`;
const Fault = { equivocation: 1n, wrongTarget: 2n, contradicted: 3n };
const Status = { open: 1n, dismissed: 2n, closed: 3n, executed: 4n };

interface Court {
  net: Network;
  token: Contract;
  peers: Contract;
  staking: Contract;
  faultProofs: Contract;
  owner: HardhatEthersSigner;
  reporter: HardhatEthersSigner;
  rival: HardhatEthersSigner;
  guardian: HardhatEthersSigner;
  governor: HardhatEthersSigner;
  treasury: HardhatEthersSigner;
}

type Signer = HardhatEthersSigner;
const as = (contract: Contract, signer: Signer) => contract.connect(signer) as Contract;

/** FaultProofs over real stake: node 100 with the minimum, keys and owners as a stub says. */
async function court(): Promise<Court> {
  const net = await network.create({ network: "local", chainType: "l1" });
  const [deployer, owner, reporter, rival, guardian, governor, treasury] = await net.ethers.getSigners();
  const deploy = async (source: string, ...args: unknown[]) => {
    const { abi, bytecode } = readArtifact(source);
    const contract = await new ContractFactory(abi, bytecode, deployer).deploy(...args);
    return new Contract(await contract.getAddress(), abi, deployer);
  };
  const token = await deploy("contracts/governance/PostageToken.sol", [[deployer!.address, 100n * MINIMUM]]);
  const peers = await deploy("test/support/FaultPeersStub.sol");
  const stakingNonce = await net.ethers.provider.getTransactionCount(deployer!.address);
  const nextAddress = getCreateAddress({ from: deployer!.address, nonce: stakingNonce + 1 });
  const staking = await deploy(
    "contracts/NodeStaking.sol",
    ...[token, peers, peers, nextAddress, treasury!.address, peers, MINIMUM, 14 * DAY],
  );
  const faultProofs = await deploy(
    "contracts/FaultProofs.sol",
    ...[staking, peers, peers, guardian!.address, governor!.address, peers, 7 * DAY],
  );
  expect(await faultProofs.getAddress()).to.equal(nextAddress);
  await peers.getFunction("setOwner")(NODE, owner!.address);
  await peers.getFunction("setKey")(NODE, addressOf(KEY), 0);
  await token.getFunction("transfer")(owner!.address, 10n * MINIMUM);
  await as(token, owner!).getFunction("approve")(staking, 10n * MINIMUM);
  await as(staking, owner!).getFunction("stake")(NODE, MINIMUM);
  const people = { owner: owner!, reporter: reporter!, rival: rival!, guardian: guardian!, governor: governor! };
  return { net, token, peers, staking, faultProofs, ...people, treasury: treasury! };
}

interface Wanted {
  sequenceId?: bigint;
  ns?: bigint;
  text?: string;
  target?: number;
  expiry?: bigint;
  key?: Uint8Array;
  /** Other bytes for the same fields. */
  odd?: boolean;
  nodeId?: number;
  size?: number;
}

/** A stored OriginatorEnvelope of node 100. */
function stored(wanted: Wanted = {}): Uint8Array {
  const { sequenceId = 7n, ns = 1_000n, text = "a", target = NODE, expiry = 5n, key = KEY, nodeId = NODE } = wanted;
  const payer = encodePayerEnvelope({
    unsignedClientEnvelope: concatBytes(new TextEncoder().encode(text), new Uint8Array(wanted.size ?? 0).fill(7)),
    payerSignature: new Uint8Array(65).fill(1),
    targetOriginator: target,
    retentionDays: 60,
  });
  const scalar = (number: number, value: bigint, padding = 0) => field(number, 0, varint(value, padding));
  const fields = [
    scalar(1, BigInt(nodeId)),
    scalar(2, sequenceId),
    scalar(3, ns),
    bytesField(4, payer),
    scalar(7, expiry),
  ];
  const group = concatBytes(field(9, 3, scalar(1, 9n)), field(9, 4, new Uint8Array()));
  // Decoys first, unknown and mistyped fields in between, the real values last and in more bytes than needed.
  const odd = [
    ...[scalar(2, 99n), bytesField(4, new Uint8Array(3)), group, bytesField(4, payer), field(2, 5, new Uint8Array(4))],
    ...[
      scalar(3, ns, 3),
      bytesField(1, new Uint8Array(2)),
      scalar(2, sequenceId, 9),
      scalar(1, BigInt(nodeId) + 2n ** 32n),
    ],
  ];
  return sealed(concatBytes(...(wanted.odd ? odd : fields)), key);
}

function sealed(unsigned: Uint8Array, key: Uint8Array): Uint8Array {
  const signature = signDigest(originatorDigest(unsigned), key);
  return concatBytes(bytesField(1, unsigned), bytesField(2, bytesField(1, signature)));
}

function evidenceOf(envelopes: Uint8Array[], reporter: Signer): FaultEvidence {
  const found = faultEvidence(envelopes as [Uint8Array], { reporter: toAddress(reporter.address), salt: SALT });
  expect(found).not.to.equal(undefined);
  return found!;
}

async function send({ faultProofs }: Court, from: Signer, data: string): Promise<TransactionReceipt> {
  return (await (await from.sendTransaction({ to: faultProofs, data, gasLimit: 16_000_000 })).wait())!;
}

async function commitAndReveal(at: Court, from: Signer, evidence: FaultEvidence, pieces?: Address[][]) {
  await send(at, from, evidence.commitData);
  await at.net.networkHelpers.time.increase(60);
  return send(at, from, evidence.revealData(pieces));
}

const caseAt = async ({ faultProofs }: Court, id: bigint) =>
  (await faultProofs.getFunction("getCase")(id)) as {
    status: bigint;
    fault: bigint;
    reporter: string;
    executableAt: bigint;
    sequenceId: bigint;
  };
const stakeOf = async ({ staking }: Court) => (await staking.getFunction("slashableOf")(NODE)) as bigint;
const equivocation = (sequenceId = 7n) => [stored({ sequenceId }), stored({ sequenceId, text: "b" })];

describe("FaultProofs", () => {
  describe("a case", () => {
    it("freezes, waits for the appeal window, slashes 1 % of a first equivocation, pays a fifth to the reporter", async () => {
      const at = await court();
      const { faultProofs, staking, reporter, treasury, owner } = at;
      await commitAndReveal(at, reporter, evidenceOf(equivocation(), reporter));
      const opened = await caseAt(at, 1n);
      expect([opened.status, opened.fault, opened.sequenceId]).to.deep.equal([Status.open, Fault.equivocation, 7n]);
      expect(opened.reporter).to.equal(reporter.address);
      expect(await staking.getFunction("isFrozen")(NODE)).to.equal(true);
      await at.net.networkHelpers.time.increaseTo(opened.executableAt - 2n);
      await expect(faultProofs.getFunction("execute")(1n)).to.be.revertedWithCustomError(
        faultProofs,
        "FaultProofsAppealNotOver",
      );
      await at.net.networkHelpers.time.increaseTo(opened.executableAt - 1n);
      await expect(faultProofs.getFunction("execute")(1n))
        .to.emit(faultProofs, "CaseExecuted")
        .withArgs(1n, MINIMUM / 100n, MINIMUM / 500n);
      expect(await stakeOf(at)).to.equal((MINIMUM * 99n) / 100n);
      expect(await staking.getFunction("creditOf")(reporter.address)).to.equal(MINIMUM / 500n);
      expect(await staking.getFunction("creditOf")(treasury.address)).to.equal(MINIMUM / 125n);
      expect(await staking.getFunction("isFrozen")(NODE)).to.equal(false);
      await as(staking, reporter).getFunction("withdrawCredit")(owner.address);
      await expect(faultProofs.getFunction("execute")(1n)).to.be.revertedWithCustomError(
        faultProofs,
        "FaultProofsCaseNotOpen",
      );
    });

    it("costs 10 % for a later equivocation and for a wrong target", async () => {
      const at = await court();
      const { reporter, faultProofs } = at;
      for (const sequenceId of [7n, 8n]) {
        await commitAndReveal(at, reporter, evidenceOf(equivocation(sequenceId), reporter));
      }
      await commitAndReveal(at, reporter, evidenceOf([stored({ sequenceId: 9n, target: 200 })], reporter));
      expect((await caseAt(at, 3n)).fault).to.equal(Fault.wrongTarget);
      await at.net.networkHelpers.time.increase(7 * DAY);
      let left = MINIMUM;
      for (const [i, share] of [100n, 1_000n, 1_000n].entries()) {
        await faultProofs.getFunction("execute")(BigInt(i + 1));
        left -= (left * share) / 10_000n;
        expect(await stakeOf(at)).to.equal(left);
      }
    });

    it("is dismissed by the guardian, reopened once by the governor, and not dismissed again", async () => {
      const at = await court();
      const { faultProofs, guardian, governor, rival, reporter, staking } = at;
      await commitAndReveal(at, reporter, evidenceOf(equivocation(), reporter));
      const refuses = (call: Promise<unknown>, error: string) =>
        expect(call).to.be.revertedWithCustomError(faultProofs, error);
      const call = (from: Signer, name: string) => as(faultProofs, from).getFunction(name)(1n) as Promise<unknown>;
      await refuses(call(rival, "dismiss"), "FaultProofsNotGuardian");
      await refuses(call(governor, "reopen"), "FaultProofsCaseNotDismissed");
      await call(guardian, "dismiss");
      await refuses(call(rival, "reopen"), "FaultProofsNotGovernor");
      await refuses(call(rival, "execute"), "FaultProofsCaseNotOpen");
      await refuses(call(rival, "close"), "FaultProofsReopeningNotOver");
      expect(await staking.getFunction("isFrozen")(NODE)).to.equal(true);
      await call(governor, "reopen");
      await refuses(call(guardian, "dismiss"), "FaultProofsDismissalFinal");
      await at.net.networkHelpers.time.increase(7 * DAY);
      await call(rival, "execute");
      expect((await caseAt(at, 1n)).status).to.equal(Status.executed);
    });

    it("is closed when a dismissal was not reopened in time, and its message is never reported again", async () => {
      const at = await court();
      const { faultProofs, guardian, governor, reporter, rival, staking } = at;
      await commitAndReveal(at, reporter, evidenceOf(equivocation(), reporter));
      await as(faultProofs, guardian).getFunction("dismiss")(1n);
      await at.net.networkHelpers.time.increase(14 * DAY);
      await expect(as(faultProofs, governor).getFunction("reopen")(1n)).to.be.revertedWithCustomError(
        faultProofs,
        "FaultProofsReopeningOver",
      );
      await faultProofs.getFunction("close")(1n);
      expect((await caseAt(at, 1n)).status).to.equal(Status.closed);
      expect(await staking.getFunction("isFrozen")(NODE)).to.equal(false);
      expect(await stakeOf(at)).to.equal(MINIMUM);
      await expect(commitAndReveal(at, rival, evidenceOf(equivocation(), rival))).to.be.revertedWithCustomError(
        faultProofs,
        "FaultProofsAlreadyReported",
      );
    });

    it("is not dismissed from the last second of its window on", async () => {
      const at = await court();
      await commitAndReveal(at, at.reporter, evidenceOf(equivocation(), at.reporter));
      await at.net.networkHelpers.time.increaseTo((await caseAt(at, 1n)).executableAt - 1n);
      await expect(as(at.faultProofs, at.guardian).getFunction("dismiss")(1n)).to.be.revertedWithCustomError(
        at.faultProofs,
        "FaultProofsAppealOver",
      );
    });

    it("keeps its window when the parameter changes, which stays in bounds", async () => {
      const at = await court();
      const { faultProofs, peers, governor, reporter } = at;
      await commitAndReveal(at, reporter, evidenceOf(equivocation(), reporter));
      const { executableAt } = await caseAt(at, 1n);
      await peers.getFunction("setOwner")(0, governor.address);
      const set = (days: number, more = 0) =>
        as(faultProofs, governor).getFunction("setAppealSeconds")(days * DAY + more) as Promise<unknown>;
      await set(30);
      await set(1);
      for (const refused of [set(1, -1), set(30, 1)]) {
        await expect(refused).to.be.revertedWithCustomError(faultProofs, "FaultProofsAppealOutOfBounds");
      }
      await expect(faultProofs.getFunction("setAppealSeconds")(DAY)).to.be.revertedWithCustomError(
        faultProofs,
        "AccessManagedUnauthorized",
      );
      expect((await caseAt(at, 1n)).executableAt).to.equal(executableAt);
    });
  });

  describe("commit and reveal", () => {
    it("takes a reveal 1 minute to 1 day after the commitment, from who committed", async () => {
      const at = await court();
      const { reporter, rival, faultProofs } = at;
      const evidence = evidenceOf(equivocation(), reporter);
      const reveal = (from: Signer) => send(at, from, evidence.revealData());
      const refuses = (sent: Promise<unknown>, error: string) =>
        expect(sent).to.be.revertedWithCustomError(faultProofs, error);
      await refuses(reveal(reporter), "FaultProofsNotCommitted");
      await send(at, reporter, evidence.commitData);
      await refuses(send(at, rival, evidence.commitData), "FaultProofsAlreadyCommitted");
      await refuses(reveal(reporter), "FaultProofsRevealTooEarly");
      await at.net.networkHelpers.time.increase(60);
      await refuses(reveal(rival), "FaultProofsNotCommitted");
      await at.net.networkHelpers.time.increase(DAY);
      await refuses(reveal(reporter), "FaultProofsRevealTooLate");
    });

    it("case 25: evidence copied from a reveal pays the first committer, whoever's reveal comes first", async () => {
      const at = await court();
      const { reporter, rival, faultProofs } = at;
      const [mine, copied] = [evidenceOf(equivocation(), reporter), evidenceOf(equivocation(), rival)];
      await send(at, reporter, mine.commitData);
      await send(at, rival, copied.commitData);
      await at.net.networkHelpers.time.increase(60);
      await send(at, rival, copied.revealData());
      expect((await caseAt(at, 1n)).reporter).to.equal(rival.address);
      await send(at, reporter, mine.revealData());
      expect((await caseAt(at, 1n)).reporter).to.equal(reporter.address);
      for (const [from, evidence] of [
        [rival, copied],
        [reporter, mine],
      ] as const) {
        await expect(send(at, from, evidence.revealData())).to.be.revertedWithCustomError(
          faultProofs,
          "FaultProofsAlreadyReported",
        );
      }
    });
  });

  describe("what convicts", () => {
    const convicts = async (at: Court, envelopes: Uint8Array[], fault: bigint) => {
      await commitAndReveal(at, at.reporter, evidenceOf(envelopes, at.reporter));
      expect((await caseAt(at, 1n)).fault).to.equal(fault);
    };

    it("another time with the same payer envelope", async () =>
      convicts(await court(), [stored(), stored({ ns: 1_001n })], Fault.equivocation));

    it("an envelope for another node", async () =>
      convicts(await court(), [stored({ target: 200 })], Fault.wrongTarget));

    it("case 35: equivocation in odd bytes", async () =>
      convicts(await court(), [stored(), stored({ text: "b", odd: true })], Fault.equivocation));

    it("case 35: a wrong target in odd bytes", async () =>
      convicts(await court(), [stored({ target: 200, odd: true })], Fault.wrongTarget));

    it("equivocation with a payer envelope that is no protobuf", async () => {
      const broken = concatBytes(
        field(1, 0, varint(100n)),
        field(2, 0, varint(7n)),
        bytesField(4, Uint8Array.of(0xff)),
      );
      await convicts(await court(), [sealed(broken, KEY), stored()], Fault.equivocation);
    });

    it("case 22: not twice: repeated, swapped, written otherwise, or another pair of the same message", async () => {
      const at = await court();
      const { reporter, rival, faultProofs } = at;
      const [a, b] = equivocation();
      await commitAndReveal(at, reporter, evidenceOf([a!, b!], reporter));
      const again: Uint8Array[][] = [
        [b!, a!],
        [a!, stored({ text: "b", odd: true })],
        [stored({ text: "c" }), stored({ text: "d" })],
      ];
      for (const envelopes of again) {
        await expect(commitAndReveal(at, rival, evidenceOf(envelopes, rival))).to.be.revertedWithCustomError(
          faultProofs,
          "FaultProofsAlreadyReported",
        );
      }
      // A heavier fault of the same message raises the case instead.
      await commitAndReveal(at, rival, evidenceOf([stored({ target: 200 })], rival));
      expect((await caseAt(at, 1n)).fault).to.equal(Fault.wrongTarget);
      expect((await caseAt(at, 1n)).reporter).to.equal(rival.address);
    });

    it("case 36: a retired key, until one unbonding period after its rotation", async () => {
      const at = await court();
      const { peers, reporter, faultProofs, net } = at;
      const now = await net.networkHelpers.time.latest();
      const retire = (at_: number) => peers.getFunction("setKey")(NODE, addressOf(KEY), at_) as Promise<unknown>;
      await retire(now - 14 * DAY - 10);
      await expect(commitAndReveal(at, reporter, evidenceOf(equivocation(8n), reporter))).to.be.revertedWithCustomError(
        faultProofs,
        "FaultProofsKeyRetired",
      );
      await retire(now - 13 * DAY);
      await commitAndReveal(at, reporter, evidenceOf(equivocation(), reporter));
      expect((await caseAt(at, 1n)).status).to.equal(Status.open);
    });

    it("envelopes too large for one transaction, in pieces", async () => {
      const at = await court();
      const { reporter, net } = at;
      const envelopes = [stored({ size: 60_000 }), stored({ size: 60_000, text: "b" })];
      const evidence = evidenceOf(envelopes, reporter);
      expect(evidence.pieces.map((one) => one.length)).to.deep.equal([3, 3]);
      await send(at, reporter, evidence.commitData);
      const deployed: Address[][] = [];
      for (const codes of evidence.pieces) {
        const addresses: Address[] = [];
        for (const data of codes) {
          const receipt = await (await reporter.sendTransaction({ data })).wait();
          addresses.push(toAddress(receipt!.contractAddress!));
        }
        deployed.push(addresses);
      }
      await net.networkHelpers.time.increase(60);
      const { gasUsed } = await send(at, reporter, evidence.revealData(deployed));
      console.log(`      reveal of two envelopes of 60 kB in pieces: ${gasUsed} gas`);
      expect((await caseAt(at, 1n)).fault).to.equal(Fault.equivocation);
      expect(fromHex(pieceCode(new Uint8Array(PIECE_LENGTH)))).to.have.length(PIECE_LENGTH + 11);
    });

    it("fault 3: a receipt that an attested final log contradicts", async () => {
      const at = await court();
      const { faultProofs, peers, reporter } = at;
      const unsigned = fromHex(readVectors<Vectors>("envelope").unsignedOriginatorEnvelope);
      const receipt = [unsigned, [], signDigest(originatorDigest(unsigned), KEY)];
      const contract = as(faultProofs, reporter);
      const digest = toHex(originatorDigest(unsigned));
      expect(await contract.getFunction("digestOf")(receipt)).to.equal(digest);
      const evidence = (await contract.getFunction("evidenceOf")(Fault.contradicted, digest, REPORT)) as string;
      await contract.getFunction("commit")(
        await contract.getFunction("commitmentOf")(reporter.address, SALT, evidence),
      );
      await at.net.networkHelpers.time.increase(60);
      const reveal = () => contract.getFunction("revealContradiction")(receipt, REPORT, "0x", SALT) as Promise<unknown>;
      await expect(reveal()).to.be.revertedWithCustomError(faultProofs, "FaultProofsNoFault").withArgs(3n);
      await peers.getFunction("setContradicting")(REPORT);
      await reveal();
      await at.net.networkHelpers.time.increase(7 * DAY);
      await faultProofs.getFunction("execute")(1n);
      expect(await stakeOf(at)).to.equal((MINIMUM * 8n) / 10n);
    });
  });

  describe("what never convicts", () => {
    interface Pair {
      unsigned: string;
      signature: string;
    }

    /** Commits to and reveals two envelopes as they are, without asking the client whether they are a fault. */
    async function accuse(at: Court, pair: Pair[]): Promise<unknown> {
      const contract = as(at.faultProofs, at.reporter);
      const digests = pair.map(({ unsigned }) => toHex(originatorDigest(fromHex(unsigned))));
      const fault = pair.length === 2 ? Fault.equivocation : Fault.wrongTarget;
      const evidence = (await contract.getFunction("evidenceOf")(
        ...[fault, digests[0], digests[1] ?? `0x${"00".repeat(32)}`],
      )) as string;
      await contract.getFunction("commit")(
        await contract.getFunction("commitmentOf")(at.reporter.address, SALT, evidence),
      );
      await at.net.networkHelpers.time.increase(60);
      const receipts = pair.map(({ unsigned, signature }) => [unsigned, [], signature]);
      const name = pair.length === 2 ? "revealEquivocation" : "revealWrongTarget";
      return contract.getFunction(name)(...receipts, SALT);
    }

    function pairOf(unsigned: Uint8Array, key = KEY): Pair {
      return { unsigned: toHex(unsigned), signature: toHex(signDigest(originatorDigest(unsigned), key)) };
    }

    const unsignedOf = (wanted: Wanted) => {
      const envelope = stored(wanted);
      // OriginatorEnvelope: tag, length, the unsigned envelope, then 69 bytes of signature.
      const start = envelope[1]! < 128 ? 2 : 3;
      return envelope.subarray(start, envelope.length - 69);
    };

    const refuses = (at: Court, pair: Pair[], error: string) =>
      expect(accuse(at, pair)).to.be.revertedWithCustomError(at.faultProofs, error);

    it("case 34: the honest pair of a stock node, where only the expiry differs", async () => {
      const at = await court();
      const { originatorEnvelope, sameSequenceOtherExpiry: other, ...first } = readVectors<Vectors>("envelope");
      const pair = [
        { unsigned: first.unsignedOriginatorEnvelope, signature: first.originatorSignature },
        { unsigned: other.unsignedOriginatorEnvelope, signature: other.originatorSignature },
      ];
      await refuses(at, pair, "FaultProofsNoFault");
      const second = concatBytes(
        bytesField(1, fromHex(other.unsignedOriginatorEnvelope)),
        bytesField(2, bytesField(1, fromHex(other.originatorSignature))),
      );
      const options = { reporter: toAddress(at.reporter.address), salt: SALT };
      expect(faultEvidence([fromHex(originatorEnvelope), second], options)).to.equal(undefined);
    });

    it("the same envelope written twice otherwise, the same one twice, another sequence id", async () => {
      const [one, odd, later] = [unsignedOf({}), unsignedOf({ odd: true }), unsignedOf({ sequenceId: 8n })];
      await refuses(await court(), [pairOf(one), pairOf(odd)], "FaultProofsNoFault");
      await refuses(await court(), [pairOf(one), pairOf(one)], "FaultProofsNoFault");
      await refuses(await court(), [pairOf(one), pairOf(later)], "FaultProofsNotTheSameMessage");
      await refuses(await court(), [pairOf(one)], "FaultProofsNoFault");
      const elsewhere = unsignedOf({ nodeId: 200, target: 200 });
      await refuses(await court(), [pairOf(one), pairOf(elsewhere)], "FaultProofsNotTheSameMessage");
    });

    it("what another key signed, and bytes that are no signature", async () => {
      const [one, two] = [unsignedOf({}), unsignedOf({ text: "b" })];
      const stranger = new Uint8Array(32).fill(0x33);
      await refuses(await court(), [pairOf(one), pairOf(two, stranger)], "FaultProofsSignerNotTheNodes");
      await refuses(await court(), [pairOf(one, stranger), pairOf(two)], "FaultProofsSignerNotTheNodes");
      for (const signature of [
        "0x",
        `0x${"00".repeat(65)}`,
        `${pairOf(one).signature}00`,
        hexlify(new Uint8Array(64)),
      ]) {
        const bad = { unsigned: toHex(one), signature };
        await refuses(await court(), [bad, pairOf(two)], "FaultProofsSignatureInvalid");
      }
    });

    it("malformed bytes, and a payer envelope without a readable target", async () => {
      const malformed = concatBytes(unsignedOf({}), Uint8Array.of(0x08));
      await refuses(await court(), [pairOf(malformed), pairOf(unsignedOf({}))], "EnvelopeReaderMalformed");
      const noTarget = concatBytes(field(1, 0, varint(100n)), bytesField(4, Uint8Array.of(0x18)));
      await refuses(await court(), [pairOf(noTarget)], "EnvelopeReaderMalformed");
    });

    it("pieces that are not there", async () => {
      const at = await court();
      const { unsigned, signature } = pairOf(unsignedOf({ target: 200 }));
      const receipt = [unsigned, [at.rival.address], signature];
      expect(await at.faultProofs.getFunction("digestOf")(receipt)).to.equal(
        toHex(originatorDigest(fromHex(unsigned))),
      );
    });
  });

  it("costs", async () => {
    const at = await court();
    const evidence = evidenceOf(equivocation(), at.reporter);
    const committed = await send(at, at.reporter, evidence.commitData);
    await at.net.networkHelpers.time.increase(60);
    const revealed = await send(at, at.reporter, evidence.revealData());
    await at.net.networkHelpers.time.increase(7 * DAY);
    const executed = await (await at.faultProofs.getFunction("execute")(1n)).wait();
    console.log(
      `      commit ${committed.gasUsed}, reveal of two small envelopes ${revealed.gasUsed}, execute ${executed.gasUsed}`,
    );
  });
});

interface Vectors {
  originatorEnvelope: string;
  unsignedOriginatorEnvelope: string;
  originatorSignature: string;
  sameSequenceOtherExpiry: { unsignedOriginatorEnvelope: string; originatorSignature: string };
}
