// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {ReentrantToken} from "../support/ReentrantToken.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm} from "../support/Vm.sol";
import {Payers} from "./PostageChannels.t.sol";

/// @notice Whatever moves tokens can be entered by nothing that moves tokens, itself included.
contract PostageChannelsReentrancy is Payers {
    address private constant DISTRIBUTOR = address(0xD157);
    address private constant STAMPS = address(0x57A3);
    ReentrantToken private _token = new ReentrantToken();
    address private _payer = vm.addr(_key(0));

    function setUp() public {
        vm.warp(1_800_000_000);
        usdc = TestUSDC(address(_token));
        _start();
        channels.deposit(_payer, 10e6);
        // Something for each way out: this test is the settler.
        channels.settle(_row(0, 4e6, 2e6));
        vm.prank(_payer);
        channels.requestWithdrawal(_payer, 1e6);
        vm.warp(block.timestamp + 72 hours);
    }

    function _calls() private view returns (bytes[] memory calls) {
        calls = new bytes[](9);
        IPostageChannels.StampCharge[] memory charges = new IPostageChannels.StampCharge[](1);
        charges[0] = IPostageChannels.StampCharge(_payer, 1e6);
        IPostageChannels.Authorization memory authorization;
        (authorization.payer, authorization.from, authorization.amount) = (_payer, address(this), 1e6);
        IPostageChannels.Funding[] memory fundings = new IPostageChannels.Funding[](1);
        fundings[0] = IPostageChannels.Funding(_payer, 1e6);
        string memory given = "depositWithAuthorization((address,address,uint96,uint256,uint256,bytes32),";
        calls[0] = abi.encodeCall(IPostageChannels.deposit, (_payer, 1e6));
        calls[1] = abi.encodeCall(IPostageChannels.depositWithPermit, (_payer, 1e6, block.timestamp, 27, 0, 0));
        calls[2] = abi.encodeCall(IPostageChannels.depositMany, (fundings));
        calls[3] = abi.encodeWithSignature(
            string.concat(given, "uint8,bytes32,bytes32)"),
            authorization,
            27,
            bytes32(0),
            bytes32(0)
        );
        calls[4] = abi.encodeWithSignature(string.concat(given, "bytes)"), authorization, "");
        calls[5] = abi.encodeCall(IPostageChannels.withdrawCredit, (address(0xBEEF)));
        calls[6] = abi.encodeCall(IPostageChannels.collect, ());
        calls[8] = abi.encodeCall(IPostageChannels.chargeStamps, (charges));
        calls[7] = abi.encodeCall(IPostageChannels.withdraw, (_payer, address(0xBEEF)));
    }

    function _caller(uint256 i) private view returns (address) {
        if (i == 6) return DISTRIBUTOR;
        if (i == 8) return STAMPS;
        return i == 7 ? _payer : address(this);
    }

    function test_nothingThatMovesTokensIsEnteredTwice() public {
        bytes[] memory calls = _calls();
        bytes memory refusal = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        for (uint256 i = 0; i < calls.length; i++) {
            _token.setCalls(address(channels), calls);
            vm.prank(_caller(i));
            // solhint-disable-next-line avoid-low-level-calls
            (bool taken, ) = address(channels).call(calls[i]);
            assert(taken && _token.answerCount() == calls.length);
            for (uint256 k = 0; k < calls.length; k++) assert(keccak256(_token.answers(k)) == keccak256(refusal));
        }
    }
}
