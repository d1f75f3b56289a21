// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IAttestedLogs, IFaultProofs} from "./interfaces/IFaultProofs.sol";
import {IKeyHistory} from "./interfaces/INodeKeys.sol";
import {INodeStaking} from "./interfaces/INodeStaking.sol";
import {EnvelopeReader} from "./libraries/EnvelopeReader.sol";

/// @title FaultProofs: convicts nodes of what they signed.
/// @notice See IFaultProofs.
contract FaultProofs is IFaultProofs, AccessManaged {
    uint256 private constant REVEAL_AFTER = 1 minutes;
    uint256 private constant REVEAL_UNTIL = 1 days;
    uint64 private constant LEAST_APPEAL = 1 days;
    uint64 private constant MOST_APPEAL = 30 days;
    /// @dev Longer than a vote and its timelock take.
    uint64 private constant REOPENING = 14 days;

    uint256 private constant FIRST_EQUIVOCATION_BPS = 100;
    uint256 private constant EQUIVOCATION_BPS = 1_000;
    uint256 private constant WRONG_TARGET_BPS = 1_000;
    uint256 private constant CONTRADICTION_BPS = 2_000;
    /// @dev NodeStaking takes no more.
    uint256 private constant BOUNTY_BPS = 2_000;

    /// @notice Where the stake is. Immutable.
    INodeStaking public immutable staking;
    /// @notice Whose keys are whose. Immutable.
    IKeyHistory public immutable keys;
    /// @notice What nodes attested. Immutable.
    IAttestedLogs public immutable logs;
    /// @inheritdoc IFaultProofs
    address public immutable guardian;
    /// @inheritdoc IFaultProofs
    address public immutable governor;

    /// @inheritdoc IFaultProofs
    uint64 public appealSeconds;
    uint256 private _lastCaseId;
    mapping(uint256 caseId => Case) private _cases;
    /// @inheritdoc IFaultProofs
    mapping(bytes32 commitment => uint64) public committedAt;
    /// @inheritdoc IFaultProofs
    mapping(uint32 nodeId => mapping(uint64 sequenceId => uint256)) public caseOf;
    /// @inheritdoc IFaultProofs
    mapping(uint32 nodeId => uint256) public equivocationsOf;

    /// @param staking_ NodeStaking, `keys_` NodeRegistry and `logs_` EpochReports, none of which need exist yet.
    constructor(
        INodeStaking staking_,
        IKeyHistory keys_,
        IAttestedLogs logs_,
        address guardian_,
        address governor_,
        address authority_,
        uint64 appealSeconds_
    ) AccessManaged(authority_) {
        staking = staking_;
        keys = keys_;
        logs = logs_;
        guardian = guardian_;
        governor = governor_;
        _setAppealSeconds(appealSeconds_);
    }

    // ------------------------------------------------------------------------------------------------- evidence

    /// @inheritdoc IFaultProofs
    function commit(bytes32 commitment) external {
        if (committedAt[commitment] != 0) revert FaultProofsAlreadyCommitted(commitment);
        committedAt[commitment] = uint64(block.timestamp);
        emit EvidenceCommitted(msg.sender, commitment);
    }

    /// @inheritdoc IFaultProofs
    function revealEquivocation(
        Receipt calldata first,
        Receipt calldata second,
        bytes32 salt
    ) external returns (uint256 caseId) {
        (bytes32 digest, bytes memory envelope) = _read(first);
        (bytes32 otherDigest, bytes memory otherEnvelope) = _read(second);
        uint64 at = _requireCommitted(evidenceOf(Fault.Equivocation, digest, otherDigest), salt);
        EnvelopeReader.OriginatorEnvelope memory a = EnvelopeReader.readOriginatorEnvelope(envelope);
        EnvelopeReader.OriginatorEnvelope memory b = EnvelopeReader.readOriginatorEnvelope(otherEnvelope);
        if (a.originatorNodeId != b.originatorNodeId || a.sequenceId != b.sequenceId) {
            revert FaultProofsNotTheSameMessage(a.originatorNodeId, a.sequenceId, b.originatorNodeId, b.sequenceId);
        }
        if (a.payerEnvelopeHash == b.payerEnvelopeHash && a.originatorNs == b.originatorNs) {
            revert FaultProofsNoFault(Fault.Equivocation);
        }
        _requireSigned(a.originatorNodeId, digest, first.signature, at);
        _requireSigned(b.originatorNodeId, otherDigest, second.signature, at);
        return _openCase(a, Fault.Equivocation, at);
    }

    /// @inheritdoc IFaultProofs
    function revealWrongTarget(Receipt calldata receipt, bytes32 salt) external returns (uint256 caseId) {
        (bytes32 digest, bytes memory envelope) = _read(receipt);
        uint64 at = _requireCommitted(evidenceOf(Fault.WrongTarget, digest, 0), salt);
        EnvelopeReader.OriginatorEnvelope memory fields = EnvelopeReader.readOriginatorEnvelope(envelope);
        if (EnvelopeReader.readTarget(fields) == fields.originatorNodeId) revert FaultProofsNoFault(Fault.WrongTarget);
        _requireSigned(fields.originatorNodeId, digest, receipt.signature, at);
        return _openCase(fields, Fault.WrongTarget, at);
    }

    /// @inheritdoc IFaultProofs
    function revealContradiction(
        Receipt calldata receipt,
        bytes32 report,
        bytes calldata proof,
        bytes32 salt
    ) external returns (uint256 caseId) {
        (bytes32 digest, bytes memory envelope) = _read(receipt);
        uint64 at = _requireCommitted(evidenceOf(Fault.ContradictedReceipt, digest, report), salt);
        EnvelopeReader.OriginatorEnvelope memory fields = EnvelopeReader.readOriginatorEnvelope(envelope);
        uint32 nodeId = fields.originatorNodeId;
        if (!logs.contradicts(report, nodeId, fields.sequenceId, fields.payerEnvelopeHash, proof)) {
            revert FaultProofsNoFault(Fault.ContradictedReceipt);
        }
        _requireSigned(nodeId, digest, receipt.signature, at);
        return _openCase(fields, Fault.ContradictedReceipt, at);
    }

    function _requireCommitted(bytes32 evidence, bytes32 salt) private view returns (uint64 at) {
        bytes32 commitment = commitmentOf(msg.sender, salt, evidence);
        at = committedAt[commitment];
        if (at == 0) revert FaultProofsNotCommitted(commitment);
        if (block.timestamp < at + REVEAL_AFTER) revert FaultProofsRevealTooEarly(at + REVEAL_AFTER, block.timestamp);
        if (block.timestamp > at + REVEAL_UNTIL) revert FaultProofsRevealTooLate(at + REVEAL_UNTIL, block.timestamp);
    }

    /// @dev The envelope and the digest of it that the node signed.
    function _read(Receipt calldata receipt) private view returns (bytes32 digest, bytes memory envelope) {
        envelope = receipt.envelope;
        if (receipt.pieces.length > 0) envelope = _joined(receipt);
        digest = keccak256(bytes.concat("originator|", envelope));
    }

    function _joined(Receipt calldata receipt) private view returns (bytes memory envelope) {
        uint256 length = receipt.envelope.length;
        for (uint256 i = 0; i < receipt.pieces.length; i++) {
            uint256 size = receipt.pieces[i].code.length;
            if (size > 0) length += size - 1;
        }
        envelope = new bytes(length);
        uint256 at;
        assembly ("memory-safe") {
            at := add(envelope, 0x20)
        }
        bytes calldata beginning = receipt.envelope;
        assembly ("memory-safe") {
            calldatacopy(at, beginning.offset, beginning.length)
        }
        at += beginning.length;
        for (uint256 i = 0; i < receipt.pieces.length; i++) {
            address piece = receipt.pieces[i];
            uint256 size = piece.code.length;
            if (size == 0) continue;
            assembly ("memory-safe") {
                extcodecopy(piece, at, 1, sub(size, 1))
            }
            at += size - 1;
        }
    }

    /// @dev By a key that the node has, or had until at most one unbonding period before the reporter committed.
    function _requireSigned(uint32 nodeId, bytes32 digest, bytes calldata signature, uint64 at) private view {
        if (signature.length != 65) revert FaultProofsSignatureInvalid();
        uint8 v = uint8(signature[64]);
        if (v < 27) v += 27;
        // Both forms of S come from the node's own signature; the case is the message's, so neither counts twice.
        address signer = ecrecover(digest, v, bytes32(signature[0:32]), bytes32(signature[32:64]));
        if (signer == address(0)) revert FaultProofsSignatureInvalid();
        (bool known, uint64 retiredAt, uint64 takenUntil) = keys.keyOf(nodeId, signer);
        if (!known) revert FaultProofsSignerNotTheNodes(nodeId, signer);
        if (retiredAt != 0 && at >= takenUntil) revert FaultProofsKeyRetired(nodeId, signer, takenUntil);
    }

    // ------------------------------------------------------------------------------------------------- cases

    function _openCase(
        EnvelopeReader.OriginatorEnvelope memory fields,
        Fault fault,
        uint64 at
    ) private returns (uint256 caseId) {
        (uint32 nodeId, uint64 sequenceId) = (fields.originatorNodeId, fields.sequenceId);
        caseId = caseOf[nodeId][sequenceId];
        if (caseId != 0) {
            Case storage known = _cases[caseId];
            if (known.status == Status.Open && fault > known.fault) _raise(caseId, fault, at);
            else _replaceReporter(caseId, fault, at);
            return caseId;
        }
        caseId = ++_lastCaseId;
        caseOf[nodeId][sequenceId] = caseId;
        Case storage opened = _cases[caseId];
        opened.nodeId = nodeId;
        opened.sequenceId = sequenceId;
        opened.status = Status.Open;
        uint64 executableAt = _accuse(opened, fault, at);
        emit CaseOpened(caseId, nodeId, sequenceId, fault, msg.sender, executableAt);
        staking.freeze(nodeId);
    }

    /// @dev Whoever faces a heavy fault could otherwise report a light one of the same message first.
    function _raise(uint256 caseId, Fault fault, uint64 at) private {
        Case storage raised = _cases[caseId];
        raised.wasReopened = false;
        uint64 executableAt = _accuse(raised, fault, at);
        emit CaseRaised(caseId, fault, msg.sender, executableAt);
    }

    function _accuse(Case storage accused, Fault fault, uint64 at) private returns (uint64 executableAt) {
        executableAt = uint64(block.timestamp) + appealSeconds;
        accused.fault = fault;
        accused.reporter = msg.sender;
        accused.committedAt = at;
        accused.executableAt = executableAt;
    }

    /// @dev Who committed earlier found it earlier, whoever's reveal came first.
    function _replaceReporter(uint256 caseId, Fault fault, uint64 at) private {
        Case storage opened = _cases[caseId];
        if (opened.status != Status.Open || opened.fault != fault || at >= opened.committedAt) {
            revert FaultProofsAlreadyReported(caseId);
        }
        opened.reporter = msg.sender;
        opened.committedAt = at;
        emit ReporterReplaced(caseId, msg.sender);
    }

    /// @inheritdoc IFaultProofs
    function dismiss(uint256 caseId) external {
        if (msg.sender != guardian) revert FaultProofsNotGuardian(msg.sender, guardian);
        Case storage opened = _requireOpen(caseId);
        if (opened.wasReopened) revert FaultProofsDismissalFinal(caseId);
        if (block.timestamp >= opened.executableAt) revert FaultProofsAppealOver(opened.executableAt, block.timestamp);
        uint64 reopenableUntil = uint64(block.timestamp) + REOPENING;
        opened.status = Status.Dismissed;
        opened.reopenableUntil = reopenableUntil;
        emit CaseDismissed(caseId, reopenableUntil);
    }

    /// @inheritdoc IFaultProofs
    function reopen(uint256 caseId) external {
        if (msg.sender != governor) revert FaultProofsNotGovernor(msg.sender, governor);
        Case storage dismissed = _requireDismissed(caseId);
        uint64 until = dismissed.reopenableUntil;
        if (block.timestamp >= until) revert FaultProofsReopeningOver(until, block.timestamp);
        uint64 executableAt = uint64(block.timestamp) + appealSeconds;
        dismissed.status = Status.Open;
        dismissed.wasReopened = true;
        dismissed.executableAt = executableAt;
        emit CaseReopened(caseId, executableAt);
    }

    /// @inheritdoc IFaultProofs
    function close(uint256 caseId) external {
        Case storage dismissed = _requireDismissed(caseId);
        uint64 until = dismissed.reopenableUntil;
        if (block.timestamp < until) revert FaultProofsReopeningNotOver(until, block.timestamp);
        dismissed.status = Status.Closed;
        emit CaseClosed(caseId);
        staking.unfreeze(dismissed.nodeId);
    }

    /// @inheritdoc IFaultProofs
    function execute(uint256 caseId) external {
        Case storage opened = _requireOpen(caseId);
        uint64 executableAt = opened.executableAt;
        if (block.timestamp < executableAt) revert FaultProofsAppealNotOver(executableAt, block.timestamp);
        uint256 shareBps = _shareOf(opened);
        if (opened.fault == Fault.Equivocation) equivocationsOf[opened.nodeId]++;
        opened.status = Status.Executed;
        (uint256 slashed, uint256 bounty) = staking.slash(opened.nodeId, shareBps, BOUNTY_BPS, opened.reporter);
        emit CaseExecuted(caseId, slashed, bounty);
        staking.unfreeze(opened.nodeId);
    }

    function _shareOf(Case storage opened) private view returns (uint256) {
        if (opened.fault == Fault.WrongTarget) return WRONG_TARGET_BPS;
        if (opened.fault == Fault.ContradictedReceipt) return CONTRADICTION_BPS;
        return equivocationsOf[opened.nodeId] == 0 ? FIRST_EQUIVOCATION_BPS : EQUIVOCATION_BPS;
    }

    function _requireOpen(uint256 caseId) private view returns (Case storage opened) {
        opened = _cases[caseId];
        if (opened.status != Status.Open) revert FaultProofsCaseNotOpen(caseId, opened.status);
    }

    function _requireDismissed(uint256 caseId) private view returns (Case storage dismissed) {
        dismissed = _cases[caseId];
        if (dismissed.status != Status.Dismissed) revert FaultProofsCaseNotDismissed(caseId, dismissed.status);
    }

    // ------------------------------------------------------------------------------------------------- parameters

    /// @inheritdoc IFaultProofs
    function setAppealSeconds(uint64 seconds_) external restricted {
        _setAppealSeconds(seconds_);
    }

    function _setAppealSeconds(uint64 seconds_) private {
        if (seconds_ < LEAST_APPEAL || seconds_ > MOST_APPEAL) {
            revert FaultProofsAppealOutOfBounds(seconds_, LEAST_APPEAL, MOST_APPEAL);
        }
        appealSeconds = seconds_;
        emit AppealSecondsSet(seconds_);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IFaultProofs
    function digestOf(Receipt calldata receipt) external view returns (bytes32 digest) {
        (digest, ) = _read(receipt);
    }

    /// @inheritdoc IFaultProofs
    function evidenceOf(Fault fault, bytes32 first, bytes32 second) public pure returns (bytes32) {
        return keccak256(abi.encode(fault, first, second));
    }

    /// @inheritdoc IFaultProofs
    function commitmentOf(address reporter, bytes32 salt, bytes32 evidence) public pure returns (bytes32) {
        return keccak256(abi.encode(reporter, salt, evidence));
    }

    /// @inheritdoc IFaultProofs
    function getCase(uint256 caseId) external view returns (Case memory) {
        return _cases[caseId];
    }
}
