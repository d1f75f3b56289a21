// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice How large a client envelope on the chain may be: what stock nodes read.
library PayloadSize {
    uint256 internal constant LEAST = 78;
    uint256 internal constant MOST = 262_144;

    function isAllowed(uint256 size) internal pure returns (bool) {
        return size >= LEAST && size <= MOST;
    }
}
