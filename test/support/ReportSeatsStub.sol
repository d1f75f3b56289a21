// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SSTORE2} from "solady/src/utils/SSTORE2.sol";

import {IBlsVerifier} from "../../contracts/interfaces/IBlsVerifier.sol";
import {IRegistryVersions} from "../../contracts/interfaces/IRegistryVersions.sol";
import {BlsSigner} from "./BlsSigner.sol";

/// @notice What EpochReports asks NodeSeats, the registry and FeeDistributor: versions of seats with given weights, and a
/// note of whom it jailed and charged. The node 100 * n has the secret n until it rotates.
contract ReportSeatsStub {
    error ReportSeatsStubUnknownVersion(uint64 version);

    IBlsVerifier private immutable _verifier;
    IRegistryVersions.RegistryVersion[] private _versions;
    /// What the next roll over writes.
    uint32[] private _nextIds;
    uint96[] private _nextWeights;
    mapping(uint32 nodeId => uint256) private _rotated;
    uint32[] private _jailed;
    bytes public debits;

    /// @param weights Of the first version: the seat at position i is the node 100 * (i + 1).
    constructor(IBlsVerifier verifier, uint96[] memory weights) {
        _verifier = verifier;
        uint32[] memory nodeIds = new uint32[](weights.length);
        for (uint256 i = 0; i < weights.length; i++) nodeIds[i] = uint32(100 * (i + 1));
        _write(0, nodeIds, weights);
    }

    function _write(uint48 epoch, uint32[] memory nodeIds, uint96[] memory weights) private {
        bytes memory keys = attestationKeysOf(nodeIds);
        bytes memory seats;
        uint128 weight;
        for (uint256 i = 0; i < nodeIds.length; i++) {
            seats = bytes.concat(seats, abi.encodePacked(nodeIds[i], weights[i]), _keyOf(nodeIds[i]));
            weight += weights[i];
        }
        address pointer = SSTORE2.write(bytes.concat(_verifier.addKeys("", keys), seats));
        _versions.push(IRegistryVersions.RegistryVersion(pointer, epoch, uint8(nodeIds.length), weight));
    }

    /// What `rollOver` finds changed.
    function plan(uint32[] calldata nodeIds, uint96[] calldata weights) external {
        (_nextIds, _nextWeights) = (nodeIds, weights);
    }

    function rotate(uint32 nodeId, uint256 secret) external {
        _rotated[nodeId] = secret;
    }

    /// Writes what was planned; nobody at all when nothing was.
    function rollOver() external returns (uint64) {
        _write(uint48(block.timestamp / 12 hours), _nextIds, _nextWeights);
        return uint64(_versions.length);
    }

    function versionAt(uint64 epoch) external view returns (uint64 version) {
        while (version < _versions.length && _versions[version].epoch <= epoch) version++;
    }

    function getVersion(uint64 version) external view returns (IRegistryVersions.RegistryVersion memory) {
        if (version == 0 || version > _versions.length) revert ReportSeatsStubUnknownVersion(version);
        return _versions[version - 1];
    }

    function attestationKeysOf(uint32[] memory nodeIds) public view returns (bytes memory keys) {
        for (uint256 i = 0; i < nodeIds.length; i++) keys = bytes.concat(keys, _keyOf(nodeIds[i]));
    }

    function _keyOf(uint32 nodeId) private view returns (bytes memory) {
        uint256 secret = _rotated[nodeId];
        return BlsSigner.keyOf(secret == 0 ? nodeId / 100 : secret);
    }

    function jail(uint32[] calldata nodeIds) external virtual {
        for (uint256 i = 0; i < nodeIds.length; i++) _jailed.push(nodeIds[i]);
    }

    function jailed() external view returns (uint32[] memory) {
        return _jailed;
    }

    function recordDebits(bytes calldata rows) external {
        debits = bytes.concat(debits, rows);
    }
}
