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
    ) PostageChannels(token, address(0xD157), address(new OpenAuthority()), 9 days, terms) {}

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

    function setUp() public {
        _start();
        for (uint256 i = 0; i < KEYS; i++) channels.deposit(vm.addr(_key(i)), uint96(1e6 * (i + 1)));
    }

    /// I5: one batch, the same rows one by one backwards, and twice: the same channels and the same money.
    function testFuzz_I5_batchEqualsSinglesInAnyOrder(Given[6] memory given) public {
        TermedChannels batched = channels;
        bytes memory rows;
        bytes[] memory singles = new bytes[](given.length);
        for (uint256 i = 0; i < given.length; i++) {
            // Around the deposits, where it matters.
            given[i].fees = uint64(within(given[i].fees, 0, 6e6));
            singles[i] = _row(given[i].key, given[i].fees, given[i].stamps);
            rows = bytes.concat(rows, singles[i]);
        }
        batched.settle(rows);
        uint256[2][KEYS] memory expected = _columns();
        uint256 moved = channels.uncollected() + channels.creditOf(address(this));

        setUp();
        // Another contract: the rows have to be signed for it.
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

/// @notice Acts at random, for the invariants.
contract ChannelsHandler is Payers {
    uint256 public lastFees;
    mapping(uint256 key => uint256) public signedFees;
    mapping(uint256 key => uint256) public seenFees;
    bool public fell;
    uint256 public paidIn;
    uint256 public paidOut;

    constructor() {
        _start();
    }

    function contracts() external view returns (TermedChannels, TestUSDC) {
        return (channels, usdc);
    }

    function keyAddress(uint256 i) public pure returns (address) {
        return vm.addr(_key(i));
    }

    function deposit(uint256 i, uint256 amount) external {
        amount = within(amount, 1e6, 50e6);
        channels.deposit(keyAddress(i), uint96(amount));
        paidIn += amount;
    }

    function settle(uint256 i, uint64 fees, uint64 stamps) external {
        fees = uint64(within(fees, 0, 200e6));
        if (fees > signedFees[i % KEYS]) signedFees[i % KEYS] = fees;
        channels.settle(_row(i, fees, uint64(within(stamps, 0, 50e6))));
        for (uint256 k = 0; k < KEYS; k++) {
            uint256 spent = channels.getChannel(keyAddress(k)).feesSpent;
            if (spent < seenFees[k]) fell = true;
            seenFees[k] = spent;
        }
    }

    function requestWithdrawal(uint256 i, uint64 amount) external {
        vm.prank(keyAddress(i));
        channels.requestWithdrawal(keyAddress(i), amount);
    }

    function withdraw(uint256 i, uint256 wait) external {
        vm.warp(block.timestamp + within(wait, 0, 12 days));
        uint256 before = usdc.balanceOf(address(0xBEEF));
        vm.prank(keyAddress(i));
        channels.withdraw(keyAddress(i), address(0xBEEF));
        paidOut += usdc.balanceOf(address(0xBEEF)) - before;
    }

    function collect() external {
        vm.prank(address(0xD157));
        paidOut += channels.collect();
    }

    function withdrawCredit() external {
        paidOut += channels.withdrawCredit(address(0xBEEF));
    }

    function donate(uint256 amount) external {
        usdc.transfer(address(channels), within(amount, 0, 1e6));
    }
}

contract PostageChannelsInvariants {
    ChannelsHandler private _handler;
    TermedChannels private _channels;
    TestUSDC private _usdc;

    function setUp() public {
        _handler = new ChannelsHandler();
        (_channels, _usdc) = _handler.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function _owed() private view returns (uint256 owed) {
        for (uint256 i = 0; i < 4; i++) {
            IPostageChannels.Channel memory channel = _channels.getChannel(_handler.keyAddress(i));
            owed += channel.deposited - channel.feesSpent;
        }
        owed += _channels.uncollected() + _channels.creditOf(address(_handler));
    }

    function invariant_I1_theBalanceCoversAllThatIsOwed() public view {
        assert(_usdc.balanceOf(address(_channels)) >= _owed());
    }

    function invariant_I2_whatCameInWentOutOrIsOwed() public view {
        assert(_handler.paidIn() == _handler.paidOut() + _owed());
    }

    function invariant_I3_nothingSpentFallsOrExceedsTheDeposit() public view {
        assert(!_handler.fell());
        for (uint256 i = 0; i < 4; i++) {
            IPostageChannels.Channel memory channel = _channels.getChannel(_handler.keyAddress(i));
            assert(uint256(channel.feesSpent) + channel.stampsSpent <= channel.deposited);
        }
    }

    function invariant_I4_nobodyIsChargedMoreThanWasSigned() public view {
        for (uint256 i = 0; i < 4; i++) {
            address key = _handler.keyAddress(i);
            // keyAddress(i) and signedFees(i) count keys alike.
            assert(_channels.getChannel(key).feesSpent <= _handler.signedFees(i));
        }
    }
}
