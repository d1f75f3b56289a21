// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ChannelMath} from "../../contracts/libraries/ChannelMath.sol";

/// @notice Proved for all inputs by `npm run prove`, with every overflow and division in what it calls.
contract BountyProof {
    /// The settler's part of a row is at most its cap, at the share that networks are deployed with.
    function bountyStaysBelowItsCap(uint256 taken, uint256 cap) public pure {
        require(cap <= 0.2e6 && taken < 2 ** 64);
        uint256 limit = ChannelMath.bountyLimitDown(50, cap);
        if (taken > limit) taken = limit;
        assert(ChannelMath.bountyDown(taken, 50) <= cap);
    }
}
