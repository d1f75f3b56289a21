// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {INodeKeys} from "../../contracts/interfaces/INodeKeys.sol";
import {INodeRegistry} from "../../contracts/interfaces/INodeRegistry.sol";
import {Bls12381} from "../../contracts/libraries/Bls12381.sol";
import {BlsSigner} from "../support/BlsSigner.sol";
import {WorldRefusals} from "../support/WorldRefusals.sol";
import {vm} from "../support/Vm.sol";

/// @notice Keys of nodes: who may bring them, whose they are and were. All proofs are real ones.
contract NodeKeysTest is WorldRefusals {
    function setUp() public {
        _enterBoth();
    }

    function _refuses(address caller, bytes memory call, bytes4 selector, bytes memory arguments) private {
        _refuses(address(registry), caller, call, bytes.concat(selector, arguments));
    }

    function _rotateSigner(bytes memory key, bytes memory proof) private pure returns (bytes memory) {
        return abi.encodeCall(INodeKeys.rotateSigningKey, (NODE, key, proof));
    }

    function _rotateAttester(bytes memory key, bytes memory proof) private pure returns (bytes memory) {
        return abi.encodeCall(INodeKeys.rotateAttestationKey, (NODE, key, proof));
    }

    function _register(INodeRegistry.Registration memory registration) private pure returns (bytes memory) {
        return abi.encodeCall(INodeRegistry.register, (registration));
    }

    function _use(uint32 nodeId, uint256 signer) private view returns (bool known, uint64 retiredAt) {
        (known, retiredAt, ) = registry.keyOf(nodeId, vm.addr(signer));
    }

    // Signing keys.

    function test_aSigningKeyIsAPointOfTheCurve() public {
        bytes memory good = _signingKey(0xC1);
        bytes memory field = abi.encodePacked(type(uint256).max - 0x1000003d0);
        bytes[8] memory refused = [
            bytes(""),
            new bytes(65),
            bytes.concat(bytes1(0x04), new bytes(64)),
            bytes.concat(bytes1(0x02), _slice(good, 1, 64)),
            _slice(good, 0, 64),
            bytes.concat(good, hex"00"),
            bytes.concat(bytes1(0x04), field, _slice(good, 33, 32)),
            bytes.concat(_slice(good, 0, 33), field)
        ];
        bytes4 selector = INodeKeys.NodeKeysNotAPoint.selector;
        for (uint256 i = 0; i < refused.length; i++) {
            _refuses(ALICE, _rotateSigner(refused[i], _signingProof(ALICE, 0xC1)), selector, abi.encode(refused[i]));
        }
    }

    function _slice(bytes memory data, uint256 at, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; i++) part[i] = data[at + i];
    }

    /// Case 27: a proof names the owner; copied from the mempool, or by another key, it is of no use.
    function test_case27_aSigningKeyIsProvedByItself() public {
        bytes memory key = _signingKey(0xC1);
        bytes[5] memory refused = [
            _signingProof(BOB, 0xC1),
            _signingProof(ALICE, 0xC2),
            _slice(_signingProof(ALICE, 0xC1), 0, 64),
            new bytes(65),
            bytes("")
        ];
        bytes4 selector = INodeKeys.NodeKeysSigningProofInvalid.selector;
        for (uint256 i = 0; i < refused.length; i++) {
            _refuses(ALICE, _rotateSigner(key, refused[i]), selector, abi.encode(vm.addr(0xC1), ALICE));
        }
        INodeRegistry.Registration memory copied = _registration(ALICE, 0xC1, 0xC2);
        _refuses(BOB, _register(copied), selector, abi.encode(vm.addr(0xC1), BOB));
    }

    function test_aSigningKeyIsOfOneLiveNodeAtMost() public {
        bytes4 selector = INodeKeys.NodeKeysSignerTaken.selector;
        address[2] memory signers = [vm.addr(ALICE_SIGNS), vm.addr(BOB_SIGNS)];
        bytes memory own = _rotateSigner(_signingKey(ALICE_SIGNS), _signingProof(ALICE, ALICE_SIGNS));
        _refuses(ALICE, own, selector, abi.encode(signers[0], NODE));
        bytes memory others = _rotateSigner(_signingKey(BOB_SIGNS), _signingProof(ALICE, BOB_SIGNS));
        _refuses(ALICE, others, selector, abi.encode(signers[1], OTHER));
        // A node that leaves keeps its key until it has left.
        vm.prank(BOB);
        registry.exit(OTHER);
        vm.warp(START + EPOCH - 1);
        _refuses(ALICE, others, selector, abi.encode(signers[1], OTHER));
        vm.warp(START + EPOCH);
        _accepts(address(registry), ALICE, others);
        assert(registry.nodeOf(signers[1]) == NODE && registry.nodeOf(signers[0]) == 0);
        // Both had it, each in its time.
        (bool known, uint64 retiredAt) = _use(OTHER, BOB_SIGNS);
        assert(known && retiredAt == START + EPOCH);
        (known, retiredAt) = _use(NODE, BOB_SIGNS);
        assert(known && retiredAt == 0);
    }

    function test_aRotatedKeyStaysKnownAndMayComeBack() public {
        vm.warp(START + 5);
        _accepts(address(registry), ALICE, _rotateSigner(_signingKey(0xC1), _signingProof(ALICE, 0xC1)));
        (bool known, uint64 retiredAt) = _use(NODE, ALICE_SIGNS);
        assert(known && retiredAt == START + 5 && registry.nodeOf(vm.addr(ALICE_SIGNS)) == 0);
        assert(registry.getNode(NODE).signer == vm.addr(0xC1));
        assert(keccak256(registry.getNode(NODE).signingPublicKey) == keccak256(_signingKey(0xC1)));
        bytes memory back = _rotateSigner(_signingKey(ALICE_SIGNS), _signingProof(ALICE, ALICE_SIGNS));
        _accepts(address(registry), ALICE, back);
        (known, retiredAt) = _use(NODE, ALICE_SIGNS);
        assert(known && retiredAt == 0 && registry.nodeOf(vm.addr(ALICE_SIGNS)) == NODE);
        (known, retiredAt) = _use(NODE, 0xC1);
        assert(known && retiredAt == START + 5);
        (known, ) = _use(OTHER, ALICE_SIGNS);
        assert(!known);
    }

    // Attestation keys.

    /// Case 27: rogue keys, infinity, and points off the curve or the subgroup.
    function test_case27_anAttestationKeyIsProvedByItself() public {
        bytes memory key = _attestationKey(0xC2);
        bytes memory proof = _attestationProof(ALICE, 0xC2);
        bytes4 invalid = INodeKeys.NodeKeysAttestationProofInvalid.selector;
        bytes[4] memory proofs = [
            _attestationProof(BOB, 0xC2),
            _attestationProof(ALICE, 0xC3),
            BlsSigner.sign(0xC2, verifier.possessionDigest(address(registry), ALICE, key), BlsSigner.REPORT_DOMAIN),
            new bytes(96)
        ];
        for (uint256 i = 0; i < proofs.length; i++) {
            _refuses(ALICE, _rotateAttester(key, proofs[i]), invalid, abi.encode(ALICE));
        }
        // The victim's key taken from one's own: nobody holds the difference.
        bytes memory rogue = verifier.subtractKeys(key, _attestationKey(BOB_ATTESTS));
        _refuses(ALICE, _rotateAttester(rogue, proof), invalid, abi.encode(ALICE));
        _refuses(ALICE, _rotateAttester(new bytes(192), proof), invalid, abi.encode(ALICE));
        bytes4 failed = Bls12381.Bls12381PrecompileFailed.selector;
        bytes memory off = bytes.concat(key);
        off[191] ^= 0x01;
        _refuses(ALICE, _rotateAttester(off, proof), failed, abi.encode(address(0x0f)));
        _refuses(ALICE, _rotateAttester(key, new bytes(95)), Bls12381.Bls12381SignatureLength.selector, abi.encode(95));
        _refuses(ALICE, _rotateAttester("", proof), Bls12381.Bls12381KeyLength.selector, abi.encode(0));
        INodeRegistry.Registration memory copied = _registration(ALICE, 0xC1, 0xC2);
        copied.signingProof = _signingProof(BOB, 0xC1);
        _refuses(BOB, _register(copied), invalid, abi.encode(BOB));
    }

    function test_anAttestationKeyIsOfOneNodeThatHasNotLeft() public {
        bytes4 selector = INodeKeys.NodeKeysAttestationKeyTaken.selector;
        bytes memory own = _rotateAttester(_attestationKey(ALICE_ATTESTS), _attestationProof(ALICE, ALICE_ATTESTS));
        _refuses(ALICE, own, selector, abi.encode(NODE));
        bytes memory others = _rotateAttester(_attestationKey(BOB_ATTESTS), _attestationProof(ALICE, BOB_ATTESTS));
        _refuses(ALICE, others, selector, abi.encode(OTHER));
        vm.prank(BOB);
        registry.exit(OTHER);
        vm.warp(START + EPOCH - 1);
        _refuses(ALICE, others, selector, abi.encode(OTHER));
        vm.warp(START + EPOCH);
        _accepts(address(registry), ALICE, others);
        assert(keccak256(registry.attestationKeyOf(NODE)) == keccak256(_attestationKey(BOB_ATTESTS)));
        // The one that it had before is free.
        _register(BOB, 0xC1, ALICE_ATTESTS);
    }

    /// Case 26: a key that is rotated counts from the next version on, and the sum is that of exactly those keys.
    function test_case26_aVersionHasTheKeysOfItsInstant() public {
        vm.warp(START + EPOCH);
        assert(seats.rollOver() == 1);
        bytes memory keys = bytes.concat(_attestationKey(ALICE_ATTESTS), _attestationKey(BOB_ATTESTS));
        assert(keccak256(_slice(seats.blobOf(1), 0, 192)) == keccak256(verifier.addKeys("", keys)));
        bytes memory rotate = _rotateAttester(_attestationKey(0xC2), _attestationProof(ALICE, 0xC2));
        _accepts(address(registry), ALICE, rotate);
        assert(seats.rollOver() == 1);
        vm.warp(START + 2 * EPOCH);
        assert(seats.rollOver() == 2);
        keys = bytes.concat(_attestationKey(0xC2), _attestationKey(BOB_ATTESTS));
        assert(keccak256(_slice(seats.blobOf(2), 0, 192)) == keccak256(verifier.addKeys("", keys)));
        // 0xC2 + 0xB2 in the exponent.
        assert(keccak256(verifier.addKeys("", keys)) == keccak256(BlsSigner.keyOf(0xC2 + BOB_ATTESTS)));
    }

    function test_keysAreReadInTheOrderAsked() public view {
        uint32[] memory nodeIds = new uint32[](4);
        (nodeIds[0], nodeIds[1], nodeIds[2], nodeIds[3]) = (OTHER, 300, NODE, OTHER);
        bytes memory other = registry.attestationKeyOf(OTHER);
        bytes memory expected = bytes.concat(other, registry.attestationKeyOf(NODE), other);
        assert(keccak256(registry.attestationKeysOf(nodeIds)) == keccak256(expected));
        assert(registry.attestationKeyOf(300).length == 0);
        assert(address(registry.blsVerifier()) == address(verifier) && registry.nodeOf(STRANGER) == 0);
    }
}
