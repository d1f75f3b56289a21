// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @notice A value over epochs: each entry holds from its epoch to the next entry's.
 *
 * OpenZeppelin's Checkpoints answer "what was it then"; seats also need "when was it next above nothing", which takes
 * the position of an entry, and that neighbours differ. One word per entry: `epoch 64 | value 192`.
 */
library EpochTrace {
    struct Trace {
        uint256[] entries;
    }

    error EpochTraceNotAscending(uint64 epoch, uint64 latestEpoch);

    /// @notice The value holds from `epoch` on. An entry of the same epoch is replaced; equal neighbours are merged.
    function set(Trace storage self, uint64 epoch, uint192 value) internal {
        uint256 length = self.entries.length;
        if (length > 0 && epochOf(self.entries[length - 1]) >= epoch) {
            uint64 latestEpoch = epochOf(self.entries[length - 1]);
            if (latestEpoch > epoch) revert EpochTraceNotAscending(epoch, latestEpoch);
            self.entries.pop();
            length--;
        }
        uint192 before = length == 0 ? 0 : valueOf(self.entries[length - 1]);
        if (before != value) self.entries.push((uint256(epoch) << 192) | value);
    }

    /// @notice Takes back what was set for `epoch` and later ones.
    function dropFrom(Trace storage self, uint64 epoch) internal {
        uint256[] storage entries = self.entries;
        while (entries.length > 0 && epochOf(entries[entries.length - 1]) >= epoch) entries.pop();
    }

    /// @notice The value set last, which may hold only from a later epoch on.
    function latest(Trace storage self) internal view returns (uint192) {
        uint256 length = self.entries.length;
        return length == 0 ? 0 : valueOf(self.entries[length - 1]);
    }

    /// @notice The value in an epoch; 0 before the first entry.
    function valueAt(Trace storage self, uint64 epoch) internal view returns (uint192) {
        uint256 after_ = firstAfter(self, epoch);
        return after_ == 0 ? 0 : valueOf(self.entries[after_ - 1]);
    }

    /// @notice The position of the first entry that begins after an epoch; the number of entries when there is none.
    function firstAfter(Trace storage self, uint64 epoch) internal view returns (uint256) {
        uint256 high = self.entries.length;
        // Nearly every question is about now, which is the last entry or the one before it.
        if (high == 0 || epochOf(self.entries[high - 1]) <= epoch) return high;
        uint256 low = 0;
        high--;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (epochOf(self.entries[middle]) > epoch) high = middle;
            else low = middle + 1;
        }
        return low;
    }

    function epochOf(uint256 entry) internal pure returns (uint64) {
        return uint64(entry >> 192);
    }

    function valueOf(uint256 entry) internal pure returns (uint192) {
        return uint192(entry);
    }
}
