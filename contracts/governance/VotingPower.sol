// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";

import {INodeStaking} from "../interfaces/INodeStaking.sol";

/**
 * @title VotingPower: what an account votes with.
 * @notice Votes that were delegated to it, and what is staked in nodes that it owns. Reads only: both are written by
 * PostageToken and NodeStaking, at the end of a second, so that what comes and goes within one counts nothing. A token
 * that is staked lies undelegated in NodeStaking, so nothing is counted twice; one that unbonds or is owed counts nothing.
 */
contract VotingPower is IERC5805 {
    /// @notice PostageToken. Immutable.
    IERC5805 public immutable token;
    /// @notice NodeStaking. Immutable.
    INodeStaking public immutable staking;

    error VotingPowerDelegateAtToken(address token);

    /// @param token_ PostageToken and `staking_` NodeStaking, neither of which need exist yet.
    constructor(IERC5805 token_, INodeStaking staking_) {
        token = token_;
        staking = staking_;
    }

    /// @notice An account's votes now.
    function getVotes(address account) external view returns (uint256) {
        return token.getVotes(account) + staking.getVotes(account);
    }

    /// @notice An account's votes at the end of a past second.
    function getPastVotes(address account, uint256 timepoint) external view returns (uint256) {
        return token.getPastVotes(account, timepoint) + staking.getPastVotes(account, timepoint);
    }

    /// @notice All tokens that there are, whether they vote or not.
    function getPastTotalSupply(uint256 timepoint) external view returns (uint256) {
        return token.getPastTotalSupply(timepoint);
    }

    /// @notice Who votes with what an account holds. Staked tokens vote for the owner of the node and nobody else.
    function delegates(address account) external view returns (address) {
        return token.delegates(account);
    }

    /// @notice Always refused: tokens are delegated where they are, at `token`.
    function delegate(address) external view {
        revert VotingPowerDelegateAtToken(address(token));
    }

    /// @notice Always refused: tokens are delegated where they are, at `token`.
    function delegateBySig(address, uint256, uint256, uint8, bytes32, bytes32) external view {
        revert VotingPowerDelegateAtToken(address(token));
    }

    /// @notice The token's clock: unix seconds.
    function clock() external view returns (uint48) {
        return token.clock();
    }

    /// @notice The clock in words, as ERC-6372 has them.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() external view returns (string memory) {
        return token.CLOCK_MODE();
    }
}
