// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {FeeDistributor} from "../../contracts/FeeDistributor.sol";
import {IDebits} from "../../contracts/interfaces/IDebits.sol";
import {IFeeDistributor} from "../../contracts/interfaces/IFeeDistributor.sol";
import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {Standing} from "../../contracts/interfaces/ISeats.sol";
import {OpenAuthority} from "../support/OpenAuthority.sol";
import {ReentrantToken} from "../support/ReentrantToken.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm} from "../support/Vm.sol";
import {CollectedStub, SeatsStub} from "./FeeDistributor.t.sol";

/// @notice Seats that move a token, which calls back.
contract CallingSeats is SeatsStub {
    ReentrantToken private immutable _token;

    constructor(ReentrantToken token) {
        _token = token;
    }

    function setSuspended(uint32, bool) external override {
        _token.mint(address(this), 1);
    }
}

/// @notice Whatever moves money can be entered by nothing that moves money, itself included.
contract FeeDistributorReentrancy {
    uint32 private constant NODE = 100;
    address private constant SINK = address(0xBEEF);
    ReentrantToken private _token = new ReentrantToken();
    CollectedStub private _source = new CollectedStub(TestUSDC(address(_token)));
    FeeDistributor private _distributor;

    function setUp() public {
        uint256 start = 1_000 * 12 hours;
        vm.warp(start);
        CallingSeats seats = new CallingSeats(_token);
        // This test is the treasury and the reports.
        _distributor = new FeeDistributor(
            IPostageChannels(address(_source)),
            seats,
            _token,
            address(this),
            address(this),
            address(new OpenAuthority()),
            12 hours,
            1_000
        );
        _token.mint(address(this), 100e6);
        _token.approve(address(_distributor), type(uint256).max);
        seats.set(NODE, Standing.Earning);
        vm.warp(start + 12 hours);
        _token.mint(address(_source), 140e6);
        _distributor.distribute();
        _token.mint(address(_source), 140e6);
        vm.warp(start + 36 hours);
    }

    function _calls() private pure returns (bytes[] memory calls) {
        calls = new bytes[](5);
        calls[0] = abi.encodeCall(IFeeDistributor.distribute, ());
        calls[1] = abi.encodeCall(IFeeDistributor.claim, (NODE));
        calls[2] = abi.encodeCall(IFeeDistributor.withdrawCredit, (SINK));
        calls[3] = abi.encodeCall(IDebits.recordDebits, (abi.encodePacked(NODE, uint64(50e6))));
        calls[4] = abi.encodeCall(IDebits.payDebit, (NODE, 1e6));
    }

    function test_nothingThatMovesMoneyIsEnteredTwice() public {
        bytes[] memory calls = _calls();
        bytes memory refusal = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        for (uint256 i = 0; i < calls.length; i++) {
            _token.setCalls(address(_distributor), calls);
            // solhint-disable-next-line avoid-low-level-calls
            (bool taken, ) = address(_distributor).call(calls[i]);
            assert(taken && _token.answerCount() == calls.length);
            for (uint256 k = 0; k < calls.length; k++) assert(keccak256(_token.answers(k)) == keccak256(refusal));
        }
    }
}
