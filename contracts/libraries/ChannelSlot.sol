// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Balances} from "../types/Balances.sol";

/// @notice A channel's hot word by its place in storage, which `VoucherRows.recover` finds together with the signer.
library ChannelSlot {
    function load(uint256 slot) internal view returns (Balances balances) {
        assembly ("memory-safe") {
            balances := sload(slot)
        }
    }

    function store(uint256 slot, Balances balances) internal {
        assembly ("memory-safe") {
            sstore(slot, balances)
        }
    }
}
