// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRateRegistry} from "./interfaces/IRateRegistry.sol";

/// @title RateRegistry: what carriage costs, bounded and announced ahead.
/// @notice See IRateRegistry.
contract RateRegistry is IRateRegistry {
    uint256 private constant NOTICE = 24 hours;
    /// @dev Rates start 24 hours after the last ones: a start in the far future would be the last one ever.
    uint256 private constant FURTHEST = 90 days;
    uint256 private constant MAX_RISE = 4;
    uint256 private constant MAX_STAMP_PRICE = 1e6;
    uint32 private constant RETENTION_DAYS = 60;

    uint256 private constant MAX_MESSAGE_FEE = 1e9;
    uint256 private constant MAX_STORAGE_FEE = 1e6;
    uint256 private constant MAX_CONGESTION_FEE = 1e6;
    uint256 private constant MAX_TARGET = 1e6;

    // Up to its step a rate may rise at once, or one that was 0 could never rise again.
    uint256 private constant MESSAGE_FEE_STEP = 100;
    uint256 private constant STORAGE_FEE_STEP = 200;
    uint256 private constant CONGESTION_FEE_STEP = 300;
    uint256 private constant TARGET_STEP = 6_000;

    /// @inheritdoc IRateRegistry
    address public immutable governor;
    /// @inheritdoc IRateRegistry
    uint64 public immutable stampPrice;

    Rates[] private _rates;

    /// @param governor_ Who may schedule, and may not exist yet.
    /// @param first Rates from the beginning; their `startTime` is ignored and becomes 0.
    constructor(address governor_, uint64 stampPrice_, Rates memory first) {
        if (stampPrice_ > MAX_STAMP_PRICE) revert RateRegistryStampPriceOutOfBounds(stampPrice_, MAX_STAMP_PRICE);
        governor = governor_;
        stampPrice = stampPrice_;
        _requireWithin(first.messageFee, 0, MAX_MESSAGE_FEE);
        _requireWithin(first.storageFee, 0, MAX_STORAGE_FEE);
        _requireWithin(first.congestionFee, 0, MAX_CONGESTION_FEE);
        _requireWithin(first.targetRatePerMinute, 1, MAX_TARGET);
        first.startTime = 0;
        _append(first);
    }

    /// @inheritdoc IRateRegistry
    function scheduleRates(Rates calldata rates) external {
        if (msg.sender != governor) revert RateRegistryNotGovernor(msg.sender, governor);
        Rates storage last = _rates[_rates.length - 1];
        uint256 earliest = block.timestamp + NOTICE;
        if (last.startTime + NOTICE > earliest) earliest = last.startTime + NOTICE;
        if (rates.startTime < earliest) revert RateRegistryStartTooEarly(rates.startTime, earliest);
        uint256 latest = block.timestamp + FURTHEST;
        if (rates.startTime > latest) revert RateRegistryStartTooLate(rates.startTime, latest);
        _requireRise(rates.messageFee, last.messageFee, MESSAGE_FEE_STEP, 0, MAX_MESSAGE_FEE);
        _requireRise(rates.storageFee, last.storageFee, STORAGE_FEE_STEP, 0, MAX_STORAGE_FEE);
        _requireRise(rates.congestionFee, last.congestionFee, CONGESTION_FEE_STEP, 0, MAX_CONGESTION_FEE);
        _requireRise(rates.targetRatePerMinute, last.targetRatePerMinute, TARGET_STEP, 1, MAX_TARGET);
        _append(rates);
    }

    function _append(Rates memory rates) private {
        _rates.push(rates);
        emit RatesScheduled(_rates.length - 1, rates);
    }

    function _requireRise(uint64 rate, uint256 previous, uint256 step, uint256 least, uint256 most) private pure {
        uint256 reach = previous * MAX_RISE > step ? previous * MAX_RISE : step;
        _requireWithin(rate, least, reach < most ? reach : most);
    }

    function _requireWithin(uint64 rate, uint256 least, uint256 most) private pure {
        if (rate < least || rate > most) revert RateRegistryRateOutOfBounds(rate, least, most);
    }

    /// @inheritdoc IRateRegistry
    function getRatesCount() external view returns (uint256) {
        return _rates.length;
    }

    /// @inheritdoc IRateRegistry
    function getRates(uint256 fromIndex, uint256 count) external view returns (Rates[] memory rates) {
        uint256 total = _rates.length;
        if (fromIndex > total || count > total - fromIndex) {
            revert RateRegistryRangeOutOfBounds(fromIndex, count, total);
        }
        rates = new Rates[](count);
        for (uint256 i = 0; i < count; i++) rates[i] = _rates[fromIndex + i];
    }

    /// @inheritdoc IRateRegistry
    function retentionDays() external pure returns (uint32) {
        return RETENTION_DAYS;
    }
}
