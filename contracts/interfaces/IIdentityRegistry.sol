// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title The one order of identity updates.
 * @notice Sequences updates; `sequenceId` is a counter over all inboxes, starting at 1, and nodes use it as the
 * sequence id of originator 1. XMTP's ABI and event.
 *
 * What a reader of the logs may assume: sequence ids have no gaps; per inbox, folding its updates in order with
 * `head = keccak256(abi.encode(head, count, keccak256(update)))`, `count` 1 for the first, gives `logOf`.
 */
interface IIdentityRegistry {
    /// @notice An update entered an inbox's log, exactly as submitted.
    event IdentityUpdateCreated(bytes32 indexed inboxId, bytes update, uint64 indexed sequenceId);

    error IdentityRegistryPayloadSizeOutOfBounds(uint256 size, uint256 least, uint256 most);
    /// @notice The same update is in the log already, with this id. Who submits it has nothing left to do.
    error IdentityRegistryAlreadySequenced(uint64 sequenceId);

    /// @notice Sequences an update of an inbox, 78 to 262,144 bytes, while entries are open.
    /// @dev Does not look inside yet: who reads the log verifies each update.
    function addIdentityUpdate(bytes32 inboxId, bytes calldata clientEnvelope) external;

    /// @notice An inbox's log: how many updates and their running hash.
    function logOf(bytes32 inboxId) external view returns (uint64 count, bytes32 head);

    /// @notice The sequence id of an update by the keccak256 of its bytes; 0 when it is in no log.
    function sequenceIdOf(bytes32 inboxId, bytes32 updateHash) external view returns (uint64);

    /// @notice The sequence id given last; 0 before the first.
    function lastSequenceId() external view returns (uint64);
}
