// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {NodeRegistry} from "../../contracts/NodeRegistry.sol";
import {INodeStake} from "../../contracts/interfaces/INodeStake.sol";
import {Standing} from "../../contracts/interfaces/ISeats.sol";
import {EpochTrace} from "../../contracts/libraries/EpochTrace.sol";
import {vm, within} from "../support/Vm.sol";

contract EpochTraceTest {
    using EpochTrace for EpochTrace.Trace;

    EpochTrace.Trace private _trace;

    /// Any ascending sequence of settings answers for every epoch as a plain table does; neighbours differ.
    function testFuzz_answersLikeATable(uint8[24] memory steps, uint8[24] memory values) public {
        // In memory: in storage, the table would take most of the time.
        uint192[90] memory model;
        uint64 epoch = 5;
        for (uint256 i = 0; i < steps.length; i++) {
            uint64 next = epoch + uint64(within(steps[i], 0, 3));
            uint192 value = uint192(within(values[i], 0, 2));
            _trace.set(next, value);
            for (uint64 between = epoch + 1; i > 0 && between < next; between++) model[between] = model[epoch];
            (epoch, model[next]) = (next, value);
        }
        for (uint64 later = epoch + 1; later < 90; later++) model[later] = model[epoch];
        for (uint64 at = 0; at < 90; at++) {
            assert(_trace.valueAt(at) == model[at]);
        }
        assert(_trace.latest() == model[89]);
        for (uint256 i = 1; i < _trace.entries.length; i++) {
            assert(EpochTrace.epochOf(_trace.entries[i]) > EpochTrace.epochOf(_trace.entries[i - 1]));
            assert(EpochTrace.valueOf(_trace.entries[i]) != EpochTrace.valueOf(_trace.entries[i - 1]));
        }
    }

    function set(uint64 epoch, uint192 value) external {
        _trace.set(epoch, value);
    }

    /// What was is not written again: only the latest epoch may still change.
    function test_anEpochBeforeTheLatestIsRefused() public {
        _trace.set(5, 1);
        _trace.set(7, 2);
        try this.set(6, 3) {
            assert(false);
        } catch (bytes memory answer) {
            bytes4 selector = EpochTrace.EpochTraceNotAscending.selector;
            assert(keccak256(answer) == keccak256(abi.encodeWithSelector(selector, 6, 7)));
        }
        assert(_trace.entries.length == 2 && _trace.valueAt(6) == 1 && _trace.latest() == 2);
        _trace.set(7, 3);
        assert(_trace.entries.length == 2 && _trace.valueAt(6) == 1 && _trace.latest() == 3);
    }
}

/// @notice Takes every stake for posted.
contract StakeStub is INodeStake {
    function post(uint32, address) external {}

    function release(uint32, address) external {}

    function registry() external view returns (address) {}

    function stakeOf(uint32) external view returns (uint256) {}

    function minimumStake() external view returns (uint256) {}
}

contract NodeRegistrySeatsTest {
    NodeRegistry private _registry;
    bytes[6] private _keys;

    function setUp() public {
        vm.warp(1_000 * 12 hours);
        _registry = new NodeRegistry(new StakeStub(), address(this), address(this), 12 hours, 3);
        for (uint256 i = 0; i < 6; i++) _keys[i] = _point(i);
    }

    /// The first six x from 1 on that have a point; p = 3 (mod 4), so a root is a power.
    function _point(uint256 index) private pure returns (bytes memory) {
        uint256 p = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
        for (uint256 x = 1; ; x++) {
            uint256 square = addmod(mulmod(x, mulmod(x, x, p), p), 7, p);
            uint256 root = 1;
            uint256 base = square;
            for (uint256 e = (p + 1) / 4; e > 0; e >>= 1) {
                if (e & 1 == 1) root = mulmod(root, base, p);
                base = mulmod(base, base, p);
            }
            if (mulmod(root, root, p) != square) continue;
            if (index == 0) return abi.encodePacked(bytes1(0x04), x, root);
            index--;
        }
    }

    /// I10: counts, standings and the next seated epoch agree with one another after any history.
    function testFuzz_I10_seatsAgreeWithStandings(uint256 seed) public {
        uint64 start = _registry.currentEpoch();
        uint32 nodes;
        for (uint256 step = 0; step < 24; step++) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint32 nodeId = uint32(100 * (1 + ((seed >> 8) % 6)));
            if (seed % 5 == 0 && nodes < 6) {
                _registry.register(_keys[nodes++], "http://node", address(this));
            } else if (seed % 5 == 4) {
                _registry.setSuspended(nodeId, (seed >> 16) % 2 == 0);
            } else if (seed % 5 == 1) {
                try _registry.exit(nodeId) {} catch {}
            } else if (seed % 5 == 2) {
                try _registry.takeSeat(nodeId) {} catch {}
            } else {
                vm.warp(block.timestamp + within(seed >> 16, 1, 3) * 12 hours);
            }
        }
        uint64 end = _registry.currentEpoch() + 2;
        uint256[] memory counted = new uint256[](end - start);
        for (uint32 i = 1; i <= nodes; i++) _countSeated(i * 100, start, counted);
        for (uint64 epoch = start; epoch < end; epoch++) {
            uint256 seats = _registry.seatsAt(epoch);
            assert(seats <= 3);
            assert(counted[epoch - start] == seats);
            (bool found, uint64 next, uint256 count) = _registry.nextSeatedEpoch(epoch);
            if (seats > 0) assert(found && next == epoch && count == seats);
            else if (found) assert(next > epoch && count == _registry.seatsAt(next) && count > 0);
            for (uint64 between = epoch; found && between < next; between++) assert(_registry.seatsAt(between) == 0);
            if (!found) assert(_registry.seatsAt(end) == 0);
        }
    }

    /// Adds the epochs from `start` on in which a node has a seat.
    function _countSeated(uint32 nodeId, uint64 start, uint256[] memory counted) private view {
        NodeRegistry.Stretch[] memory stretches = _registry.stretchesOf(nodeId, 0, 100);
        _checkService(nodeId, stretches);
        for (uint256 i = 0; i < stretches.length; i++) {
            if (stretches[i].standing == Standing.None) continue;
            uint256 end = i + 1 < stretches.length ? stretches[i + 1].fromEpoch - start : counted.length;
            for (uint256 epoch = stretches[i].fromEpoch - start; epoch < end; epoch++) counted[epoch]++;
        }
    }

    /// The copy of the last stretch that payers read is the last stretch.
    function _checkService(uint32 nodeId, NodeRegistry.Stretch[] memory stretches) private view {
        (, uint256 count, NodeRegistry.Stretch memory latest) = _registry.serviceOf(nodeId);
        assert(count == stretches.length);
        if (latest.standing != Standing.None) {
            assert((latest.standing == Standing.Suspended) == _registry.isSuspended(nodeId));
        }
        if (count == 0) return;
        assert(latest.fromEpoch == stretches[count - 1].fromEpoch);
        assert(latest.standing == stretches[count - 1].standing);
    }
}
