// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PausableEntries} from "./base/PausableEntries.sol";
import {IIdentityRegistry} from "./interfaces/IIdentityRegistry.sol";
import {PayloadSize} from "./libraries/PayloadSize.sol";

/// @title IdentityRegistry: the log of identity updates.
/// @notice See IIdentityRegistry.
contract IdentityRegistry is IIdentityRegistry, PausableEntries {
    struct Log {
        uint64 count;
        bytes32 head;
    }

    /// @inheritdoc IIdentityRegistry
    uint64 public lastSequenceId;
    mapping(bytes32 inboxId => Log) private _logs;
    mapping(bytes32 inboxId => mapping(bytes32 updateHash => uint64)) private _sequenceIds;

    /// @param authority_ The AccessManager, which may not exist yet.
    constructor(address authority_) PausableEntries(authority_) {}

    /// @inheritdoc IIdentityRegistry
    function addIdentityUpdate(bytes32 inboxId, bytes calldata clientEnvelope) external whenEntriesOpen {
        if (!PayloadSize.isAllowed(clientEnvelope.length)) {
            revert IdentityRegistryPayloadSizeOutOfBounds(clientEnvelope.length, PayloadSize.LEAST, PayloadSize.MOST);
        }
        bytes32 updateHash = keccak256(clientEnvelope);
        uint64 known = _sequenceIds[inboxId][updateHash];
        if (known != 0) revert IdentityRegistryAlreadySequenced(known);

        uint64 sequenceId = ++lastSequenceId;
        _sequenceIds[inboxId][updateHash] = sequenceId;
        Log storage log = _logs[inboxId];
        uint64 count = ++log.count;
        log.head = keccak256(abi.encode(log.head, count, updateHash));
        emit IdentityUpdateCreated(inboxId, clientEnvelope, sequenceId);
    }

    /// @inheritdoc IIdentityRegistry
    function logOf(bytes32 inboxId) external view returns (uint64 count, bytes32 head) {
        Log storage log = _logs[inboxId];
        return (log.count, log.head);
    }

    /// @inheritdoc IIdentityRegistry
    function sequenceIdOf(bytes32 inboxId, bytes32 updateHash) external view returns (uint64) {
        return _sequenceIds[inboxId][updateHash];
    }
}
