// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBlsVerifier} from "../../contracts/interfaces/IBlsVerifier.sol";
import {Bls12381} from "../../contracts/libraries/Bls12381.sol";

/// @notice Keys and signatures of BLS12-381 from secret numbers, with the precompiles that multiply points.
library BlsSigner {
    address private constant G1_MULTIPLY = address(0x0c);
    address private constant G2_MULTIPLY = address(0x0e);
    bytes internal constant POSSESSION_DOMAIN = "PENNYBLACK-POP-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_";
    bytes internal constant REPORT_DOMAIN = "PENNYBLACK-REPORT-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_";

    /// The generator of G2, coordinates of 48 bytes.
    bytes private constant G2 =
        hex"024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"0ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
        hex"0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";

    error BlsSignerNoPrecompile(address precompile);

    /// @notice The key of a secret number, 192 bytes.
    function keyOf(uint256 secret) internal view returns (bytes memory) {
        return narrowed(_multiplied(G2_MULTIPLY, widened(G2), secret));
    }

    /// @notice A signature of a digest, 96 bytes.
    function sign(uint256 secret, bytes32 digest, bytes memory domain) internal view returns (bytes memory) {
        return narrowed(_multiplied(G1_MULTIPLY, Bls12381.hashToG1(digest, domain), secret));
    }

    /// @notice A proof that `owner` holds the key of the secret.
    function possession(
        IBlsVerifier verifier,
        address registry,
        address owner,
        uint256 secret
    ) internal view returns (bytes memory) {
        return sign(secret, verifier.possessionDigest(registry, owner, keyOf(secret)), POSSESSION_DOMAIN);
    }

    function _multiplied(
        address precompile,
        bytes memory point,
        uint256 secret
    ) private view returns (bytes memory product) {
        bool ok;
        // solhint-disable-next-line avoid-low-level-calls
        (ok, product) = precompile.staticcall(bytes.concat(point, bytes32(secret)));
        if (!ok || product.length != point.length) revert BlsSignerNoPrecompile(precompile);
    }

    /// @notice Coordinates of 48 bytes, each written in 64 as the precompiles have them.
    function widened(bytes memory point) internal pure returns (bytes memory wide) {
        for (uint256 at = 0; at < point.length; at += 48) {
            wide = bytes.concat(wide, new bytes(16), _part(point, at, 16), _part(point, at + 16, 32));
        }
    }

    /// @notice Coordinates of 64 bytes, each written in 48.
    function narrowed(bytes memory wide) internal pure returns (bytes memory point) {
        for (uint256 at = 0; at < wide.length; at += 64) {
            point = bytes.concat(point, _part(wide, at + 16, 16), _part(wide, at + 32, 32));
        }
    }

    function _part(bytes memory data, uint256 at, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(data, 0x20), at), length)
        }
    }
}
