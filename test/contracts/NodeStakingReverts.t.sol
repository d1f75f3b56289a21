// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20Errors, IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {INodeStaking} from "../../contracts/interfaces/INodeStaking.sol";
import {IPausableEntries} from "../../contracts/interfaces/IPausableEntries.sol";
import {WorldRefusals} from "../support/WorldRefusals.sol";
import {vm} from "../support/Vm.sol";

/// @notice Every refusal of NodeStaking, with its error's arguments and nothing changed.
contract NodeStakingReverts is WorldRefusals {
    function setUp() public {
        _enterBoth();
        _stake(NODE, 2 * MINIMUM);
    }

    function _refuses(address caller, bytes memory call, bytes4 selector, bytes memory arguments) private {
        _refuses(address(staking), caller, call, bytes.concat(selector, arguments));
    }

    function _stakeCall(uint32 nodeId, uint256 amount) private pure returns (bytes memory) {
        return abi.encodeCall(INodeStaking.stake, (nodeId, amount));
    }

    function _unstake(uint32 nodeId, uint256 amount) private pure returns (bytes memory) {
        return abi.encodeCall(INodeStaking.unstake, (nodeId, amount));
    }

    function _withdraw(uint32 nodeId, address recipient) private pure returns (bytes memory) {
        return abi.encodeCall(INodeStaking.withdrawStake, (nodeId, recipient));
    }

    // Callers.

    function test_onlyTheRegistryPostsAndReleases() public {
        bytes4 selector = INodeStaking.NodeStakingNotRegistry.selector;
        bytes[2] memory calls = [
            abi.encodeCall(INodeStaking.post, (NODE, ALICE)),
            abi.encodeCall(INodeStaking.release, (NODE, 0))
        ];
        address[3] memory callers = [ALICE, address(faultProofs), address(this)];
        for (uint256 i = 0; i < 6; i++) {
            _refuses(callers[i % 3], calls[i / 3], selector, abi.encode(callers[i % 3], registry));
        }
    }

    /// I16: not even the authority slashes.
    function test_onlyFaultProofsFreezesAndSlashes() public {
        bytes4 selector = INodeStaking.NodeStakingNotFaultProofs.selector;
        bytes[3] memory calls = [
            abi.encodeCall(INodeStaking.freeze, (NODE)),
            abi.encodeCall(INodeStaking.unfreeze, (NODE)),
            abi.encodeCall(INodeStaking.slash, (NODE, 1, 1, BOB))
        ];
        address[3] memory callers = [BOB, address(registry), address(this)];
        for (uint256 i = 0; i < 9; i++) {
            _refuses(callers[i % 3], calls[i / 3], selector, abi.encode(callers[i % 3], faultProofs));
        }
    }

    function test_onlyTheOwnerActsForItsStake() public {
        bytes4 selector = INodeStaking.NodeStakingNotOwner.selector;
        bytes[3] memory calls = [_stakeCall(NODE, 1), _unstake(NODE, 1), _withdraw(NODE, BOB)];
        for (uint256 i = 0; i < 3; i++) _refuses(BOB, calls[i], selector, abi.encode(BOB, NODE));
        selector = IERC721Errors.ERC721NonexistentToken.selector;
        _refuses(ALICE, _stakeCall(300, 1), selector, abi.encode(300));
        _refuses(ALICE, abi.encodeCall(INodeStaking.syncOwner, (300)), selector, abi.encode(300));
    }

    function test_parametersAreTheAuthoritysAndBounded() public {
        bytes4 selector = IAccessManaged.AccessManagedUnauthorized.selector;
        bytes memory unbonding = abi.encodeCall(INodeStaking.setUnbondingSeconds, (8 days));
        bytes memory minimum = abi.encodeCall(INodeStaking.setMinimumStake, (1));
        _refuses(ALICE, unbonding, selector, abi.encode(ALICE));
        _refuses(ALICE, minimum, selector, abi.encode(ALICE));
        selector = INodeStaking.NodeStakingUnbondingOutOfBounds.selector;
        uint64[3] memory seconds_ = [uint64(7 days - 1), 60 days + 1, type(uint64).max];
        for (uint256 i = 0; i < 3; i++) {
            unbonding = abi.encodeCall(INodeStaking.setUnbondingSeconds, (seconds_[i]));
            _refuses(address(this), unbonding, selector, abi.encode(seconds_[i], 7 days, 60 days));
        }
        selector = INodeStaking.NodeStakingMinimumOutOfBounds.selector;
        uint256[3] memory amounts = [0, uint256(type(uint96).max) + 1, type(uint256).max];
        for (uint256 i = 0; i < 3; i++) {
            minimum = abi.encodeCall(INodeStaking.setMinimumStake, (amounts[i]));
            _refuses(address(this), minimum, selector, abi.encode(amounts[i], type(uint96).max));
        }
        staking.setMinimumStake(type(uint96).max);
        staking.setUnbondingSeconds(60 days);
        assert(staking.minimumStake() == type(uint96).max && staking.unbondingSeconds() == 60 days);
    }

    // In.

    function test_nothingIsStakedInAPauseOrForANodeThatLeaves() public {
        _refuses(ALICE, _stakeCall(NODE, 0), INodeStaking.NodeStakingAmountZero.selector, "");
        bytes4 selector = IERC20Errors.ERC20InsufficientBalance.selector;
        _refuses(ALICE, _stakeCall(NODE, 1), selector, abi.encode(ALICE, 0, 1));
        staking.pauseEntries(1 days);
        selector = IPausableEntries.PausableEntriesPaused.selector;
        _refuses(ALICE, _stakeCall(NODE, 1), selector, abi.encode(START + 1 days, START));
        staking.resumeEntries();
        vm.prank(ALICE);
        registry.exit(NODE);
        _refuses(ALICE, _stakeCall(NODE, 1), INodeStaking.NodeStakingNotLive.selector, abi.encode(NODE));
    }

    // Out.

    /// What stays is what the seat needed when it was taken, or the minimum without a seat.
    function test_whatTheNodeAndItsSeatNeedStays() public {
        _refuses(ALICE, _unstake(NODE, 0), INodeStaking.NodeStakingAmountZero.selector, "");
        bytes4 selector = INodeStaking.NodeStakingInsufficient.selector;
        _refuses(ALICE, _unstake(NODE, 3 * MINIMUM + 1), selector, abi.encode(3 * MINIMUM + 1, 3 * MINIMUM));
        selector = INodeStaking.NodeStakingBelowMinimum.selector;
        _refuses(ALICE, _unstake(NODE, 2 * MINIMUM + 1), selector, abi.encode(MINIMUM - 1, MINIMUM));
        // A seat keeps its price, whatever the minimum is raised or lowered to.
        staking.setMinimumStake(2 * MINIMUM);
        _refuses(ALICE, _unstake(NODE, 2 * MINIMUM + 1), selector, abi.encode(MINIMUM - 1, MINIMUM));
        _accepts(address(staking), ALICE, _unstake(NODE, MINIMUM));
        staking.setMinimumStake(1);
        _refuses(ALICE, _unstake(NODE, MINIMUM + 1), selector, abi.encode(MINIMUM - 1, MINIMUM));
        _accepts(address(staking), ALICE, _unstake(NODE, MINIMUM));
        // Without the seat, here by a slash, the minimum of the day is what stays.
        vm.prank(address(faultProofs));
        staking.slash(NODE, 1, 0, BOB);
        uint256 left = staking.stakeOf(NODE);
        assert(seats.seatMinimumOf(NODE) == 0);
        _refuses(ALICE, _unstake(NODE, left), selector, abi.encode(0, 1));
        _accepts(address(staking), ALICE, _unstake(NODE, left - 1));
    }

    function test_eightRequestsAreUnderWayAtMost() public {
        for (uint256 i = 0; i < 8; i++) _accepts(address(staking), ALICE, _unstake(NODE, 1));
        _refuses(ALICE, _unstake(NODE, 1), INodeStaking.NodeStakingTooManyUnbondings.selector, abi.encode(8, 8));
        vm.warp(START + 14 days);
        _accepts(address(staking), ALICE, _withdraw(NODE, ALICE));
        _accepts(address(staking), ALICE, _unstake(NODE, 1));
    }

    function test_stakeIsPaidToSomebodyWhenItIsReadyAndFree() public {
        bytes4 selector = INodeStaking.NodeStakingRecipientNotAllowed.selector;
        _refuses(ALICE, _withdraw(NODE, address(0)), selector, abi.encode(address(0)));
        _refuses(ALICE, _withdraw(NODE, address(staking)), selector, abi.encode(staking));
        bytes memory credit = abi.encodeCall(INodeStaking.withdrawCredit, (address(0)));
        _refuses(BOB, credit, selector, abi.encode(address(0)));
        credit = abi.encodeCall(INodeStaking.withdrawCredit, (BOB));
        _refuses(BOB, credit, INodeStaking.NodeStakingNothingCredited.selector, abi.encode(BOB));
        selector = INodeStaking.NodeStakingNothingReady.selector;
        _refuses(ALICE, _withdraw(NODE, ALICE), selector, abi.encode(NODE));
        _accepts(address(staking), ALICE, _unstake(NODE, MINIMUM));
        vm.warp(START + 14 days - 1);
        _refuses(ALICE, _withdraw(NODE, ALICE), selector, abi.encode(NODE));
        vm.warp(START + 14 days);
        vm.prank(address(faultProofs));
        staking.freeze(NODE);
        _refuses(ALICE, _withdraw(NODE, ALICE), INodeStaking.NodeStakingFrozen.selector, abi.encode(NODE, 1));
        vm.prank(address(faultProofs));
        staking.unfreeze(NODE);
        _accepts(address(staking), ALICE, _withdraw(NODE, BOB));
        assert(token.balanceOf(BOB) == MINIMUM);
        _refuses(ALICE, _withdraw(NODE, ALICE), selector, abi.encode(NODE));
    }

    // Faults.

    function test_aShareIsAPartAndABountyAFifthAtMost() public {
        bytes4 selector = INodeStaking.NodeStakingShareOutOfBounds.selector;
        bytes memory slash = abi.encodeCall(INodeStaking.slash, (NODE, 10_001, 0, BOB));
        _refuses(address(faultProofs), slash, selector, abi.encode(10_001, 10_000));
        slash = abi.encodeCall(INodeStaking.slash, (NODE, 1, 2_001, BOB));
        _refuses(address(faultProofs), slash, selector, abi.encode(2_001, 2_000));
        bytes memory unfreeze = abi.encodeCall(INodeStaking.unfreeze, (NODE));
        _refuses(address(faultProofs), unfreeze, INodeStaking.NodeStakingNotFrozen.selector, abi.encode(NODE));
    }

    /// Staked first, then the latest requests, of which one is left with a rest.
    function test_aSlashTakesTheStakedAndThenTheLatest() public {
        for (uint256 i = 0; i < 2; i++) _accepts(address(staking), ALICE, _unstake(NODE, MINIMUM));
        vm.prank(address(faultProofs));
        (uint256 slashed, uint256 bounty) = staking.slash(NODE, 5_000, 2_000, BOB);
        assert(slashed == (3 * MINIMUM) / 2 && bounty == slashed / 5);
        INodeStaking.Unbonding[] memory unbondings = staking.unbondingsOf(NODE);
        assert(staking.stakeOf(NODE) == 0 && unbondings.length == 2);
        assert(unbondings[0].amount == MINIMUM && unbondings[1].amount == MINIMUM / 2);
        vm.prank(address(faultProofs));
        staking.slash(NODE, 4_000, 0, BOB);
        unbondings = staking.unbondingsOf(NODE);
        assert(unbondings.length == 1 && unbondings[0].amount == (MINIMUM * 9) / 10);
        vm.prank(BOB);
        assert(staking.withdrawCredit(BOB) == bounty && token.balanceOf(BOB) == bounty);
    }

    // Votes.

    /// I15: only the past is asked, and what is staked in a second counts at its end.
    function test_I15_onlyThePastHasVotes() public {
        bytes4 selector = INodeStaking.NodeStakingLookupInFuture.selector;
        uint256[3] memory timepoints = [START, START + 1, type(uint256).max];
        for (uint256 i = 0; i < 3; i++) {
            bytes memory lookup = abi.encodeCall(INodeStaking.getPastVotes, (ALICE, timepoints[i]));
            _refuses(BOB, lookup, selector, abi.encode(timepoints[i], uint48(START)));
        }
        assert(staking.getPastVotes(ALICE, START - 1) == 0);
        vm.warp(START + 1);
        assert(staking.getPastVotes(ALICE, START) == 3 * MINIMUM);
        uint32[] memory nodeIds = new uint32[](2);
        (nodeIds[0], nodeIds[1]) = (OTHER, NODE);
        assert(staking.stakesOf(nodeIds)[0] == MINIMUM && staking.stakesOf(nodeIds)[1] == 3 * MINIMUM);
    }
}
