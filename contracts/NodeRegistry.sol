// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

import {PausableEntries} from "./base/PausableEntries.sol";
import {IBlsVerifier} from "./interfaces/IBlsVerifier.sol";
import {INodeKeys} from "./interfaces/INodeKeys.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {INodeSeats} from "./interfaces/INodeSeats.sol";
import {INodeStaking} from "./interfaces/INodeStaking.sol";
import {HttpAddress} from "./libraries/HttpAddress.sol";
import {NodeKeys} from "./base/NodeKeys.sol";

/// @title NodeRegistry: nodes, their owners and their keys.
/// @notice See INodeRegistry and INodeKeys.
contract NodeRegistry is INodeRegistry, NodeKeys, PausableEntries, ERC721 {
    uint32 private constant ID_STEP = 100;
    /// @dev Stock nodes keep ids in 32 signed bits.
    uint256 private constant MAX_NODE_ID = uint256(uint32(type(int32).max));

    /// @inheritdoc INodeRegistry
    INodeSeats public immutable seats;
    /// @inheritdoc INodeRegistry
    INodeStaking public immutable staking;
    /// @inheritdoc INodeRegistry
    uint64 public immutable epochSeconds;

    struct Record {
        /// Zero while the node is live.
        uint64 exitEpoch;
        string httpAddress;
    }

    mapping(uint32 nodeId => Record) private _nodes;
    /// @inheritdoc INodeRegistry
    uint32 public lastNodeId;

    /// @param seats_ NodeSeats, `staking_` NodeStaking and `blsVerifier_` BlsVerifier, none of which need exist yet.
    /// @param epochSeconds_ The same as that of NodeSeats.
    constructor(
        INodeSeats seats_,
        INodeStaking staking_,
        IBlsVerifier blsVerifier_,
        address authority_,
        uint64 epochSeconds_
    ) NodeKeys(blsVerifier_) PausableEntries(authority_) ERC721("Pennyblack Node", "PBNODE") {
        seats = seats_;
        staking = staking_;
        epochSeconds = epochSeconds_;
    }

    /// @inheritdoc INodeRegistry
    function register(Registration calldata registration) external whenEntriesOpen returns (uint32 nodeId) {
        nodeId = _nextNodeId();
        _mint(msg.sender, nodeId);
        emit NodeRegistered(nodeId, msg.sender);
        _setHttpAddress(nodeId, registration.httpAddress);
        _setSigningKey(nodeId, msg.sender, registration.signingPublicKey, registration.signingProof);
        _setAttestationKey(nodeId, msg.sender, registration.attestationKey, registration.attestationProof);
        staking.post(nodeId, msg.sender);
        seats.enter(nodeId, registration.payout);
    }

    function _nextNodeId() private returns (uint32 nodeId) {
        uint256 next = uint256(lastNodeId) + ID_STEP;
        if (next > MAX_NODE_ID) revert NodeRegistryTooManyNodes(next);
        nodeId = uint32(next);
        lastNodeId = nodeId;
    }

    /// @inheritdoc INodeRegistry
    function setHttpAddress(uint32 nodeId, string calldata httpAddress) external {
        _requireOwner(nodeId);
        _setHttpAddress(nodeId, httpAddress);
    }

    function _setHttpAddress(uint32 nodeId, string calldata httpAddress) private {
        if (!HttpAddress.isValid(httpAddress)) {
            revert NodeRegistryHttpAddressInvalid(bytes(httpAddress).length, HttpAddress.MAX_LENGTH);
        }
        _nodes[nodeId].httpAddress = httpAddress;
        emit HttpAddressSet(nodeId, httpAddress);
    }

    /// @inheritdoc INodeRegistry
    function setPayout(uint32 nodeId, address payout) external {
        _requireOwner(nodeId);
        seats.setPayout(nodeId, payout);
    }

    /// @inheritdoc INodeKeys
    function rotateSigningKey(uint32 nodeId, bytes calldata signingPublicKey, bytes calldata proof) external {
        _requireLive(nodeId);
        _setSigningKey(nodeId, msg.sender, signingPublicKey, proof);
    }

    /// @inheritdoc INodeKeys
    function rotateAttestationKey(uint32 nodeId, bytes calldata attestationKey, bytes calldata proof) external {
        _requireLive(nodeId);
        _setAttestationKey(nodeId, msg.sender, attestationKey, proof);
    }

    /// @inheritdoc INodeRegistry
    function exit(uint32 nodeId) external {
        _requireLive(nodeId);
        uint64 epoch = _currentEpoch() + 1;
        _nodes[nodeId].exitEpoch = epoch;
        emit ExitStarted(nodeId, epoch);
        // The node serves and signs until then.
        uint64 servesUntil = epoch * epochSeconds;
        _retireSigningKeyAt(nodeId, servesUntil);
        seats.leave(nodeId);
        staking.release(nodeId, servesUntil);
    }

    /// @dev The stake's votes, the payout and the debts go with the token.
    function _update(address to, uint256 tokenId, address auth) internal override returns (address from) {
        uint32 nodeId = uint32(tokenId);
        from = super._update(to, tokenId, auth);
        if (from == address(0)) return from;
        if (staking.isFrozen(nodeId)) revert NodeRegistryFrozen(nodeId);
        if (from != to) seats.setPayout(nodeId, to);
        staking.syncOwner(nodeId);
    }

    function _requireOwner(uint32 nodeId) private view {
        if (_ownerOf(nodeId) != msg.sender) revert NodeRegistryNotOwner(msg.sender, nodeId);
    }

    function _requireLive(uint32 nodeId) private view {
        _requireOwner(nodeId);
        if (!isLive(nodeId)) revert NodeRegistryNotLive(nodeId, phaseOf(nodeId));
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc INodeRegistry
    function getAllNodes() external view returns (NodeWithId[] memory nodes) {
        (uint32[] memory nodeIds, bool[] memory active) = seats.seatedNodes();
        nodes = new NodeWithId[](nodeIds.length);
        for (uint256 i = 0; i < nodeIds.length; i++) nodes[i] = NodeWithId(nodeIds[i], _node(nodeIds[i], active[i]));
    }

    /// @inheritdoc INodeRegistry
    function getNode(uint32 nodeId) external view returns (Node memory) {
        if (phaseOf(nodeId) == Phase.Unknown) revert NodeRegistryUnknownNode(nodeId);
        return _node(nodeId, isCanonical(nodeId));
    }

    function _node(uint32 nodeId, bool active) private view returns (Node memory) {
        (address signer, bytes memory signingPublicKey) = _signingKeyOf(nodeId);
        return Node(signer, active, signingPublicKey, _nodes[nodeId].httpAddress);
    }

    /// @inheritdoc INodeRegistry
    function isCanonical(uint32 nodeId) public view returns (bool) {
        return seats.isActive(nodeId);
    }

    /// @inheritdoc INodeRegistry
    function phaseOf(uint32 nodeId) public view returns (Phase) {
        if (_ownerOf(nodeId) == address(0)) return Phase.Unknown;
        uint64 exitEpoch = _nodes[nodeId].exitEpoch;
        if (exitEpoch == 0) return Phase.Live;
        return _currentEpoch() < exitEpoch ? Phase.Leaving : Phase.Left;
    }

    /// @inheritdoc INodeRegistry
    function isLive(uint32 nodeId) public view returns (bool) {
        return phaseOf(nodeId) == Phase.Live;
    }

    function _hasLeft(uint32 nodeId) internal view override returns (bool) {
        return phaseOf(nodeId) == Phase.Left;
    }

    function _unbondingSeconds() internal view override returns (uint64) {
        return staking.unbondingSeconds();
    }

    function _currentEpoch() private view returns (uint64) {
        return uint64(block.timestamp / epochSeconds);
    }
}
