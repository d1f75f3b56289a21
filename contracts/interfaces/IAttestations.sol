// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Report} from "../types/Report.sol";
import {IBlsVerifier} from "./IBlsVerifier.sol";
import {INodeSeats} from "./INodeSeats.sol";

/**
 * @title What seats sign, and when enough of them did.
 * @notice Seats attest digests with BLS12-381, keys in G2, signatures in G1. A report needs seats that hold more than two
 * thirds of the weight and are more than half of the seats of its registry version. Their signatures come added up into
 * one, with a bitmap of who signed: bit i is the seat at position i.
 */
interface IAttestations {
    /// @notice The bitmap names seats that the registry version does not have.
    error AttestationsUnknownSeats(uint256 positions, uint256 seats);
    error AttestationsNoQuorum(uint256 signedSeats, uint256 seats, uint256 signedWeight, uint256 weight);
    /// @notice The signature is not that of all the seats in the bitmap over the digest.
    error AttestationsInvalid(bytes32 digest);

    /// @notice The EIP-712 digest of a report: what is attested, and its name.
    function digestOf(Report memory report) external view returns (bytes32);

    /// @notice EIP-712's, of `{"Pennyblack Reports", "1", chain id, this contract}`. Stock nodes read it.
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32);

    /// @notice Whose registry versions count. Immutable.
    function seats() external view returns (INodeSeats);

    /// @notice Who checks signatures. Immutable.
    function blsVerifier() external view returns (IBlsVerifier);
}
