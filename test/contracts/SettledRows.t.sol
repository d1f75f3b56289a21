// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {SettledRows} from "../../contracts/libraries/SettledRows.sol";
import {Balances} from "../../contracts/types/Balances.sol";
import {Vm, vm, within} from "../support/Vm.sol";

contract SettledRowsTest {
    using SettledRows for uint256;

    /// Writes some of the rows that memory was taken for, with the free pointer anywhere and dirt behind it.
    function log(uint256 reserved, uint256 padding, address[] calldata keys, uint256[] calldata words) external {
        assembly ("memory-safe") {
            let free := add(mload(0x40), padding)
            mstore(0x40, free)
            for {
                let i := 0
            } lt(i, 40) {
                i := add(i, 1)
            } {
                mstore(add(free, mul(i, 32)), not(0))
            }
        }
        (uint256 start, uint256 cursor) = SettledRows.begin(reserved);
        uint256 behind = cursor;
        for (uint256 i = 0; i < keys.length; i++) cursor = cursor.append(keys[i], Balances.wrap(words[i]));
        start.log(cursor, IPostageChannels.Settled.selector, msg.sender, words.length, reserved);
        uint256 next;
        assembly ("memory-safe") {
            next := mload(0x40)
        }
        // Nothing was written beyond what was taken.
        assert(next >= behind + keys.length * 36 + 32);
    }

    /// The event is, byte for byte, what the compiler would have emitted.
    function testFuzz_theEventIsWhatTheCompilerEncodes(uint256 seed, uint8 many, uint8 fewer, uint8 padding) public {
        uint256 reserved = within(many, 0, 20);
        address[] memory keys = new address[](reserved - within(fewer, 0, reserved));
        uint256[] memory words = new uint256[](keys.length);
        bytes memory rows;
        for (uint256 i = 0; i < keys.length; i++) {
            keys[i] = address(uint160(uint256(keccak256(abi.encode(seed, i, "key")))));
            words[i] = uint256(keccak256(abi.encode(seed, i)));
            rows = abi.encodePacked(rows, keys[i], uint64(words[i] >> 192), uint64(words[i] >> 128));
        }
        vm.recordLogs();
        this.log(reserved, uint256(padding) * 32, keys, words);
        emit IPostageChannels.Settled(address(this), uint64(keys.length), uint64(reserved), rows);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assert(logs.length == 2);
        assert(
            keccak256(abi.encode(logs[0].topics, logs[0].data)) == keccak256(abi.encode(logs[1].topics, logs[1].data))
        );
    }
}
