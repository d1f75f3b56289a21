// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm, within} from "../support/Vm.sol";
import {TermedChannels, defaultTerms} from "./PostageChannels.t.sol";

/**
 * @notice Two worlds with the same payers, deposits and withdrawals. Payers sign the same vouchers in both; one world
 * sees them in batches with bad rows among them, the other one by one, later and in another order; each sees some
 * first and some again. Whenever all were seen, both have to be the same.
 */
contract OrderHandler {
    uint256 public constant KEYS = 4;
    uint256 private constant KEPT = 16;
    address private constant SINK = address(0xBEEF);

    /// A voucher as a row of each world.
    struct Voucher {
        uint256 key;
        uint64 fees;
        uint64 stamps;
        bytes batched;
        bytes single;
    }

    TestUSDC public usdc = new TestUSDC();
    TermedChannels public batched;
    TermedChannels public single;
    address[KEYS] private _addresses;
    /// Seen by one world alone.
    Voucher[] private _onlyBatched;
    Voucher[] private _onlySingle;
    /// The latest that were signed, to be presented again.
    Voucher[] private _kept;
    mapping(uint256 key => Voucher) private _highestFees;
    mapping(uint256 key => Voucher) private _highestStamps;
    /// What must never be seen.
    bool public blocked;
    bool public apart;

    constructor() {
        batched = new TermedChannels(usdc, defaultTerms());
        // What settlers earn is not the payers' business.
        IPostageChannels.Parameters memory terms = defaultTerms();
        (terms.bountyBps, terms.bountyCap) = (200, 0.2e6);
        single = new TermedChannels(usdc, terms);
        usdc.mint(address(this), type(uint128).max);
        usdc.approve(address(batched), type(uint256).max);
        usdc.approve(address(single), type(uint256).max);
        for (uint256 k = 0; k < KEYS; k++) _addresses[k] = vm.addr(_key(k));
    }

    function keyAddress(uint256 i) public view returns (address) {
        return _addresses[i % KEYS];
    }

    function highestFees(uint256 key) external view returns (uint64) {
        return _highestFees[key].fees;
    }

    function highestStamps(uint256 key) external view returns (uint64) {
        return _highestStamps[key].stamps;
    }

    function _key(uint256 i) private pure returns (uint256) {
        return 0x0D0E + (i % KEYS);
    }

    // Money in, time: the same in both worlds, whatever vouchers they have seen.

    function deposit(uint256 i, uint256 amount) external {
        amount = within(amount, 1e6, 30e6);
        batched.deposit(keyAddress(i), uint96(amount));
        single.deposit(keyAddress(i), uint96(amount));
    }

    function wait(uint256 duration) external {
        vm.warp(block.timestamp + within(duration, 0, 6 days));
    }

    // Vouchers.

    /// Up to four in one batch, with a bad row at any index, or cut off at the end.
    function presentBatch(uint256 seed, uint256 settler) external {
        uint256 count = within(seed, 1, 4);
        uint256 badAt = within(seed >> 8, 0, count + 1);
        bytes memory rows;
        for (uint256 i = 0; i < count; i++) {
            if (i == badAt) rows = bytes.concat(rows, _badRow(seed, rows));
            seed = uint256(keccak256(abi.encode(seed)));
            Voucher memory voucher = _sign(seed);
            _onlyBatched.push(voucher);
            rows = bytes.concat(rows, voucher.batched);
        }
        if (badAt == count) rows = bytes.concat(rows, _badRow(seed, rows));
        if (badAt > count) rows = bytes.concat(rows, new bytes(seed % 80));
        _settle(batched, settler, rows);
        for (uint256 i = _onlyBatched.length - count; i < _onlyBatched.length; i++) _look(_onlyBatched[i]);
        if (_onlyBatched.length > KEPT) level();
    }

    function presentSingle(uint256 seed, uint256 settler) external {
        Voucher memory voucher = _sign(seed);
        _onlySingle.push(voucher);
        _settle(single, settler, voucher.single);
        if (_onlySingle.length > KEPT) level();
    }

    /// Any of the latest ones once more, in either world.
    function presentAgain(uint256 which, uint256 settler, bool toBatched) external {
        if (_kept.length == 0) return;
        Voucher storage voucher = _kept[which % _kept.length];
        if (toBatched) _settle(batched, settler, voucher.batched);
        else _settle(single, settler, voucher.single);
    }

    /// Each world sees what only the other has seen, and what was highest: a batch backwards, and singles, some twice.
    function level() public {
        for (uint256 i = _onlyBatched.length; i > 0; i--) {
            _settle(single, i, _onlyBatched[i - 1].single);
            if (i % 3 == 0) _settle(single, 0, _onlyBatched[i - 1].single);
        }
        bytes memory rows;
        for (uint256 i = _onlySingle.length; i > 0; i--) rows = bytes.concat(rows, _onlySingle[i - 1].batched);
        for (uint256 k = 0; k < KEYS; k++) {
            // A deposit may have come since.
            rows = bytes.concat(rows, _highestFees[k].batched, _highestStamps[k].batched);
            _settle(single, k, _highestStamps[k].single);
            _settle(single, k, _highestFees[k].single);
        }
        _settle(batched, 1, rows);
        delete _onlyBatched;
        delete _onlySingle;
    }

    function _sign(uint256 seed) private returns (Voucher memory voucher) {
        uint256 key = (seed >> 8) % KEYS;
        voucher.key = key;
        // Around the deposits, where it matters; sometimes far above all of them.
        voucher.fees = seed % 16 == 0 ? type(uint64).max - uint64(seed >> 64) : uint64((seed >> 64) % 60e6);
        voucher.stamps = seed % 16 == 1 ? type(uint64).max - uint64(seed >> 128) : uint64((seed >> 128) % 20e6);
        voucher.batched = _row(batched, voucher);
        voucher.single = _row(single, voucher);
        if (voucher.fees > _highestFees[key].fees) _highestFees[key] = voucher;
        if (voucher.stamps > _highestStamps[key].stamps) _highestStamps[key] = voucher;
        if (_kept.length < KEPT) _kept.push(voucher);
        else _kept[(seed >> 192) % KEPT] = voucher;
    }

    function _row(TermedChannels world, Voucher memory voucher) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(voucher.key), world.voucherDigest(voucher.fees, voucher.stamps));
        return abi.encodePacked(voucher.fees, voucher.stamps, r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    /// Nothing, noise, the row before with a bit flipped, or a voucher of a key that nobody funded.
    function _badRow(uint256 seed, bytes memory rows) private view returns (bytes memory row) {
        uint256 kind = (seed >> 16) % 4;
        if (kind == 0) return new bytes(80);
        if (kind == 1)
            return abi.encodePacked(keccak256(abi.encode(seed)), keccak256(abi.encode(seed + 1)), uint128(7));
        if (kind == 2 && rows.length > 0) {
            row = new bytes(80);
            for (uint256 i = 0; i < 80; i++) row[i] = rows[rows.length - 80 + i];
            uint256 bit = (seed >> 24) % 640;
            row[bit / 8] = bytes1(uint8(row[bit / 8]) ^ uint8(1 << (bit % 8)));
            return row;
        }
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(0xDEAD, batched.voucherDigest(1e6, 1e6));
        return abi.encodePacked(uint64(1e6), uint64(1e6), r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    function _settle(TermedChannels world, uint256 settler, bytes memory rows) private {
        vm.prank(address(uint160(0x5E771E + (settler % 3))));
        try world.settle(rows) {} catch {
            blocked = true;
        }
    }

    /// One bad row blocks none: a voucher in a batch takes what it says, or all there is.
    function _look(Voucher storage voucher) private {
        IPostageChannels.Channel memory channel = batched.getChannel(keyAddress(voucher.key));
        bool hasFees = channel.feesSpent >= voucher.fees || channel.feesSpent == channel.deposited;
        bool hasStamps = channel.stampsSigned >= voucher.stamps || channel.deposited == 0;
        if (!hasFees || !hasStamps) blocked = true;
    }

    // Withdrawals. What leaves depends on what was settled before, so that both have seen everything first.

    function requestWithdrawal(uint256 i, uint64 amount) external {
        level();
        IPostageChannels.Channel memory channel = batched.getChannel(keyAddress(i));
        uint64 unspent = channel.deposited - channel.feesSpent;
        if (unspent == 0 || channel.pendingWithdrawal > 0) return;
        _inBoth(i, abi.encodeCall(batched.requestWithdrawal, (keyAddress(i), uint64(within(amount, 1, unspent)))));
    }

    function cancelWithdrawal(uint256 i) external {
        _inBoth(i, abi.encodeCall(batched.cancelWithdrawal, (keyAddress(i))));
    }

    function withdraw(uint256 i) external {
        level();
        _inBoth(i, abi.encodeCall(batched.withdraw, (keyAddress(i), SINK)));
    }

    function _inBoth(uint256 i, bytes memory call) private {
        vm.prank(keyAddress(i));
        (bool there, ) = address(batched).call(call);
        vm.prank(keyAddress(i));
        (bool here, ) = address(single).call(call);
        if (there != here) apart = true;
    }
}

contract PostageChannelsOrderInvariants {
    OrderHandler private _handler;

    function setUp() public {
        vm.warp(1_800_000_000);
        _handler = new OrderHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_I5_orderRepetitionAndBatchingChangeNothing() public {
        _handler.level();
        (TermedChannels batched, TermedChannels single) = (_handler.batched(), _handler.single());
        uint256 spent;
        for (uint256 k = 0; k < _handler.KEYS(); k++) {
            IPostageChannels.Channel memory channel = batched.getChannel(_handler.keyAddress(k));
            IPostageChannels.Channel memory other = single.getChannel(_handler.keyAddress(k));
            assert(keccak256(abi.encode(channel)) == keccak256(abi.encode(other)));
            // The highest voucher decides.
            uint64 fees = _handler.highestFees(k);
            assert(channel.feesSpent == (fees < channel.deposited ? fees : channel.deposited));
            assert(channel.deposited == 0 || channel.stampsSigned == _handler.highestStamps(k));
            spent += channel.feesSpent;
        }
        assert(_collected(batched) == spent && _collected(single) == spent);
        assert(!_handler.apart());
    }

    function _collected(TermedChannels world) private view returns (uint256 sum) {
        sum = world.uncollected();
        for (uint256 i = 0; i < 3; i++) sum += world.creditOf(address(uint160(0x5E771E + i)));
    }

    function invariant_I5_aBadRowBlocksNone() public view {
        assert(!_handler.blocked());
    }
}
