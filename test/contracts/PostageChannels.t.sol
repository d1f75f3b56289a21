// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PostageChannels} from "../../contracts/PostageChannels.sol";
import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {OpenAuthority} from "../support/OpenAuthority.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm, within} from "../support/Vm.sol";

/// @notice Lets a test change all the terms at once.
contract TermedChannels is PostageChannels {
    constructor(
        TestUSDC token,
        Parameters memory terms
    ) PostageChannels(token, address(0xD157), address(0x57A3), address(new OpenAuthority()), 9 days, terms) {}

    function setParameters(Parameters memory next) external {
        this.setWithdrawalTerms(next.withdrawalDelaySeconds, next.stampHoldSeconds);
        this.setMinimumDeposit(next.minimumDeposit);
        this.setBounty(next.bountyBps, next.bountyCap);
    }
}

function defaultTerms() pure returns (IPostageChannels.Parameters memory) {
    return IPostageChannels.Parameters(72 hours, 10 days, 1e6, 50, 0.02e6);
}

/// @notice Signs rows; what the fuzzed tests and the invariant handler share.
abstract contract Payers {
    uint256 internal constant KEYS = 4;
    TestUSDC internal usdc = new TestUSDC();
    TermedChannels internal channels;

    function _start() internal {
        channels = new TermedChannels(usdc, defaultTerms());
        usdc.mint(address(this), type(uint128).max);
        usdc.approve(address(channels), type(uint256).max);
    }

    function _key(uint256 i) internal pure returns (uint256) {
        return 0xA11CE + (i % KEYS);
    }

    function _row(uint256 i, uint64 fees, uint64 stamps) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(i), channels.voucherDigest(fees, stamps));
        return abi.encodePacked(fees, stamps, r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }
}

contract PostageChannelsTest is Payers {
    struct Given {
        uint8 key;
        uint64 fees;
        uint64 stamps;
    }

    /// The same payers and deposits at another address: rows have to be signed for it.
    TermedChannels private _another;

    function setUp() public {
        _start();
        _another = channels;
        _start();
        for (uint256 i = 0; i < KEYS; i++) {
            channels.deposit(vm.addr(_key(i)), uint96(1e6 * (i + 1)));
            _another.deposit(vm.addr(_key(i)), uint96(1e6 * (i + 1)));
        }
    }

    /// I5: one batch, the same rows one by one backwards, and twice: the same channels and the same money.
    function testFuzz_I5_batchEqualsSinglesInAnyOrder(Given[4] memory given) public {
        bytes memory rows;
        for (uint256 i = 0; i < given.length; i++) {
            // Around the deposits, where it matters.
            given[i].fees = uint64(within(given[i].fees, 0, 6e6));
            rows = bytes.concat(rows, _row(given[i].key, given[i].fees, given[i].stamps));
        }
        channels.settle(rows);
        uint256[2][KEYS] memory expected = _columns();
        uint256 moved = channels.uncollected() + channels.creditOf(address(this));

        channels = _another;
        for (uint256 i = given.length; i > 0; i--) {
            bytes memory row = _row(given[i - 1].key, given[i - 1].fees, given[i - 1].stamps);
            channels.settle(row);
            channels.settle(row);
        }
        uint256[2][KEYS] memory actual = _columns();
        for (uint256 i = 0; i < KEYS; i++) {
            assert(actual[i][0] == expected[i][0] && actual[i][1] == expected[i][1]);
        }
        assert(channels.uncollected() + channels.creditOf(address(this)) == moved);
    }

    function _columns() private view returns (uint256[2][KEYS] memory columns) {
        for (uint256 i = 0; i < KEYS; i++) {
            IPostageChannels.Channel memory channel = channels.getChannel(vm.addr(_key(i)));
            columns[i] = [uint256(channel.feesSpent), channel.stampsSigned];
        }
    }

    /// I6: one flipped bit anywhere in a row moves nothing of its channel.
    function testFuzz_I6_oneBitOfARowMovesNothing(uint64 fees, uint64 stamps, uint256 bit) public {
        fees = uint64(within(fees, 1, 1e6));
        bytes memory row = _row(0, fees, stamps);
        bit = within(bit, 0, 80 * 8 - 1);
        row[bit / 8] = bytes1(uint8(row[bit / 8]) ^ uint8(1 << (bit % 8)));
        channels.settle(row);
        IPostageChannels.Channel memory channel = channels.getChannel(vm.addr(_key(0)));
        assert(channel.feesSpent == 0 && channel.stampsSigned == 0);
    }

    /// Whatever the bytes are, settle neither reverts nor moves anything.
    function testFuzz_settleTakesAnyBytes(bytes calldata rows) public {
        channels.settle(rows);
        assert(channels.uncollected() == 0);
    }

    /// Case 15: a parameter lowered or raised in between does not touch a pending withdrawal.
    function testFuzz_case15_aPendingWithdrawalKeepsItsTerms(uint32 delay, uint32 hold) public {
        address key = vm.addr(_key(0));
        vm.prank(key);
        channels.requestWithdrawal(key, 5e5);
        IPostageChannels.Channel memory before = channels.getChannel(key);
        IPostageChannels.Parameters memory terms = defaultTerms();
        terms.withdrawalDelaySeconds = uint32(within(delay, 25 hours, 14 days));
        terms.stampHoldSeconds = uint32(within(hold, 14 days, 30 days));
        channels.setParameters(terms);
        IPostageChannels.Channel memory afterwards = channels.getChannel(key);
        assert(afterwards.readyAt == before.readyAt && afterwards.stampsFreeAt == before.stampsFreeAt);
        vm.warp(before.readyAt);
        vm.prank(key);
        channels.withdraw(key, address(0xBEEF));
        assert(usdc.balanceOf(address(0xBEEF)) == 5e5);
    }

    /// I7: no parameter goes below its floor or above its cap.
    function test_I7_parametersAreBounded() public {
        uint256[2][5] memory bounds = [
            [uint256(25 hours), 14 days],
            [uint256(9 days), 30 days],
            [uint256(1), 100e6],
            [uint256(0), 200],
            [uint256(0), 0.2e6]
        ];
        for (uint256 i = 0; i < 5; i++) {
            channels.setParameters(_withTerm(i, i == 0 ? uint256(10 days) : bounds[i][1]));
            channels.setParameters(_withTerm(i, bounds[i][0]));
            if (bounds[i][0] > 0) {
                vm.expectRevert();
                channels.setParameters(_withTerm(i, bounds[i][0] - 1));
            }
            vm.expectRevert();
            channels.setParameters(_withTerm(i, bounds[i][1] + 1));
        }
    }

    function _withTerm(uint256 i, uint256 value) private pure returns (IPostageChannels.Parameters memory terms) {
        terms = defaultTerms();
        if (i == 0) terms.withdrawalDelaySeconds = uint32(value);
        if (i == 1) terms.stampHoldSeconds = uint32(value);
        if (i == 2) terms.minimumDeposit = uint64(value);
        if (i == 3) terms.bountyBps = uint16(value);
        if (i == 4) terms.bountyCap = uint48(value);
    }
}

/**
 * @notice Acts at random, for the invariants: several payers, owners, settlers and relayers, through time, pauses and
 * changes of parameters. Keeps what each promise needs to be checked.
 */
contract ChannelsHandler is Payers {
    address public constant SINK = address(0xBEEF);
    mapping(uint256 key => uint256) public signedFees;
    mapping(uint256 key => uint256) public signedStamps;
    mapping(uint256 key => uint256) private _seenFees;
    mapping(uint256 key => uint256) private _seenSigned;
    /// The largest voucher of each channel, as a row.
    mapping(uint256 key => bytes) private _best;
    uint256 public withdrawnByOwners;
    uint256 public paidIn;
    uint256 public paidOut;
    uint256 public donated;
    /// What must never be seen.
    bool public fell;
    bool public paidEarly;
    bool public exitRefused;
    bool public entryOpenInPause;

    constructor() {
        _start();
    }

    function contracts() external view returns (TermedChannels, TestUSDC) {
        return (channels, usdc);
    }

    function keyAddress(uint256 i) public pure returns (address) {
        return vm.addr(_key(i));
    }

    function settlerOf(uint256 i) public pure returns (address) {
        return address(uint160(0x5E771E + (i % 2)));
    }

    // Entries. Refused exactly while they are paused.

    function deposit(uint256 i, uint256 amount) external {
        amount = within(amount, 1e6, 50e6);
        bool paused = block.timestamp < channels.entriesPausedUntil();
        try channels.deposit(keyAddress(i), uint96(amount)) {
            paidIn += amount;
            if (paused) entryOpenInPause = true;
        } catch {
            if (!paused) exitRefused = true;
        }
    }

    function depositMany(uint256 amount, uint256 count) external {
        amount = within(amount, 1e6, 10e6);
        count = within(count, 0, 3);
        IPostageChannels.Funding[] memory fundings = new IPostageChannels.Funding[](count);
        for (uint256 i = 0; i < count; i++) fundings[i] = IPostageChannels.Funding(keyAddress(i), uint96(amount + i));
        bool paused = block.timestamp < channels.entriesPausedUntil();
        try channels.depositMany(fundings) {
            for (uint256 i = 0; i < count; i++) paidIn += amount + i;
            if (paused) entryOpenInPause = true;
        } catch {
            if (!paused) exitRefused = true;
        }
    }

    function donate(uint256 amount) external {
        amount = within(amount, 0, 1e6);
        usdc.transfer(address(channels), amount);
        donated += amount;
    }

    // The governor and the guardian, in whatever the bounds allow.

    function pause(uint256 duration) external {
        if (block.timestamp >= channels.nextPauseAt()) channels.pauseEntries(uint32(within(duration, 1, 7 days)));
    }

    function setParameters(uint256 a, uint256 b, uint256 c) external {
        IPostageChannels.Parameters memory terms = defaultTerms();
        terms.withdrawalDelaySeconds = uint32(within(a, 25 hours, 14 days));
        uint256 least = terms.withdrawalDelaySeconds > 9 days ? terms.withdrawalDelaySeconds : 9 days;
        terms.stampHoldSeconds = uint32(within(b, least, 30 days));
        terms.bountyBps = uint16(within(c, 0, 200));
        terms.bountyCap = uint48(within(c >> 16, 0, 0.2e6));
        channels.setParameters(terms);
    }

    function wait(uint256 duration) external {
        vm.warp(block.timestamp + within(duration, 0, 4 days));
    }

    // Settling.

    function settle(uint256 i, uint256 by, uint64 fees, uint64 stamps, uint256 j, uint64 fees2) external {
        bytes memory rows = bytes.concat(_signed(i, fees, stamps), hex"00", _signed(j, fees2, 0));
        // The byte between shifts the second row into garbage half of the time.
        if (by % 2 == 0) rows = bytes.concat(_signed(i, fees, stamps), _signed(j, fees2, 0));
        vm.prank(settlerOf(by));
        try channels.settle(rows) {} catch {
            exitRefused = true;
        }
        _look();
    }

    function settleAgain(uint256 i, uint256 by) external {
        vm.prank(settlerOf(by));
        channels.settle(_best[i % KEYS]);
        _look();
    }

    function _signed(uint256 i, uint64 fees, uint64 stamps) private returns (bytes memory row) {
        fees = uint64(within(fees, 0, 200e6));
        stamps = uint64(within(stamps, 0, 50e6));
        row = _row(i, fees, stamps);
        uint256 k = i % KEYS;
        if (fees > signedFees[k]) (signedFees[k], _best[k]) = (fees, row);
        if (stamps > signedStamps[k]) signedStamps[k] = stamps;
    }

    function _look() private {
        for (uint256 k = 0; k < KEYS; k++) {
            IPostageChannels.Channel memory channel = channels.getChannel(keyAddress(k));
            if (channel.feesSpent < _seenFees[k] || channel.stampsSigned < _seenSigned[k]) fell = true;
            (_seenFees[k], _seenSigned[k]) = (channel.feesSpent, channel.stampsSigned);
        }
    }

    /// I9: the largest voucher signed takes what it says or all there is, whatever happened before.
    function collectable(uint256 i) external returns (bool) {
        uint256 k = i % KEYS;
        if (_best[k].length == 0) return true;
        vm.prank(settlerOf(0));
        channels.settle(_best[k]);
        _look();
        IPostageChannels.Channel memory channel = channels.getChannel(keyAddress(k));
        return channel.feesSpent == signedFees[k] || channel.feesSpent + channel.stampsSpent == channel.deposited;
    }

    // Withdrawals.

    function requestWithdrawal(uint256 i, uint64 amount) external {
        address key = keyAddress(i);
        IPostageChannels.Channel memory channel = channels.getChannel(key);
        uint64 unspent = channel.deposited - channel.feesSpent - channel.stampsSpent;
        if (unspent == 0 || channel.pendingWithdrawal > 0) return;
        _asOwner(key);
        try channels.requestWithdrawal(key, uint64(within(amount, 1, unspent))) {} catch {
            exitRefused = true;
        }
        if (channels.getChannel(key).readyAt < block.timestamp + 25 hours) paidEarly = true;
    }

    function cancelWithdrawal(uint256 i) external {
        if (channels.getChannel(keyAddress(i)).pendingWithdrawal == 0) return;
        _asOwner(keyAddress(i));
        channels.cancelWithdrawal(keyAddress(i));
    }

    /// I7, I8: never before the instant fixed at the request, always from then on.
    function withdraw(uint256 i) external {
        address key = keyAddress(i);
        IPostageChannels.Channel memory channel = channels.getChannel(key);
        if (channel.pendingWithdrawal == 0) return;
        bool held = block.timestamp < channel.stampsFreeAt;
        bool ready = block.timestamp >= channel.readyAt && (!held || channels.freeAmount(key) > 0);
        uint256 before = usdc.balanceOf(SINK);
        _asOwner(key);
        try channels.withdraw(key, SINK) {
            if (!ready) paidEarly = true;
        } catch {
            if (ready) exitRefused = true;
        }
        withdrawnByOwners += usdc.balanceOf(SINK) - before;
        paidOut += usdc.balanceOf(SINK) - before;
    }

    function handOn(uint256 i, uint256 to) external {
        address key = keyAddress(i);
        _asOwner(key);
        channels.handOn(key, address(uint160(0x0113 + (to % 3))));
    }

    function _asOwner(address key) private {
        address owner = channels.ownerOf(key);
        vm.prank(owner);
    }

    // The other ways out.

    function collect() external {
        vm.prank(address(0xD157));
        paidOut += channels.collect();
    }

    function withdrawCredit(uint256 by) external {
        if (channels.creditOf(settlerOf(by)) == 0) return;
        uint256 before = usdc.balanceOf(SINK);
        vm.prank(settlerOf(by));
        channels.withdrawCredit(SINK);
        paidOut += usdc.balanceOf(SINK) - before;
    }
}

contract PostageChannelsInvariants {
    uint256 private constant KEYS = 4;
    ChannelsHandler private _handler;
    TermedChannels private _channels;
    TestUSDC private _usdc;

    function setUp() public {
        vm.warp(1_800_000_000);
        _handler = new ChannelsHandler();
        (_channels, _usdc) = _handler.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function _channel(uint256 i) private view returns (IPostageChannels.Channel memory) {
        return _channels.getChannel(_handler.keyAddress(i));
    }

    function _owed() private view returns (uint256 owed) {
        for (uint256 i = 0; i < KEYS; i++) owed += _channel(i).deposited - _channel(i).feesSpent;
        owed += _channels.uncollected();
        for (uint256 i = 0; i < 2; i++) owed += _channels.creditOf(_handler.settlerOf(i));
    }

    function invariant_I1_theBalanceCoversAllThatIsOwed() public view {
        assert(_usdc.balanceOf(address(_channels)) >= _owed());
    }

    function invariant_I2_whatCameInWentOutOrIsOwedAndGiftsAreSurplus() public view {
        assert(_handler.paidIn() == _handler.paidOut() + _owed());
        assert(_usdc.balanceOf(address(_channels)) == _owed() + _handler.donated());
    }

    function invariant_I3_nothingSpentFallsOrExceedsTheDeposit() public view {
        assert(!_handler.fell());
        for (uint256 i = 0; i < KEYS; i++) {
            assert(uint256(_channel(i).feesSpent) + _channel(i).stampsSpent <= _channel(i).deposited);
        }
    }

    /// With I2: what left is what was signed, or what owners withdrew after their delay.
    function invariant_I4_nobodyIsChargedMoreThanWasSigned() public view {
        for (uint256 i = 0; i < KEYS; i++) {
            assert(_channel(i).feesSpent <= _handler.signedFees(i));
            assert(_channel(i).stampsSigned <= _handler.signedStamps(i));
        }
    }

    function invariant_I7_aWithdrawalKeepsItsWindow() public view {
        assert(!_handler.paidEarly());
    }

    function invariant_I8_noExitIsEverRefused() public view {
        assert(!_handler.exitRefused());
    }

    function invariant_I17_aPauseStopsEntriesOnlyAndEnds() public view {
        assert(!_handler.entryOpenInPause());
        assert(_channels.entriesPausedUntil() <= block.timestamp + 7 days);
    }

    /// Presents every best voucher; the run goes on from the state before.
    function invariant_I9_theBestVoucherIsAlwaysCollectable() public {
        for (uint256 i = 0; i < KEYS; i++) assert(_handler.collectable(i));
    }
}

/// @notice Cases that take many channels at once.
contract ManyChannelsTest {
    uint256 private constant MANY = 10_000;
    TestUSDC private _usdc = new TestUSDC();
    TermedChannels private _channels;

    function setUp() public {
        vm.warp(1_800_000_000);
        _channels = new TermedChannels(_usdc, defaultTerms());
        _usdc.mint(address(this), type(uint64).max);
        _usdc.approve(address(_channels), type(uint256).max);
        _channels.deposit(vm.addr(1), 100e6);
    }

    function _fundMany(uint256 from, uint256 count) private {
        IPostageChannels.Funding[] memory fundings = new IPostageChannels.Funding[](count);
        for (uint256 i = 0; i < count; i++) fundings[i] = IPostageChannels.Funding(_payer(from + i), 1e6);
        _channels.depositMany(fundings);
    }

    function _payer(uint256 i) private pure returns (address) {
        return address(uint160(0x1_0000_0000 + i));
    }

    function _row(uint256 key, uint64 fees) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _channels.voucherDigest(fees, 0));
        return abi.encodePacked(fees, uint64(0), r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    /// In a call of its own, so that the memory of the test does not count.
    function gasOfSettling(bytes calldata row) external returns (uint256 used) {
        used = gasleft();
        _channels.settle(row);
        used -= gasleft();
    }

    /// Case 10: 10,000 dust channels change nobody else's gas by a single unit.
    function test_case10_tenThousandDustChannelsChangeNobodyElsesGas() public {
        this.gasOfSettling(_row(1, 1e6));
        uint256 before = this.gasOfSettling(_row(1, 2e6));
        for (uint256 i = 0; i < MANY; i += 500) _fundMany(i, 500);
        assert(_channels.getChannel(_payer(MANY - 1)).deposited == 1e6);
        assert(this.gasOfSettling(_row(1, 3e6)) == before);
    }

    /// Case 19, the chain's part: 1,000 withdrawals asked for within an hour; every voucher that is presented before
    /// the deadline is paid in full, every owner gets the rest, to the unit.
    function test_case19_manyWithdrawalsInAnHourAreAllAnsweredBeforeTheyArePaid() public {
        uint256 count = 1_000;
        IPostageChannels.Funding[] memory fundings = new IPostageChannels.Funding[](count);
        for (uint256 i = 0; i < count; i++) fundings[i] = IPostageChannels.Funding(vm.addr(100 + i), 2e6);
        _channels.depositMany(fundings);
        for (uint256 i = 0; i < count; i++) {
            vm.prank(vm.addr(100 + i));
            _channels.requestWithdrawal(vm.addr(100 + i), 2e6);
            if (i % 10 == 0) vm.warp(block.timestamp + 36);
        }
        vm.warp(block.timestamp + 71 hours - 1 hours);
        uint256 collected;
        for (uint256 batch = 0; batch < count; batch += 250) {
            bytes memory rows = new bytes(250 * 80);
            for (uint256 i = 0; i < 250; i++) _copy(_row(100 + batch + i, 1.5e6), rows, i * 80);
            (uint64 got, ) = _channels.settle(rows);
            collected += got;
        }
        assert(collected == count * 1.5e6);
        vm.warp(block.timestamp + 3 hours);
        for (uint256 i = 0; i < count; i++) {
            vm.prank(vm.addr(100 + i));
            _channels.withdraw(vm.addr(100 + i), address(0xBEEF));
        }
        assert(_usdc.balanceOf(address(0xBEEF)) == count * 0.5e6);
    }

    function _copy(bytes memory from, bytes memory to, uint256 at_) private pure {
        for (uint256 i = 0; i < from.length; i++) to[at_ + i] = from[i];
    }

    /// Case 18: at the shortest delay governance can set, a sequencer that is down for 24 h leaves an hour to settle.
    function test_case18_aSequencerDownFor24HoursCannotEatTheWindow() public {
        address key = vm.addr(1);
        _channels.setWithdrawalTerms(25 hours, 9 days);
        vm.prank(key);
        _channels.requestWithdrawal(key, 100e6);
        // Nothing gets in for 24 h, not even what was sent at once.
        vm.warp(block.timestamp + 24 hours);
        vm.prank(key);
        vm.expectRevert();
        _channels.withdraw(key, key);
        _channels.settle(_row(1, 70e6));
        assert(_channels.getChannel(key).feesSpent == 70e6);
        vm.warp(block.timestamp + 1 hours);
        vm.prank(key);
        _channels.withdraw(key, key);
        assert(_usdc.balanceOf(key) == 30e6);
    }
}
