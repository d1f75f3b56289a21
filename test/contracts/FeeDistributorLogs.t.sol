// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDebits} from "../../contracts/interfaces/IDebits.sol";
import {IFeeDistributor} from "../../contracts/interfaces/IFeeDistributor.sol";
import {Standing} from "../../contracts/interfaces/ISeats.sol";
import {Logs} from "../support/Logs.sol";
import {vm} from "../support/Vm.sol";
import {StreamUnderWay} from "./FeeDistributorReverts.t.sol";

/// @notice What the contract logs, with every argument: whoever keeps books from logs has nothing else.
contract FeeDistributorLogs is StreamUnderWay, Logs {
    function _heard(bytes memory expected) private {
        _heard(address(distributor), expected);
    }

    function _epochPaid(
        uint256 epoch,
        uint256 amount,
        uint256 count,
        uint256 total
    ) private pure returns (bytes memory) {
        return
            _log(IFeeDistributor.EpochPaid.selector, abi.encode(1_000 + epoch), abi.encode(amount, count, total << 64));
    }

    function _twoEpochs() private pure returns (bytes memory) {
        return bytes.concat(_epochPaid(2, 9e6, 1, 9e6), _epochPaid(3, 9e6, 1, 18e6));
    }

    function _claimed(uint256 amount, bool credited) private view returns (bytes memory) {
        return _log(IFeeDistributor.Claimed.selector, abi.encode(NODE, payout), abi.encode(amount, credited));
    }

    /// The epochs that have passed, then the claim; nothing a second time.
    function test_aClaimLogsTheEpochsThatPaidIt() public {
        _listen();
        distributor.claim(NODE);
        distributor.claim(NODE);
        distributor.claim(NODE + 1);
        _heard(bytes.concat(_twoEpochs(), _claimed(18e6, false)));
    }

    function test_aRefusedPayoutIsLoggedAsCredited() public {
        token.setRefused(payout, true);
        _listen();
        distributor.claim(NODE);
        _heard(bytes.concat(_twoEpochs(), _claimed(18e6, true)));
        _listen();
        vm.prank(payout);
        distributor.withdrawCredit(SINK);
        _heard(_log(IFeeDistributor.CreditWithdrawn.selector, abi.encode(payout, SINK), abi.encode(18e6)));
    }

    function _distributed(
        uint256 received,
        uint256 treasury,
        uint256 rate,
        uint256 first,
        uint256 remainder
    ) private pure returns (bytes memory) {
        bytes memory data = abi.encode(received, treasury, rate, first, remainder);
        return _log(IFeeDistributor.Distributed.selector, "", data);
    }

    /// Three epochs are over; the one under way is not one of those that the new money pays.
    function test_moneyIsLoggedWithTheEpochThatItBeginsIn() public {
        token.mint(address(source), 1_000_007);
        _listen();
        distributor.distribute();
        // Nothing came: nothing is logged.
        distributor.distribute();
        _heard(bytes.concat(_twoEpochs(), _distributed(1_000_007, 100_000, 64_286, 4, 3)));
        token.mint(address(source), 20);
        _listen();
        distributor.distribute();
        _heard(_distributed(20, 2, 1, 4, 7));
        _state();
    }

    /// Without a seat there is no epoch under way: the next one with a seat pays.
    function test_moneyWithoutASeatBeginsWithTheNextOne() public {
        seats.set(NODE, Standing.None);
        vm.warp(START + 6 * 12 hours);
        token.mint(address(source), 140e6);
        _listen();
        distributor.distribute();
        _heard(bytes.concat(_twoEpochs(), _epochPaid(4, 9e6, 1, 27e6), _distributed(140e6, 14e6, 9e6, 4, 0)));
        seats.set(NODE, Standing.Earning);
        seats.set(NODE + 1, Standing.Earning);
        vm.warp(START + 8 * 12 hours);
        _listen();
        distributor.claim(NODE);
        _heard(bytes.concat(_epochPaid(7, 18e6, 2, 36e6), _claimed(27e6 + 9e6, false)));
    }

    function test_whatIsForfeitedIsLogged() public {
        seats.set(NODE, Standing.Jailed);
        vm.warp(START + 6 * 12 hours);
        _listen();
        distributor.claim(NODE);
        _heard(
            bytes.concat(
                _twoEpochs(),
                _epochPaid(4, 9e6, 1, 27e6),
                _epochPaid(5, 9e6, 1, 36e6),
                _log(IFeeDistributor.Forfeited.selector, abi.encode(NODE), abi.encode(9e6)),
                _claimed(27e6, false)
            )
        );
    }

    /// Charged twice, paid in part by others, in part by earnings, in part by others again.
    function test_aDebitIsLoggedFromRecordToEnd() public {
        bytes memory row = abi.encodePacked(NODE, uint64(20e6));
        _listen();
        distributor.recordDebits(bytes.concat(row, row, abi.encodePacked(NODE, uint64(0))));
        distributor.payDebit(NODE, 5e6);
        distributor.claim(NODE);
        distributor.payDebit(NODE, 100e6);
        bytes32 recorded = IDebits.DebitRecorded.selector;
        bytes32 paid = IDebits.DebitPaid.selector;
        _heard(
            bytes.concat(
                _twoEpochs(),
                _log(recorded, abi.encode(NODE), abi.encode(20e6, 20e6)),
                _log(recorded, abi.encode(NODE), abi.encode(20e6, 40e6)),
                _log(paid, abi.encode(NODE, address(this)), abi.encode(5e6, 35e6)),
                _log(IDebits.DebitTaken.selector, abi.encode(NODE), abi.encode(18e6, 17e6)),
                _log(paid, abi.encode(NODE, address(this)), abi.encode(17e6, 0))
            )
        );
        _state();
    }

    function test_theTreasurysPartIsLogged() public {
        _listen();
        distributor.setTreasuryBps(7);
        _heard(_log(IFeeDistributor.TreasuryBpsSet.selector, "", abi.encode(7)));
    }
}
