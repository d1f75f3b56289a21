// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SSTORE2} from "solady/src/utils/SSTORE2.sol";

import {IBlsVerifier} from "../interfaces/IBlsVerifier.sol";
import {INodeKeys} from "../interfaces/INodeKeys.sol";
import {Secp256k1} from "../libraries/Secp256k1.sol";

/// @title NodeKeys: which key is whose, and was.
/// @notice See INodeKeys.
abstract contract NodeKeys is INodeKeys, EIP712 {
    bytes32 private constant POSSESSION_TYPEHASH = keccak256("Possession(address owner)");

    struct Keys {
        address signer;
        // The code of this contract, after a zero byte: a third of what seven slots cost, and as much cheaper to read.
        address attestationKey;
        bytes signingPublicKey;
    }

    struct KeyUse {
        bool known;
        uint64 retiredAt;
    }

    /// @inheritdoc INodeKeys
    IBlsVerifier public immutable blsVerifier;
    mapping(uint32 nodeId => Keys) private _keys;
    /// @dev The last node that a key was given to, which may have left.
    mapping(address signer => uint32 nodeId) private _signerHolder;
    mapping(bytes32 keyHash => uint32 nodeId) private _attestationHolder;
    mapping(uint32 nodeId => mapping(address signer => KeyUse)) private _uses;

    /// @param blsVerifier_ BlsVerifier, which may not exist yet.
    constructor(IBlsVerifier blsVerifier_) EIP712("Pennyblack Nodes", "1") {
        blsVerifier = blsVerifier_;
    }

    /// @dev Whether the node's keys may be registered again.
    function _hasLeft(uint32 nodeId) internal view virtual returns (bool);

    function _setSigningKey(
        uint32 nodeId,
        address owner,
        bytes calldata signingPublicKey,
        bytes calldata proof
    ) internal {
        if (!Secp256k1.isPublicKey(signingPublicKey)) revert NodeKeysNotAPoint(signingPublicKey);
        address signer = Secp256k1.addressOf(signingPublicKey);
        (address recovered, , ) = ECDSA.tryRecoverCalldata(possessionDigest(owner), proof);
        if (recovered != signer) revert NodeKeysSigningProofInvalid(signer, owner);
        uint32 holder = nodeOf(signer);
        if (holder != 0) revert NodeKeysSignerTaken(signer, holder);

        Keys storage keys = _keys[nodeId];
        if (keys.signer != address(0)) _retire(nodeId, keys.signer, uint64(block.timestamp));
        keys.signer = signer;
        keys.signingPublicKey = signingPublicKey;
        _signerHolder[signer] = nodeId;
        _uses[nodeId][signer] = KeyUse(true, 0);
        emit SigningKeySet(nodeId, signer, signingPublicKey);
    }

    function _retire(uint32 nodeId, address signer, uint64 retiredAt) private {
        _uses[nodeId][signer].retiredAt = retiredAt;
        delete _signerHolder[signer];
        emit SigningKeyRetired(nodeId, signer, retiredAt);
    }

    /// @dev The node signs until then; its key is nobody else's before.
    function _retireSigningKeyAt(uint32 nodeId, uint64 retiredAt) internal {
        address signer = _keys[nodeId].signer;
        _uses[nodeId][signer].retiredAt = retiredAt;
        emit SigningKeyRetired(nodeId, signer, retiredAt);
    }

    function _setAttestationKey(
        uint32 nodeId,
        address owner,
        bytes calldata attestationKey,
        bytes calldata proof
    ) internal {
        bytes32 keyHash = keccak256(attestationKey);
        uint32 holder = _attestationHolder[keyHash];
        if (holder != 0 && !_hasLeft(holder)) revert NodeKeysAttestationKeyTaken(holder);
        if (!blsVerifier.verifyPossession(address(this), owner, attestationKey, proof)) {
            revert NodeKeysAttestationProofInvalid(owner);
        }
        Keys storage keys = _keys[nodeId];
        if (keys.attestationKey != address(0)) {
            delete _attestationHolder[keccak256(SSTORE2.read(keys.attestationKey))];
        }
        keys.attestationKey = SSTORE2.write(attestationKey);
        _attestationHolder[keyHash] = nodeId;
        emit AttestationKeySet(nodeId, attestationKey);
    }

    function _signingKeyOf(uint32 nodeId) internal view returns (address signer, bytes memory signingPublicKey) {
        Keys storage keys = _keys[nodeId];
        return (keys.signer, keys.signingPublicKey);
    }

    /// @inheritdoc INodeKeys
    function attestationKeysOf(uint32[] calldata nodeIds) external view returns (bytes memory) {
        bytes[] memory parts = new bytes[](nodeIds.length);
        for (uint256 i = 0; i < nodeIds.length; i++) parts[i] = attestationKeyOf(nodeIds[i]);
        return _joined(parts);
    }

    function _joined(bytes[] memory parts) private pure returns (bytes memory all) {
        uint256 length;
        for (uint256 i = 0; i < parts.length; i++) length += parts[i].length;
        all = new bytes(length);
        uint256 at;
        for (uint256 i = 0; i < parts.length; i++) {
            bytes memory part = parts[i];
            assembly ("memory-safe") {
                mcopy(add(add(all, 0x20), at), add(part, 0x20), mload(part))
                at := add(at, mload(part))
            }
        }
    }

    /// @inheritdoc INodeKeys
    function possessionDigest(address owner) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(POSSESSION_TYPEHASH, owner)));
    }

    /// @inheritdoc INodeKeys
    function nodeOf(address signer) public view returns (uint32 nodeId) {
        nodeId = _signerHolder[signer];
        if (nodeId != 0 && _hasLeft(nodeId)) return 0;
    }

    function keyOf(uint32 nodeId, address signer) external view returns (bool known, uint64 retiredAt) {
        KeyUse storage use = _uses[nodeId][signer];
        return (use.known, use.retiredAt);
    }

    /// @inheritdoc INodeKeys
    function attestationKeyOf(uint32 nodeId) public view returns (bytes memory) {
        address pointer = _keys[nodeId].attestationKey;
        return pointer == address(0) ? bytes("") : SSTORE2.read(pointer);
    }
}
