// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SSTORE2} from "solady/src/utils/SSTORE2.sol";

import {IBlsVerifier} from "../../contracts/interfaces/IBlsVerifier.sol";
import {IRegistryVersions} from "../../contracts/interfaces/IRegistryVersions.sol";
import {BlsSigner} from "./BlsSigner.sol";

/// @notice What EpochReports asks NodeSeats and FeeDistributor: one version of seats with given weights for all time. The
/// seat at position i has the node id 100 * (i + 1) and the secret i + 1.
contract ReportSeatsStub {
    IRegistryVersions.RegistryVersion private _version;
    uint256 public jailed;
    uint256 public debitBytes;

    constructor(IBlsVerifier verifier, uint96[] memory weights) {
        bytes memory keys;
        bytes memory seats;
        uint128 weight;
        for (uint256 i = 0; i < weights.length; i++) {
            bytes memory key = BlsSigner.keyOf(i + 1);
            keys = bytes.concat(keys, key);
            seats = bytes.concat(seats, abi.encodePacked(uint32(100 * (i + 1)), weights[i]), key);
            weight += weights[i];
        }
        address pointer = SSTORE2.write(bytes.concat(verifier.addKeys("", keys), seats));
        _version = IRegistryVersions.RegistryVersion(pointer, 0, uint8(weights.length), weight);
    }

    function versionAt(uint64) external pure returns (uint64) {
        return 1;
    }

    function getVersion(uint64) external view returns (IRegistryVersions.RegistryVersion memory) {
        return _version;
    }

    function jail(uint32[] calldata nodeIds) external {
        jailed += nodeIds.length;
    }

    function recordDebits(bytes calldata debits) external {
        debitBytes += debits.length;
    }
}
