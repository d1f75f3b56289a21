// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// @notice Expects calls to be refused: with exactly one error, its arguments included, and with nothing changed.
abstract contract Refusals {
    error RefusalsTaken(bytes call);
    error RefusalsOtherError(bytes answer, bytes expected);

    /// All that a refused call must leave as it was; reverts when an invariant does not hold.
    function _state() internal view virtual returns (bytes32);

    function _refuses(address target, address caller, bytes memory call, bytes memory expected) internal {
        bytes32 before = _state();
        vm.prank(caller);
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, bytes memory answer) = target.call(call);
        if (taken) revert RefusalsTaken(call);
        if (keccak256(answer) != keccak256(expected)) revert RefusalsOtherError(answer, expected);
        assert(_state() == before);
    }
}
