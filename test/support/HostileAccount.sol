// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIdentityRegistry} from "../../contracts/interfaces/IIdentityRegistry.sol";

/// @notice A smart account (ERC-1271) that misbehaves as it is told.
contract HostileAccount {
    enum Manner {
        Agrees,
        Reverts,
        BurnsGas,
        ReturnsMegabyte,
        ReturnsLittle,
        ReturnsDirtyWord,
        ReEnters,
        Selfish
    }

    Manner public manner;
    IIdentityRegistry public registry;
    bytes32 public inboxId;
    bytes public update;

    function behave(Manner manner_) external {
        manner = manner_;
    }

    /// @notice What to submit when it is asked.
    function prepare(IIdentityRegistry registry_, bytes32 inboxId_, bytes calldata update_) external {
        (registry, inboxId, update) = (registry_, inboxId_, update_);
    }

    function isValidSignature(bytes32, bytes calldata) external returns (bytes32 answer) {
        answer = bytes32(bytes4(0x1626ba7e));
        if (manner == Manner.Reverts) revert("no");
        if (manner == Manner.BurnsGas) while (true) answer = keccak256(abi.encode(answer));
        if (manner == Manner.ReturnsDirtyWord) return answer | bytes32(uint256(1));
        if (manner == Manner.ReEnters) registry.addIdentityUpdate(inboxId, update);
        if (manner == Manner.Selfish) manner = Manner.Agrees;
        uint256 length = manner == Manner.ReturnsMegabyte ? 1_000_000 : 31;
        if (manner != Manner.ReturnsMegabyte && manner != Manner.ReturnsLittle) return answer;
        assembly ("memory-safe") {
            mstore(0x00, answer)
            return(0x00, length)
        }
    }
}
