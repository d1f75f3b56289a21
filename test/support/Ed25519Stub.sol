// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEd25519Verifier} from "../../contracts/interfaces/IEd25519Verifier.sol";

/// @notice A signature by rule: r is the hash of the key and s the hash of the text. It takes as much gas as it is told.
contract Ed25519Stub is IEd25519Verifier {
    uint256 private immutable _gas;

    constructor(uint256 gas_) {
        _gas = gas_;
    }

    function rawOf(bytes32 key, bytes memory text) external pure returns (bytes memory) {
        return abi.encode(keccak256(abi.encode(key)), keccak256(text));
    }

    /// @inheritdoc IEd25519Verifier
    function verify(bytes32 publicKey, bytes32 r, bytes32 s, bytes calldata text) external view returns (bool) {
        uint256 before = gasleft();
        while (before - gasleft() < _gas) continue;
        return r == keccak256(abi.encode(publicKey)) && s == keccak256(text);
    }
}
