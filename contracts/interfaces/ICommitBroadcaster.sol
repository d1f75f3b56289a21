// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title The one order of group commits and proposals.
 * @notice Sequences messages; `sequenceId` is a counter over all groups, starting at 1 without gaps, and nodes use it
 * as the sequence id of originator 0. XMTP's ABI and event.
 */
interface ICommitBroadcaster {
    /// @notice A commit or proposal was sequenced, exactly as submitted.
    event MessageSent(bytes16 indexed groupId, bytes message, uint64 indexed sequenceId);

    error CommitBroadcasterPayloadSizeOutOfBounds(uint256 size, uint256 least, uint256 most);
    /// @notice The same message is in the group's log already, with this id. Who submits it has nothing left to do.
    error CommitBroadcasterAlreadySequenced(uint64 sequenceId);

    /// @notice Sequences a commit or proposal of a group, 78 to 262,144 bytes, while entries are open.
    function addMessage(bytes16 groupId, bytes calldata clientEnvelope) external;

    /// @notice The sequence id of a message by the keccak256 of its bytes; 0 when it was never sequenced.
    function sequenceIdOf(bytes16 groupId, bytes32 messageHash) external view returns (uint64);

    /// @notice The sequence id given last; 0 before the first.
    function lastSequenceId() external view returns (uint64);
}
