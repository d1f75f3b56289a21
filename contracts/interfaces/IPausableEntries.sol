// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title Entries that can be closed for a while.
 * @notice Who the AccessManager allows may close the ways in, never a way out. A pause ends by itself, and the next one
 * has to wait: nobody can keep a contract closed by pausing again and again.
 */
interface IPausableEntries {
    /// @notice Entries are closed until `until`; the next pause may begin at `nextPauseAt`.
    event EntriesPaused(uint256 until, uint256 nextPauseAt);

    /// @notice A pause was ended early. It counts in full against the next one.
    event EntriesResumed();

    error PausableEntriesPaused(uint256 until, uint256 nowAt);
    error PausableEntriesDurationOutOfBounds(uint256 durationSeconds, uint256 least, uint256 most);
    error PausableEntriesTooSoon(uint256 nextPauseAt, uint256 nowAt);
    error PausableEntriesNotPaused(uint256 until, uint256 nowAt);

    /// @notice Closes the entries for 1 second to 7 days. Restricted.
    /// @dev Requires 30 days since the end that the previous pause was given.
    function pauseEntries(uint32 durationSeconds) external;

    /// @notice Opens the entries before the pause ends by itself. Restricted.
    function resumeEntries() external;

    /// @notice Until when entries are closed; open when that is not in the future.
    function entriesPausedUntil() external view returns (uint256);

    /// @notice From when `pauseEntries` is possible.
    function nextPauseAt() external view returns (uint256);
}
