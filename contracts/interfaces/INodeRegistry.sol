// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {INodeStake} from "./INodeStake.sol";
import {ISeats} from "./ISeats.sol";

/**
 * @title Who carries messages.
 * @notice Anyone who posts the stake registers a node: an ERC-721 token with ids 100, 200, ... A node that has a seat
 * is canonical and earns. Seats are limited; a free one is taken from the next epoch on. Reads keep XMTP's ABI.
 *
 * What a reader of the logs may assume, per node:
 * 1. It is live between `NodeRegistered` and `NodeRemoved`; its owner is that of the last ERC-721 `Transfer`.
 * 2. It has a seat from the epoch of a `SeatTaken` to that of the next `SeatLeft`. When both name the same epoch it
 *    never had one.
 * 3. Its key never changes.
 * 4. It is suspended from the epoch of a `NodeSuspended` to that of the next `NodeReinstated`, seated or not.
 */
interface INodeRegistry is ISeats {
    /// @notice A node in XMTP's shape.
    /// @param signer Address of its signing key.
    /// @param isCanonical Whether it has an active seat now.
    /// @param signingPublicKey `0x04 | x | y`, 65 bytes.
    /// @param httpAddress Where it serves.
    struct Node {
        address signer;
        bool isCanonical;
        bytes signingPublicKey;
        string httpAddress;
    }

    struct NodeWithId {
        uint32 nodeId;
        Node node;
    }

    /// @notice Where a node is in its life.
    enum Phase {
        Unknown,
        Live,
        Leaving,
        Left
    }

    event NodeRegistered(
        uint32 indexed nodeId,
        address indexed owner,
        address indexed signer,
        bytes signingPublicKey,
        string httpAddress,
        address payout
    );
    event HttpAddressSet(uint32 indexed nodeId, string httpAddress);
    event PayoutSet(uint32 indexed nodeId, address payout);
    /// @notice The node's seat begins with `epoch`; `seats` is the number of seats from then on.
    event SeatTaken(uint32 indexed nodeId, uint64 indexed epoch, uint256 seats);
    /// @notice The node's seat ends where `epoch` begins.
    event SeatLeft(uint32 indexed nodeId, uint64 indexed epoch, uint256 seats);
    /// @notice The node leaves; its stake is free from the beginning of `epoch`.
    event ExitStarted(uint32 indexed nodeId, uint64 indexed epoch);
    /// @notice The node has left: its stake was released and its key may be registered again.
    event NodeRemoved(uint32 indexed nodeId, address indexed recipient);

    /// @notice The node has an unpaid debit: from `epoch` on its seat, if it has one, earns nothing for it.
    event NodeSuspended(uint32 indexed nodeId, uint64 indexed epoch);
    /// @notice The node's debit is paid: from `epoch` on its seat earns again.
    event NodeReinstated(uint32 indexed nodeId, uint64 indexed epoch);

    error NodeRegistryNotDistributor(address caller, address distributor);
    error NodeRegistryKeyNotAPoint(bytes signingPublicKey);
    error NodeRegistryKeyTaken(address signer, uint32 nodeId);
    error NodeRegistryHttpAddressInvalid(uint256 length, uint256 maxLength);
    error NodeRegistryPayoutNotAllowed(address payout);
    error NodeRegistryUnknownNode(uint32 nodeId);
    error NodeRegistryNotOwner(address caller, uint32 nodeId);
    error NodeRegistryNotLive(uint32 nodeId, Phase phase);
    error NodeRegistryAlreadySeated(uint32 nodeId);
    error NodeRegistryNoFreeSeat(uint256 seats, uint256 maxSeats);
    error NodeRegistryNotLeaving(uint32 nodeId, Phase phase);
    error NodeRegistryExitNotReached(uint64 exitEpoch, uint64 currentEpoch);
    error NodeRegistryTooManyNodes(uint256 nodeId);
    error NodeRegistrySeatsOutOfBounds(uint256 seats, uint256 most);
    error NodeRegistryEpochTooShort(uint256 epochSeconds);

    /**
     * @notice Registers a node of the caller's, posts its stake, and takes a seat from the next epoch on if one is
     * free.
     * @dev While entries are open. Needs an allowance of the stake token for the stake contract. Without a free seat the node is live but
     * not canonical, and `takeSeat` can be tried later.
     * @param signingPublicKey 65 bytes, a point of secp256k1, of no other live node.
     * @param httpAddress `http://` or `https://`, at most 200 printable ASCII characters.
     * @param payout Where earnings go.
     * @return nodeId The node's id, a multiple of 100.
     */
    function register(
        bytes calldata signingPublicKey,
        string calldata httpAddress,
        address payout
    ) external returns (uint32 nodeId);

    /// @notice Takes a free seat from the next epoch on, for the caller's live node without one.
    function takeSeat(uint32 nodeId) external;

    /// @notice Changes where the caller's node serves.
    function setHttpAddress(uint32 nodeId, string calldata httpAddress) external;

    /// @notice Changes where the earnings of the caller's node go, those not claimed yet included.
    function setPayout(uint32 nodeId, address payout) external;

    /// @notice Leaves: the seat ends where the next epoch begins, and from then on the stake can be withdrawn.
    function exit(uint32 nodeId) external;

    /// @notice Releases the stake of the caller's node after its exit, and frees its key.
    /// @dev The token stays with its owner: earnings that are not claimed go on belonging to it.
    function withdrawStake(uint32 nodeId, address recipient) external;

    /// @notice Who suspends nodes with unpaid debits: FeeDistributor. Immutable.
    function distributor() external view returns (address);

    /// @notice Where a node's earnings go; zero for an unknown node.
    function payoutOf(uint32 nodeId) external view returns (address);

    /// @notice Whether the node has an unpaid debit that suspends it.
    function isSuspended(uint32 nodeId) external view returns (bool);

    /// @notice Who holds the stake. Immutable.
    function stake() external view returns (INodeStake);

    /// @notice How many seats there are. Immutable.
    function maxSeats() external view returns (uint256);

    /// @notice The epoch under way.
    function currentEpoch() external view returns (uint64);

    /// @notice All nodes that have not left, in no particular order. XMTP's ABI.
    function getAllNodes() external view returns (NodeWithId[] memory);

    /// @notice One node, also one that has left: what it signed stays signed. XMTP's ABI.
    function getNode(uint32 nodeId) external view returns (Node memory);

    /// @notice Whether the node has an active seat now.
    function isCanonical(uint32 nodeId) external view returns (bool);

    /// @notice Where a node is in its life.
    function phaseOf(uint32 nodeId) external view returns (Phase);

    /// @notice The live node of a signing key; 0 when there is none.
    function nodeOf(address signer) external view returns (uint32);
}
