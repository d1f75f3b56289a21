// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {RegistryVersions} from "./base/RegistryVersions.sol";
import {IBlsVerifier} from "./interfaces/IBlsVerifier.sol";
import {INodeSeats, ISeatedNodes} from "./interfaces/INodeSeats.sol";
import {INodeStaking} from "./interfaces/INodeStaking.sol";
import {IRegistryVersions} from "./interfaces/IRegistryVersions.sol";
import {ISeats, Standing} from "./interfaces/ISeats.sol";
import {EpochTrace} from "./libraries/EpochTrace.sol";

/// @title NodeSeats: who serves in which epoch, and how it stands.
/// @notice See INodeSeats, ISeats and IRegistryVersions.
contract NodeSeats is INodeSeats, RegistryVersions, AccessManaged {
    using EpochTrace for EpochTrace.Trace;
    using EnumerableSet for EnumerableSet.UintSet;

    uint256 private constant MAX_SEATS = 90;
    uint256 private constant JAIL_SECONDS = 3 days;
    /// @dev One in so many seats is jailed at once, at most.
    uint256 private constant JAILED_SHARE = 3;

    /// @inheritdoc INodeSeats
    ISeatedNodes public immutable registry;
    /// @inheritdoc INodeSeats
    INodeStaking public immutable staking;
    /// @inheritdoc INodeSeats
    IBlsVerifier public immutable blsVerifier;
    /// @inheritdoc ISeats
    uint64 public immutable epochSeconds;
    /// @inheritdoc INodeSeats
    address public immutable distributor;
    /// @inheritdoc INodeSeats
    address public immutable reports;

    /**
     * slot 1 | payout 160 | sinceEpoch 48 | standing 8 | stretches 32      all that paying a seated node reads
     * slot 2 | minimum 96 | jailedUntil 48 | leftBeforeEpoch 48 | suspended 8 | seated 8 | admitted 8
     * The last three of slot 1 are the last entry of `standings` and how many there are.
     */
    // solhint-disable-next-line gas-struct-packing
    struct Seat {
        address payout;
        uint48 sinceEpoch;
        Standing standing;
        uint32 stretches;
        uint96 minimum;
        uint48 jailedUntil;
        uint48 leftBeforeEpoch;
        bool suspended;
        bool seated;
        bool admitted;
        EpochTrace.Trace standings;
    }

    /// @inheritdoc INodeSeats
    uint256 public maxSeats;
    /// @inheritdoc INodeSeats
    Admission public admission;
    mapping(uint32 nodeId => Seat) private _seats;
    EpochTrace.Trace private _seatCounts;
    /// @dev Those that have a seat from the next epoch on.
    EnumerableSet.UintSet private _holders;
    /// @dev Those whose seat ends with the epoch `_leaversEpoch`: they still serve in it.
    uint32[] private _leavers;
    uint64 private _leaversEpoch;

    /// @dev Peers, none of which need exist yet.
    struct Links {
        ISeatedNodes registry;
        INodeStaking staking;
        IBlsVerifier blsVerifier;
        address distributor;
        address reports;
        address authority;
    }

    constructor(
        Links memory links,
        uint64 epochSeconds_,
        uint256 maxSeats_,
        Admission admission_
    ) AccessManaged(links.authority) {
        if (epochSeconds_ < 60) revert NodeSeatsEpochTooShort(epochSeconds_);
        registry = links.registry;
        staking = links.staking;
        blsVerifier = links.blsVerifier;
        distributor = links.distributor;
        reports = links.reports;
        epochSeconds = epochSeconds_;
        _setMaxSeats(maxSeats_);
        _setAdmission(admission_);
    }

    /// @inheritdoc INodeSeats
    function currentEpoch() public view returns (uint64) {
        return uint64(block.timestamp / epochSeconds);
    }

    // ------------------------------------------------------------------------------------------ taking a seat

    /// @inheritdoc INodeSeats
    function takeSeat(uint32 nodeId) external {
        if (registry.ownerOf(nodeId) != msg.sender) revert NodeSeatsNotOwner(msg.sender, nodeId);
        if (!registry.isLive(nodeId)) revert NodeSeatsNotLive(nodeId);
        Seat storage seat = _seats[nodeId];
        if (seat.seated) revert NodeSeatsAlreadySeated(nodeId);
        if (admission == Admission.Approved && !seat.admitted) revert NodeSeatsNotAdmitted(nodeId);
        if (staking.isFrozen(nodeId)) revert NodeSeatsFrozen(nodeId);
        (uint256 needed, uint32 weakest) = seatPrice();
        uint256 staked = staking.stakeOf(nodeId);
        if (staked < needed) revert NodeSeatsStakeTooSmall(staked, needed);
        if (weakest != 0) _leaveSeat(weakest);
        _takeSeat(nodeId, needed);
    }

    /// @inheritdoc INodeSeats
    function seatPrice() public view returns (uint256 needed, uint32 weakest) {
        needed = staking.minimumStake();
        uint256 count = _holders.length();
        if (count < maxSeats) return (needed, 0);
        uint32[] memory nodeIds = new uint32[](count);
        for (uint256 i = 0; i < count; i++) nodeIds[i] = uint32(_holders.at(i));
        uint256[] memory stakes = staking.stakesOf(nodeIds);
        uint256 least = type(uint256).max;
        for (uint256 i = 0; i < count; i++) {
            if (stakes[i] > least || (stakes[i] == least && nodeIds[i] < weakest)) continue;
            (least, weakest) = (stakes[i], nodeIds[i]);
        }
        // Rounded up: 110 % and not a unit less.
        uint256 more = (least * 11 + 9) / 10;
        if (more > needed) needed = more;
    }

    /// @inheritdoc INodeSeats
    function enter(uint32 nodeId, address payout) external {
        _requireRegistry();
        _setPayout(nodeId, payout);
        if (admission == Admission.Open && _holders.length() < maxSeats) _takeSeat(nodeId, staking.minimumStake());
    }

    function _takeSeat(uint32 nodeId, uint256 minimum) private {
        Seat storage seat = _seats[nodeId];
        seat.minimum = SafeCast.toUint96(minimum);
        seat.seated = true;
        _holders.add(nodeId);
        _setCount();
        _refresh(seat);
        emit SeatTaken(nodeId, currentEpoch() + 1, _holders.length());
    }

    // --------------------------------------------------------------------------------------------- losing it

    /// @inheritdoc INodeSeats
    function leave(uint32 nodeId) external {
        _requireRegistry();
        if (_seats[nodeId].seated) _leaveSeat(nodeId);
    }

    /// @inheritdoc INodeSeats
    function stakeSlashed(uint32 nodeId, uint256 staked) external {
        if (msg.sender != address(staking)) revert NodeSeatsNotStaking(msg.sender, address(staking));
        Seat storage seat = _seats[nodeId];
        if (seat.seated && staked < seat.minimum) _leaveSeat(nodeId);
    }

    function _leaveSeat(uint32 nodeId) private {
        Seat storage seat = _seats[nodeId];
        uint64 epoch = currentEpoch();
        seat.seated = false;
        _holders.remove(nodeId);
        _setCount();
        _refresh(seat);
        // One that never began leaves no trace; one that comes back and goes again in the same epoch leaves one.
        if (_servesIn(seat, epoch) && seat.leftBeforeEpoch != epoch + 1) {
            seat.leftBeforeEpoch = uint48(epoch + 1);
            if (_leaversEpoch != epoch) {
                delete _leavers;
                _leaversEpoch = epoch;
            }
            _leavers.push(nodeId);
        }
        emit SeatLeft(nodeId, epoch + 1, _holders.length());
    }

    /// @inheritdoc ISeats
    function setSuspended(uint32 nodeId, bool suspended) external {
        if (msg.sender != distributor) revert NodeSeatsNotDistributor(msg.sender, distributor);
        Seat storage seat = _seats[nodeId];
        if (seat.suspended == suspended) return;
        seat.suspended = suspended;
        uint64 epoch = currentEpoch() + 1;
        if (suspended) emit NodeSuspended(nodeId, epoch);
        else emit NodeReinstated(nodeId, epoch);
        _refresh(seat);
    }

    /// @inheritdoc INodeSeats
    function jail(uint32[] calldata nodeIds) external {
        if (msg.sender != reports) revert NodeSeatsNotReports(msg.sender, reports);
        uint64 next = currentEpoch() + 1;
        uint64 until = next + uint64((JAIL_SECONDS + epochSeconds - 1) / epochSeconds);
        uint256 most = _holders.length() / JAILED_SHARE;
        uint256 jailed = _jailedFrom(next);
        for (uint256 i = 0; i < nodeIds.length; i++) {
            Seat storage seat = _seats[nodeIds[i]];
            if (!seat.seated) continue;
            if (seat.jailedUntil <= next) {
                if (jailed >= most) continue;
                jailed++;
            }
            seat.jailedUntil = uint48(until);
            _refresh(seat);
            emit NodeJailed(nodeIds[i], next, until);
        }
    }

    function _jailedFrom(uint64 epoch) private view returns (uint256 jailed) {
        uint256 length = _holders.length();
        for (uint256 i = 0; i < length; i++) {
            if (_seats[uint32(_holders.at(i))].jailedUntil > epoch) jailed++;
        }
    }

    /// @dev All changes begin with the next epoch, so that the epoch under way is final for those who pay it. What was
    /// planned for later epochs is planned anew.
    function _refresh(Seat storage seat) private {
        uint64 next = currentEpoch() + 1;
        EpochTrace.Trace storage standings = seat.standings;
        standings.dropFrom(next);
        if (!seat.seated) {
            standings.set(next, uint192(Standing.None));
        } else if (seat.suspended) {
            standings.set(next, uint192(Standing.Suspended));
        } else if (seat.jailedUntil > next) {
            standings.set(next, uint192(Standing.Jailed));
            // The term ends by itself.
            standings.set(seat.jailedUntil, uint192(Standing.Earning));
        } else {
            standings.set(next, uint192(Standing.Earning));
        }
        // A seat that was taken and left before it began has no stretch at all.
        uint256 length = standings.entries.length;
        uint256 last = length == 0 ? 0 : standings.entries[length - 1];
        seat.stretches = uint32(length);
        seat.sinceEpoch = uint48(EpochTrace.epochOf(last));
        seat.standing = Standing(EpochTrace.valueOf(last));
    }

    function _setCount() private {
        _seatCounts.set(currentEpoch() + 1, uint192(_holders.length()));
    }

    function _requireRegistry() private view {
        if (msg.sender != address(registry)) revert NodeSeatsNotRegistry(msg.sender, address(registry));
    }

    /// @inheritdoc INodeSeats
    function setPayout(uint32 nodeId, address payout) external {
        _requireRegistry();
        _setPayout(nodeId, payout);
    }

    function _setPayout(uint32 nodeId, address payout) private {
        if (payout == address(0)) revert NodeSeatsPayoutNotAllowed(payout);
        _seats[nodeId].payout = payout;
        emit PayoutSet(nodeId, payout);
    }

    // ----------------------------------------------------------------------------------------------- versions

    /// @inheritdoc IRegistryVersions
    function rollOver() external returns (uint64 version) {
        uint64 epoch = currentEpoch();
        if (!_isRolledOver(epoch)) {
            uint32[] memory nodeIds = _seatedIds(true);
            bytes memory keys = registry.attestationKeysOf(nodeIds);
            _writeVersion(epoch, nodeIds, staking.stakesOf(nodeIds), keys, blsVerifier.addKeys("", keys));
        }
        return latestVersion();
    }

    // -------------------------------------------------------------------------------------------- parameters

    /// @inheritdoc INodeSeats
    function setAdmission(Admission admission_) external restricted {
        _setAdmission(admission_);
    }

    function _setAdmission(Admission admission_) private {
        admission = admission_;
        emit AdmissionSet(admission_);
    }

    /// @inheritdoc INodeSeats
    function setAdmitted(uint32 nodeId, bool admitted) external restricted {
        _seats[nodeId].admitted = admitted;
        emit NodeAdmitted(nodeId, admitted);
    }

    /// @inheritdoc INodeSeats
    function setMaxSeats(uint256 maxSeats_) external restricted {
        _setMaxSeats(maxSeats_);
    }

    function _setMaxSeats(uint256 maxSeats_) private {
        if (maxSeats_ == 0 || maxSeats_ > MAX_SEATS) revert NodeSeatsOutOfBounds(maxSeats_, MAX_SEATS);
        maxSeats = maxSeats_;
        emit MaxSeatsSet(maxSeats_);
    }

    // -------------------------------------------------------------------------------------------------- reads

    /// @inheritdoc INodeSeats
    function isActive(uint32 nodeId) public view returns (bool) {
        return _seats[nodeId].standings.valueAt(currentEpoch()) == uint192(Standing.Earning);
    }

    /// @inheritdoc INodeSeats
    function seatMinimumOf(uint32 nodeId) external view returns (uint256) {
        return _seats[nodeId].seated ? _seats[nodeId].minimum : 0;
    }

    /// @inheritdoc INodeSeats
    function isAdmitted(uint32 nodeId) external view returns (bool) {
        return _seats[nodeId].admitted;
    }

    /// @inheritdoc INodeSeats
    function seatedNodes() external view returns (uint32[] memory nodeIds, bool[] memory active) {
        nodeIds = _seatedIds(false);
        active = new bool[](nodeIds.length);
        for (uint256 i = 0; i < nodeIds.length; i++) active[i] = isActive(nodeIds[i]);
    }

    function _servesIn(Seat storage seat, uint64 epoch) private view returns (bool) {
        return seat.standings.valueAt(epoch) != uint192(Standing.None);
    }

    /// @dev All that have a seat in this epoch or from the next one on, twice MAX_SEATS at most, or of them those that
    /// are active now; ascending.
    function _seatedIds(bool activeOnly) private view returns (uint32[] memory nodeIds) {
        uint256 holders = _holders.length();
        uint256 leavers = _leaversEpoch == currentEpoch() ? _leavers.length : 0;
        nodeIds = new uint32[](holders + leavers);
        uint256 count;
        for (uint256 i = 0; i < holders + leavers; i++) {
            uint32 nodeId = i < holders ? uint32(_holders.at(i)) : _leavers[i - holders];
            // One that left and took a seat again is among the holders.
            if (i >= holders && _seats[nodeId].seated) continue;
            if (activeOnly && !isActive(nodeId)) continue;
            _insert(nodeIds, count++, nodeId);
        }
        assembly ("memory-safe") {
            mstore(nodeIds, count)
        }
    }

    function _insert(uint32[] memory ascending, uint256 count, uint32 nodeId) private pure {
        uint256 at = count;
        for (; at > 0 && ascending[at - 1] > nodeId; at--) ascending[at] = ascending[at - 1];
        ascending[at] = nodeId;
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
        Seat storage seat = _seats[nodeId];
        return (seat.payout, seat.stretches, Stretch(seat.sinceEpoch, seat.standing));
    }

    /// @inheritdoc ISeats
    function stretchesOf(
        uint32 nodeId,
        uint256 fromIndex,
        uint256 limit
    ) external view returns (Stretch[] memory stretches) {
        uint256[] storage entries = _seats[nodeId].standings.entries;
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

    /// @inheritdoc INodeSeats
    function jailedUntil(uint32 nodeId) external view returns (uint64) {
        return _seats[nodeId].jailedUntil;
    }

    /// @inheritdoc INodeSeats
    function isSuspended(uint32 nodeId) external view returns (bool) {
        return _seats[nodeId].suspended;
    }

    /// @inheritdoc INodeSeats
    function payoutOf(uint32 nodeId) external view returns (address) {
        return _seats[nodeId].payout;
    }
}
