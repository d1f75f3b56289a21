// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What a proposal may call that calls back while it is executed, and goes on whatever the answer is.
contract ReentrantTarget {
    address public target;
    bytes public call;
    bool public inner;
    bytes public answer;
    uint256 public calls;

    function setCallback(address target_, bytes calldata call_) external {
        (target, call) = (target_, call_);
    }

    function poke() external {
        calls++;
        if (calls > 1) return;
        // solhint-disable-next-line avoid-low-level-calls
        (inner, answer) = target.call(call);
    }
}
