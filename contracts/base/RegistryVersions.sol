// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SSTORE2} from "solady/src/utils/SSTORE2.sol";

import {IRegistryVersions} from "../interfaces/IRegistryVersions.sol";
import {EpochTrace} from "../libraries/EpochTrace.sol";
import {SeatBlob} from "../libraries/SeatBlob.sol";

/// @title RegistryVersions: the active seats with weights and keys, frozen.
/// @notice See IRegistryVersions.
abstract contract RegistryVersions is IRegistryVersions {
    using EpochTrace for EpochTrace.Trace;

    RegistryVersion[] private _versions;
    EpochTrace.Trace private _versionByEpoch;

    /// @inheritdoc IRegistryVersions
    function latestVersion() public view returns (uint64) {
        return uint64(_versions.length);
    }

    /// @dev Whether this epoch has a version already.
    function _isRolledOver(uint64 epoch) internal view returns (bool) {
        uint256 length = _versions.length;
        return length > 0 && _versions[length - 1].epoch == epoch;
    }

    /// @param nodeIds The active seats, ascending.
    /// @param weights Their weights; one above 96 bits, which no supply of ours reaches, counts as the most of them.
    /// @param keys Their keys, one after the other, and `sum`, the sum of them.
    function _writeVersion(
        uint64 epoch,
        uint32[] memory nodeIds,
        uint256[] memory weights,
        bytes memory keys,
        bytes memory sum
    ) internal {
        bytes memory blob = new bytes(SeatBlob.KEY_LENGTH + nodeIds.length * SeatBlob.SEAT_LENGTH);
        _copy(sum, 0, blob, 0);
        uint256 weight;
        for (uint256 i = 0; i < nodeIds.length; i++) {
            uint256 at = SeatBlob.KEY_LENGTH + i * SeatBlob.SEAT_LENGTH;
            uint256 seatWeight = Math.min(weights[i], type(uint96).max);
            uint256 head = (uint256(nodeIds[i]) << 224) | (seatWeight << 128);
            assembly ("memory-safe") {
                mstore(add(add(blob, 0x20), at), head)
            }
            _copy(keys, i * SeatBlob.KEY_LENGTH, blob, at + 16);
            weight += seatWeight;
        }
        uint256 version = _versions.length;
        if (version > 0 && keccak256(SSTORE2.read(_versions[version - 1].pointer)) == keccak256(blob)) return;
        address pointer = SSTORE2.write(blob);
        _versions.push(RegistryVersion(pointer, uint48(epoch), uint8(nodeIds.length), uint128(weight)));
        _versionByEpoch.set(epoch, uint192(version + 1));
        emit RegistryVersionWritten(uint64(version + 1), epoch, pointer, nodeIds.length, weight);
    }

    /// @dev Copies one key.
    function _copy(bytes memory from, uint256 fromAt, bytes memory to, uint256 toAt) private pure {
        uint256 length = SeatBlob.KEY_LENGTH;
        assembly ("memory-safe") {
            mcopy(add(add(to, 0x20), toAt), add(add(from, 0x20), fromAt), length)
        }
    }

    /// @inheritdoc IRegistryVersions
    function versionAt(uint64 epoch) external view returns (uint64) {
        return uint64(_versionByEpoch.valueAt(epoch));
    }

    /// @inheritdoc IRegistryVersions
    function getVersion(uint64 version) public view returns (RegistryVersion memory) {
        if (version == 0 || version > _versions.length) revert RegistryVersionsUnknown(version, latestVersion());
        return _versions[version - 1];
    }

    /// @inheritdoc IRegistryVersions
    function blobOf(uint64 version) external view returns (bytes memory) {
        return SSTORE2.read(getVersion(version).pointer);
    }
}
