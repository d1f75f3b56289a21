// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PostageToken} from "../../contracts/governance/PostageToken.sol";

/// @notice A genesis of one holder.
function allFor(address holder, uint256 amount) pure returns (PostageToken.Allocation[] memory genesis) {
    genesis = new PostageToken.Allocation[](1);
    genesis[0] = PostageToken.Allocation(holder, amount);
}
