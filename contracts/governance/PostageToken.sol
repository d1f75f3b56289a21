// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title PostageToken: what nodes stake and holders vote with.
/// @notice A fixed supply, votes by delegation on the clock of timestamps, permits. Nobody is privileged.
contract PostageToken is ERC20, ERC20Permit, ERC20Votes {
    /// @notice What a holder begins with.
    struct Allocation {
        address holder;
        uint256 amount;
    }

    error PostageTokenHolderNotAllowed(address holder);
    error PostageTokenAmountZero(address holder);
    error PostageTokenHolderRepeated(address holder);

    /// @param genesis Who begins with how much, each holder once; together it is all that there will ever be. Reviewed in
    /// `deployments/genesis`.
    constructor(Allocation[] memory genesis) ERC20("Pennyblack", "PENNY") ERC20Permit("Pennyblack") {
        for (uint256 i = 0; i < genesis.length; i++) {
            (address holder, uint256 amount) = (genesis[i].holder, genesis[i].amount);
            if (holder == address(0)) revert PostageTokenHolderNotAllowed(holder);
            if (amount == 0) revert PostageTokenAmountZero(holder);
            if (balanceOf(holder) != 0) revert PostageTokenHolderRepeated(holder);
            _mint(holder, amount);
        }
    }

    /// @notice Votes are looked up by unix seconds.
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @notice The clock in words, as ERC-6372 has them.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @notice The nonce of an account's next permit or delegation by signature.
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
