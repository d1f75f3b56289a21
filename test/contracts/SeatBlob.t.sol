// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SSTORE2} from "solady/src/utils/SSTORE2.sol";

import {SeatBlob} from "../../contracts/libraries/SeatBlob.sol";
import {within} from "../support/Vm.sol";

/// @notice Seats out of the code of a version, against the plain list that it was written from.
contract SeatBlobTest {
    uint256 private constant MOST = 90;

    bytes private _sum;
    uint32[] private _ids;
    uint96[] private _weights;
    bytes[] private _keys;
    address private _pointer;

    /// Keys are bytes here: the library does not look at them.
    function _write(uint256 seed, uint256 count) private {
        _sum = _randomKey(seed, MOST);
        bytes memory blob = _sum;
        uint32 id;
        for (uint256 i = 0; i < count; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            id += uint32(within(random, 1, type(uint32).max / MOST - 1));
            // Full of ones now and then: nothing of a neighbour may get in.
            uint96 weight = random % 3 == 0 ? type(uint96).max : uint96(random >> 64);
            bytes memory key = _randomKey(seed, i);
            _ids.push(id);
            _weights.push(weight);
            _keys.push(key);
            blob = bytes.concat(blob, abi.encodePacked(id, weight), key);
        }
        _pointer = SSTORE2.write(blob);
    }

    function _randomKey(uint256 seed, uint256 i) private pure returns (bytes memory key) {
        for (uint256 part = 0; part < 6; part++) key = bytes.concat(key, keccak256(abi.encode(seed, i, part)));
    }

    function _checks(uint256 positions) private view {
        uint32[] memory nodeIds = SeatBlob.nodeIdsAt(_pointer, positions);
        uint256[] memory weights = SeatBlob.weightsAt(_pointer, positions);
        (bytes memory keys, uint256 weight) = SeatBlob.readSeats(_pointer, positions);
        bytes memory expected;
        uint256 sum;
        uint256 n;
        for (uint256 i = 0; i < _ids.length; i++) {
            if ((positions >> i) & 1 == 0) continue;
            assert(nodeIds[n] == _ids[i] && weights[n] == _weights[i]);
            expected = bytes.concat(expected, _keys[i]);
            sum += _weights[i];
            n++;
        }
        assert(nodeIds.length == n && weights.length == n);
        assert(weight == sum && keccak256(keys) == keccak256(expected));
    }

    function testFuzz_readsWhatWasWritten(uint256 seed, uint256 count, uint256 positions) public {
        count = within(count, 0, MOST);
        _write(seed, count);
        uint256 all = (1 << count) - 1;
        _checks(positions & all);
        _checks(positions & (positions >> 100) & all);
        assert(keccak256(SeatBlob.sumOf(_pointer)) == keccak256(_sum));
        if (count > 0) assert(SeatBlob.nodeIdAt(_pointer, positions % count) == _ids[positions % count]);
    }

    function test_readsNobodyEverybodyAndEachAlone() public {
        _write(7, MOST);
        _checks(0);
        _checks((1 << MOST) - 1);
        for (uint256 i = 0; i < MOST; i++) {
            _checks(1 << i);
            assert(SeatBlob.nodeIdAt(_pointer, i) == _ids[i]);
        }
    }

    /// What is read leaves memory as it should be: what comes after it is not overwritten.
    function test_readingLeavesMemoryWhole() public {
        _write(8, 3);
        bytes memory before = hex"aabbcc";
        (bytes memory keys, ) = SeatBlob.readSeats(_pointer, 7);
        bytes memory sum = SeatBlob.sumOf(_pointer);
        uint32[] memory nodeIds = SeatBlob.nodeIdsAt(_pointer, 5);
        assert(keys.length == 576 && sum.length == 192 && nodeIds.length == 2);
        assert(keccak256(before) == keccak256(hex"aabbcc"));
        assert(keccak256(keys) == keccak256(bytes.concat(_keys[0], _keys[1], _keys[2])));
        assert(keccak256(new bytes(64)) == keccak256(abi.encode(0, 0)));
    }
}
