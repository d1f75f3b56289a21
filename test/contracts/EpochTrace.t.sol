// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EpochTrace} from "../../contracts/libraries/EpochTrace.sol";
import {within} from "../support/Vm.sol";

contract EpochTraceTest {
    using EpochTrace for EpochTrace.Trace;

    EpochTrace.Trace private _trace;
    mapping(uint64 epoch => uint192) private _model;

    /// Any ascending sequence of settings answers for every epoch as a plain table does; neighbours differ.
    function testFuzz_answersLikeATable(uint8[24] memory steps, uint8[24] memory values) public {
        uint64 epoch = 5;
        for (uint256 i = 0; i < steps.length; i++) {
            epoch += uint64(within(steps[i], 0, 3));
            uint192 value = uint192(within(values[i], 0, 2));
            _trace.set(epoch, value);
            for (uint64 later = epoch; later < 90; later++) _model[later] = value;
        }
        for (uint64 at = 0; at < 90; at++) {
            assert(_trace.valueAt(at) == _model[at]);
        }
        assert(_trace.latest() == _model[89]);
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

    /// What was set for an epoch and later ones is taken back; what was before it stays.
    function testFuzz_dropsWhatIsNotYet(uint8[12] memory steps, uint8[12] memory values, uint8 from) public {
        uint64 epoch = 5;
        for (uint256 i = 0; i < steps.length; i++) {
            epoch += uint64(within(steps[i], 1, 3));
            _trace.set(epoch, uint192(within(values[i], 0, 2)));
            for (uint64 later = epoch; later < 60; later++) _model[later] = uint192(within(values[i], 0, 2));
        }
        uint64 first = uint64(within(from, 0, 59));
        _trace.dropFrom(first);
        uint192 last = first == 0 ? 0 : _model[first - 1];
        for (uint64 at = 0; at < 60; at++) assert(_trace.valueAt(at) == (at < first ? _model[at] : last));
        assert(_trace.latest() == last);
    }
}
