// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Action} from "../types/Identity.sol";

/**
 * @title Reads libxmtp's identity updates and checks their signatures.
 * @notice Knows libxmtp's format and no inbox's state. It takes less than libxmtp does, never more: whatever passes here
 * and the registry's rules, a real client takes too.
 */
interface IIdentityVerifier {
    /// @notice What an update says, when every signature in it holds over its text.
    /// @param clientEnvelope The serialized ClientEnvelope, whose topic has to be the inbox's identity updates.
    /// @return textHash The EIP-191 digest of the signed text.
    /// @return actions In their order; at least one, at most 64.
    /// @dev Asks smart accounts (ERC-1271), therefore not pure.
    function verify(
        bytes32 inboxId,
        bytes calldata clientEnvelope
    ) external view returns (bytes32 textHash, Action[] memory actions);
}
