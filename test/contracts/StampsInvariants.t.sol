// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PostageChannels} from "../../contracts/PostageChannels.sol";
import {Stamps} from "../../contracts/Stamps.sol";
import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {IStamps} from "../../contracts/interfaces/IStamps.sol";
import {StampsWorld} from "../support/StampsWorld.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm, within} from "../support/Vm.sol";

/// @notice Acts at random: payers, daemons that charge, recipients that claim, through time, and quorums that lie about
/// totals. Keeps what each promise needs to be checked.
contract StampsHandler is StampsWorld {
    uint256 public constant ACCOUNTS = 3;
    bytes32[] private _digests;
    mapping(uint256 key => uint64) public signed;
    mapping(uint256 key => uint64) public attested;
    mapping(uint256 key => uint64) private _seenSpent;
    /// What arrived in time, measured by the token; and what accounts got.
    mapping(bytes32 digest => uint256) public chargedInTime;
    mapping(bytes32 digest => uint256) public paid;
    mapping(bytes32 digest => uint16) public shareOf;
    mapping(bytes32 digest => uint64) private _finalAt;
    mapping(bytes32 digest => mapping(uint256 index => uint256)) private _timesPaid;
    uint256 public paidIn;
    uint256 public paidOut;
    uint256 public donated;
    uint256 public donatedToStamps;
    /// What must never be seen.
    bool public fell;
    bool public paidTwice;
    bool public touchedAnother;
    bool public paidOutOfTime;
    bool public exitRefused;

    constructor() {
        _start(new TestUSDC());
        for (uint256 i = 0; i < KEYS; i++) deposit(i, 20e6);
        sign(0, 10e6, 0);
        sign(1, 10e6, 0);
        file([uint64(2e6), 3e6, 1e6], [uint64(1e6), 2e6, 0], 0, 0);
    }

    function contracts() external view returns (PostageChannels, Stamps, TestUSDC) {
        return (channels, stamps, usdc);
    }

    function digests() external view returns (bytes32[] memory) {
        return _digests;
    }

    function keyAddress(uint256 i) external pure returns (address) {
        return _payer(i);
    }

    function account(uint256 i) public pure returns (address) {
        return address(uint160(0xACC0 + (i % ACCOUNTS)));
    }

    function totalOf(bytes32 digest) external view returns (uint256) {
        return payoutTotal[digest];
    }

    function owedOfPot(bytes32 digest) external view returns (uint256) {
        return _owedOfPot(digest);
    }

    // Payers.

    function deposit(uint256 i, uint256 amount) public {
        amount = within(amount, 1e6, 20e6);
        channels.deposit(_payer(i), uint96(amount));
        paidIn += amount;
    }

    function sign(uint256 i, uint64 ceiling, uint64 fees) public {
        ceiling = uint64(within(ceiling, 0, 30e6));
        _settle(i, uint64(within(fees, 0, 10e6)), ceiling);
        if (ceiling > signed[i % KEYS]) signed[i % KEYS] = ceiling;
    }

    function requestWithdrawal(uint256 i, uint64 amount) external {
        IPostageChannels.Channel memory channel = channels.getChannel(_payer(i));
        uint64 unspent = channel.deposited - channel.feesSpent - channel.stampsSpent;
        if (unspent == 0 || channel.pendingWithdrawal > 0) return;
        vm.prank(_payer(i));
        channels.requestWithdrawal(_payer(i), uint64(within(amount, 1, unspent)));
    }

    /// I8: what was charged meanwhile does not keep the rest from leaving.
    function withdraw(uint256 i) external {
        address payer = _payer(i);
        IPostageChannels.Channel memory channel = channels.getChannel(payer);
        bool held = block.timestamp < channel.stampsFreeAt;
        bool ready = block.timestamp >= channel.readyAt && (!held || channels.freeAmount(payer) > 0);
        if (channel.pendingWithdrawal == 0 || !ready) return;
        uint256 before = usdc.balanceOf(SINK);
        vm.prank(payer);
        try channels.withdraw(payer, SINK) {} catch {
            exitRefused = true;
        }
        paidOut += usdc.balanceOf(SINK) - before;
    }

    function donate(uint256 amount, bool toStamps) external {
        amount = within(amount, 0, 1e6);
        usdc.transfer(toStamps ? address(stamps) : address(channels), amount);
        if (toStamps) donatedToStamps += amount;
        else donated += amount;
    }

    // Time, votes and reports.

    function wait(uint256 duration) external {
        vm.warp(block.timestamp + within(duration, 0, 4 days));
    }

    function waitLong() external {
        vm.warp(block.timestamp + 200 days);
    }

    function setShares(uint16 recipients, uint16 silent) external {
        stamps.setShares(uint16(within(recipients, 0, 5_000)), uint16(within(silent, 0, 2_500)));
    }

    function file(uint64[3] memory charged, uint64[3] memory amounts, uint256 delay, uint128 lie) public {
        if (_digests.length == 8) return;
        Leaf[] memory charges = new Leaf[](3);
        Leaf[] memory payouts = new Leaf[](3);
        uint128 total;
        for (uint256 i = 0; i < 3; i++) {
            uint64 cumulative = _stampsSpent(i) + uint64(within(charged[i], 0, 5e6));
            if (cumulative > attested[i]) attested[i] = cumulative;
            charges[i] = Leaf(_payer(i), cumulative);
            payouts[i] = Leaf(account(i), uint64(within(amounts[i], 0, 5e6)));
            total += payouts[i].amount;
        }
        if (lie % 4 == 1) total = uint128(within(lie, 0, 10e6));
        uint64 finalAt = uint64(block.timestamp + within(delay, 0, 2 days));
        bytes32 digest = _fileWith(charges, payouts, total, finalAt);
        (uint16 share, ) = stamps.sharesAt((block.timestamp / 12 hours) * 12 hours - 1);
        (shareOf[digest], _finalAt[digest]) = (share, finalAt);
        _digests.push(digest);
    }

    // Charges and payouts.

    modifier onlyOf(bytes32 digest) {
        bytes32 before = _others(digest);
        _;
        if (_others(digest) != before) touchedAnother = true;
    }

    /// Every pot but one.
    function _others(bytes32 digest) private view returns (bytes32 hash) {
        for (uint256 i = 0; i < _digests.length; i++) {
            if (_digests[i] != digest) hash = keccak256(abi.encode(hash, stamps.potOf(_digests[i])));
        }
    }

    function _pick(uint256 r) private view returns (bytes32) {
        return _digests[r % _digests.length];
    }

    function charge(uint256 r, uint256 mask) external {
        _charge(_pick(r), mask);
    }

    function _charge(bytes32 digest, uint256 mask) private onlyOf(digest) {
        IStamps.Charge[] memory charges = _chargesOf(digest);
        // The same row again instead of those that are left out.
        for (uint256 i = 1; i < charges.length; i++) if ((mask >> i) & 1 == 1) charges[i] = charges[0];
        uint256 before = usdc.balanceOf(address(stamps));
        try stamps.charge(_reportOf(digest), charges) {
            if (block.timestamp < _finalAt[digest]) paidOutOfTime = true;
        } catch {
            if (block.timestamp >= _finalAt[digest]) exitRefused = true;
        }
        uint256 arrived = usdc.balanceOf(address(stamps)) - before;
        if (block.timestamp < _finalAt[digest] + 3 days) chargedInTime[digest] += arrived;
        for (uint256 i = 0; i < KEYS; i++) {
            if (_stampsSpent(i) < _seenSpent[i]) fell = true;
            _seenSpent[i] = _stampsSpent(i);
        }
    }

    function claim(uint256 r, uint256 i) external {
        _claim(_pick(r), i % 3);
    }

    function _claim(bytes32 digest, uint256 i) private onlyOf(digest) {
        IStamps.Payout memory payout = _payoutOf(digest, i);
        bool inTime = block.timestamp >= _finalAt[digest] + 3 days && block.timestamp < _finalAt[digest] + 365 days;
        uint256 before = usdc.balanceOf(payout.account);
        try stamps.claim(digest, payout.account, payout.amount, payout.path) {
            if (!inTime) paidOutOfTime = true;
            if (++_timesPaid[digest][i] > 1) paidTwice = true;
        } catch {
            if (inTime && chargedInTime[digest] > 0 && _timesPaid[digest][i] == 0) exitRefused = true;
        }
        _paid(digest, usdc.balanceOf(payout.account) - before);
    }

    function claimMany(uint256 r) external {
        bytes32 digest = _pick(r);
        IStamps.Payout[] memory payouts = _payoutsOf(digest);
        uint256 before = _balances();
        try stamps.claimMany(digest, payouts) {
            for (uint256 i = 0; i < 3; i++) _timesPaid[digest][i] = 1;
        } catch {}
        _paid(digest, _balances() - before);
    }

    function _balances() private view returns (uint256 sum) {
        for (uint256 i = 0; i < ACCOUNTS; i++) sum += usdc.balanceOf(account(i));
    }

    function _paid(bytes32 digest, uint256 amount) private {
        paid[digest] += amount;
        paidOut += amount;
    }

    function fixPot(uint256 r) external {
        _fixPot(_pick(r));
    }

    function _fixPot(bytes32 digest) private onlyOf(digest) {
        (uint64 count, uint128 total, bytes32 top) = _topOf(digest);
        try stamps.fixPot(digest, count, total, top) {
            if (block.timestamp < _finalAt[digest] + 3 days) paidOutOfTime = true;
        } catch {}
    }

    function sweep(uint256 r) external {
        _sweep(_pick(r));
    }

    function _sweep(bytes32 digest) private onlyOf(digest) {
        try stamps.sweep(digest) {
            if (block.timestamp < _finalAt[digest] + 365 days) paidOutOfTime = true;
        } catch {}
    }

    function withdrawCredit() external {
        if (stamps.creditOf(TREASURY) == 0) return;
        uint256 before = usdc.balanceOf(SINK);
        vm.prank(TREASURY);
        stamps.withdrawCredit(SINK);
        paidOut += usdc.balanceOf(SINK) - before;
    }

    function treasury() external pure returns (address) {
        return TREASURY;
    }
}

contract StampsInvariants {
    uint256 private constant KEYS = 3;
    StampsHandler private _handler;
    PostageChannels private _channels;
    Stamps private _stamps;
    TestUSDC private _usdc;

    function setUp() public {
        _handler = new StampsHandler();
        (_channels, _stamps, _usdc) = _handler.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function _owedByStamps() private view returns (uint256 owed) {
        bytes32[] memory digests = _handler.digests();
        for (uint256 i = 0; i < digests.length; i++) owed += _handler.owedOfPot(digests[i]);
        owed += _stamps.creditOf(_handler.treasury());
    }

    function _owedByChannels() private view returns (uint256 owed) {
        for (uint256 i = 0; i < KEYS; i++) {
            IPostageChannels.Channel memory channel = _channels.getChannel(_handler.keyAddress(i));
            owed += channel.deposited - channel.feesSpent - channel.stampsSpent;
        }
        owed += _channels.uncollected() + _channels.creditOf(address(_handler));
    }

    function invariant_I1_eachBalanceIsWhatIsOwedAndGifts() public view {
        assert(_usdc.balanceOf(address(_stamps)) == _owedByStamps() + _handler.donatedToStamps());
        assert(_usdc.balanceOf(address(_channels)) == _owedByChannels() + _handler.donated());
    }

    function invariant_I2_whatCameInWentOutOrIsOwed() public view {
        assert(_handler.paidIn() == _handler.paidOut() + _owedByStamps() + _owedByChannels());
    }

    function invariant_I3_stampsSpentNeverFallsOrExceedsTheDeposit() public view {
        assert(!_handler.fell());
        for (uint256 i = 0; i < KEYS; i++) {
            IPostageChannels.Channel memory channel = _channels.getChannel(_handler.keyAddress(i));
            assert(uint256(channel.feesSpent) + channel.stampsSpent <= channel.deposited);
        }
    }

    function invariant_I14_nobodyIsChargedMoreThanSignedOrAttested() public view {
        for (uint256 i = 0; i < KEYS; i++) {
            uint64 spent = _channels.getChannel(_handler.keyAddress(i)).stampsSpent;
            assert(spent <= _handler.signed(i) && spent <= _handler.attested(i));
        }
    }

    function invariant_I14_aPotPaysAtMostTheShareOfWhatWasChargedUnderItsReport() public view {
        bytes32[] memory digests = _handler.digests();
        for (uint256 i = 0; i < digests.length; i++) {
            bytes32 digest = digests[i];
            uint256 most = (_handler.chargedInTime(digest) * _handler.shareOf(digest)) / 10_000;
            assert(_handler.paid(digest) <= most && _handler.paid(digest) <= _handler.totalOf(digest));
            IStamps.PotState memory pot = _stamps.potOf(digest);
            assert(pot.charged == _handler.chargedInTime(digest) && pot.paid == _handler.paid(digest));
        }
    }

    function invariant_I14_eachLeafOnceEachPotItsOwnAndInTime() public view {
        assert(!_handler.paidTwice());
        assert(!_handler.touchedAnother());
        assert(!_handler.paidOutOfTime());
    }

    function invariant_I8_noExitIsEverRefused() public view {
        assert(!_handler.exitRefused());
    }
}
