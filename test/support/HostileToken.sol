// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token with the habits that tokens have: it keeps a part, says false, refuses accounts, pauses,
/// calls back.
contract HostileToken is ERC20 {
    uint256 public feeBps;
    bool public saysFalse;
    bool public paused;
    mapping(address account => bool) public refused;
    address public calledBack;
    bytes public callback;
    bool public callbackSucceeded;

    error HostileTokenRefused(address account);
    error HostileTokenPaused();

    constructor() ERC20("Hostile", "HOST") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setFeeBps(uint256 bps) external {
        feeBps = bps;
    }

    function setSaysFalse(bool value) external {
        saysFalse = value;
    }

    function setPaused(bool value) external {
        paused = value;
    }

    function setRefused(address account, bool value) external {
        refused[account] = value;
    }

    /// @notice Calls `target` with `data` in the middle of every transferFrom.
    function setCallback(address target, bytes calldata data) external {
        calledBack = target;
        callback = data;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (saysFalse) return false;
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (saysFalse) return false;
        super.transferFrom(from, to, amount);
        if (calledBack != address(0)) (callbackSucceeded, ) = calledBack.call(callback);
        return true;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (paused) revert HostileTokenPaused();
        if (refused[to]) revert HostileTokenRefused(to);
        uint256 fee = from == address(0) ? 0 : (amount * feeBps) / 10_000;
        if (fee > 0) super._update(from, address(0), fee);
        super._update(from, to, amount - fee);
    }
}
