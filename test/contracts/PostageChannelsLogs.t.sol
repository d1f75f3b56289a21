// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPausableEntries} from "../../contracts/interfaces/IPausableEntries.sol";
import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {Logs} from "../support/Logs.sol";
import {vm} from "../support/Vm.sol";
import {defaultTerms} from "./PostageChannels.t.sol";
import {ChannelRefusals} from "./PostageChannelsReverts.t.sol";

/// @notice What the contract logs, to the byte: whoever keeps books from logs has nothing else.
contract PostageChannelsLogs is ChannelRefusals, Logs {
    function setUp() public {
        vm.warp(START);
        _start();
        _fund();
    }

    function _heard(bytes memory expected) private {
        _heard(address(channels), expected);
    }

    function _topics(address first) private pure returns (bytes memory) {
        return abi.encode(first);
    }

    function test_depositsAreLogged() public {
        IPostageChannels.Funding[] memory fundings = new IPostageChannels.Funding[](2);
        fundings[0] = IPostageChannels.Funding(payer, 1);
        fundings[1] = IPostageChannels.Funding(other, 2e6);
        _listen();
        channels.deposit(payer, 3e6);
        channels.depositMany(fundings);
        bytes32 selector = IPostageChannels.Deposit.selector;
        _heard(
            bytes.concat(
                _log(selector, _topics(payer), abi.encode(3e6)),
                _log(selector, _topics(payer), abi.encode(1)),
                _log(selector, _topics(other), abi.encode(2e6))
            )
        );
    }

    function _settled(uint256 collected, uint256 bounty, bytes memory rows) private pure returns (bytes memory) {
        return _log(IPostageChannels.Settled.selector, _topics(SETTLER), abi.encode(collected, bounty, rows));
    }

    /// A row per change, in order, a channel more than once; nothing of what is not a change, padded with zeros.
    function test_changesOfASettlementAreLogged() public {
        channels.deposit(other, 10e6);
        bytes memory rows = bytes.concat(
            _row(0, 2e6, 1e6),
            _row(0, 2e6, 1e6),
            _row(1, 0, 7),
            _row(2, 1e6, 1e6),
            _row(1, 30e6, 3)
        );
        _listen();
        vm.prank(SETTLER);
        channels.settle(rows);
        bytes memory changes = bytes.concat(
            abi.encodePacked(payer, uint64(2e6), uint64(2e6)),
            abi.encodePacked(other, uint64(0), uint64(7)),
            abi.encodePacked(other, uint64(10e6), uint64(7))
        );
        _heard(_settled(11e6, 5_000 + 20_000, changes));
    }

    /// Rows that fill whole words leave no padding: 8 of 36 bytes are 9 words.
    function test_aSettlementOfWholeWordsIsLogged() public {
        bytes memory rows;
        bytes memory changes;
        for (uint64 i = 0; i < 8; i++) {
            rows = bytes.concat(rows, _row(0, 1e6, 3e6 + i));
            changes = bytes.concat(changes, abi.encodePacked(payer, uint64(1e6), 3e6 + i));
        }
        _listen();
        vm.prank(SETTLER);
        channels.settle(rows);
        _heard(_settled(0, 0, changes));
    }

    function test_aSettlementThatChangesNothingLogsNothing() public {
        bytes memory row = _row(0, 1e6, 2e6);
        _listen();
        vm.prank(SETTLER);
        channels.settle(row);
        channels.settle("");
        channels.settle(new bytes(79));
        _heard("");
    }

    function test_handingOverIsLoggedOnce() public {
        _listen();
        vm.prank(DISTRIBUTOR);
        channels.collect();
        vm.prank(DISTRIBUTOR);
        channels.collect();
        vm.prank(SETTLER);
        channels.withdrawCredit(SINK);
        _heard(
            bytes.concat(
                _log(IPostageChannels.Collected.selector, "", abi.encode(1e6 - 5_000)),
                _log(IPostageChannels.CreditWithdrawn.selector, abi.encode(SETTLER, SINK), abi.encode(5_000))
            )
        );
    }

    function test_aWithdrawalIsLoggedFromRequestToEnd() public {
        _listen();
        vm.prank(payer);
        channels.requestWithdrawal(payer, 1);
        vm.prank(payer);
        channels.cancelWithdrawal(payer);
        vm.prank(payer);
        channels.requestWithdrawal(payer, 9e6);
        vm.warp(START + 72 hours);
        vm.prank(payer);
        channels.withdraw(payer, SINK);
        vm.warp(START + 10 days);
        vm.prank(payer);
        channels.withdraw(payer, SINK);
        bytes32 requested = IPostageChannels.WithdrawalRequested.selector;
        bytes32 withdrawn = IPostageChannels.Withdrawn.selector;
        _heard(
            bytes.concat(
                _log(requested, _topics(payer), abi.encode(1, START + 72 hours, 1)),
                _log(IPostageChannels.WithdrawalCancelled.selector, _topics(payer), abi.encode(1)),
                _log(requested, _topics(payer), abi.encode(9e6, START + 72 hours, 2)),
                _log(withdrawn, abi.encode(payer, SINK), abi.encode(7e6, 2e6, 2)),
                _log(withdrawn, abi.encode(payer, SINK), abi.encode(2e6, 0, 2))
            )
        );
    }

    /// A withdrawal that settling has left nothing of ends without a transfer, and says so.
    function test_aWithdrawalOfNothingLeftIsLogged() public {
        vm.prank(payer);
        channels.requestWithdrawal(payer, 9e6);
        bytes memory row = _row(0, 10e6, 0);
        vm.prank(SETTLER);
        channels.settle(row);
        vm.warp(START + 10 days);
        _listen();
        vm.prank(payer);
        channels.withdraw(payer, SINK);
        // The token logs every transfer, of nothing too.
        _heardOnly(address(channels));
        assert(channels.getChannel(payer).pendingWithdrawal == 0 && usdc.balanceOf(SINK) == 0);
    }

    function test_ownersAreLogged() public {
        _listen();
        vm.prank(payer);
        channels.handOn(payer, STRANGER);
        _heard(_log(IPostageChannels.OwnerAssigned.selector, abi.encode(payer, STRANGER), ""));
    }

    function test_termsAreLoggedWhole() public {
        IPostageChannels.Parameters memory terms = defaultTerms();
        _listen();
        channels.setWithdrawalTerms(73 hours, 11 days);
        channels.setMinimumDeposit(2e6);
        channels.setBounty(60, 3e4);
        (terms.withdrawalDelaySeconds, terms.stampHoldSeconds) = (73 hours, 11 days);
        bytes memory expected = _parametersSet(terms);
        terms.minimumDeposit = 2e6;
        expected = bytes.concat(expected, _parametersSet(terms));
        (terms.bountyBps, terms.bountyCap) = (60, 3e4);
        _heard(bytes.concat(expected, _parametersSet(terms)));
    }

    function _parametersSet(IPostageChannels.Parameters memory terms) private pure returns (bytes memory) {
        return _log(IPostageChannels.ParametersSet.selector, "", abi.encode(terms));
    }

    function test_pausesAreLogged() public {
        _listen();
        channels.pauseEntries(1 hours);
        channels.resumeEntries();
        _heard(
            bytes.concat(
                _log(
                    IPausableEntries.EntriesPaused.selector,
                    "",
                    abi.encode(START + 1 hours, START + 1 hours + 30 days)
                ),
                _log(IPausableEntries.EntriesResumed.selector, "", "")
            )
        );
    }
}
