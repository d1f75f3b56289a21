// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IPausableEntries} from "../interfaces/IPausableEntries.sol";

/// @title PausableEntries: a pause of ways in that ends by itself.
/// @notice See IPausableEntries. Functions that are not marked `whenEntriesOpen` know nothing of it.
abstract contract PausableEntries is IPausableEntries, AccessManaged {
    uint256 private constant MAX_PAUSE = 7 days;
    uint256 private constant REST = 30 days;

    // Behind AccessManaged's in one slot: authority 160 | consumingSchedule 8 | pausedUntil 40 | nextPauseAt 40
    uint40 private _pausedUntil;
    uint40 private _nextPauseAt;

    modifier whenEntriesOpen() {
        _requireEntriesOpen();
        _;
    }

    /// @param authority_ The AccessManager, which may not exist yet.
    constructor(address authority_) AccessManaged(authority_) {}

    function _requireEntriesOpen() private view {
        if (block.timestamp < _pausedUntil) revert PausableEntriesPaused(_pausedUntil, block.timestamp);
    }

    /// @inheritdoc IPausableEntries
    function pauseEntries(uint32 durationSeconds) external restricted {
        if (durationSeconds == 0 || durationSeconds > MAX_PAUSE) {
            revert PausableEntriesDurationOutOfBounds(durationSeconds, 1, MAX_PAUSE);
        }
        if (block.timestamp < _nextPauseAt) revert PausableEntriesTooSoon(_nextPauseAt, block.timestamp);
        uint256 until = block.timestamp + durationSeconds;
        _pausedUntil = uint40(until);
        _nextPauseAt = uint40(until + REST);
        emit EntriesPaused(until, until + REST);
    }

    /// @inheritdoc IPausableEntries
    function resumeEntries() external restricted {
        if (block.timestamp >= _pausedUntil) revert PausableEntriesNotPaused(_pausedUntil, block.timestamp);
        _pausedUntil = uint40(block.timestamp);
        emit EntriesResumed();
    }

    /// @inheritdoc IPausableEntries
    function entriesPausedUntil() external view returns (uint256) {
        return _pausedUntil;
    }

    /// @inheritdoc IPausableEntries
    function nextPauseAt() external view returns (uint256) {
        return _nextPauseAt;
    }
}
