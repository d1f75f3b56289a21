// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {NodeSeats} from "../../contracts/NodeSeats.sol";
import {IBlsVerifier} from "../../contracts/interfaces/IBlsVerifier.sol";
import {INodeSeats, ISeatedNodes} from "../../contracts/interfaces/INodeSeats.sol";
import {INodeStaking} from "../../contracts/interfaces/INodeStaking.sol";
import {ISeats, Standing} from "../../contracts/interfaces/ISeats.sol";
import {vm, within} from "../support/Vm.sol";

/**
 * @notice Plays registry, staking, distributor, reports and authority for eight nodes and at most four seats, and keeps
 * a table of its own: how each node stands in each epoch, written anew for all later epochs with every change.
 */
contract NodeSeatsHandler {
    uint256 internal constant NODES = 8;
    uint256 internal constant MINIMUM = 100;
    uint64 internal constant EPOCH = 12 hours;
    uint64 internal constant TERM = 6;
    uint64 internal constant START = 1_000;
    uint64 internal constant LAST = START + 400;

    NodeSeats public seats;
    uint256 public entered;
    uint256 public modelMaxSeats = 4;
    bool public open = true;
    bool public jailedTooMany;
    bool public unexpected;

    mapping(uint32 nodeId => uint256) public stakeOf;
    mapping(uint32 nodeId => bool) public isFrozen;
    mapping(uint32 nodeId => bool) public hasLeft;

    mapping(uint32 nodeId => bool) public seated;
    mapping(uint32 nodeId => uint256) public seatMinimum;
    mapping(uint32 nodeId => bool) public suspended;
    mapping(uint32 nodeId => bool) public admitted;
    mapping(uint32 nodeId => uint64) public jailUntil;
    mapping(uint32 nodeId => mapping(uint64 epoch => Standing)) private _table;
    /// Epochs that were under way while a version was written, and the nodes that it has to have.
    mapping(uint64 version => uint256) public versionNodes;

    constructor() {
        vm.warp(uint256(START) * EPOCH);
        address me = address(this);
        NodeSeats.Links memory links = NodeSeats.Links(
            ISeatedNodes(me),
            INodeStaking(me),
            IBlsVerifier(me),
            me,
            me,
            me
        );
        seats = new NodeSeats(links, EPOCH, 4, INodeSeats.Admission.Open);
    }

    // ------------------------------------------------------------------------------------- what seats ask

    function canCall(address, address, bytes4) external pure returns (bool, uint32) {
        return (true, 0);
    }

    function ownerOf(uint256) external view returns (address) {
        return address(this);
    }

    function isLive(uint32 nodeId) external view returns (bool) {
        return !hasLeft[nodeId] && nodeId <= entered * 100;
    }

    function minimumStake() external pure returns (uint256) {
        return MINIMUM;
    }

    function stakesOf(uint32[] calldata nodeIds) external view returns (uint256[] memory stakes) {
        stakes = new uint256[](nodeIds.length);
        for (uint256 i = 0; i < nodeIds.length; i++) stakes[i] = stakeOf[nodeIds[i]];
    }

    /// The id stands for the key, so that a version tells whose keys it took.
    function attestationKeysOf(uint32[] calldata nodeIds) external pure returns (bytes memory keys) {
        for (uint256 i = 0; i < nodeIds.length; i++) keys = bytes.concat(keys, new bytes(188), bytes4(nodeIds[i]));
    }

    function addKeys(bytes calldata, bytes calldata keys) external pure returns (bytes memory sum) {
        return bytes.concat(new bytes(160), keccak256(keys));
    }

    // ------------------------------------------------------------------------------------------- actions

    function nodeAt(uint256 i) public pure returns (uint32) {
        return uint32(100 * (1 + (i % NODES)));
    }

    function enter(uint256 stake) public {
        if (entered == NODES) return;
        uint32 nodeId = nodeAt(entered++);
        stakeOf[nodeId] = within(stake, MINIMUM, MINIMUM * 3);
        seats.enter(nodeId, address(this));
        if (open && modelCount() < modelMaxSeats) _seat(nodeId, MINIMUM);
        _write(nodeId);
    }

    function leave(uint256 i) public {
        uint32 nodeId = nodeAt(i);
        if (hasLeft[nodeId] || nodeId > entered * 100) return;
        hasLeft[nodeId] = true;
        stakeOf[nodeId] = 0;
        seats.leave(nodeId);
        seated[nodeId] = false;
        _write(nodeId);
    }

    function takeSeat(uint256 i) public {
        uint32 nodeId = nodeAt(i);
        bool may = !hasLeft[nodeId] && nodeId <= entered * 100 && !seated[nodeId] && !isFrozen[nodeId];
        may = may && (open || admitted[nodeId]);
        (uint256 needed, uint32 weakest) = _price();
        may = may && stakeOf[nodeId] >= needed;
        try seats.takeSeat(nodeId) {
            if (!may) unexpected = true;
            if (weakest != 0) {
                seated[weakest] = false;
                _write(weakest);
            }
            _seat(nodeId, needed);
            _write(nodeId);
        } catch {
            if (may) unexpected = true;
        }
    }

    function _price() private view returns (uint256 needed, uint32 weakest) {
        if (modelCount() < modelMaxSeats) return (MINIMUM, 0);
        for (uint32 nodeId = 100; nodeId <= 100 * NODES; nodeId += 100) {
            if (seated[nodeId] && (weakest == 0 || stakeOf[nodeId] <= stakeOf[weakest])) weakest = nodeId;
        }
        // The smallest that is no less than 110 %.
        needed = MINIMUM;
        while (needed * 10 < stakeOf[weakest] * 11) needed++;
    }

    function slash(uint256 i, uint256 share) public {
        uint32 nodeId = nodeAt(i);
        stakeOf[nodeId] -= (stakeOf[nodeId] * within(share, 1, 100)) / 100;
        seats.stakeSlashed(nodeId, stakeOf[nodeId]);
        if (seated[nodeId] && stakeOf[nodeId] < seatMinimum[nodeId]) {
            seated[nodeId] = false;
            _write(nodeId);
        }
    }

    function addStake(uint256 i, uint256 amount) public {
        uint32 nodeId = nodeAt(i);
        if (!hasLeft[nodeId] && nodeId <= entered * 100) stakeOf[nodeId] += within(amount, 1, MINIMUM);
    }

    function suspend(uint256 i, bool on) public {
        seats.setSuspended(nodeAt(i), on);
        suspended[nodeAt(i)] = on;
        _write(nodeAt(i));
    }

    function jail(uint256 i, uint256 j) public {
        uint32[] memory nodeIds = new uint32[](3);
        (nodeIds[0], nodeIds[1], nodeIds[2]) = (nodeAt(i), nodeAt(j), nodeAt(i));
        seats.jail(nodeIds);
        uint64 next = _epoch() + 1;
        for (uint256 k = 0; k < 3; k++) {
            uint32 nodeId = nodeIds[k];
            if (!seated[nodeId]) continue;
            if (jailUntil[nodeId] <= next && 3 * (jailedCount(next) + 1) > modelCount()) continue;
            jailUntil[nodeId] = next + TERM;
            _write(nodeId);
        }
        if (3 * jailedCount(next) > modelCount()) jailedTooMany = jailedTooMany || _jailedOnChain(next);
    }

    function _jailedOnChain(uint64 epoch) private view returns (bool) {
        uint256 jailed;
        for (uint32 nodeId = 100; nodeId <= 100 * NODES; nodeId += 100) {
            if (seated[nodeId] && seats.jailedUntil(nodeId) > epoch) jailed++;
        }
        // More than a third only because seats were left since.
        return jailed > jailedCount(epoch);
    }

    function setRules(uint256 maxSeats, bool anyone, uint256 i, bool may, bool frozen) public {
        modelMaxSeats = within(maxSeats, 1, 4);
        seats.setMaxSeats(modelMaxSeats);
        open = anyone;
        seats.setAdmission(anyone ? INodeSeats.Admission.Open : INodeSeats.Admission.Approved);
        admitted[nodeAt(i)] = may;
        seats.setAdmitted(nodeAt(i), may);
        isFrozen[nodeAt(i)] = frozen;
    }

    function rollOver() public {
        uint64 before = seats.latestVersion();
        uint64 version = seats.rollOver();
        if (version == before) return;
        uint256 nodes;
        for (uint32 nodeId = 100; nodeId <= 100 * NODES; nodeId += 100) {
            if (standingAt(nodeId, _epoch()) == Standing.Earning) nodes |= 1 << (nodeId / 100);
        }
        versionNodes[version] = nodes;
    }

    function pass(uint256 time) public {
        uint256 next = block.timestamp + within(time, 1, 2 * EPOCH);
        if (next < uint256(LAST - 20) * EPOCH) vm.warp(next);
    }

    // --------------------------------------------------------------------------------------------- model

    function _epoch() internal view returns (uint64) {
        return uint64(block.timestamp / EPOCH);
    }

    function modelCount() public view returns (uint256 count) {
        for (uint32 nodeId = 100; nodeId <= 100 * NODES; nodeId += 100) if (seated[nodeId]) count++;
    }

    function jailedCount(uint64 epoch) public view returns (uint256 count) {
        for (uint32 nodeId = 100; nodeId <= 100 * NODES; nodeId += 100) {
            if (seated[nodeId] && jailUntil[nodeId] > epoch) count++;
        }
    }

    function _seat(uint32 nodeId, uint256 needed) private {
        seated[nodeId] = true;
        seatMinimum[nodeId] = needed;
    }

    /// Writes the node's line of the table from the next epoch on: the plain rule, epoch by epoch.
    function _write(uint32 nodeId) private {
        uint64 next = _epoch() + 1;
        // What held last holds up to now.
        for (uint64 epoch = written[nodeId] + 1; epoch < next && written[nodeId] != 0; epoch++) {
            _table[nodeId][epoch] = _table[nodeId][written[nodeId]];
        }
        for (uint64 epoch = next; epoch < next + TERM + 2; epoch++) {
            Standing standing = Standing.Earning;
            if (epoch < jailUntil[nodeId]) standing = Standing.Jailed;
            if (suspended[nodeId]) standing = Standing.Suspended;
            if (!seated[nodeId]) standing = Standing.None;
            _table[nodeId][epoch] = standing;
        }
        written[nodeId] = next + TERM + 1;
    }

    /// The last epoch that is written; it holds for all later ones.
    mapping(uint32 nodeId => uint64) public written;

    function standingAt(uint32 nodeId, uint64 epoch) public view returns (Standing) {
        return _table[nodeId][epoch < written[nodeId] ? epoch : written[nodeId]];
    }

    function epochs() external view returns (uint64 first, uint64 beyond) {
        return (START, _epoch() + TERM + 3);
    }
}

contract NodeSeatsTest {
    NodeSeatsHandler private _handler;
    NodeSeats private _seats;

    function setUp() public {
        _handler = new NodeSeatsHandler();
        _seats = _handler.seats();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// I10, cases 20 and 26: what payers read of every node and epoch is the table; the number of seats is the sum.
    function invariant_I10_standingsAreTheTable() public view {
        (uint64 first, uint64 beyond) = _handler.epochs();
        // Far back is as it was; a window keeps the test quick.
        if (beyond > first + 30) first = beyond - 30;
        for (uint64 epoch = first; epoch < beyond; epoch++) {
            uint256 counted;
            for (uint32 nodeId = 100; nodeId <= 800; nodeId += 100) {
                Standing standing = _standingOf(nodeId, epoch);
                assert(standing == _handler.standingAt(nodeId, epoch));
                if (standing != Standing.None) counted++;
            }
            assert(_seats.seatsAt(epoch) == counted);
        }
        assert(!_handler.unexpected());
    }

    function _standingOf(uint32 nodeId, uint64 epoch) private view returns (Standing standing) {
        ISeats.Stretch[] memory stretches = _seats.stretchesOf(nodeId, 0, 1_000);
        (, uint256 count, ISeats.Stretch memory latest) = _seats.serviceOf(nodeId);
        assert(count == stretches.length);
        if (count > 0) assert(latest.fromEpoch == stretches[count - 1].fromEpoch);
        if (count > 0) assert(latest.standing == stretches[count - 1].standing);
        for (uint256 i = 0; i < count && stretches[i].fromEpoch <= epoch; i++) {
            if (i > 0) assert(stretches[i].standing != stretches[i - 1].standing);
            standing = stretches[i].standing;
        }
    }

    /// The next epoch with a seat is the first one that has one.
    function invariant_I10_nextSeatedEpoch() public view {
        (uint64 first, uint64 beyond) = _handler.epochs();
        if (beyond > first + 20) first = beyond - 20;
        for (uint64 epoch = first; epoch < beyond; epoch++) {
            (bool found, uint64 next, uint256 seats) = _seats.nextSeatedEpoch(epoch);
            if (!found) assert(_seats.seatsAt(beyond) == 0);
            if (found) assert(seats > 0 && seats == _seats.seatsAt(next));
            for (uint64 between = epoch; found && between < next; between++) assert(_seats.seatsAt(between) == 0);
        }
    }

    /// At most a third of the seats are in jail when one is sent there.
    function invariant_jailIsBounded() public view {
        assert(!_handler.jailedTooMany());
        for (uint32 nodeId = 100; nodeId <= 800; nodeId += 100) {
            assert(_seats.jailedUntil(nodeId) == _handler.jailUntil(nodeId));
        }
    }

    /// I12: a version has the active seats of its epoch, ascending, with their keys, and the sum of exactly those.
    function invariant_I12_versionsHaveTheActiveSeats() public view {
        for (uint64 version = 1; version <= _seats.latestVersion(); version++) {
            bytes memory blob = _seats.blobOf(version);
            uint256 count = (blob.length - 192) / 208;
            assert(blob.length == 192 + 208 * count && count == _seats.getVersion(version).seats);
            uint256 nodes;
            uint256 previous;
            bytes memory keys;
            for (uint256 i = 0; i < count; i++) {
                uint256 nodeId = _word(blob, 192 + 208 * i) >> 224;
                assert(nodeId > previous);
                previous = nodeId;
                nodes |= 1 << (nodeId / 100);
                assert(uint32(_word(blob, 192 + 208 * i + 176)) == nodeId);
                keys = bytes.concat(keys, new bytes(188), bytes4(uint32(nodeId)));
            }
            assert(nodes == _handler.versionNodes(version));
            assert(_word(blob, 160) == uint256(keccak256(keys)));
            if (version > 1) assert(_seats.getVersion(version).epoch > _seats.getVersion(version - 1).epoch);
            assert(_seats.versionAt(_seats.getVersion(version).epoch) == version);
        }
    }

    function _word(bytes memory data, uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), at))
        }
    }
}
