// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CanonicalProto} from "../../contracts/libraries/CanonicalProto.sol";

/// @notice Reads fields out of calldata, which is where the library reads.
contract CanonicalProtoHarness {
    using CanonicalProto for bytes;

    function nextField(bytes calldata input) external pure returns (uint256) {
        return input.nextField();
    }

    function requireEnd(bytes calldata input) external pure returns (bool) {
        input.requireEnd();
        return true;
    }

    function takeUint(bytes calldata input, uint256 number) external pure returns (uint64, bytes memory) {
        return input.takeUint(number);
    }

    function takeBytes(bytes calldata input, uint256 number) external pure returns (bytes memory, bytes memory) {
        return input.takeBytes(number);
    }

    function takeMessage(bytes calldata input, uint256 number) external pure returns (bytes memory, bytes memory) {
        return input.takeMessage(number);
    }

    function onlyMessage(bytes calldata input, uint256 number) external pure returns (bytes memory) {
        return input.onlyMessage(number);
    }

    /// @notice A message 1 with bytes 1 in it and nothing else, and what follows the message.
    function takeInner(bytes calldata input) external pure returns (bytes memory, bytes memory) {
        (bytes calldata message, bytes calldata rest) = input.takeMessage(1);
        (bytes calldata value, bytes calldata end) = message.takeBytes(1);
        end.requireEnd();
        return (value, rest);
    }

    /// @notice A message `{number 1, bytes 2, message 3, number 4}`.
    function takeAll(bytes calldata input) external pure {
        (, input) = input.takeUint(1);
        (, input) = input.takeBytes(2);
        (, input) = input.takeMessage(3);
        (, input) = input.takeUint(4);
        input.requireEnd();
    }
}
