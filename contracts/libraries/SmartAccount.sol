// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @notice Asks accounts by ERC-1271, whatever they are.
library SmartAccount {
    /// @dev A passkey account in Solidity needs about 1 million.
    uint256 internal constant MOST_GAS = 3_000_000;
    /// @dev More than what the call itself costs before it begins.
    uint256 private constant CALL_GAS = 10_000;

    enum Answer {
        Yes,
        No,
        /// It said no with less gas than it is due, and might say yes with all of it.
        NoForLackOfGas
    }

    /// @notice Whether the account says that `signature` is its own over `digest`. Its answer has 32 bytes and
    /// no more are copied; one that answers at length, reverts, has no code or runs out of gas says no.
    function ask(address account, bytes32 digest, bytes memory signature) internal view returns (Answer) {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 magic = bytes32(IERC1271.isValidSignature.selector);
        // A call is given at most 63 parts of 64.
        bool isEnough = gasleft() - gasleft() / 64 > MOST_GAS + CALL_GAS;
        bool isSigner;
        assembly ("memory-safe") {
            let answered := staticcall(MOST_GAS, account, add(question, 0x20), mload(question), 0x00, 0x20)
            isSigner := and(answered, and(eq(returndatasize(), 0x20), eq(mload(0x00), magic)))
        }
        if (isSigner) return Answer.Yes;
        return isEnough ? Answer.No : Answer.NoForLackOfGas;
    }
}
