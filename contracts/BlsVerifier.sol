// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBlsVerifier} from "./interfaces/IBlsVerifier.sol";
import {Bls12381} from "./libraries/Bls12381.sol";

/// @title BlsVerifier: signatures of attestation keys.
/// @notice See IBlsVerifier.
contract BlsVerifier is IBlsVerifier {
    bytes private constant REPORT_DOMAIN = "PENNYBLACK-REPORT-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_";
    bytes private constant POSSESSION_DOMAIN = "PENNYBLACK-POP-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_";

    /// @inheritdoc IBlsVerifier
    function verifyPossession(
        address registry,
        address owner,
        bytes calldata key,
        bytes calldata proof
    ) external view returns (bool) {
        return Bls12381.verify(possessionDigest(registry, owner, key), POSSESSION_DOMAIN, proof, key);
    }

    /// @inheritdoc IBlsVerifier
    function possessionDigest(address registry, address owner, bytes calldata key) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, registry, owner, keccak256(key)));
    }

    /// @inheritdoc IBlsVerifier
    function verifyReport(bytes32 digest, bytes calldata signature, bytes calldata key) external view returns (bool) {
        return Bls12381.verify(digest, REPORT_DOMAIN, signature, key);
    }

    /// @inheritdoc IBlsVerifier
    function verifyReportWithout(
        bytes32 digest,
        bytes calldata signature,
        bytes calldata sum,
        bytes calldata missing
    ) external view returns (bool) {
        return Bls12381.verifyWithout(digest, REPORT_DOMAIN, signature, sum, missing);
    }

    /// @inheritdoc IBlsVerifier
    function addKeys(bytes calldata sum, bytes calldata keys) external view returns (bytes memory) {
        return Bls12381.addKeys(sum, keys);
    }

    /// @inheritdoc IBlsVerifier
    function subtractKeys(bytes calldata sum, bytes calldata keys) external view returns (bytes memory) {
        return Bls12381.subtractKeys(sum, keys);
    }
}
