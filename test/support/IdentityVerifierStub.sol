// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIdentityVerifier} from "../../contracts/interfaces/IIdentityVerifier.sol";
import {Action} from "../../contracts/types/Identity.sol";

/**
 * @notice Believes what it is shown: an envelope is `abi.encode(text, actions, failure)` with anything behind it, and a
 * failure that is not empty is what it reverts with. While an answer is set, that is read instead of the envelope.
 */
contract IdentityVerifierStub is IIdentityVerifier {
    bytes public answer;

    function setAnswer(bytes calldata answer_) external {
        answer = answer_;
    }

    /// @inheritdoc IIdentityVerifier
    function verify(bytes32, bytes calldata clientEnvelope) external view returns (bytes32, Action[] memory) {
        bytes memory read = answer;
        if (read.length == 0) read = clientEnvelope;
        (bytes32 text, Action[] memory actions, bytes memory failure) = abi.decode(read, (bytes32, Action[], bytes));
        if (failure.length == 0) return (text, actions);
        assembly ("memory-safe") {
            revert(add(failure, 0x20), mload(failure))
        }
    }
}
