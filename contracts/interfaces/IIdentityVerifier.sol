// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Action} from "../types/Identity.sol";

/**
 * @title Reads libxmtp's identity updates and checks their signatures.
 * @notice Knows libxmtp's format and no inbox's state. It takes less than libxmtp does, never more: whatever passes here
 * and the registry's rules, a real client takes too. What is taken has one encoding only, the one that libxmtp writes;
 * what nobody signs (a passkey's relying party) has to be absent, except for what an update needs: the part of its time
 * below a second, the block at which a smart account is asked, and which of several signers it is that adds a member.
 */
interface IIdentityVerifier {
    /// @notice The envelope is not addressed to the inbox, or the update in it names another one.
    error IdentityVerifierOtherInbox();
    /// @notice The id does not follow from the owner and the nonce, which give `derived`.
    error IdentityVerifierInboxId(bytes32 derived);
    error IdentityVerifierActionCount(uint256 count, uint256 most);
    /// @notice The time of the update is 2^63 ns or later.
    error IdentityVerifierTime(uint64 timestampNs);
    /// @notice Not a lowercase address, a lowercase hex key of 33 or 65 bytes, or not of the kind that is named with it.
    error IdentityVerifierIdentifier();
    /// @notice A wallet's signature has to be 65 bytes: r, s in its lower half, 27 or 28.
    error IdentityVerifierWalletSignature();
    /// @notice The Ed25519ph signature of this installation does not hold over the text.
    error IdentityVerifierInstallationSignature(bytes installation);
    /// @notice The P-256 signature of this passkey does not hold, or is not over the text.
    error IdentityVerifierPasskeySignature(bytes passkey);
    /// @notice A passkey's client data has to begin with the type, the text as challenge and the origin, and to be flat.
    error IdentityVerifierClientData();
    /// @notice A smart account has to be named as eip155:<this chain>:<lowercase address>.
    error IdentityVerifierAccountId(bytes accountId);
    /// @notice The account did not sign the text, as it says by ERC-1271 with 3,000,000 gas. One that is not deployed yet
    /// has to be deployed first.
    error IdentityVerifierAccountSignature(address account);
    /// @notice The account could not be given its 3,000,000 gas and did not confirm the signature with less: send more.
    error IdentityVerifierAccountGas(address account);
    /// @notice An account is asked in the past, at most 1,800 blocks back.
    error IdentityVerifierAccountBlock(uint64 blockNumber, uint256 least, uint256 most);
    /// @notice Legacy delegated signatures are not taken.
    error IdentityVerifierLegacySignature();

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
