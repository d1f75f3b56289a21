// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBlsVerifier} from "./IBlsVerifier.sol";

/// @notice Signing keys over time, as fault proofs ask for them.
interface IKeyHistory {
    /**
     * @notice Whether a node has or had a signing key.
     * @return known Whether the key is or was the node's.
     * @return retiredAt When it was rotated away or left with its node, unix seconds, which may lie ahead while a node
     * leaves; zero while it is in use.
     */
    function keyOf(uint32 nodeId, address signer) external view returns (bool known, uint64 retiredAt);
}

/**
 * @title The two keys of a node.
 * @notice Its signing key (secp256k1) signs every envelope that it originates, and its attestation key (BLS12-381)
 * signs reports. Whoever brings a key proves to hold it, with a signature that names this chain, this registry and the
 * owner of the node: copied from the mempool it is of no use. A key belongs to one node that has not left, at most.
 *
 * What a reader of the logs may assume, per node:
 * 1. Its signing key is that of the last `SigningKeySet`; every earlier one was retired by a `SigningKeyRetired`.
 * 2. Its attestation key is that of the last `AttestationKeySet`; it counts from the next registry version on.
 */
interface INodeKeys is IKeyHistory {
    event SigningKeySet(uint32 indexed nodeId, address indexed signer, bytes signingPublicKey);
    /// @notice Evidence under the key is taken for one unbonding period after `retiredAt`, unix seconds.
    event SigningKeyRetired(uint32 indexed nodeId, address indexed signer, uint64 retiredAt);
    event AttestationKeySet(uint32 indexed nodeId, bytes attestationKey);

    error NodeKeysNotAPoint(bytes signingPublicKey);
    error NodeKeysSigningProofInvalid(address signer, address owner);
    error NodeKeysAttestationProofInvalid(address owner);
    error NodeKeysSignerTaken(address signer, uint32 nodeId);
    error NodeKeysAttestationKeyTaken(uint32 nodeId);

    /**
     * @notice Gives the caller's node another signing key, at once; the old one is retired and stays known.
     * @dev The new key may be one that the node had before.
     * @param signingPublicKey 65 bytes, `0x04 | x | y`, a point of secp256k1.
     * @param proof The new key's signature over `possessionDigest(owner)`, 65 bytes.
     */
    function rotateSigningKey(uint32 nodeId, bytes calldata signingPublicKey, bytes calldata proof) external;

    /**
     * @notice Gives the caller's node another attestation key, from the next registry version on. Keep the old one
     * until then: reports of this epoch are signed with it.
     * @param attestationKey 192 bytes, see IBlsVerifier.
     * @param proof The new key's signature over `IBlsVerifier.possessionDigest(registry, owner, key)`, 96 bytes.
     */
    function rotateAttestationKey(uint32 nodeId, bytes calldata attestationKey, bytes calldata proof) external;

    /// @notice Who checks proofs of attestation keys. Immutable.
    function blsVerifier() external view returns (IBlsVerifier);

    /// @notice What a signing key signs to prove that `owner` may register it here: EIP-712, domain
    /// `{"Pennyblack Nodes","1",chainId,registry}`, `Possession(address owner)`.
    function possessionDigest(address owner) external view returns (bytes32);

    /// @notice The node that a signing key belongs to; 0 when it is no node's, or its node has left.
    function nodeOf(address signer) external view returns (uint32);

    /// @notice A node's attestation key, 192 bytes; empty for an unknown node.
    function attestationKeyOf(uint32 nodeId) external view returns (bytes memory);

    /// @notice The attestation keys of nodes, one after the other, in the order asked.
    function attestationKeysOf(uint32[] calldata nodeIds) external view returns (bytes memory);
}
