// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title What carriage costs.
 * @notice Rates in picodollars (1e-12 USD). The rates in force for a message are the last ones whose `startTime` is
 * not after it. History is never rewritten. Reads keep XMTP's ABI.
 */
interface IRateRegistry {
    /// @param messageFee Pico per message.
    /// @param storageFee Pico per byte and day.
    /// @param congestionFee Pico per congestion unit.
    /// @param targetRatePerMinute Messages of one originator per minute above which congestion begins.
    /// @param startTime From when they hold, unix seconds.
    struct Rates {
        uint64 messageFee;
        uint64 storageFee;
        uint64 congestionFee;
        uint64 targetRatePerMinute;
        uint64 startTime;
    }

    event RatesScheduled(uint256 indexed index, Rates rates);

    error RateRegistryNotGovernor(address caller, address governor);
    error RateRegistryStartTooEarly(uint64 startTime, uint256 earliest);
    error RateRegistryStartTooLate(uint64 startTime, uint256 latest);
    error RateRegistryRateOutOfBounds(uint64 rate, uint256 least, uint256 most);
    error RateRegistryStampPriceOutOfBounds(uint64 stampPrice, uint256 most);
    error RateRegistryRangeOutOfBounds(uint256 fromIndex, uint256 count, uint256 total);

    /**
     * @notice Adds rates. The governor only.
     * @dev Start at least 24 h ahead and 24 h after the previous start, and at most 90 days ahead. Each rate at most the larger of 4 times the
     * previous one and its step (100, 200, 300, 6,000), and within absolute bounds: messageFee <= 1e9,
     * storageFee <= 1e6, congestionFee <= 1e6, target 1 to 1e6.
     */
    function scheduleRates(Rates calldata rates) external;

    /// @notice Who may schedule. Immutable.
    function governor() external view returns (address);

    /// @notice How many rates were ever scheduled. XMTP's ABI.
    function getRatesCount() external view returns (uint256);

    /// @notice `count` rates from `fromIndex` on, oldest first. XMTP's ABI. The first rates start at time 0, so that
    /// every message has a rate, also under a clock that runs behind the chain's.
    function getRates(uint256 fromIndex, uint256 count) external view returns (Rates[] memory);

    /// @notice Price of a stamp, base units of the fee token.
    function stampPrice() external view returns (uint64);

    /// @notice For how many days the network keeps messages, and charges for.
    function retentionDays() external view returns (uint32);
}
