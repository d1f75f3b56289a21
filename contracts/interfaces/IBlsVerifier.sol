// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title Attestation keys and what they sign.
 * @notice BLS12-381 with keys in G2 (`x.c0 | x.c1 | y.c0 | y.c1`, 192 bytes) and signatures in G1 (`x | y`, 96 bytes),
 * every coordinate 48 bytes, big endian. Nothing is stored and nobody is privileged.
 *
 * Every function reverts with `Bls12381PrecompileFailed` for what is no point of the curve, for a signature or key
 * outside the subgroup where one is verified, and on a chain without the precompiles of EIP-2537: there is no way to
 * be taken for valid by not being checked. Infinity is a valid sum, and never a valid key or signature.
 */
interface IBlsVerifier {
    /**
     * @notice Whether the owner holds the private key: a signature over `possessionDigest`.
     * @dev A key that passes is a point of the subgroup other than infinity, and safe to aggregate.
     * @param registry Who asks, as a rule `msg.sender`'s own address.
     */
    function verifyPossession(
        address registry,
        address owner,
        bytes calldata key,
        bytes calldata proof
    ) external view returns (bool);

    /// @notice What a proof of possession signs, under a domain of its own: this chain, the registry, the owner, the key.
    function possessionDigest(address registry, address owner, bytes calldata key) external view returns (bytes32);

    /// @notice Whether a report's digest is signed by a key, or by all the keys whose sum it is.
    /// @dev The keys must have proved possession one by one: a sum says nothing otherwise.
    function verifyReport(bytes32 digest, bytes calldata signature, bytes calldata key) external view returns (bool);

    /**
     * @notice As `verifyReport`, of a sum of keys less some of them: what is signed by all but a few.
     * @param missing Keys written one after the other; each has to be part of the sum.
     */
    function verifyReportWithout(
        bytes32 digest,
        bytes calldata signature,
        bytes calldata sum,
        bytes calldata missing
    ) external view returns (bool);

    /// @notice The sum of a key and of keys written one after the other; `sum` may be empty.
    function addKeys(bytes calldata sum, bytes calldata keys) external view returns (bytes memory);

    /// @notice A sum less the keys written one after the other.
    function subtractKeys(bytes calldata sum, bytes calldata keys) external view returns (bytes memory);
}
