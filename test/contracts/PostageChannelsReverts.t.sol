// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {HostileToken} from "../support/HostileToken.sol";
import {Refusals} from "../support/Refusals.sol";
import {TestUSDC} from "../support/TestUSDC.sol";
import {vm} from "../support/Vm.sol";
import {Payers, TermedChannels, defaultTerms} from "./PostageChannels.t.sol";

/// @notice Two channels, one of which was settled; whatever is refused leaves all of it as it was.
abstract contract ChannelRefusals is Payers, Refusals {
    uint256 internal constant START = 1_800_000_000;
    address internal constant DISTRIBUTOR = address(0xD157);
    address internal constant SETTLER = address(0x5E77);
    address internal constant STRANGER = address(0x57A);
    address internal constant SINK = address(0xBEEF);
    /// The payer of 10 dollars who signed for 1 dollar of fees and 2 dollars of stamps.
    address internal payer = vm.addr(_key(0));
    /// Nobody has funded it.
    address internal other = vm.addr(_key(1));

    function _fund() internal {
        channels.deposit(payer, 10e6);
        bytes memory row = _row(0, 1e6, 2e6);
        vm.prank(SETTLER);
        channels.settle(row);
    }

    function _state() internal view override returns (bytes32) {
        address[] memory keys = new address[](5);
        (keys[0], keys[1], keys[2], keys[3]) = (payer, other, address(channels), address(usdc));
        IPostageChannels.Channel[] memory all = channels.getChannels(keys);
        uint256 owed = channels.uncollected() + channels.creditOf(SETTLER) + channels.creditOf(STRANGER);
        for (uint256 i = 0; i < all.length; i++) {
            // I3
            assert(uint256(all[i].feesSpent) + all[i].stampsSpent <= all[i].deposited);
            owed += all[i].deposited - all[i].feesSpent;
        }
        uint256 balance = usdc.balanceOf(address(channels));
        // I1, I2
        assert(balance == owed);
        return
            keccak256(
                abi.encode(
                    all,
                    owed,
                    channels.uncollected(),
                    channels.creditOf(SETTLER),
                    channels.parameters(),
                    usdc.balanceOf(address(this)),
                    usdc.balanceOf(SINK)
                )
            );
    }

    function _refuses(address caller, bytes memory call, bytes4 selector, bytes memory arguments) internal {
        _refuses(address(channels), caller, call, bytes.concat(selector, arguments));
    }
}

contract PostageChannelsReverts is ChannelRefusals {
    function setUp() public {
        vm.warp(START);
        _start();
        _fund();
    }

    // Deposits.

    function _deposit(address key, uint96 amount) private pure returns (bytes memory) {
        return abi.encodeCall(IPostageChannels.deposit, (key, amount));
    }

    function test_aPayerIsNeitherNobodyNorOneOfTheContracts() public {
        bytes4 selector = IPostageChannels.PostageChannelsPayerNotAllowed.selector;
        address[3] memory payers = [address(0), address(channels), address(usdc)];
        for (uint256 i = 0; i < payers.length; i++) {
            _refuses(address(this), _deposit(payers[i], 10e6), selector, abi.encode(payers[i]));
            // A good one before it is undone with it.
            IPostageChannels.Funding[] memory fundings = new IPostageChannels.Funding[](2);
            fundings[0] = IPostageChannels.Funding(payer, 10e6);
            fundings[1] = IPostageChannels.Funding(payers[i], 10e6);
            bytes memory many = abi.encodeCall(IPostageChannels.depositMany, (fundings));
            _refuses(address(this), many, selector, abi.encode(payers[i]));
        }
    }

    function test_aDepositOfNothingIsRefused() public {
        bytes4 selector = IPostageChannels.PostageChannelsNothingArrived.selector;
        _refuses(address(this), _deposit(payer, 0), selector, abi.encode(payer));
        _refuses(address(this), _deposit(other, 0), selector, abi.encode(other));
    }

    /// The minimum is for a channel without a deposit; a channel that has one takes any amount.
    function test_onlyTheFirstDepositHasAMinimum() public {
        bytes4 selector = IPostageChannels.PostageChannelsDepositBelowMinimum.selector;
        _refuses(address(this), _deposit(other, 1e6 - 1), selector, abi.encode(1e6 - 1, 1e6));
        channels.deposit(other, 1e6);
        channels.deposit(other, 1);
        channels.deposit(payer, 1);
        assert(channels.getChannel(other).deposited == 1e6 + 1 && channels.getChannel(payer).deposited == 10e6 + 1);
        _state();
    }

    /// All that the contract holds stays within 64 bits, so that no sum of channels can pass them.
    function test_theBalanceStaysWithin64Bits() public {
        bytes4 selector = IPostageChannels.PostageChannelsBalanceTooLarge.selector;
        uint96 room = type(uint64).max - 10e6;
        bytes memory arguments = abi.encode(uint256(1) << 64, type(uint64).max);
        _refuses(address(this), _deposit(other, room + 1), selector, arguments);
        channels.deposit(other, room);
        assert(channels.getChannel(other).deposited == room);
        _refuses(address(this), _deposit(payer, 1), selector, arguments);
    }

    // Ways out of what was settled.

    function test_onlyTheDistributorCollects() public {
        bytes memory collect = abi.encodeCall(IPostageChannels.collect, ());
        bytes4 selector = IPostageChannels.PostageChannelsNotDistributor.selector;
        _refuses(SETTLER, collect, selector, abi.encode(SETTLER, DISTRIBUTOR));
        vm.prank(DISTRIBUTOR);
        assert(channels.collect() == 1e6 - 5_000);
        assert(usdc.balanceOf(DISTRIBUTOR) == 1e6 - 5_000);
        bytes32 before = _state();
        vm.prank(DISTRIBUTOR);
        assert(channels.collect() == 0);
        assert(_state() == before);
    }

    function test_aCreditIsWithdrawnOnceByWhoHasIt() public {
        bytes memory withdraw = abi.encodeCall(IPostageChannels.withdrawCredit, (SINK));
        bytes4 selector = IPostageChannels.PostageChannelsNoCredit.selector;
        _refuses(STRANGER, withdraw, selector, abi.encode(STRANGER));
        _refusesRecipients(SETTLER, IPostageChannels.withdrawCredit.selector, "");
        vm.prank(SETTLER);
        assert(channels.withdrawCredit(SINK) == 5_000);
        assert(usdc.balanceOf(SINK) == 5_000 && channels.creditOf(SETTLER) == 0);
        _refuses(SETTLER, withdraw, selector, abi.encode(SETTLER));
    }

    /// Nothing is sent to nobody, or to the contract, which could not get it out again.
    function _refusesRecipients(address caller, bytes4 method, bytes memory key) private {
        bytes4 selector = IPostageChannels.PostageChannelsRecipientNotAllowed.selector;
        address[2] memory recipients = [address(0), address(channels)];
        for (uint256 i = 0; i < recipients.length; i++) {
            bytes memory recipient = abi.encode(recipients[i]);
            _refuses(caller, bytes.concat(method, key, recipient), selector, recipient);
        }
    }

    // Withdrawals.

    function _request(address key, uint64 amount) private pure returns (bytes memory) {
        return abi.encodeCall(IPostageChannels.requestWithdrawal, (key, amount));
    }

    function _withdraw(address key) private pure returns (bytes memory) {
        return abi.encodeCall(IPostageChannels.withdraw, (key, SINK));
    }

    function test_aRequestAsksForSomethingThatIsThere() public {
        bytes4 nothing = IPostageChannels.PostageChannelsWithdrawalOfNothing.selector;
        _refuses(payer, _request(payer, 0), nothing, abi.encode(payer));
        bytes4 above = IPostageChannels.PostageChannelsWithdrawalAboveUnspent.selector;
        _refuses(payer, _request(payer, 9e6 + 1), above, abi.encode(9e6 + 1, 9e6));
        _refuses(other, _request(other, 1), above, abi.encode(1, 0));
    }

    function test_oneWithdrawalAtATime() public {
        vm.prank(payer);
        channels.requestWithdrawal(payer, 9e6);
        bytes4 selector = IPostageChannels.PostageChannelsWithdrawalPending.selector;
        _refuses(payer, _request(payer, 1), selector, abi.encode(9e6, START + 72 hours));
        vm.prank(payer);
        channels.cancelWithdrawal(payer);
        vm.warp(START + 1);
        vm.prank(payer);
        channels.requestWithdrawal(payer, 1);
        IPostageChannels.Channel memory channel = channels.getChannel(payer);
        assert(channel.pendingWithdrawal == 1 && channel.readyAt == START + 1 + 72 hours);
        assert(channel.withdrawalNonce == 2);
    }

    function test_whatWasNotAskedForIsNeitherCancelledNorPaid() public {
        bytes4 selector = IPostageChannels.PostageChannelsNoWithdrawal.selector;
        bytes memory cancel = abi.encodeCall(IPostageChannels.cancelWithdrawal, (payer));
        _refuses(payer, cancel, selector, abi.encode(payer));
        _refuses(payer, _withdraw(payer), selector, abi.encode(payer));
        vm.prank(payer);
        channels.requestWithdrawal(payer, 1e6);
        vm.prank(payer);
        channels.cancelWithdrawal(payer);
        vm.warp(START + 30 days);
        _refuses(payer, cancel, selector, abi.encode(payer));
        _refuses(payer, _withdraw(payer), selector, abi.encode(payer));
    }

    function test_nothingIsPaidBeforeItsInstantOrToTheContract() public {
        vm.prank(payer);
        channels.requestWithdrawal(payer, 4e6);
        vm.warp(START + 72 hours - 1);
        bytes4 selector = IPostageChannels.PostageChannelsWithdrawalNotReady.selector;
        _refuses(payer, _withdraw(payer), selector, abi.encode(START + 72 hours, START + 72 hours - 1));
        vm.warp(START + 72 hours);
        _refusesRecipients(payer, IPostageChannels.withdraw.selector, abi.encode(payer));
        vm.prank(payer);
        channels.withdraw(payer, SINK);
        assert(usdc.balanceOf(SINK) == 4e6);
        _state();
    }

    /// Signed stamps stay backed until the hold ends; until then only what is free of them is paid.
    function test_signedStampsHoldAWithdrawal() public {
        vm.prank(payer);
        channels.requestWithdrawal(payer, 9e6);
        vm.warp(START + 72 hours);
        assert(channels.freeAmount(payer) == 7e6);
        vm.prank(payer);
        channels.withdraw(payer, SINK);
        assert(usdc.balanceOf(SINK) == 7e6 && channels.getChannel(payer).pendingWithdrawal == 2e6);
        bytes4 selector = IPostageChannels.PostageChannelsWithdrawalHeldByStamps.selector;
        _refuses(payer, _withdraw(payer), selector, abi.encode(2e6, START + 10 days));
        vm.warp(START + 10 days - 1);
        _refuses(payer, _withdraw(payer), selector, abi.encode(2e6, START + 10 days));
        vm.warp(START + 10 days);
        vm.prank(payer);
        channels.withdraw(payer, SINK);
        IPostageChannels.Channel memory channel = channels.getChannel(payer);
        assert(usdc.balanceOf(SINK) == 9e6 && channel.deposited == channel.feesSpent);
        assert(channel.pendingWithdrawal == 0 && channel.readyAt == 0 && channel.stampsFreeAt == 0);
        _state();
    }

    // Owners.

    function test_onlyTheOwnerActsForAChannel() public {
        bytes4 selector = IPostageChannels.PostageChannelsNotOwner.selector;
        bytes[4] memory calls = [
            _request(payer, 1e6),
            abi.encodeCall(IPostageChannels.cancelWithdrawal, (payer)),
            _withdraw(payer),
            abi.encodeCall(IPostageChannels.handOn, (payer, STRANGER))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            _refuses(STRANGER, calls[i], selector, abi.encode(STRANGER, payer));
        }
        vm.prank(payer);
        channels.handOn(payer, other);
        for (uint256 i = 0; i < calls.length; i++) _refuses(payer, calls[i], selector, abi.encode(payer, other));
    }

    function _assign(uint256 i, address owner, uint256 deadline) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(i), channels.assignOwnerDigest(owner, deadline));
        bytes32 vs = bytes32(uint256(s) | (uint256(v - 27) << 255));
        return abi.encodeCall(IPostageChannels.assignOwner, (payer, owner, deadline, r, vs));
    }

    function test_anAssignmentIsSignedByItsKeyInTime() public {
        bytes4 expired = IPostageChannels.PostageChannelsAssignmentExpired.selector;
        _refuses(STRANGER, _assign(0, other, START - 1), expired, abi.encode(START - 1, START));
        bytes4 notSigned = IPostageChannels.PostageChannelsAssignmentNotSignedByKey.selector;
        _refuses(STRANGER, _assign(1, other, START), notSigned, abi.encode(other, payer));
        assert(channels.ownerOf(payer) == payer && channels.getChannel(payer).owner == address(0));
    }

    /// An assignment works once: neither it nor another one takes the channel from an owner.
    function test_anOwnedChannelCannotBeAssigned() public {
        bytes memory assignment = _assign(0, other, START);
        _succeeds(STRANGER, assignment);
        assert(channels.ownerOf(payer) == other && channels.getChannel(payer).owner == other);
        bytes4 selector = IPostageChannels.PostageChannelsOwnerAlreadyAssigned.selector;
        _refuses(STRANGER, assignment, selector, abi.encode(other));
        _refuses(payer, _assign(0, payer, START), selector, abi.encode(other));
        // Handed back to the key, it is still assigned.
        vm.prank(other);
        channels.handOn(payer, payer);
        _refuses(STRANGER, assignment, selector, abi.encode(payer));
    }

    function test_anOwnerIsNeitherNobodyNorTheContract() public {
        bytes4 selector = IPostageChannels.PostageChannelsOwnerNotAllowed.selector;
        address[2] memory owners = [address(0), address(channels)];
        for (uint256 i = 0; i < owners.length; i++) {
            bytes memory handOn = abi.encodeCall(IPostageChannels.handOn, (payer, owners[i]));
            _refuses(payer, handOn, selector, abi.encode(owners[i]));
            _refuses(payer, _assign(0, owners[i], START), selector, abi.encode(owners[i]));
        }
    }

    function _succeeds(address caller, bytes memory call) private {
        vm.prank(caller);
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, ) = address(channels).call(call);
        assert(taken);
        _state();
    }

    // Parameters.

    /// I7: each bound by itself; the hold has to outlast the delay as well as its own floor.
    function test_I7_aParameterOutOfItsBoundsIsNamed() public {
        _refusesTerms(25 hours - 1, 10 days, 25 hours - 1, 25 hours, 14 days);
        _refusesTerms(14 days + 1, 30 days, 14 days + 1, 25 hours, 14 days);
        _refusesTerms(72 hours, 9 days - 1, 9 days - 1, 9 days, 30 days);
        _refusesTerms(72 hours, 30 days + 1, 30 days + 1, 9 days, 30 days);
        _refusesTerms(12 days, 12 days - 1, 12 days - 1, 12 days, 30 days);
        _refusesBound(abi.encodeCall(IPostageChannels.setMinimumDeposit, (0)), 0, 1, 100e6);
        _refusesBound(abi.encodeCall(IPostageChannels.setMinimumDeposit, (100e6 + 1)), 100e6 + 1, 1, 100e6);
        _refusesBound(abi.encodeCall(IPostageChannels.setBounty, (201, 0)), 201, 0, 200);
        _refusesBound(abi.encodeCall(IPostageChannels.setBounty, (200, 0.2e6 + 1)), 0.2e6 + 1, 0, 0.2e6);
    }

    function _refusesTerms(uint32 delay, uint32 hold, uint256 value, uint256 least, uint256 most) private {
        _refusesBound(abi.encodeCall(IPostageChannels.setWithdrawalTerms, (delay, hold)), value, least, most);
    }

    function _refusesBound(bytes memory call, uint256 value, uint256 least, uint256 most) private {
        bytes4 selector = IPostageChannels.PostageChannelsParameterOutOfBounds.selector;
        _refuses(address(this), call, selector, abi.encode(value, least, most));
    }

    function test_I7_nothingIsDeployedOutOfBounds() public {
        IPostageChannels.Parameters memory terms = defaultTerms();
        terms.bountyBps = 201;
        bytes4 selector = IPostageChannels.PostageChannelsParameterOutOfBounds.selector;
        try new TermedChannels(usdc, terms) returns (TermedChannels) {
            assert(false);
        } catch (bytes memory answer) {
            assert(keccak256(answer) == keccak256(abi.encodeWithSelector(selector, 201, 0, 200)));
        }
    }
}

/// @notice The same channels on a token that does not keep its word.
contract PostageChannelsHostileToken is ChannelRefusals {
    HostileToken private _token;

    function setUp() public {
        vm.warp(START);
        _token = new HostileToken();
        usdc = TestUSDC(address(_token));
        _start();
        _fund();
    }

    /// Case 12: there is no right way to share what is missing.
    function test_case12_manyChannelsAreFundedWholeOrNot() public {
        IPostageChannels.Funding[] memory fundings = new IPostageChannels.Funding[](2);
        fundings[0] = IPostageChannels.Funding(payer, 10e6);
        fundings[1] = IPostageChannels.Funding(other, 10e6);
        _token.setFeeBps(1_000);
        bytes4 selector = IPostageChannels.PostageChannelsPartArrived.selector;
        bytes memory many = abi.encodeCall(IPostageChannels.depositMany, (fundings));
        _refuses(address(this), many, selector, abi.encode(18e6, 20e6));
        channels.deposit(other, 10e6);
        assert(channels.getChannel(other).deposited == 9e6);
        _state();
    }

    function test_aTokenThatKeepsAllOrSaysFalseFundsNothing() public {
        bytes memory deposit = abi.encodeCall(IPostageChannels.deposit, (payer, 10e6));
        _token.setFeeBps(10_000);
        _refuses(address(this), deposit, IPostageChannels.PostageChannelsNothingArrived.selector, abi.encode(payer));
        _token.setSaysFalse(true);
        _refuses(address(this), deposit, SafeERC20.SafeERC20FailedOperation.selector, abi.encode(_token));
    }

    /// A token without permits leaves an allowance, or nothing, to count.
    function test_aPermitThatTheTokenDoesNotKnowIsPassedOver() public {
        channels.depositWithPermit(other, 10e6, START, 27, 0, 0);
        assert(channels.getChannel(other).deposited == 10e6);
        _state();
    }
}
