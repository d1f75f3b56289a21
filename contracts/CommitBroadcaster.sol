// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PausableEntries} from "./base/PausableEntries.sol";
import {ICommitBroadcaster} from "./interfaces/ICommitBroadcaster.sol";
import {PayloadSize} from "./libraries/PayloadSize.sol";

/// @title CommitBroadcaster: the log of group commits and proposals.
/// @notice See ICommitBroadcaster.
contract CommitBroadcaster is ICommitBroadcaster, PausableEntries {
    /// @inheritdoc ICommitBroadcaster
    uint64 public lastSequenceId;
    mapping(bytes16 groupId => mapping(bytes32 messageHash => uint64)) private _sequenceIds;

    /// @param authority_ The AccessManager, which may not exist yet.
    constructor(address authority_) PausableEntries(authority_) {}

    /// @inheritdoc ICommitBroadcaster
    function addMessage(bytes16 groupId, bytes calldata clientEnvelope) external whenEntriesOpen {
        if (!PayloadSize.isAllowed(clientEnvelope.length)) {
            revert CommitBroadcasterPayloadSizeOutOfBounds(clientEnvelope.length, PayloadSize.LEAST, PayloadSize.MOST);
        }
        bytes32 messageHash = keccak256(clientEnvelope);
        uint64 known = _sequenceIds[groupId][messageHash];
        if (known != 0) revert CommitBroadcasterAlreadySequenced(known);

        uint64 sequenceId = ++lastSequenceId;
        _sequenceIds[groupId][messageHash] = sequenceId;
        emit MessageSent(groupId, clientEnvelope, sequenceId);
    }

    /// @inheritdoc ICommitBroadcaster
    function sequenceIdOf(bytes16 groupId, bytes32 messageHash) external view returns (uint64) {
        return _sequenceIds[groupId][messageHash];
    }
}
