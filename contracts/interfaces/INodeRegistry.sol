// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {INodeKeys} from "./INodeKeys.sol";
import {INodeSeats} from "./INodeSeats.sol";
import {INodeStaking} from "./INodeStaking.sol";

/**
 * @title Who carries messages.
 * @notice Anyone who posts the stake registers a node: an ERC-721 token with ids 100, 200, ... A node that has a seat
 * (INodeSeats) is canonical and earns. Reads keep XMTP's ABI.
 *
 * The token is the node: who has it has its stake, its earnings not claimed yet, and its debts. A transfer sets the
 * payout to the new owner, and is refused while a case against the node is open.
 *
 * What a reader of the logs may assume, per node: it is live from `NodeRegistered` on and leaves for good in the epoch
 * of its `ExitStarted`; its owner is that of the last ERC-721 `Transfer`; it serves at the address of the last
 * `HttpAddressSet`. See INodeKeys for its keys.
 */
interface INodeRegistry is INodeKeys {
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

    /// @notice What a node brings. See INodeKeys for keys and proofs.
    /// @param httpAddress `http://` or `https://`, at most 200 printable ASCII characters.
    /// @param payout Where earnings go.
    struct Registration {
        bytes signingPublicKey;
        bytes signingProof;
        bytes attestationKey;
        bytes attestationProof;
        string httpAddress;
        address payout;
    }

    /// @notice Where a node is in its life. A node that leaves serves to the end of the epoch.
    enum Phase {
        Unknown,
        Live,
        Leaving,
        Left
    }

    event NodeRegistered(uint32 indexed nodeId, address indexed owner);
    event HttpAddressSet(uint32 indexed nodeId, string httpAddress);
    /// @notice The node leaves where `epoch` begins. From then on its keys may be registered again.
    event ExitStarted(uint32 indexed nodeId, uint64 indexed epoch);

    error NodeRegistryHttpAddressInvalid(uint256 length, uint256 maxLength);
    error NodeRegistryUnknownNode(uint32 nodeId);
    error NodeRegistryNotOwner(address caller, uint32 nodeId);
    error NodeRegistryNotLive(uint32 nodeId, Phase phase);
    error NodeRegistryFrozen(uint32 nodeId);
    error NodeRegistryTooManyNodes(uint256 nodeId);

    /**
     * @notice Registers a node of the caller's and posts the minimum stake. It takes a seat from the next epoch on if
     * one is free and admission is open.
     * @dev While entries are open. Needs an allowance of the stake token for NodeStaking. Without a seat the node is
     * live but not canonical, and `NodeSeats.takeSeat` can be tried later.
     * @return nodeId The node's id, a multiple of 100.
     */
    function register(Registration calldata registration) external returns (uint32 nodeId);

    /// @notice Changes where the caller's node serves.
    function setHttpAddress(uint32 nodeId, string calldata httpAddress) external;

    /// @notice Changes where the earnings of the caller's node go, those not claimed yet included.
    function setPayout(uint32 nodeId, address payout) external;

    /**
     * @notice Leaves for good: the seat ends where the next epoch begins, and from there on all of the stake unbonds.
     * @dev The stake is NodeStaking's to pay out. The token stays with its owner, and with it earnings and debts.
     */
    function exit(uint32 nodeId) external;

    /// @notice Length of an epoch, the same as that of NodeSeats. Immutable.
    function epochSeconds() external view returns (uint64);

    /// @notice Who gives seats. Immutable.
    function seats() external view returns (INodeSeats);

    /// @notice Who holds the stake. Immutable.
    function staking() external view returns (INodeStaking);

    /**
     * @notice All nodes with a seat in this epoch or the next, ascending. XMTP's ABI.
     * @dev Stock nodes know no others: they pass over whatever is not canonical. 180 at most.
     */
    function getAllNodes() external view returns (NodeWithId[] memory);

    /// @notice One node, seated or not, also one that has left: what it signed stays signed. XMTP's ABI.
    function getNode(uint32 nodeId) external view returns (Node memory);

    /// @notice Whether the node has a seat now that is neither jailed nor suspended.
    function isCanonical(uint32 nodeId) external view returns (bool);

    /// @notice Where a node is in its life.
    function phaseOf(uint32 nodeId) external view returns (Phase);

    /// @notice Whether the node is registered and not leaving.
    function isLive(uint32 nodeId) external view returns (bool);

    /// @notice The id given last; ids are the multiples of 100 up to it.
    function lastNodeId() external view returns (uint32);
}
