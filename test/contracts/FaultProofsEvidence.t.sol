// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFaultProofs} from "../../contracts/interfaces/IFaultProofs.sol";
import {EnvelopeReader} from "../../contracts/libraries/EnvelopeReader.sol";
import {Wire} from "../support/Wire.sol";
import {WorldRefusals} from "../support/WorldRefusals.sol";
import {vm} from "../support/Vm.sol";

/// @notice What convicts and what does not, who may reveal it and when.
contract FaultProofsEvidenceTest is WorldRefusals {
    address private constant REPORTER = address(0x4E90);
    address private constant RIVAL = address(0x41A1);
    IFaultProofs.Fault private constant EQUIVOCATION = IFaultProofs.Fault.Equivocation;
    IFaultProofs.Fault private constant WRONG_TARGET = IFaultProofs.Fault.WrongTarget;
    IFaultProofs.Fault private constant CONTRADICTION = IFaultProofs.Fault.ContradictedReceipt;

    function setUp() public {
        _enterBoth();
    }

    function _refuses(address caller, bytes memory call, bytes4 selector, bytes memory arguments) private {
        _refuses(address(faultProofs), caller, call, bytes.concat(selector, arguments));
    }

    function _pairCall(
        IFaultProofs.Receipt memory first,
        IFaultProofs.Receipt memory second
    ) private pure returns (bytes memory) {
        return abi.encodeCall(IFaultProofs.revealEquivocation, (first, second, SALT));
    }

    function _pair() private pure returns (IFaultProofs.Receipt memory, IFaultProofs.Receipt memory) {
        return (_receipt(ALICE_SIGNS, NODE, 7, "a", NODE), _receipt(ALICE_SIGNS, NODE, 7, "b", NODE));
    }

    function _commitmentOf(address reporter, bytes32 evidence) private view returns (bytes32) {
        return faultProofs.commitmentOf(reporter, SALT, evidence);
    }

    /// The pair committed to, a minute passed, and the reveal refused.
    function _refusesPair(
        IFaultProofs.Receipt memory first,
        IFaultProofs.Receipt memory second,
        bytes4 selector,
        bytes memory arguments
    ) private {
        _commitPair(REPORTER, first, second);
        vm.warp(block.timestamp + 1 minutes);
        _refuses(REPORTER, _pairCall(first, second), selector, arguments);
    }

    // Commitments.

    function test_aRevealNeedsACommitmentOfItsOwn() public {
        (IFaultProofs.Receipt memory first, IFaultProofs.Receipt memory second) = _pair();
        bytes32 evidence = faultProofs.evidenceOf(
            EQUIVOCATION,
            faultProofs.digestOf(first),
            faultProofs.digestOf(second)
        );
        bytes4 selector = IFaultProofs.FaultProofsNotCommitted.selector;
        bytes memory reveal = _pairCall(first, second);
        _refuses(REPORTER, reveal, selector, abi.encode(_commitmentOf(REPORTER, evidence)));
        _commitPair(REPORTER, first, second);
        vm.warp(START + 1 minutes);
        _refuses(RIVAL, reveal, selector, abi.encode(_commitmentOf(RIVAL, evidence)));
        // Another order, another fault: other evidence.
        (bytes32 a, bytes32 b) = (faultProofs.digestOf(first), faultProofs.digestOf(second));
        bytes32 other = _commitmentOf(REPORTER, faultProofs.evidenceOf(EQUIVOCATION, b, a));
        _refuses(REPORTER, _pairCall(second, first), selector, abi.encode(other));
        other = _commitmentOf(REPORTER, faultProofs.evidenceOf(WRONG_TARGET, a, 0));
        bytes memory wrongTarget = abi.encodeCall(IFaultProofs.revealWrongTarget, (first, SALT));
        _refuses(REPORTER, wrongTarget, selector, abi.encode(other));
        other = _commitmentOf(REPORTER, faultProofs.evidenceOf(CONTRADICTION, a, FINAL_REPORT));
        bytes memory call = abi.encodeCall(IFaultProofs.revealContradiction, (first, FINAL_REPORT, "", SALT));
        _refuses(REPORTER, call, selector, abi.encode(other));
    }

    function test_aCommitmentIsMadeOnce() public {
        bytes32 commitment = bytes32(uint256(1));
        assert(faultProofs.committedAt(commitment) == 0);
        vm.prank(REPORTER);
        faultProofs.commit(commitment);
        vm.warp(START + 1);
        bytes4 selector = IFaultProofs.FaultProofsAlreadyCommitted.selector;
        _refuses(RIVAL, abi.encodeCall(IFaultProofs.commit, (commitment)), selector, abi.encode(commitment));
        assert(faultProofs.committedAt(commitment) == START);
    }

    function test_aRevealComesAMinuteToADayLater() public {
        (IFaultProofs.Receipt memory first, IFaultProofs.Receipt memory second) = _pair();
        bytes memory reveal = _pairCall(first, second);
        _commitPair(REPORTER, first, second);
        bytes4 early = IFaultProofs.FaultProofsRevealTooEarly.selector;
        bytes4 late = IFaultProofs.FaultProofsRevealTooLate.selector;
        vm.warp(START + 59);
        _refuses(REPORTER, reveal, early, abi.encode(START + 60, START + 59));
        vm.warp(START + 1 days + 1);
        _refuses(REPORTER, reveal, late, abi.encode(START + 1 days, START + 1 days + 1));
        vm.warp(START + 1 days);
        _accepts(address(faultProofs), REPORTER, reveal);
    }

    /// Case 25: who committed first is paid, whoever's reveal came first; nobody replaces them, and nothing else does.
    function test_case25_theFirstCommitterIsPaid() public {
        (IFaultProofs.Receipt memory first, IFaultProofs.Receipt memory second) = _pair();
        bytes memory reveal = _pairCall(first, second);
        _commitPair(REPORTER, first, second);
        _commitPair(STRANGER, first, second);
        vm.warp(START + 1);
        _commitPair(RIVAL, first, second);
        vm.warp(START + 61);
        _accepts(address(faultProofs), RIVAL, reveal);
        uint64 executableAt = faultProofs.getCase(1).executableAt;
        _accepts(address(faultProofs), REPORTER, reveal);
        IFaultProofs.Case memory opened = faultProofs.getCase(1);
        assert(opened.reporter == REPORTER && opened.committedAt == START && opened.executableAt == executableAt);
        bytes4 selector = IFaultProofs.FaultProofsAlreadyReported.selector;
        // Not who committed later, not who committed in the same second, not the reporter again.
        _refuses(RIVAL, reveal, selector, abi.encode(1));
        _refuses(STRANGER, reveal, selector, abi.encode(1));
        _refuses(REPORTER, reveal, selector, abi.encode(1));
        vm.warp(executableAt);
        faultProofs.execute(1);
        assert(staking.creditOf(REPORTER) == MINIMUM / 500 && staking.creditOf(RIVAL) == 0);
    }

    /// Case 22: a light fault of a message, reported by its own node perhaps, does not shield a heavier one.
    function test_case22_aHeavierFaultRaisesAnOpenCase() public {
        IFaultProofs.Receipt memory strayed = _receipt(ALICE_SIGNS, NODE, 7, "a", NODE + 100);
        _commit(RIVAL, WRONG_TARGET, faultProofs.digestOf(strayed), 0);
        vm.warp(START + 1);
        _reportEquivocation(REPORTER, ALICE_SIGNS, NODE, 7);
        (IFaultProofs.Receipt memory first, IFaultProofs.Receipt memory second) = _pair();
        _commitPair(STRANGER, first, second);
        vm.warp(block.timestamp + 1 hours);
        bytes memory reveal = abi.encodeCall(IFaultProofs.revealWrongTarget, (strayed, SALT));
        _accepts(address(faultProofs), RIVAL, reveal);
        IFaultProofs.Case memory raised = faultProofs.getCase(1);
        assert(raised.fault == WRONG_TARGET && raised.reporter == RIVAL && raised.committedAt == START);
        assert(raised.executableAt == block.timestamp + 7 days && raised.status == IFaultProofs.Status.Open);
        assert(faultProofs.caseOf(NODE, 7) == 1);
        // Not back to the lighter one, and not twice.
        bytes4 selector = IFaultProofs.FaultProofsAlreadyReported.selector;
        _refuses(STRANGER, _pairCall(first, second), selector, abi.encode(1));
        _refuses(RIVAL, reveal, selector, abi.encode(1));
        vm.warp(raised.executableAt);
        faultProofs.execute(1);
        // Frozen once, free again; slashed as the heavier fault, which counts as no equivocation.
        assert(!staking.isFrozen(NODE) && faultProofs.equivocationsOf(NODE) == 0);
        assert(staking.creditOf(RIVAL) == MINIMUM / 50 && staking.creditOf(REPORTER) == 0);
    }

    /// A case that the vote reopened and that is raised since may be dismissed again: it is another accusation.
    function test_aRaisedCaseMayBeDismissedAgain() public {
        IFaultProofs.Receipt memory strayed = _receipt(ALICE_SIGNS, NODE, 7, "a", NODE + 100);
        _commit(RIVAL, WRONG_TARGET, faultProofs.digestOf(strayed), 0);
        vm.warp(START + 1);
        _reportEquivocation(REPORTER, ALICE_SIGNS, NODE, 7);
        faultProofs.dismiss(1);
        faultProofs.reopen(1);
        assert(faultProofs.getCase(1).wasReopened);
        _accepts(address(faultProofs), RIVAL, abi.encodeCall(IFaultProofs.revealWrongTarget, (strayed, SALT)));
        assert(!faultProofs.getCase(1).wasReopened);
        faultProofs.dismiss(1);
        assert(faultProofs.getCase(1).status == IFaultProofs.Status.Dismissed && staking.isFrozen(NODE));
    }

    /// Case 22: a message has one case, in whatever bytes, by whatever fault, once it has ended.
    function test_case22_aMessageHasOneCase() public {
        IFaultProofs.Receipt memory first = _receipt(ALICE_SIGNS, NODE, 7, "a", NODE + 100);
        // Commits first, and reveals last, another fault of the same message.
        _commit(RIVAL, WRONG_TARGET, faultProofs.digestOf(first), 0);
        vm.warp(START + 1);
        _reportEquivocation(REPORTER, ALICE_SIGNS, NODE, 7);
        bytes memory reveal = abi.encodeCall(IFaultProofs.revealWrongTarget, (first, SALT));
        bytes4 selector = IFaultProofs.FaultProofsAlreadyReported.selector;
        faultProofs.dismiss(1);
        _refuses(RIVAL, reveal, selector, abi.encode(1));
        (IFaultProofs.Receipt memory a, IFaultProofs.Receipt memory b) = _pair();
        a.envelope = bytes.concat(a.envelope, Wire.scalar(9, 1));
        a.signature = _signature(ALICE_SIGNS, faultProofs.digestOf(a));
        _refusesPair(a, b, selector, abi.encode(1));
        vm.warp(block.timestamp + 14 days);
        faultProofs.close(1);
        (a, b) = _pair();
        _refusesPair(b, a, selector, abi.encode(1));
    }

    // Faults, and what is none.

    function _envelope(uint64 sequenceId, uint64 ns, bytes memory text) private pure returns (bytes memory) {
        return Wire.originatorEnvelope(NODE, sequenceId, ns, Wire.payerEnvelope(text, NODE));
    }

    function test_twoTimesAreAnEquivocation() public {
        IFaultProofs.Receipt memory first = _receipt(ALICE_SIGNS, _envelope(7, 1_000, "a"));
        IFaultProofs.Receipt memory second = _receipt(ALICE_SIGNS, _envelope(7, 1_001, "a"));
        _commitPair(REPORTER, first, second);
        vm.warp(START + 60);
        _accepts(address(faultProofs), REPORTER, _pairCall(first, second));
        assert(faultProofs.getCase(1).fault == EQUIVOCATION);
    }

    /// Case 34: an honest node signs twice with another expiry or fee; a copy is no second envelope.
    function test_case34_anHonestPairConvictsNobody() public {
        bytes memory envelope = _envelope(7, 1_000, "a");
        IFaultProofs.Receipt memory first = _receipt(ALICE_SIGNS, envelope);
        bytes4 selector = IFaultProofs.FaultProofsNoFault.selector;
        _refusesPair(first, first, selector, abi.encode(EQUIVOCATION));
        bytes memory other = bytes.concat(envelope, Wire.scalar(6, 300), Wire.scalar(7, 2_000_000_000));
        _refusesPair(first, _receipt(ALICE_SIGNS, other), selector, abi.encode(EQUIVOCATION));
    }

    function test_twoMessagesAreNoEquivocation() public {
        IFaultProofs.Receipt memory first = _receipt(ALICE_SIGNS, _envelope(7, 1_000, "a"));
        bytes4 selector = IFaultProofs.FaultProofsNotTheSameMessage.selector;
        IFaultProofs.Receipt memory second = _receipt(ALICE_SIGNS, _envelope(8, 1_000, "b"));
        _refusesPair(first, second, selector, abi.encode(NODE, 7, NODE, 8));
        second = _receipt(BOB_SIGNS, OTHER, 7, "b", OTHER);
        _refusesPair(first, second, selector, abi.encode(NODE, 7, OTHER, 7));
    }

    /// Case 35: odd bytes are read as Go reads them, so they hide nothing.
    function test_case35_oddBytesConvictAllTheSame() public {
        bytes memory odd = bytes.concat(
            Wire.scalar(2, 99),
            Wire.bytesField(4, "decoy"),
            Wire.group(9, Wire.scalar(1, 9)),
            Wire.bytesField(4, Wire.payerEnvelope("b", NODE)),
            bytes.concat(Wire.tag(2, 0), Wire.varint(7, 8)),
            Wire.scalar(1, uint256(2 ** 32) + NODE)
        );
        IFaultProofs.Receipt memory first = _receipt(ALICE_SIGNS, _envelope(7, 1_000, "a"));
        IFaultProofs.Receipt memory second = _receipt(ALICE_SIGNS, odd);
        _commitPair(REPORTER, second, first);
        vm.warp(START + 60);
        _accepts(address(faultProofs), REPORTER, _pairCall(second, first));
        assert(faultProofs.caseOf(NODE, 7) == 1);
        IFaultProofs.Receipt memory malformed = _receipt(ALICE_SIGNS, bytes.concat(odd, hex"08"));
        _refusesMalformed(malformed, first);
    }

    function _refusesMalformed(IFaultProofs.Receipt memory malformed, IFaultProofs.Receipt memory first) private {
        bytes4 selector = EnvelopeReader.EnvelopeReaderMalformed.selector;
        _refusesPair(malformed, first, selector, abi.encode(EnvelopeReader.Malformation.Truncated));
    }

    function test_whatWasMeantForTheNodeIsNoWrongTarget() public {
        IFaultProofs.Receipt memory receipt = _receipt(ALICE_SIGNS, NODE, 7, "a", NODE);
        _commit(REPORTER, WRONG_TARGET, faultProofs.digestOf(receipt), 0);
        vm.warp(START + 60);
        bytes memory reveal = abi.encodeCall(IFaultProofs.revealWrongTarget, (receipt, SALT));
        _refuses(REPORTER, reveal, IFaultProofs.FaultProofsNoFault.selector, abi.encode(WRONG_TARGET));
    }

    function test_whatNoFinalLogContradictsIsNoContradiction() public {
        IFaultProofs.Receipt memory receipt = _receipt(ALICE_SIGNS, NODE, 7, "a", NODE);
        bytes32 report = bytes32(uint256(1));
        _commit(REPORTER, CONTRADICTION, faultProofs.digestOf(receipt), report);
        vm.warp(START + 60);
        bytes memory reveal = abi.encodeCall(IFaultProofs.revealContradiction, (receipt, report, "", SALT));
        _refuses(REPORTER, reveal, IFaultProofs.FaultProofsNoFault.selector, abi.encode(CONTRADICTION));
    }

    // Signatures and keys.

    function test_aReceiptIsSigned() public {
        (IFaultProofs.Receipt memory first, IFaultProofs.Receipt memory second) = _pair();
        bytes4 selector = IFaultProofs.FaultProofsSignatureInvalid.selector;
        bytes memory good = second.signature;
        bytes[5] memory signatures = [bytes(""), new bytes(64), new bytes(65), bytes.concat(good, hex"00"), good];
        signatures[4] = bytes.concat(good);
        signatures[4][64] = 0x1d;
        _commitPair(REPORTER, first, second);
        vm.warp(START + 60);
        for (uint256 i = 0; i < signatures.length; i++) {
            second.signature = signatures[i];
            _refuses(REPORTER, _pairCall(first, second), selector, "");
        }
        (first.signature, second.signature) = (new bytes(65), good);
        _refuses(REPORTER, _pairCall(first, second), selector, "");
    }

    /// V of 0 and 1 are taken, as a node writes them, and so is the other form of S.
    function test_aSignatureConvictsInEveryForm() public {
        (IFaultProofs.Receipt memory first, IFaultProofs.Receipt memory second) = _pair();
        _commitPair(REPORTER, first, second);
        vm.warp(START + 60);
        first.signature[64] = bytes1(uint8(first.signature[64]) - 27);
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ALICE_SIGNS, faultProofs.digestOf(second));
        second.signature = abi.encodePacked(r, order - uint256(s), 55 - v);
        _accepts(address(faultProofs), REPORTER, _pairCall(first, second));
    }

    function test_aStrangersSignatureConvictsNobody() public {
        bytes4 selector = IFaultProofs.FaultProofsSignerNotTheNodes.selector;
        IFaultProofs.Receipt memory first = _receipt(BOB_SIGNS, NODE, 7, "a", NODE);
        IFaultProofs.Receipt memory second = _receipt(ALICE_SIGNS, NODE, 7, "b", NODE);
        _refusesPair(first, second, selector, abi.encode(NODE, vm.addr(BOB_SIGNS)));
        _refusesPair(second, first, selector, abi.encode(NODE, vm.addr(BOB_SIGNS)));
        first = _receipt(ALICE_SIGNS, 300, 7, "a", 300);
        second = _receipt(ALICE_SIGNS, 300, 7, "b", 300);
        _refusesPair(first, second, selector, abi.encode(300, vm.addr(ALICE_SIGNS)));
    }

    function _rotate(uint256 signer) private {
        (bytes memory key, bytes memory proof) = (_signingKey(signer), _signingProof(ALICE, signer));
        vm.prank(ALICE);
        registry.rotateSigningKey(NODE, key, proof);
    }

    /// Case 36: a rotated key convicts whom committed within one unbonding period, to the second.
    function test_case36_aRetiredKeyConvictsForOneUnbondingPeriod() public {
        _rotate(0xC1);
        _convictsUntil(START + 14 days);
    }

    /// The key of a node that leaves is retired where the epoch ends, which may lie ahead.
    function test_case36_aLeavingNodesKeyConvicts() public {
        vm.prank(ALICE);
        registry.exit(NODE);
        _convictsUntil(START + EPOCH + 14 days);
    }

    function _convictsUntil(uint256 takenUntil) private {
        (IFaultProofs.Receipt memory first, IFaultProofs.Receipt memory second) = _pair();
        bytes4 selector = IFaultProofs.FaultProofsKeyRetired.selector;
        vm.warp(takenUntil - 1);
        _commitPair(REPORTER, first, second);
        vm.warp(takenUntil);
        _commitPair(RIVAL, first, second);
        vm.warp(takenUntil + 1 hours);
        bytes memory arguments = abi.encode(NODE, vm.addr(ALICE_SIGNS), takenUntil);
        _refuses(RIVAL, _pairCall(first, second), selector, arguments);
        _accepts(address(faultProofs), REPORTER, _pairCall(first, second));
        assert(staking.isFrozen(NODE));
    }

    /// I7: a retired key keeps its term; whoever disposed of it when it was over is safe from it for good.
    function test_I7_aRetiredKeyKeepsItsTerm() public {
        _rotate(0xC1);
        vm.warp(START + 14 days);
        staking.setUnbondingSeconds(60 days);
        (IFaultProofs.Receipt memory first, IFaultProofs.Receipt memory second) = _pair();
        bytes memory arguments = abi.encode(NODE, vm.addr(ALICE_SIGNS), START + 14 days);
        _refusesPair(first, second, IFaultProofs.FaultProofsKeyRetired.selector, arguments);
        // And a lowered parameter lets nobody off.
        uint256 retiredAt = block.timestamp;
        _rotate(ALICE_SIGNS);
        _rotate(0xC1);
        staking.setUnbondingSeconds(7 days);
        vm.warp(retiredAt + 59 days);
        _reportEquivocation(REPORTER, ALICE_SIGNS, NODE, 8);
        assert(staking.isFrozen(NODE));
    }

    /// A key that came back is the node's again, whatever it was retired from.
    function test_aKeyThatCameBackConvicts() public {
        _rotate(0xC1);
        _rotate(ALICE_SIGNS);
        vm.warp(START + 100 days);
        _reportEquivocation(REPORTER, ALICE_SIGNS, NODE, 7);
    }

    // Pieces.

    /// An envelope that no transaction carries is joined from the code of contracts; an account without any adds nothing.
    function test_anEnvelopeInPiecesIsTheEnvelope() public {
        bytes memory text = new bytes(30_000);
        bytes memory envelope = _envelope(7, 1_000, text);
        IFaultProofs.Receipt memory whole = _receipt(ALICE_SIGNS, envelope);
        IFaultProofs.Receipt memory parted = whole;
        bytes32 digest = faultProofs.digestOf(whole);
        address[] memory pieces = new address[](4);
        pieces[0] = address(0xE0A);
        pieces[1] = _piece(_slice(envelope, 100, 20_000));
        pieces[2] = _piece("");
        pieces[3] = _piece(_slice(envelope, 20_100, envelope.length - 20_100));
        parted.envelope = _slice(envelope, 0, 100);
        parted.pieces = pieces;
        assert(faultProofs.digestOf(parted) == digest);
        IFaultProofs.Receipt memory second = _receipt(ALICE_SIGNS, _envelope(7, 1_000, "b"));
        _commitPair(REPORTER, parted, second);
        vm.warp(START + 60);
        _accepts(address(faultProofs), REPORTER, _pairCall(parted, second));
        assert(faultProofs.caseOf(NODE, 7) == 1);
    }

    function _piece(bytes memory data) private returns (address piece) {
        bytes memory code = bytes.concat(hex"00", data);
        bytes memory creation = bytes.concat(hex"61", bytes2(uint16(code.length)), hex"80600a3d393df3", code);
        assembly ("memory-safe") {
            piece := create(0, add(creation, 0x20), mload(creation))
        }
        assert(piece.code.length == code.length);
    }

    function _slice(bytes memory data, uint256 at, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(data, 0x20), at), length)
        }
    }
}
