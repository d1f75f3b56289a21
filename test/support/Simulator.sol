// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Calls for a test and tells how it went. Simulated chains trace every call that reverts, which takes them long;
/// this one never does.
contract Simulator {
    function simulate(address to, bytes calldata data) external returns (bool succeeds, bytes memory answer) {
        return to.call(data);
    }
}
