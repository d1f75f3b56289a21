// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title GovernorBounds: how far a vote can change how votes are held.
 * @notice A floor keeps a vote from being held unnoticed, a cap keeps it from becoming impossible.
 */
abstract contract GovernorBounds {
    /// @dev From a proposal to its vote: long enough to hear of it, delegate, or take stake back.
    uint256 private constant LEAST_VOTING_DELAY = 12 hours;
    uint256 private constant MOST_VOTING_DELAY = 7 days;
    uint256 private constant LEAST_VOTING_PERIOD = 2 days;
    uint256 private constant MOST_VOTING_PERIOD = 14 days;
    /// @dev What is left to answer when the quorum is reached at the end.
    uint256 private constant LEAST_EXTENSION = 1 days;
    uint256 internal constant MOST_EXTENSION = 7 days;
    uint256 private constant LEAST_QUORUM_PERCENT = 2;
    uint256 private constant MOST_QUORUM_PERCENT = 20;
    /// @dev 0.01 % and 1 % of the supply: nobody proposes for free, and no majority is needed to propose.
    uint256 private constant LEAST_THRESHOLD_DIVISOR = 10_000;
    uint256 private constant MOST_THRESHOLD_DIVISOR = 100;

    /// @notice All tokens that there are, which does not change. Immutable.
    uint256 public immutable supply;

    /// @notice A parameter outside what the code allows.
    error PostageGovernorParameterOutOfBounds(uint256 value, uint256 least, uint256 most);

    constructor(uint256 supply_) {
        supply = supply_;
    }

    function _requireVotingDelay(uint256 value) internal pure {
        _requireWithin(value, LEAST_VOTING_DELAY, MOST_VOTING_DELAY);
    }

    function _requireVotingPeriod(uint256 value) internal pure {
        _requireWithin(value, LEAST_VOTING_PERIOD, MOST_VOTING_PERIOD);
    }

    function _requireExtension(uint256 value) internal pure {
        _requireWithin(value, LEAST_EXTENSION, MOST_EXTENSION);
    }

    function _requireQuorum(uint256 value) internal pure {
        _requireWithin(value, LEAST_QUORUM_PERCENT, MOST_QUORUM_PERCENT);
    }

    function _requireThreshold(uint256 value) internal view {
        _requireWithin(value, supply / LEAST_THRESHOLD_DIVISOR, supply / MOST_THRESHOLD_DIVISOR);
    }

    function _requireWithin(uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert PostageGovernorParameterOutOfBounds(value, least, most);
    }
}
