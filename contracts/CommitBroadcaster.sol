// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PausableEntries} from "./base/PausableEntries.sol";
import {ICommitBroadcaster} from "./interfaces/ICommitBroadcaster.sol";
import {GroupMessageReader} from "./libraries/GroupMessageReader.sol";
import {MlsFraming} from "./libraries/MlsFraming.sol";
import {PayloadSize} from "./libraries/PayloadSize.sol";

/// @title CommitBroadcaster: the log of group commits and proposals.
/// @notice See ICommitBroadcaster.
contract CommitBroadcaster is ICommitBroadcaster, PausableEntries {
    uint256 private constant MOST_IN_BATCH = 64;
    /// @dev Bytes of a foreign topic or group id that an error carries.
    uint256 private constant MOST_IN_ERROR = 64;
    /// @dev The kind byte of group messages is 0.
    uint256 private constant TOPIC_BYTES = 17;

    /// @inheritdoc ICommitBroadcaster
    uint64 public lastSequenceId;
    mapping(bytes16 groupId => mapping(bytes32 messageHash => uint64)) private _sequenceIds;

    /// @param authority_ The AccessManager, which may not exist yet.
    constructor(address authority_) PausableEntries(authority_) {}

    // --- Sequencing --------------------------------------------------------------------------------------------------

    /// @inheritdoc ICommitBroadcaster
    function addMessage(bytes16 groupId, bytes calldata clientEnvelope) external whenEntriesOpen {
        if (!PayloadSize.isAllowed(clientEnvelope.length)) {
            revert CommitBroadcasterPayloadSizeOutOfBounds(clientEnvelope.length, PayloadSize.LEAST, PayloadSize.MOST);
        }
        bytes32 messageHash = keccak256(clientEnvelope);
        uint64 known = _sequenceIds[groupId][messageHash];
        if (known != 0) revert CommitBroadcasterAlreadySequenced(known);
        _requireOrderedMessage(groupId, clientEnvelope);

        uint64 sequenceId = ++lastSequenceId;
        _sequenceIds[groupId][messageHash] = sequenceId;
        emit MessageSent(groupId, clientEnvelope, sequenceId);
    }

    function _requireOrderedMessage(bytes16 groupId, bytes calldata clientEnvelope) private pure {
        (bytes calldata topic, bytes calldata data) = GroupMessageReader.read(clientEnvelope);
        if (topic.length != TOPIC_BYTES || bytes17(topic) != bytes17(groupId) >> 8) {
            revert CommitBroadcasterOtherTopic(groupId, _clipped(topic));
        }
        (bytes calldata mlsGroupId, uint256 contentType) = MlsFraming.read(data);
        if (mlsGroupId.length != 16 || bytes16(mlsGroupId) != groupId) {
            revert CommitBroadcasterOtherGroup(groupId, _clipped(mlsGroupId));
        }
        if (contentType == MlsFraming.APPLICATION) revert CommitBroadcasterNotOrdered(contentType);
    }

    function _clipped(bytes calldata value) private pure returns (bytes calldata) {
        return value.length > MOST_IN_ERROR ? value[:MOST_IN_ERROR] : value;
    }

    /// @inheritdoc ICommitBroadcaster
    function addMessages(
        bytes16[] calldata groupIds,
        bytes[] calldata clientEnvelopes
    ) external whenEntriesOpen returns (uint64[] memory sequenceIds) {
        uint256 length = groupIds.length;
        if (length != clientEnvelopes.length) revert CommitBroadcasterBatchLengths(length, clientEnvelopes.length);
        if (length > MOST_IN_BATCH) revert CommitBroadcasterBatchTooLong(length, MOST_IN_BATCH);
        sequenceIds = new uint64[](length);
        for (uint256 i = 0; i < length; i++) {
            // In a frame of its own, so that an error ends nothing but this message.
            try this.addMessage(groupIds[i], clientEnvelopes[i]) {
                sequenceIds[i] = lastSequenceId;
            } catch (bytes memory reason) {
                sequenceIds[i] = _knownIdOrRefuse(groupIds[i], i, reason);
            }
        }
    }

    function _knownIdOrRefuse(bytes16 groupId, uint256 index, bytes memory reason) private returns (uint64 known) {
        // Every refusal has a name, only running out of gas has none. A message must not be passed over for that: an
        // estimate of gas would find that the least of it suffices.
        if (reason.length == 0) revert CommitBroadcasterOutOfGas(index);
        if (bytes4(reason) == CommitBroadcasterAlreadySequenced.selector) {
            assembly ("memory-safe") {
                known := mload(add(reason, 0x24))
            }
            return known;
        }
        emit MessageRefused(groupId, index, reason);
    }

    // --- Views -------------------------------------------------------------------------------------------------------

    /// @inheritdoc ICommitBroadcaster
    function sequenceIdOf(bytes16 groupId, bytes32 messageHash) external view returns (uint64) {
        return _sequenceIds[groupId][messageHash];
    }
}
