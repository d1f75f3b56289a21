// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FeeDistributor} from "../../contracts/FeeDistributor.sol";
import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {ISeats, Standing} from "../../contracts/interfaces/ISeats.sol";
import {EpochTrace} from "../../contracts/libraries/EpochTrace.sol";
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

    function set(uint32 nodeId, Standing standing) external {
        uint64 next = uint64(block.timestamp / epochSeconds) + 1;
        bool had = _standings[nodeId].latest() != 0;
        bool has = standing != Standing.None;
        uint192 count = _counts.latest();
        if (has && !had) count++;
        if (had && !has) count--;
        _standings[nodeId].set(next, uint192(standing));
        _counts.set(next, count);
    }

    function standingAt(uint32 nodeId, uint64 epoch) external view returns (Standing) {
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

    function stretchesOf(uint32 nodeId, uint256 from, uint256 limit) external view returns (Stretch[] memory list) {
        uint256[] storage entries = _standings[nodeId].entries;
        if (from >= entries.length) return list;
        uint256 count = entries.length - from < limit ? entries.length - from : limit;
        list = new Stretch[](count);
        for (uint256 i = 0; i < count; i++) {
            uint256 entry = entries[from + i];
            list[i] = Stretch(EpochTrace.epochOf(entry), Standing(EpochTrace.valueOf(entry)));
        }
    }

    function payoutOf(uint32 nodeId) external pure returns (address) {
        return address(uint160(0xBA5E + uint256(nodeId)));
    }
}

contract FeeDistributorTest {
    uint32 private constant NODES = 5;
    address private constant TREASURY = address(0x7EA5);
    TestUSDC private _usdc;
    CollectedStub private _source;
    SeatsStub private _seats;
    FeeDistributor private _distributor;
    uint256 private _received;

    /// What each node should have earned, in 2^-64 units, epoch by epoch the slow way.
    mapping(uint32 nodeId => uint256) private _model;
    uint256 private _modelForfeited;
    uint256[] private _modelRates;

    function setUp() public {
        vm.warp(1_000 * 12 hours);
        _usdc = new TestUSDC();
        _source = new CollectedStub(_usdc);
        _seats = new SeatsStub();
        _distributor = new FeeDistributor(IPostageChannels(address(_source)), _seats, _usdc, TREASURY, 12 hours, 1_000);
    }

    /// I10, case 20: random standings, distributions and claims against a model that walks every epoch.
    function testFuzz_I10_earnsExactlyForTheTimeServed(uint256 seed) public {
        for (uint256 step = 0; step < 40; step++) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 action = seed % 4;
            uint32 nodeId = uint32((seed >> 8) % NODES);
            if (action == 0) _seats.set(nodeId, Standing((seed >> 16) % 4));
            if (action == 1) _distribute(within(seed >> 32, 0, 1e9));
            if (action == 2) _distributor.claim(nodeId);
            if (action == 3) _passEpoch();
        }
        _check();
        for (uint256 i = 0; i < 16; i++) _passEpoch();
        _check();
        for (uint32 nodeId = 0; nodeId < NODES; nodeId++) _distributor.claim(nodeId);
        _check();
    }

    function _distribute(uint256 amount) private {
        _usdc.mint(address(_source), amount);
        uint256 remainder = _distributor.remainder();
        _received += _distributor.distribute();
        if (amount == 0) return;
        uint256 rate = (amount - (amount * 1_000) / 10_000 + remainder) / 14;
        // The rate is paid in 14 seated epochs; the one under way is not among them.
        uint64 epoch = uint64(block.timestamp / 12 hours);
        _modelRates.push((_seats.seatsAt(epoch) > 0 ? 15 : 14) | (rate << 8));
    }

    /// Ends the epoch under way, in the model and on the chain.
    function _passEpoch() private {
        uint64 epoch = uint64(block.timestamp / 12 hours);
        uint256 seats = _seats.seatsAt(epoch);
        if (seats > 0) {
            uint256 paid;
            for (uint256 i = 0; i < _modelRates.length; i++) {
                uint256 left = _modelRates[i] & 0xff;
                if (left > 0 && left < 15) paid += _modelRates[i] >> 8;
                if (left > 0) _modelRates[i]--;
            }
            uint256 share = (paid << 64) / seats;
            for (uint32 nodeId = 0; nodeId < NODES; nodeId++) {
                Standing standing = _seats.standingAt(nodeId, epoch);
                if (standing == Standing.Jailed) _modelForfeited += share;
                else if (standing != Standing.None) _model[nodeId] += share;
            }
        }
        vm.warp(block.timestamp + 12 hours);
    }

    function _check() private view {
        uint256 owed;
        for (uint32 nodeId = 0; nodeId < NODES; nodeId++) {
            uint256 claimable = _distributor.claimable(nodeId);
            uint256 paid = _usdc.balanceOf(_seats.payoutOf(nodeId));
            assert(claimable + paid == _model[nodeId] >> 64);
            owed += claimable;
        }
        // Forfeits are taken over when a node is worked off; until then they are still inside.
        assert(_distributor.forfeited() <= (_modelForfeited >> 64) + 1);
        uint256 accounted =
            _distributor.creditOf(TREASURY) +
                _distributor.paid() +
                owed +
                _distributor.streaming() +
                _distributor.remainder();
        // Never more than came in; the rest is dust and forfeits that nobody worked off yet.
        assert(accounted <= _received);
        assert(_received - accounted <= (_modelForfeited >> 64) - _atMostModel(_distributor.forfeited()) + 100);
        // I1: the balance covers it all.
        assert(_usdc.balanceOf(address(_distributor)) == _received - _distributor.paid());
    }

    function _atMostModel(uint256 forfeited) private view returns (uint256) {
        uint256 model = _modelForfeited >> 64;
        return forfeited < model ? forfeited : model;
    }

    /// More changes of standing than one claim works off.
    function test_aLongHistoryIsClaimedInSeveralCalls() public {
        _seats.set(0, Standing.Earning);
        _passEpoch();
        for (uint256 i = 0; i < 80; i++) {
            _distribute(14_000_000);
            _seats.set(1, i % 2 == 0 ? Standing.Earning : Standing.None);
            _passEpoch();
        }
        for (uint256 i = 0; i < 3; i++) {
            _distributor.claim(1);
        }
        assert(_usdc.balanceOf(_seats.payoutOf(1)) == _model[1] >> 64);
        assert(_distributor.claimable(1) == 0);
    }
}
