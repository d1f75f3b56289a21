// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAttestations} from "../interfaces/IAttestations.sol";
import {IBlsVerifier} from "../interfaces/IBlsVerifier.sol";
import {INodeSeats} from "../interfaces/INodeSeats.sol";
import {IRegistryVersions} from "../interfaces/IRegistryVersions.sol";
import {SeatBlob} from "../libraries/SeatBlob.sol";
import {REPORT_TYPEHASH, Report} from "../types/Report.sol";

/// @title Attestations: what a quorum of seats signed.
/// @notice See IAttestations.
abstract contract Attestations is IAttestations, EIP712 {
    /// @inheritdoc IAttestations
    INodeSeats public immutable seats;
    /// @inheritdoc IAttestations
    IBlsVerifier public immutable blsVerifier;

    constructor(INodeSeats seats_, IBlsVerifier blsVerifier_) EIP712("Pennyblack Reports", "1") {
        seats = seats_;
        blsVerifier = blsVerifier_;
    }

    /// @inheritdoc IAttestations
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IAttestations
    function digestOf(Report memory report) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REPORT_TYPEHASH, report)));
    }

    /// @dev More than two thirds of the weight, more than half of the seats, and one signature that is all of theirs.
    function _requireQuorum(
        IRegistryVersions.RegistryVersion memory version,
        uint256 signers,
        bytes32 digest,
        bytes calldata signature
    ) internal view {
        if (signers >> version.seats != 0) revert AttestationsUnknownSeats(signers, version.seats);
        uint256 absent = ((1 << version.seats) - 1) & ~signers;
        // The sum of all keys is there: it takes less of those that are missing than of those that signed.
        (bytes memory missing, uint256 missingWeight) = SeatBlob.readSeats(version.pointer, absent);
        uint256 signedWeight = version.weight - missingWeight;
        uint256 signedSeats = version.seats - missing.length / SeatBlob.KEY_LENGTH;
        // With a weight of zero in all, nothing is more than two thirds of it.
        if (signedWeight * 3 <= uint256(version.weight) * 2 || signedSeats * 2 <= version.seats) {
            revert AttestationsNoQuorum(signedSeats, version.seats, signedWeight, version.weight);
        }
        bytes memory sum = SeatBlob.sumOf(version.pointer);
        if (!blsVerifier.verifyReportWithout(digest, signature, sum, missing)) revert AttestationsInvalid(digest);
    }
}
