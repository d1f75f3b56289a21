// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/**
 * @title Timelock: what governs and the treasury.
 * @notice OpenZeppelin's. The Governor alone proposes and cancels, anyone executes, nobody but itself administers. Its own
 * is only that the delay has bounds: 1 to 14 days.
 */
contract Timelock is TimelockController {
    uint256 private constant LEAST_DELAY = 1 days;
    uint256 private constant MOST_DELAY = 14 days;

    error TimelockDelayOutOfBounds(uint256 delaySeconds, uint256 least, uint256 most);

    /// @param governor Proposes and, with that, cancels; it need not exist yet.
    constructor(
        uint256 delaySeconds,
        address governor
    ) TimelockController(delaySeconds, _one(governor), _one(address(0)), address(0)) {
        _requireDelay(delaySeconds);
    }

    /// @notice Changes the delay of what is scheduled from now on: 1 to 14 days. By a vote only.
    function updateDelay(uint256 newDelay) public override {
        _requireDelay(newDelay);
        super.updateDelay(newDelay);
    }

    function _requireDelay(uint256 delaySeconds) private pure {
        if (delaySeconds < LEAST_DELAY || delaySeconds > MOST_DELAY) {
            revert TimelockDelayOutOfBounds(delaySeconds, LEAST_DELAY, MOST_DELAY);
        }
    }

    function _one(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
