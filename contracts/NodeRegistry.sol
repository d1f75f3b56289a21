// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {PausableEntries} from "./base/PausableEntries.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {INodeStake} from "./interfaces/INodeStake.sol";
import {ISeats, Standing} from "./interfaces/ISeats.sol";
import {EpochTrace} from "./libraries/EpochTrace.sol";
import {HttpAddress} from "./libraries/HttpAddress.sol";
import {Secp256k1} from "./libraries/Secp256k1.sol";

/// @title NodeRegistry: nodes, their keys and their seats.
/// @notice See INodeRegistry and ISeats.
contract NodeRegistry is INodeRegistry, PausableEntries, ERC721 {
    using EpochTrace for EpochTrace.Trace;
    using EnumerableSet for EnumerableSet.UintSet;

    uint32 private constant ID_STEP = 100;
    /// @dev Stock nodes keep ids in 32 signed bits.
    uint256 private constant MAX_NODE_ID = uint256(uint32(type(int32).max));
    uint256 private constant MAX_SEATS = 90;

    /// @inheritdoc INodeRegistry
    INodeStake public immutable stake;
    /// @inheritdoc INodeRegistry
    address public immutable distributor;
    /// @inheritdoc ISeats
    uint64 public immutable epochSeconds;
    /// @inheritdoc INodeRegistry
    uint256 public immutable maxSeats;

    /**
     * slot 1 | signer 160 | phase 8 | exitEpoch 64 | suspended 8
     * slot 2 | payout 160 | sinceEpoch 48 | standing 8 | stretches 32      all that paying a seated node reads
     * The last three are the last entry of `standings` and how many there are.
     */
    // solhint-disable-next-line gas-struct-packing
    struct Record {
        address signer;
        Phase phase;
        uint64 exitEpoch;
        bool suspended;
        address payout;
        uint48 sinceEpoch;
        Standing standing;
        uint32 stretches;
        bytes signingPublicKey;
        string httpAddress;
        EpochTrace.Trace standings;
    }

    uint32 private _lastNodeId;
    mapping(uint32 nodeId => Record) private _nodes;
    mapping(address signer => uint32 nodeId) private _nodeOf;
    /// @dev Nodes that have not left.
    EnumerableSet.UintSet private _present;
    EpochTrace.Trace private _seatCounts;

    /// @param stake_ INodeStake, which may not exist yet.
    /// @param distributor_ FeeDistributor, which may not exist yet.
    /// @param authority_ The AccessManager, which may not exist yet.
    constructor(
        INodeStake stake_,
        address distributor_,
        address authority_,
        uint64 epochSeconds_,
        uint256 maxSeats_
    ) PausableEntries(authority_) ERC721("Pennyblack Node", "PBNODE") {
        if (epochSeconds_ < 60) revert NodeRegistryEpochTooShort(epochSeconds_);
        if (maxSeats_ == 0 || maxSeats_ > MAX_SEATS) revert NodeRegistrySeatsOutOfBounds(maxSeats_, MAX_SEATS);
        stake = stake_;
        distributor = distributor_;
        epochSeconds = epochSeconds_;
        maxSeats = maxSeats_;
    }

    // ------------------------------------------------------------------------------------------------- nodes

    /// @inheritdoc INodeRegistry
    function register(
        bytes calldata signingPublicKey,
        string calldata httpAddress,
        address payout
    ) external whenEntriesOpen returns (uint32 nodeId) {
        if (!Secp256k1.isPublicKey(signingPublicKey)) revert NodeRegistryKeyNotAPoint(signingPublicKey);
        address signer = Secp256k1.addressOf(signingPublicKey);
        if (_nodeOf[signer] != 0) revert NodeRegistryKeyTaken(signer, _nodeOf[signer]);
        _requireHttpAddress(httpAddress);
        _requirePayout(payout);

        nodeId = _nextNodeId();
        Record storage node = _nodes[nodeId];
        node.signer = signer;
        node.phase = Phase.Live;
        node.signingPublicKey = signingPublicKey;
        node.httpAddress = httpAddress;
        node.payout = payout;
        _nodeOf[signer] = nodeId;
        _present.add(nodeId);
        _mint(msg.sender, nodeId);
        emit NodeRegistered(nodeId, msg.sender, signer, signingPublicKey, httpAddress, payout);

        if (_seatCounts.latest() < maxSeats) _takeSeat(nodeId);
        stake.post(nodeId, msg.sender);
    }

    function _nextNodeId() private returns (uint32 nodeId) {
        uint256 next = uint256(_lastNodeId) + ID_STEP;
        if (next > MAX_NODE_ID) revert NodeRegistryTooManyNodes(next);
        nodeId = uint32(next);
        _lastNodeId = nodeId;
    }

    /// @inheritdoc INodeRegistry
    function setHttpAddress(uint32 nodeId, string calldata httpAddress) external {
        _requireOwner(nodeId);
        _requireHttpAddress(httpAddress);
        _nodes[nodeId].httpAddress = httpAddress;
        emit HttpAddressSet(nodeId, httpAddress);
    }

    function _requireHttpAddress(string calldata httpAddress) private pure {
        if (!HttpAddress.isValid(httpAddress)) {
            revert NodeRegistryHttpAddressInvalid(bytes(httpAddress).length, HttpAddress.MAX_LENGTH);
        }
    }

    /// @inheritdoc INodeRegistry
    function setPayout(uint32 nodeId, address payout) external {
        _requireOwner(nodeId);
        _requirePayout(payout);
        _nodes[nodeId].payout = payout;
        emit PayoutSet(nodeId, payout);
    }

    function _requirePayout(address payout) private pure {
        if (payout == address(0)) revert NodeRegistryPayoutNotAllowed(payout);
    }

    /// @inheritdoc INodeRegistry
    function exit(uint32 nodeId) external {
        _requireOwner(nodeId);
        Record storage node = _nodes[nodeId];
        if (node.phase != Phase.Live) revert NodeRegistryNotLive(nodeId, node.phase);
        uint64 epoch = currentEpoch() + 1;
        node.phase = Phase.Leaving;
        node.exitEpoch = epoch;
        emit ExitStarted(nodeId, epoch);
        if (node.standing != Standing.None) _leaveSeat(nodeId);
    }

    /// @inheritdoc INodeRegistry
    function withdrawStake(uint32 nodeId, address recipient) external {
        _requireOwner(nodeId);
        Record storage node = _nodes[nodeId];
        if (node.phase != Phase.Leaving) revert NodeRegistryNotLeaving(nodeId, node.phase);
        if (currentEpoch() < node.exitEpoch) revert NodeRegistryExitNotReached(node.exitEpoch, currentEpoch());
        node.phase = Phase.Left;
        delete _nodeOf[node.signer];
        _present.remove(nodeId);
        emit NodeRemoved(nodeId, recipient);
        stake.release(nodeId, recipient);
    }

    function _requireOwner(uint32 nodeId) private view {
        if (_ownerOf(nodeId) != msg.sender) revert NodeRegistryNotOwner(msg.sender, nodeId);
    }

    // ------------------------------------------------------------------------------------------------- seats

    /// @inheritdoc INodeRegistry
    function takeSeat(uint32 nodeId) external {
        _requireOwner(nodeId);
        Record storage node = _nodes[nodeId];
        if (node.phase != Phase.Live) revert NodeRegistryNotLive(nodeId, node.phase);
        if (node.standing != Standing.None) revert NodeRegistryAlreadySeated(nodeId);
        uint256 seats = _seatCounts.latest();
        if (seats >= maxSeats) revert NodeRegistryNoFreeSeat(seats, maxSeats);
        _takeSeat(nodeId);
    }

    function _takeSeat(uint32 nodeId) private {
        Standing standing = _nodes[nodeId].suspended ? Standing.Suspended : Standing.Earning;
        _setStanding(nodeId, standing, _seatCounts.latest() + 1);
        emit SeatTaken(nodeId, currentEpoch() + 1, _seatCounts.latest());
    }

    function _leaveSeat(uint32 nodeId) private {
        _setStanding(nodeId, Standing.None, _seatCounts.latest() - 1);
        emit SeatLeft(nodeId, currentEpoch() + 1, _seatCounts.latest());
    }

    /// @inheritdoc ISeats
    function setSuspended(uint32 nodeId, bool suspended) external {
        if (msg.sender != distributor) revert NodeRegistryNotDistributor(msg.sender, distributor);
        Record storage node = _nodes[nodeId];
        if (node.suspended == suspended) return;
        node.suspended = suspended;
        uint64 epoch = currentEpoch() + 1;
        if (suspended) emit NodeSuspended(nodeId, epoch);
        else emit NodeReinstated(nodeId, epoch);
        (Standing from, Standing to) = suspended
            ? (Standing.Earning, Standing.Suspended)
            : (Standing.Suspended, Standing.Earning);
        if (node.standing == from) _setStanding(nodeId, to, _seatCounts.latest());
    }

    /// @dev All changes begin with the next epoch, so that the epoch under way is final for those who pay it.
    function _setStanding(uint32 nodeId, Standing standing, uint192 seats) private {
        uint64 next = currentEpoch() + 1;
        Record storage node = _nodes[nodeId];
        node.standings.set(next, uint192(standing));
        _seatCounts.set(next, seats);
        // A seat that was taken and left before it began has no stretch at all.
        uint256 length = node.standings.entries.length;
        uint256 last = length == 0 ? 0 : node.standings.entries[length - 1];
        node.stretches = uint32(length);
        node.sinceEpoch = uint48(EpochTrace.epochOf(last));
        node.standing = Standing(EpochTrace.valueOf(last));
    }

    /// @inheritdoc ISeats
    function seatsAt(uint64 epoch) external view returns (uint256) {
        return _seatCounts.valueAt(epoch);
    }

    /// @inheritdoc ISeats
    function nextSeatedEpoch(uint64 fromEpoch) external view returns (bool found, uint64 epoch, uint256 seats) {
        uint256 after_ = _seatCounts.firstAfter(fromEpoch);
        if (after_ > 0) {
            seats = EpochTrace.valueOf(_seatCounts.entries[after_ - 1]);
            if (seats > 0) return (true, fromEpoch, seats);
        }
        if (after_ == _seatCounts.entries.length) return (false, 0, 0);
        // Neighbours differ, so what follows an epoch without seats has some.
        uint256 entry = _seatCounts.entries[after_];
        return (true, EpochTrace.epochOf(entry), EpochTrace.valueOf(entry));
    }

    /// @inheritdoc ISeats
    function serviceOf(uint32 nodeId) external view returns (address payout, uint256 count, Stretch memory latest) {
        Record storage node = _nodes[nodeId];
        return (node.payout, node.stretches, Stretch(node.sinceEpoch, node.standing));
    }

    /// @inheritdoc ISeats
    function stretchesOf(
        uint32 nodeId,
        uint256 fromIndex,
        uint256 limit
    ) external view returns (Stretch[] memory stretches) {
        uint256[] storage entries = _nodes[nodeId].standings.entries;
        uint256 length = entries.length;
        if (fromIndex >= length) return stretches;
        uint256 count = length - fromIndex;
        if (count > limit) count = limit;
        stretches = new Stretch[](count);
        for (uint256 i = 0; i < count; i++) {
            uint256 entry = entries[fromIndex + i];
            stretches[i] = Stretch(EpochTrace.epochOf(entry), Standing(EpochTrace.valueOf(entry)));
        }
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc INodeRegistry
    function getAllNodes() external view returns (NodeWithId[] memory nodes) {
        uint256 count = _present.length();
        nodes = new NodeWithId[](count);
        for (uint256 i = 0; i < count; i++) {
            uint32 nodeId = uint32(_present.at(i));
            nodes[i] = NodeWithId(nodeId, getNode(nodeId));
        }
    }

    /// @inheritdoc INodeRegistry
    function getNode(uint32 nodeId) public view returns (Node memory) {
        Record storage node = _nodes[nodeId];
        if (node.phase == Phase.Unknown) revert NodeRegistryUnknownNode(nodeId);
        return Node(node.signer, isCanonical(nodeId), node.signingPublicKey, node.httpAddress);
    }

    /// @inheritdoc INodeRegistry
    function isCanonical(uint32 nodeId) public view returns (bool) {
        return _nodes[nodeId].standings.valueAt(currentEpoch()) == uint192(Standing.Earning);
    }

    /// @inheritdoc INodeRegistry
    function payoutOf(uint32 nodeId) external view returns (address) {
        return _nodes[nodeId].payout;
    }

    /// @inheritdoc INodeRegistry
    function isSuspended(uint32 nodeId) external view returns (bool) {
        return _nodes[nodeId].suspended;
    }

    /// @inheritdoc INodeRegistry
    function phaseOf(uint32 nodeId) external view returns (Phase) {
        return _nodes[nodeId].phase;
    }

    /// @inheritdoc INodeRegistry
    function nodeOf(address signer) external view returns (uint32) {
        return _nodeOf[signer];
    }

    /// @inheritdoc INodeRegistry
    function currentEpoch() public view returns (uint64) {
        return uint64(block.timestamp / epochSeconds);
    }
}
