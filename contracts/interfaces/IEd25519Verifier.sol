// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title Checks the signatures of libxmtp's installations: Ed25519ph (RFC 8032) with their context.
 * @notice Takes what libxmtp takes (ed25519-dalek, cofactorless), except public keys of small order or with an encoding
 * that is not canonical, which no honest client has.
 */
interface IEd25519Verifier {
    /// @notice Whether the signature R || S of `publicKey` holds over `text`, in the context
    /// "IDENTITY UPDATE SIGNATURE". Never reverts, whatever the arguments.
    function verify(bytes32 publicKey, bytes32 r, bytes32 s, bytes calldata text) external view returns (bool);
}
