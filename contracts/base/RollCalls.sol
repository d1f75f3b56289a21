// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {INodeKeys} from "../interfaces/INodeKeys.sol";
import {IRegistryVersions} from "../interfaces/IRegistryVersions.sol";
import {IRollCalls} from "../interfaces/IRollCalls.sol";
import {SeatBlob} from "../libraries/SeatBlob.sol";
import {Attestations} from "./Attestations.sol";

/// @title RollCalls: jails who is gone when no quorum can.
/// @notice See IRollCalls.
abstract contract RollCalls is IRollCalls, Attestations {
    bytes32 private constant ROLL_CALL_TYPEHASH = keccak256("RollCall(uint64 number)");
    /// @dev Without a report, and between two roll calls.
    uint256 private constant SILENCE = 3 days;
    uint256 private constant ANSWERING = 24 hours;

    /// @dev One slot: `answered 96 | number 40 | version 40 | opened at 40 | closed 8`.
    struct RollCall {
        uint96 answered;
        uint40 number;
        uint40 version;
        uint40 openedAt;
        bool isClosed;
    }

    /// @inheritdoc IRollCalls
    INodeKeys public immutable keys;
    RollCall private _rollCall;

    constructor(INodeKeys keys_) {
        keys = keys_;
    }

    /// @dev When the last report was accepted, whatever became of it; 0 before the first.
    function _lastAcceptedAt() internal view virtual returns (uint256);

    /// @inheritdoc IRollCalls
    function openRollCall() external returns (uint64 number) {
        uint256 lastAt = _lastAcceptedAt();
        if (lastAt == 0) revert RollCallsNoReportYet();
        if (_rollCall.openedAt > lastAt) lastAt = _rollCall.openedAt;
        if (block.timestamp < lastAt + SILENCE) revert RollCallsTooEarly(lastAt + SILENCE, block.timestamp);
        // Not caught: whoever gives it too little gas opens nothing, instead of calling seats of long ago.
        uint64 version = seats.rollOver();
        if (seats.getVersion(version).seats == 0) revert RollCallsNobodyToCall();
        number = _rollCall.number + 1;
        _rollCall = RollCall(0, uint40(number), uint40(version), uint40(block.timestamp), false);
        emit RollCallOpened(number, version, block.timestamp + ANSWERING);
    }

    /// @inheritdoc IRollCalls
    function answerRollCall(uint256 positions, bytes calldata signature) external {
        RollCall memory called = _requireOpen();
        uint256 answerUntil = called.openedAt + ANSWERING;
        if (block.timestamp >= answerUntil) revert RollCallsAnsweringOver(answerUntil, block.timestamp);
        IRegistryVersions.RegistryVersion memory version = seats.getVersion(called.version);
        if (positions >> version.seats != 0) revert RollCallsUnknownSeats(positions, version.seats);
        // The keys of now, not the version's: who rotated since then can answer too.
        bytes memory answering = keys.attestationKeysOf(SeatBlob.nodeIdsAt(version.pointer, positions));
        bytes32 digest = rollCallDigest(called.number);
        if (!blsVerifier.verifyReport(digest, signature, blsVerifier.addKeys("", answering))) {
            revert RollCallsAnswerInvalid(digest);
        }
        _rollCall.answered = called.answered | uint96(positions);
        emit RollCallAnswered(called.number, positions);
    }

    /// @inheritdoc IRollCalls
    function closeRollCall() external {
        RollCall memory called = _requireOpen();
        uint256 answerUntil = called.openedAt + ANSWERING;
        if (block.timestamp < answerUntil) revert RollCallsAnsweringNotOver(answerUntil, block.timestamp);
        uint256 acceptedAt = _lastAcceptedAt();
        if (acceptedAt >= called.openedAt) revert RollCallsReportAccepted(acceptedAt);
        _rollCall.isClosed = true;
        IRegistryVersions.RegistryVersion memory version = seats.getVersion(called.version);
        uint256 silentPositions = ((1 << version.seats) - 1) & ~uint256(called.answered);
        uint32[] memory silent = _heaviestFirst(version.pointer, silentPositions);
        emit RollCallClosed(called.number, silent);
        seats.jail(silent);
    }

    function _requireOpen() private view returns (RollCall memory called) {
        called = _rollCall;
        bool isOver = called.isClosed || block.timestamp >= called.openedAt + SILENCE;
        if (called.number == 0 || isOver) revert RollCallsNotOpen(called.number);
    }

    /// @dev Only a third may be jailed: those without whom a quorum is nearest.
    function _heaviestFirst(address pointer, uint256 positions) private view returns (uint32[] memory nodeIds) {
        nodeIds = SeatBlob.nodeIdsAt(pointer, positions);
        uint256[] memory weights = SeatBlob.weightsAt(pointer, positions);
        for (uint256 i = 1; i < nodeIds.length; i++) {
            (uint32 nodeId, uint256 weight) = (nodeIds[i], weights[i]);
            uint256 at = i;
            for (; at > 0 && weights[at - 1] < weight; at--) {
                (nodeIds[at], weights[at]) = (nodeIds[at - 1], weights[at - 1]);
            }
            (nodeIds[at], weights[at]) = (nodeId, weight);
        }
    }

    /// @inheritdoc IRollCalls
    function rollCallDigest(uint64 number) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ROLL_CALL_TYPEHASH, number)));
    }

    /// @inheritdoc IRollCalls
    function latestRollCall()
        external
        view
        returns (uint64 number, uint64 version, uint64 openedAt, uint256 answered, bool isClosed)
    {
        RollCall storage called = _rollCall;
        return (called.number, called.version, called.openedAt, called.answered, called.isClosed);
    }
}
