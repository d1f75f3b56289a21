// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FeeDistributor} from "../../contracts/FeeDistributor.sol";
import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {ISeats, Standing} from "../../contracts/interfaces/ISeats.sol";
import {EpochTrace} from "../../contracts/libraries/EpochTrace.sol";
import {OpenAuthority} from "../support/OpenAuthority.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm, within} from "../support/Vm.sol";

/// @notice Hands over what a test lets it earn.
contract CollectedStub {
    TestUSDC private immutable _usdc;

    constructor(TestUSDC usdc) {
        _usdc = usdc;
    }

    function collect() external returns (uint256 amount) {
        amount = _usdc.balanceOf(address(this));
        _usdc.transfer(msg.sender, amount);
    }
}

/// @notice Seats whose standings a test sets at will, jail and suspension included.
contract SeatsStub is ISeats {
    using EpochTrace for EpochTrace.Trace;

    uint64 public constant epochSeconds = 12 hours;
    mapping(uint32 nodeId => EpochTrace.Trace) private _standings;
    EpochTrace.Trace private _counts;

    function set(uint32 nodeId, Standing standing) public {
        uint64 next = uint64(block.timestamp / epochSeconds) + 1;
        bool had = _standings[nodeId].latest() != 0;
        bool has = standing != Standing.None;
        uint192 count = _counts.latest();
        if (has && !had) count++;
        if (had && !has) count--;
        // What was planned for later is planned anew.
        _standings[nodeId].dropFrom(next);
        _standings[nodeId].set(next, uint192(standing));
        _counts.set(next, count);
    }

    /// What a seated node's standing will be so many epochs after the next one, as a jail term ends by itself.
    function plan(uint32 nodeId, uint64 epochs, Standing standing) public {
        _standings[nodeId].set(uint64(block.timestamp / epochSeconds) + 1 + epochs, uint192(standing));
    }

    function standingAt(uint32 nodeId, uint64 epoch) public view returns (Standing) {
        return Standing(_standings[nodeId].valueAt(epoch));
    }

    function seatsAt(uint64 epoch) external view returns (uint256) {
        return _counts.valueAt(epoch);
    }

    function nextSeatedEpoch(uint64 fromEpoch) external view returns (bool, uint64, uint256) {
        for (uint64 epoch = fromEpoch; epoch < fromEpoch + 400; epoch++) {
            if (_counts.valueAt(epoch) > 0) return (true, epoch, _counts.valueAt(epoch));
        }
        return (false, 0, 0);
    }

    function serviceOf(uint32 nodeId) external view returns (address payout, uint256 count, Stretch memory latest) {
        payout = payoutOf(nodeId);
        count = _standings[nodeId].entries.length;
        if (count > 0) latest = _stretch(_standings[nodeId].entries[count - 1]);
    }

    function stretchesOf(uint32 nodeId, uint256 from, uint256 limit) external view returns (Stretch[] memory list) {
        uint256[] storage entries = _standings[nodeId].entries;
        if (from >= entries.length) return list;
        uint256 count = entries.length - from < limit ? entries.length - from : limit;
        list = new Stretch[](count);
        for (uint256 i = 0; i < count; i++) list[i] = _stretch(entries[from + i]);
    }

    function _stretch(uint256 entry) private pure returns (Stretch memory) {
        return Stretch(EpochTrace.epochOf(entry), Standing(EpochTrace.valueOf(entry)));
    }

    /// What the distributor asked for last; a test decides what comes of it.
    mapping(uint32 nodeId => bool) public suspended;

    function setSuspended(uint32 nodeId, bool value) external virtual {
        suspended[nodeId] = value;
    }

    function payoutOf(uint32 nodeId) public pure returns (address) {
        return address(uint160(0xBA5E + uint256(nodeId)));
    }
}

/**
 * @notice Acts on a distributor and keeps the same books the slow way: every epoch is walked, every share is booked when
 * its epoch ends, and debits are taken by the rule as the documents have it.
 */
contract DistributorModel {
    uint32 public constant NODES = 5;
    address public constant TREASURY = address(0x7EA5);
    uint256 private constant BPS = 10_000;

    TestUSDC public usdc = new TestUSDC();
    CollectedStub private _source = new CollectedStub(usdc);
    SeatsStub public seats = _newSeats();
    FeeDistributor public distributor;

    /// What a node has earned and nobody worked off yet, by its standing at the time.
    struct Book {
        uint256 total64;
        uint256 own;
        uint256 suspended;
        uint256 jailed;
        uint256 debit;
        uint256 paid;
    }

    mapping(uint32 nodeId => Book) internal _books;
    /// Each in its epochs: `epochs left 8 | rate`; 15 left means that its first epoch has not begun.
    uint256[] private _rates;
    uint256 public received;
    uint256 public debitsPaidByOthers;
    uint256 public toTreasury;
    uint256 public forfeited;
    uint256 public debited;
    uint256 public released;
    uint256 public donated;
    uint256 public withdrawn;

    constructor() {
        distributor = new FeeDistributor(
            IPostageChannels(address(_source)),
            seats,
            usdc,
            TREASURY,
            _reports(),
            address(new OpenAuthority()),
            12 hours,
            1_000
        );
        usdc.approve(address(distributor), type(uint256).max);
    }

    function _newSeats() internal virtual returns (SeatsStub) {
        return new SeatsStub();
    }

    /// Who records debits.
    function _reports() internal virtual returns (address) {
        return address(this);
    }

    function book(uint32 nodeId) external view returns (Book memory) {
        return _books[nodeId];
    }

    function setStanding(uint256 node, uint256 standing) external {
        seats.set(nodeAt(node), Standing(standing % 4));
    }

    function setTreasuryBps(uint256 bps) external {
        distributor.setTreasuryBps(uint16(within(bps, 0, 2_000)));
    }

    function distribute(uint256 amount) external {
        // Mostly small, sometimes all that a channel contract can hold.
        amount = amount % 8 == 0 ? within(amount, 0, 1e15) : within(amount, 0, 1e9);
        usdc.mint(address(_source), amount);
        uint256 cut = (amount * distributor.treasuryBps()) / BPS;
        uint256 net = amount - cut + distributor.remainder();
        require(distributor.distribute() == amount);
        received += amount;
        toTreasury += cut;
        if (net < 14) return;
        bool running = seats.seatsAt(uint64(block.timestamp / 12 hours)) > 0;
        _rates.push((running ? 15 : 14) | ((net / 14) << 8));
    }

    /// Ends epochs, in the model and on the chain; not always at their very end.
    function passEpochs(uint256 count) external {
        count = within(count, 1, 5);
        for (uint256 i = 0; i < count; i++) _passEpoch();
        vm.warp((block.timestamp / 12 hours) * 12 hours + (count % 2 == 0 ? 0 : 7 hours));
    }

    function _passEpoch() private {
        uint64 epoch = uint64(block.timestamp / 12 hours);
        uint256 seated = seats.seatsAt(epoch);
        if (seated > 0) {
            uint256 rate;
            for (uint256 i = 0; i < _rates.length; i++) {
                uint256 left = _rates[i] & 0xff;
                if (left > 0 && left < 15) rate += _rates[i] >> 8;
                if (left > 0) _rates[i]--;
            }
            released += rate;
            for (uint256 i = 0; i < NODES; i++) _book(nodeAt(i), epoch, (rate << 64) / seated);
        }
        vm.warp(block.timestamp + 12 hours);
    }

    function _book(uint32 nodeId, uint64 epoch, uint256 share) private {
        Standing standing = seats.standingAt(nodeId, epoch);
        if (standing == Standing.None) return;
        Book storage b = _books[nodeId];
        uint256 whole = ((b.total64 + share) >> 64) - (b.total64 >> 64);
        b.total64 += share;
        if (standing == Standing.Earning) b.own += whole;
        if (standing == Standing.Suspended) b.suspended += whole;
        if (standing == Standing.Jailed) b.jailed += whole;
    }

    function claim(uint256 node) external {
        uint32 nodeId = nodeAt(node);
        Book storage b = _books[nodeId];
        uint256 expected = claimableOf(nodeId);
        require(distributor.claim(nodeId) == expected);
        uint256 taken = b.own + b.suspended < b.debit ? b.own + b.suspended : b.debit;
        debited += taken;
        forfeited += b.own + b.suspended + b.jailed - taken - expected;
        b.debit -= taken;
        b.paid += expected;
        (b.own, b.suspended, b.jailed) = (0, 0, 0);
    }

    /// Suspended shares pay the debit first, then own earnings do; the node gets what is left of its own.
    function claimableOf(uint32 nodeId) public view returns (uint256) {
        Book storage b = _books[nodeId];
        if (b.suspended >= b.debit) return b.own;
        uint256 open = b.debit - b.suspended;
        return b.own > open ? b.own - open : 0;
    }

    function recordDebits(uint256 node, uint256 amount, uint256 amount2) external virtual {
        uint32 nodeId = nodeAt(node);
        uint64 first = uint64(within(amount, 0, 1e8));
        uint64 second = uint64(within(amount2, 0, 1e8));
        uint32 other = nodeAt((node % NODES) + 1);
        distributor.recordDebits(abi.encodePacked(nodeId, first, other, second));
        _books[nodeId].debit += first;
        _books[other].debit += second;
    }

    function payDebit(uint256 node, uint256 amount) external {
        uint32 nodeId = nodeAt(node);
        Book storage b = _books[nodeId];
        if (b.debit == 0) return;
        amount = within(amount, 1, 2e8);
        usdc.mint(address(this), amount);
        uint256 expected = amount < b.debit ? amount : b.debit;
        require(distributor.payDebit(nodeId, uint64(amount)) == expected);
        b.debit -= expected;
        debitsPaidByOthers += expected;
    }

    function donate(uint256 amount) external {
        amount = within(amount, 0, 1e12);
        usdc.mint(address(distributor), amount);
        donated += amount;
    }

    function withdrawTreasury() external {
        if (distributor.creditOf(TREASURY) == 0) return;
        vm.prank(TREASURY);
        withdrawn += distributor.withdrawCredit(address(0xBEEF));
    }

    function nodeAt(uint256 node) public pure virtual returns (uint32) {
        return uint32(node % NODES);
    }
}

/// @notice I1, I2 and I10 against the model; cases 20 and the debits follow from it.
abstract contract DistributorChecks {
    DistributorModel internal model;

    function _checkNodes() internal view {
        FeeDistributor distributor = model.distributor();
        for (uint256 i = 0; i < model.NODES(); i++) {
            uint32 nodeId = model.nodeAt(i);
            DistributorModel.Book memory book = model.book(nodeId);
            assert(distributor.claimable(nodeId) == model.claimableOf(nodeId));
            assert(distributor.debitOf(nodeId) == book.debit);
            assert(model.usdc().balanceOf(model.seats().payoutOf(nodeId)) == book.paid);
            bool covered = book.own + book.suspended >= book.debit;
            if (book.debit == 0) assert(!model.seats().suspended(nodeId));
            else assert(covered || model.seats().suspended(nodeId));
        }
    }

    function _checkSums() internal view {
        FeeDistributor distributor = model.distributor();
        uint256 pending;
        uint256 paid;
        for (uint256 i = 0; i < model.NODES(); i++) {
            DistributorModel.Book memory book = model.book(model.nodeAt(i));
            pending += book.own + book.suspended + book.jailed;
            paid += book.paid;
        }
        assert(distributor.paid() == paid);
        assert(distributor.forfeited() == model.forfeited());
        assert(distributor.debited() == model.debited());
        assert(distributor.released() == model.released());
        assert(distributor.creditOf(model.TREASURY()) + model.withdrawn() == model.toTreasury() + model.forfeited());
        // What came in is the treasury's, streaming, waiting for the next time, or was released and not recycled.
        uint256 came = model.received() + model.debitsPaidByOthers();
        uint256 waiting = distributor.streaming() + distributor.remainder();
        assert(came == model.toTreasury() + waiting + distributor.released() - distributor.debited());
        // What was released is paid, pending, forfeited, debited, or dust: less than a unit per node.
        uint256 known = paid + pending + distributor.forfeited() + distributor.debited();
        assert(known <= distributor.released() && distributor.released() - known <= model.NODES());
        uint256 held = model.usdc().balanceOf(address(distributor));
        assert(held == came + model.donated() - paid - model.withdrawn());
    }
}

contract FeeDistributorTest is DistributorChecks {
    function setUp() public {
        vm.warp(1_000 * 12 hours);
        model = new DistributorModel();
    }

    /// I10, case 20: random standings, money, debits and claims against a model that walks every epoch.
    function testFuzz_I10_earnsExactlyForTheTimeServed(uint256 seed) public {
        for (uint256 step = 0; step < 20; step++) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 action = seed % 8;
            (uint256 a, uint256 b) = ((seed >> 8) & 0xffffffff, seed >> 40);
            if (action == 0) model.setStanding(a, b);
            if (action == 1) model.distribute(b);
            if (action == 2) model.claim(a);
            if (action == 3 || action == 4) model.passEpochs(a);
            if (action == 5) model.recordDebits(a, b, b >> 32);
            if (action == 6) model.payDebit(a, b);
            if (action == 7) model.withdrawTreasury();
        }
        _checkNodes();
        _checkSums();
        for (uint256 i = 0; i < 3; i++) model.passEpochs(4);
        _checkNodes();
        for (uint32 nodeId = 0; nodeId < model.NODES(); nodeId++) model.claim(nodeId);
        _checkNodes();
        _checkSums();
    }

    /// More changes of standing than one claim works off.
    function test_aLongHistoryIsClaimedInSeveralCalls() public {
        model.setStanding(0, uint256(Standing.Earning));
        model.passEpochs(5);
        for (uint256 i = 0; i < 80; i++) {
            model.distribute(14_000_001);
            model.setStanding(1, i % 2 == 0 ? uint256(Standing.Earning) : uint256(Standing.None));
            model.passEpochs(5);
        }
        uint256 expected = model.claimableOf(1);
        for (uint256 i = 0; i < 3; i++) model.distributor().claim(1);
        assert(model.usdc().balanceOf(model.seats().payoutOf(1)) == expected);
        assert(model.distributor().claimable(1) == 0);
    }

    /// A rate that ends in an epoch that pays nothing must not be paid again.
    function test_aPauseBetweenTwoStreamsPaysNothing() public {
        model.setStanding(0, uint256(Standing.Earning));
        model.passEpochs(5);
        model.distribute(14_000_001);
        for (uint256 i = 0; i < 4; i++) model.passEpochs(4);
        model.distribute(28_000_001);
        model.passEpochs(5);
        model.claim(0);
        for (uint256 i = 0; i < 20; i++) {
            model.passEpochs(5);
            model.claim(0);
        }
        _checkNodes();
        _checkSums();
    }

    /// A debit stops where its type ends, because a final report must not fail.
    function test_debitsSaturate() public {
        FeeDistributor distributor = model.distributor();
        bytes memory row = abi.encodePacked(uint32(1), type(uint64).max);
        vm.prank(address(model));
        distributor.recordDebits(bytes.concat(row, row));
        assert(distributor.debitOf(1) == type(uint64).max);
    }

    /// Seven distributions of the largest amounts; the next is refused and its money stays collectable.
    function test_totalsStayBelow64Bits() public {
        FeeDistributor distributor = model.distributor();
        TestUSDC usdc = model.usdc();
        address source = address(distributor.channels());
        usdc.mint(source, type(uint64).max);
        distributor.distribute();
        usdc.mint(source, type(uint64).max / 2);
        vm.expectRevert();
        distributor.distribute();
        assert(usdc.balanceOf(source) == type(uint64).max / 2);
    }
}

contract FeeDistributorInvariants is DistributorChecks {
    function setUp() public {
        vm.warp(1_000 * 12 hours);
        model = new DistributorModel();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(model);
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_I10_everyNodeHasExactlyWhatItEarned() public view {
        _checkNodes();
    }

    function invariant_I1_I2_I10_everythingPaidAndPayableIsWhatCameIn() public view {
        _checkSums();
    }
}
