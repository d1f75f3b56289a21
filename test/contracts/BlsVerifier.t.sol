// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BlsVerifier} from "../../contracts/BlsVerifier.sol";
import {Bls12381} from "../../contracts/libraries/Bls12381.sol";
import {BlsSigner} from "../support/BlsSigner.sol";
import {vm} from "../support/Vm.sol";

/// @notice Attestation keys and signatures, made by the precompiles' own multiplication.
contract BlsVerifierTest {
    bytes32 private constant DIGEST = keccak256("report");
    BlsVerifier private _verifier = new BlsVerifier();

    function _verified(uint256 secret, bytes memory key) private view returns (bool) {
        return _verifier.verifyReport(DIGEST, BlsSigner.sign(secret, DIGEST, BlsSigner.REPORT_DOMAIN), key);
    }

    function _refused(bytes memory call, bytes memory expected) private view {
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, bytes memory answer) = address(_verifier).staticcall(call);
        assert(!taken && keccak256(answer) == keccak256(expected));
    }

    /// Pairings are slow: a few secrets do, among them the group's order less one.
    function _secret(uint256 i) private pure returns (uint256) {
        uint256 order = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
        return
            i == 0
                ? 1
                : i == 1
                    ? order - 1
                    : (uint256(keccak256(abi.encode(i))) % (order - 1)) + 1;
    }

    function test_aSignatureIsItsKeysAndNobodyElses() public view {
        for (uint256 i = 0; i < 5; i++) {
            bytes memory key = BlsSigner.keyOf(_secret(i));
            assert(_verified(_secret(i), key));
            assert(!_verified(_secret(i + 1), key));
            bytes memory signature = BlsSigner.sign(_secret(i), DIGEST, BlsSigner.REPORT_DOMAIN);
            assert(!_verifier.verifyReport(bytes32(uint256(DIGEST) ^ 1), signature, key));
        }
    }

    /// The sum of signatures is the sum of keys': what an aggregate attestation is.
    function test_sumsAreKeysToo() public view {
        for (uint256 i = 2; i < 6; i++) _addsUp(uint64(_secret(i)), uint64(_secret(i + 1)), uint64(_secret(i + 2)));
    }

    function _addsUp(uint64 a, uint64 b, uint64 c) private view {
        bytes memory first = BlsSigner.keyOf(uint256(a) + 1);
        bytes memory rest = bytes.concat(BlsSigner.keyOf(uint256(b) + 1), BlsSigner.keyOf(uint256(c) + 1));
        bytes memory sum = _verifier.addKeys(first, rest);
        assert(keccak256(sum) == keccak256(BlsSigner.keyOf(uint256(a) + b + c + 3)));
        assert(_verified(uint256(a) + b + c + 3, sum));
        assert(keccak256(_verifier.addKeys("", bytes.concat(first, rest))) == keccak256(sum));
        assert(keccak256(_verifier.subtractKeys(sum, rest)) == keccak256(first));
    }

    function test_infinityIsASumAndNeverAKey() public view {
        bytes memory key = BlsSigner.keyOf(5);
        bytes memory infinity = new bytes(192);
        assert(keccak256(_verifier.subtractKeys(key, key)) == keccak256(infinity));
        assert(keccak256(_verifier.addKeys("", "")) == keccak256(infinity));
        assert(keccak256(_verifier.addKeys(key, infinity)) == keccak256(key));
        assert(keccak256(_verifier.subtractKeys(key, infinity)) == keccak256(key));
        assert(!_verified(5, infinity));
        assert(!_verifier.verifyReport(DIGEST, new bytes(96), key));
        assert(!_verifier.verifyReport(DIGEST, new bytes(96), infinity));
    }

    function test_otherLengthsAreRefused() public view {
        bytes memory key = BlsSigner.keyOf(5);
        bytes memory signature = BlsSigner.sign(5, DIGEST, BlsSigner.REPORT_DOMAIN);
        bytes4 keyLength = Bls12381.Bls12381KeyLength.selector;
        bytes4 signatureLength = Bls12381.Bls12381SignatureLength.selector;
        bytes memory longer = bytes.concat(key, hex"00");
        bytes memory verify = abi.encodeCall(_verifier.verifyReport, (DIGEST, signature, longer));
        _refused(verify, abi.encodeWithSelector(keyLength, 193));
        verify = abi.encodeCall(_verifier.verifyReport, (DIGEST, bytes.concat(signature, hex"00"), key));
        _refused(verify, abi.encodeWithSelector(signatureLength, 97));
        _refused(abi.encodeCall(_verifier.addKeys, (longer, key)), abi.encodeWithSelector(keyLength, 193));
        _refused(abi.encodeCall(_verifier.subtractKeys, (key, longer)), abi.encodeWithSelector(keyLength, 193));
    }

    /// A point that is none is refused wherever it is met: alone, added, and as a signature.
    function test_pointsOffTheCurveAreRefused() public view {
        bytes memory key = BlsSigner.keyOf(5);
        bytes memory signature = BlsSigner.sign(5, DIGEST, BlsSigner.REPORT_DOMAIN);
        bytes memory offKey = bytes.concat(key);
        offKey[191] ^= 0x01;
        bytes memory offSignature = bytes.concat(signature);
        offSignature[95] ^= 0x01;
        bytes4 failed = Bls12381.Bls12381PrecompileFailed.selector;
        bytes memory pairing = abi.encodeWithSelector(failed, address(0x0f));
        bytes memory addition = abi.encodeWithSelector(failed, address(0x0d));
        _refused(abi.encodeCall(_verifier.verifyReport, (DIGEST, signature, offKey)), pairing);
        _refused(abi.encodeCall(_verifier.verifyReport, (DIGEST, offSignature, key)), pairing);
        _refused(abi.encodeCall(_verifier.addKeys, (key, offKey)), addition);
        _refused(abi.encodeCall(_verifier.subtractKeys, (offKey, key)), addition);
    }

    /// The same residue written with the modulus added is another text, and no key.
    function test_coordinatesBelowTheModulusOnly() public view {
        bytes memory modulus =
            hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
        bytes memory odd = bytes.concat(modulus, new bytes(144));
        bytes memory failed = abi.encodeWithSelector(Bls12381.Bls12381PrecompileFailed.selector, address(0x0d));
        _refused(abi.encodeCall(_verifier.addKeys, ("", odd)), failed);
    }

    function test_proofsNameChainRegistryOwnerAndKey() public view {
        bytes memory key = BlsSigner.keyOf(5);
        bytes memory proof = BlsSigner.possession(_verifier, address(1), address(2), 5);
        assert(_verifier.verifyPossession(address(1), address(2), key, proof));
        assert(!_verifier.verifyPossession(address(2), address(2), key, proof));
        assert(!_verifier.verifyPossession(address(1), address(1), key, proof));
        assert(!_verifier.verifyPossession(address(1), address(2), BlsSigner.keyOf(6), proof));
        bytes32 digest = _verifier.possessionDigest(address(1), address(2), key);
        assert(digest == keccak256(abi.encode(block.chainid, address(1), address(2), keccak256(key))));
        assert(!_verifier.verifyReport(digest, proof, key));
    }

    /// With too little gas a precompile fails, and nothing is taken for valid or invalid.
    function test_tooLittleGasIsNoAnswer() public {
        bytes memory signature = BlsSigner.sign(5, DIGEST, BlsSigner.REPORT_DOMAIN);
        bytes memory verify = abi.encodeCall(_verifier.verifyReport, (DIGEST, signature, BlsSigner.keyOf(5)));
        for (uint256 gasLimit = 10_000; gasLimit < 260_000; gasLimit += 10_000) {
            // solhint-disable-next-line avoid-low-level-calls
            (bool taken, bytes memory answer) = address(_verifier).call{gas: gasLimit}(verify);
            assert(!taken || abi.decode(answer, (bool)));
        }
    }

    /// A sum with keys taken away is the key of those that are left.
    function test_sumsWithoutSomeKeysAreTheOthers() public view {
        bytes memory sum = BlsSigner.keyOf(12);
        bytes memory missing = bytes.concat(BlsSigner.keyOf(3), BlsSigner.keyOf(4));
        bytes memory signature = BlsSigner.sign(5, DIGEST, BlsSigner.REPORT_DOMAIN);
        assert(_verifier.verifyReportWithout(DIGEST, signature, sum, missing));
        assert(_verifier.verifyReportWithout(DIGEST, signature, BlsSigner.keyOf(5), ""));
        assert(!_verifier.verifyReportWithout(DIGEST, signature, sum, BlsSigner.keyOf(3)));
        assert(!_verifier.verifyReportWithout(bytes32(uint256(DIGEST) ^ 1), signature, sum, missing));
        // Nobody is left: no signature is that of nobody.
        assert(!_verifier.verifyReportWithout(DIGEST, new bytes(96), sum, sum));
        bytes memory verify = abi.encodeCall(_verifier.verifyReportWithout, (DIGEST, signature, sum, hex"00"));
        _refused(verify, abi.encodeWithSelector(Bls12381.Bls12381KeyLength.selector, 1));
    }

    /// A chain without one of the precompiles, or with one that fails, verifies nothing and says which.
    function test_failingPrecompilesAreNoAnswer() public {
        bytes memory signature = BlsSigner.sign(5, DIGEST, BlsSigner.REPORT_DOMAIN);
        bytes memory verify = abi.encodeCall(_verifier.verifyReport, (DIGEST, signature, BlsSigner.keyOf(5)));
        address[3] memory precompiles = [address(0x02), address(0x05), address(0x10)];
        for (uint256 i = 0; i < precompiles.length; i++) {
            vm.mockCallRevert(precompiles[i], "", "");
            _refused(verify, abi.encodeWithSelector(Bls12381.Bls12381PrecompileFailed.selector, precompiles[i]));
            vm.clearMockedCalls();
        }
        assert(_verifier.verifyReport(DIGEST, signature, BlsSigner.keyOf(5)));
    }
}
