// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title The one order of group commits and proposals.
 * @notice Sequences messages; `sequenceId` is a counter over all groups, starting at 1, and nodes use it as the sequence
 * id of originator 0. XMTP's ABI and event. Anyone may submit a message of any group: who belongs to a group only its
 * members know, and they pass over what no member signed.
 *
 * What a reader of the logs may assume: sequence ids have no gaps; no group has the same message twice; every message is
 * a ClientEnvelope of 78 to 262,144 bytes that every protobuf decoder reads alike, whose `aad.target_topic` is
 * `0x00 || groupId` and whose `group_message.v1.data` is framed as an MLS proposal or commit of `groupId`. Nothing else
 * about the MLS message is checked.
 */
interface ICommitBroadcaster {
    /// @notice A commit or proposal was sequenced, exactly as submitted.
    event MessageSent(bytes16 indexed groupId, bytes message, uint64 indexed sequenceId);
    /// @notice A message of a batch was refused, for the error in `reason`, which has at most 256 bytes.
    event MessageRefused(bytes16 indexed groupId, uint256 indexed index, bytes reason);

    error CommitBroadcasterPayloadSizeOutOfBounds(uint256 size, uint256 least, uint256 most);
    /// @notice The same message is in the group's log already, with this id. Who submits it has nothing left to do.
    error CommitBroadcasterAlreadySequenced(uint64 sequenceId);
    /// @notice The envelope is for another topic than the group's; the first 64 bytes of it.
    error CommitBroadcasterOtherTopic(bytes16 groupId, bytes targetTopic);
    /// @notice The MLS message is of another group; the first 64 bytes of its id.
    error CommitBroadcasterOtherGroup(bytes16 groupId, bytes mlsGroupId);
    /// @notice Application messages (content type 1) need no order of everybody's: they belong to a node.
    error CommitBroadcasterNotOrdered(uint256 contentType);
    error CommitBroadcasterBatchLengths(uint256 groupIds, uint256 clientEnvelopes);
    error CommitBroadcasterBatchTooLong(uint256 length, uint256 most);
    /// @notice Too little gas was sent along to decide about the message at `index`: nothing was sequenced.
    error CommitBroadcasterOutOfGas(uint256 index);

    /// @notice Sequences a commit or proposal of a group while entries are open.
    /// @dev Bytes that are no such message revert with `GroupMessageReaderMalformed` or `MlsFramingMalformed` too.
    function addMessage(bytes16 groupId, bytes calldata clientEnvelope) external;

    /// @notice Sequences many messages in their order, at most 64; one that is refused costs its gas and stops no other.
    /// @return sequenceIds In the order of the arguments; 0 for a message that was refused (`MessageRefused`), the known
    /// id for one that was in the log already.
    function addMessages(
        bytes16[] calldata groupIds,
        bytes[] calldata clientEnvelopes
    ) external returns (uint64[] memory sequenceIds);

    /// @notice The sequence id of a message by the keccak256 of its bytes; 0 when it was never sequenced.
    function sequenceIdOf(bytes16 groupId, bytes32 messageHash) external view returns (uint64);

    /// @notice The sequence id given last; 0 before the first.
    function lastSequenceId() external view returns (uint64);
}
