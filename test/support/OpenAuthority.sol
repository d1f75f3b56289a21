// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice An authority that allows everybody everything, as if everybody were the governor.
contract OpenAuthority {
    function canCall(address, address, bytes4) external pure returns (bool, uint32) {
        return (true, 0);
    }
}
