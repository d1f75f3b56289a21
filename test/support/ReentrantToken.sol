// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that calls back whenever it moves, and remembers what it was answered. Asks nobody for a signature.
contract ReentrantToken is ERC20 {
    address private _target;
    bytes[] private _calls;
    bytes[] public answers;

    constructor() ERC20("Reentrant", "RE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice What the next movement calls.
    function setCalls(address target, bytes[] calldata calls) external {
        _target = target;
        delete answers;
        // One by one: the compiler does not copy the list.
        for (uint256 i = 0; i < calls.length; i++) _calls.push(calls[i]);
    }

    function answerCount() external view returns (uint256) {
        return answers.length;
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _transfer(from, to, value);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        _transfer(from, to, value);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        bytes[] memory calls = _calls;
        delete _calls;
        for (uint256 i = 0; i < calls.length; i++) {
            // solhint-disable-next-line avoid-low-level-calls
            (, bytes memory answer) = _target.call(calls[i]);
            answers.push(answer);
        }
    }
}
