// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {NodeStaking} from "../../contracts/NodeStaking.sol";
import {PostageToken} from "../../contracts/governance/PostageToken.sol";
import {INodeStaking} from "../../contracts/interfaces/INodeStaking.sol";
import {allFor} from "../support/Genesis.sol";
import {NodeOwnersStub} from "../support/NodeOwnersStub.sol";
import {vm, within} from "../support/Vm.sol";

/// @notice Plays every part: registry, FaultProofs, authority and the nodes' owners.
contract StakingHandler {
    uint256 internal constant MINIMUM = 10_000e18;
    uint256 internal constant NODES = 3;
    address internal constant TREASURY = address(0x7EA5);
    address internal constant REPORTER = address(0x4E90);

    PostageToken public token = new PostageToken(allFor(address(this), 1_000_000_000e18));
    NodeOwnersStub public owners = new NodeOwnersStub();
    NodeStaking public staking = new NodeStaking(
        token,
        address(owners),
        address(owners),
        address(this),
        TREASURY,
        address(this),
        MINIMUM,
        14 days
    );

    uint256 public paidIn;
    uint256 public paidOut;
    uint256 public slashed;
    /// What each node put in, less what left it: withdrawn or slashed.
    mapping(uint32 nodeId => uint256) public left;
    bool public paidEarly;
    bool public paidFrozen;
    bool public slashedTooMuch;

    function nodeAt(uint256 i) public pure returns (uint32) {
        return uint32(100 * (1 + (i % NODES)));
    }

    function ownerAt(uint256 i) public pure returns (address) {
        return address(uint160(0xBEEF00 + (i % NODES)));
    }

    /// AccessManager's question: a test may do everything.
    function canCall(address, address, bytes4) external pure returns (bool, uint32) {
        return (true, 0);
    }

    function post(uint256 i) public {
        uint32 nodeId = nodeAt(i);
        if (staking.slashableOf(nodeId) != 0) return;
        address owner = owners.ownerOf(nodeId);
        if (owner == address(0)) {
            owner = ownerAt(i);
            owners.setOwner(nodeId, owner);
        }
        _fund(owner, staking.minimumStake());
        vm.prank(address(owners));
        staking.post(nodeId, owner);
        _in(nodeId, staking.minimumStake());
    }

    function stake(uint256 i, uint256 amount) public {
        uint32 nodeId = nodeAt(i);
        address owner = owners.ownerOf(nodeId);
        if (owner == address(0)) return;
        amount = within(amount, 1, 2 * MINIMUM);
        _fund(owner, amount);
        vm.prank(owner);
        staking.stake(nodeId, amount);
        _in(nodeId, amount);
    }

    function unstake(uint256 i, uint256 amount) public {
        uint32 nodeId = nodeAt(i);
        uint256 staked = staking.stakeOf(nodeId);
        if (staked <= MINIMUM || staking.unbondingsOf(nodeId).length >= 8) return;
        vm.prank(owners.ownerOf(nodeId));
        staking.unstake(nodeId, within(amount, 1, staked - MINIMUM));
    }

    function release(uint256 i) public {
        vm.prank(address(owners));
        staking.release(nodeAt(i), uint64(block.timestamp));
    }

    function withdraw(uint256 i) public returns (uint256 amount) {
        uint32 nodeId = nodeAt(i);
        uint256 ready;
        INodeStaking.Unbonding[] memory list = staking.unbondingsOf(nodeId);
        for (uint256 k = 0; k < list.length; k++) if (list[k].readyAt <= block.timestamp) ready += list[k].amount;
        bool frozen = staking.isFrozen(nodeId);
        if (owners.ownerOf(nodeId) == address(0)) return 0;
        vm.prank(owners.ownerOf(nodeId));
        try staking.withdrawStake(nodeId, address(0x0D)) returns (uint256 paid) {
            amount = paid;
            if (paid != ready) paidEarly = true;
            if (frozen) paidFrozen = true;
        } catch {
            if (ready > 0 && !frozen) paidEarly = true;
        }
        paidOut += amount;
        left[nodeId] -= amount;
    }

    function freeze(uint256 i) public {
        staking.freeze(nodeAt(i));
    }

    function unfreeze(uint256 i) public {
        if (staking.isFrozen(nodeAt(i))) staking.unfreeze(nodeAt(i));
    }

    function slash(uint256 i, uint256 shareBps, uint256 bountyBps) public returns (uint256 amount) {
        uint32 nodeId = nodeAt(i);
        uint256 all = staking.slashableOf(nodeId);
        shareBps = within(shareBps, 0, 10_000);
        bountyBps = within(bountyBps, 0, 2_000);
        uint256 bounty;
        (amount, bounty) = staking.slash(nodeId, shareBps, bountyBps, REPORTER);
        if (amount != (all * shareBps) / 10_000 || bounty > amount / 5) slashedTooMuch = true;
        if (staking.slashableOf(nodeId) != all - amount) slashedTooMuch = true;
        slashed += amount;
        left[nodeId] -= amount;
        if (owners.leftBySlash(nodeId) != staking.stakeOf(nodeId)) slashedTooMuch = true;
    }

    function withdrawCredit(bool treasury) public {
        address account = treasury ? TREASURY : REPORTER;
        if (staking.creditOf(account) == 0) return;
        vm.prank(account);
        paidOut += staking.withdrawCredit(address(0x0D));
    }

    function transferNode(uint256 i, uint256 to) public {
        if (owners.ownerOf(nodeAt(i)) == address(0)) return;
        owners.setOwner(nodeAt(i), ownerAt(to));
        staking.syncOwner(nodeAt(i));
    }

    function setUnbonding(uint256 seconds_) public {
        staking.setUnbondingSeconds(uint64(within(seconds_, 7 days, 60 days)));
    }

    function passTime(uint256 seconds_) public {
        vm.warp(block.timestamp + within(seconds_, 0, 10 days));
    }

    function _fund(address owner, uint256 amount) private {
        token.transfer(owner, amount);
        vm.prank(owner);
        token.approve(address(staking), amount);
    }

    function _in(uint32 nodeId, uint256 amount) private {
        paidIn += amount;
        left[nodeId] += amount;
    }
}

contract NodeStakingInvariants {
    StakingHandler private _handler;
    NodeStaking private _staking;

    function setUp() public {
        vm.warp(1_800_000_000);
        _handler = new StakingHandler();
        _staking = _handler.staking();
        for (uint256 i = 0; i < 3; i++) _handler.post(i);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_I11_stakeIsConservedToTheUnit() public view {
        uint256 held = _staking.totalStaked() + _staking.totalUnbonding() + _staking.totalCredited();
        assert(_handler.paidIn() == held + _handler.paidOut());
        assert(_handler.token().balanceOf(address(_staking)) == held);
    }

    function invariant_I11_eachNodeHasWhatItPutInLessWhatLeft() public view {
        uint256 sum;
        for (uint256 i = 0; i < 3; i++) {
            uint32 nodeId = _handler.nodeAt(i);
            assert(_staking.slashableOf(nodeId) == _handler.left(nodeId));
            sum += _staking.slashableOf(nodeId);
        }
        assert(sum == _staking.totalStaked() + _staking.totalUnbonding());
    }

    function invariant_I11_nothingIsPaidEarlyOrFrozenOrSlashedBeyondTheShare() public view {
        assert(!_handler.paidEarly());
        assert(!_handler.paidFrozen());
        assert(!_handler.slashedTooMuch());
    }

    function invariant_I15_stakedVotesAreTheOwnersAndSumToTheStake() public view {
        uint256 votes;
        for (uint256 i = 0; i < 3; i++) {
            address owner = _handler.ownerAt(i);
            uint256 expected;
            for (uint256 k = 0; k < 3; k++) {
                uint32 nodeId = _handler.nodeAt(k);
                if (_handler.owners().ownerOf(nodeId) == owner) expected += _staking.stakeOf(nodeId);
            }
            assert(_staking.getVotes(owner) == expected);
            votes += expected;
        }
        assert(votes == _staking.totalStaked());
    }
}

contract NodeStakingTest is StakingHandler {
    uint32 private constant NODE = 100;
    address private _owner;

    function setUp() public {
        vm.warp(1_800_000_000);
        post(0);
        _owner = owners.ownerOf(NODE);
        stake(0, 2 * MINIMUM - 1);
    }

    /// Case 21: slash against unstake and withdraw in every order of one block: slashed or paid, never both.
    function testFuzz_case21_slashedOrPaidNeverBoth(uint256 order, uint256 share) public {
        uint256 put = left[NODE];
        unstake(0, MINIMUM);
        vm.warp(block.timestamp + 14 days);
        for (uint256 i = 0; i < 6; i++) {
            order = uint256(keccak256(abi.encode(order)));
            uint256 step = order % 3;
            if (step == 0) slash(0, share, 1_000);
            else if (step == 1) withdraw(0);
            else unstake(0, order >> 8);
        }
        assert(paidOut + slashed + staking.slashableOf(NODE) == put);
        assert(!paidEarly && !slashedTooMuch);
    }

    function test_case21_readyStakeIsSlashableUntilItIsWithdrawn() public {
        unstake(0, MINIMUM);
        vm.warp(block.timestamp + 30 days);
        uint256 all = staking.slashableOf(NODE);
        assert(slash(0, 10_000, 2_000) == all);
        assert(staking.totalStaked() == 0 && staking.totalUnbonding() == 0);
        vm.prank(_owner);
        vm.expectRevert();
        staking.withdrawStake(NODE, _owner);
    }

    function test_case23_totalSlashThenNewStake() public {
        slash(0, 10_000, 0);
        assert(staking.stakeOf(NODE) == 0);
        assert(slash(0, 10_000, 2_000) == 0);
        stake(0, MINIMUM);
        assert(staking.stakeOf(NODE) == MINIMUM + 1);
        assert(staking.getVotes(_owner) == MINIMUM + 1);
        slash(0, 10_000, 0);
        post(0);
        assert(staking.stakeOf(NODE) == MINIMUM);
    }

    /// Case 24: what a node gets back as its own reporter is at most a fifth.
    function test_case24_slashingOneselfIsALoss() public {
        uint256 amount = slash(0, 10_000, 2_000);
        assert(staking.creditOf(REPORTER) == amount / 5);
        assert(staking.creditOf(TREASURY) == amount - amount / 5);
        vm.expectRevert();
        staking.slash(NODE, 10_000, 2_001, REPORTER);
        vm.expectRevert();
        staking.slash(NODE, 10_001, 2_000, REPORTER);
    }

    /// I7: a request keeps its instant whatever is set or requested later.
    function test_I7_unbondingKeepsItsTerms() public {
        unstake(0, 0);
        uint64 readyAt = staking.unbondingsOf(NODE)[0].readyAt;
        assert(readyAt == block.timestamp + 14 days);
        staking.setUnbondingSeconds(60 days);
        unstake(0, 0);
        assert(staking.unbondingsOf(NODE)[0].readyAt == readyAt);
        vm.warp(readyAt - 1);
        assert(withdraw(0) == 0);
        vm.warp(readyAt);
        assert(withdraw(0) == 1);
        assert(staking.unbondingsOf(NODE).length == 1);
    }

    function test_frozenStakeStaysUntilTheLastCaseEnds() public {
        unstake(0, 0);
        staking.freeze(NODE);
        staking.freeze(NODE);
        vm.warp(block.timestamp + 20 days);
        assert(withdraw(0) == 0);
        staking.unfreeze(NODE);
        assert(withdraw(0) == 0 && staking.isFrozen(NODE));
        staking.unfreeze(NODE);
        assert(withdraw(0) == 1);
        vm.expectRevert();
        staking.unfreeze(NODE);
    }

    function test_votesFollowTheOwnerAndArePastOnly() public {
        uint256 staked = staking.stakeOf(NODE);
        uint256 start = block.timestamp;
        vm.expectRevert();
        staking.getPastVotes(_owner, start);
        vm.warp(start + 10);
        unstake(0, MINIMUM - 1);
        vm.warp(start + 20);
        transferNode(0, 1);
        vm.warp(start + 30);
        assert(staking.getPastVotes(_owner, start - 1) == 0);
        assert(staking.getPastVotes(_owner, start) == staked);
        assert(staking.getPastVotes(_owner, start + 10) == staked - MINIMUM);
        assert(staking.getPastVotes(_owner, start + 20) == 0);
        assert(staking.getPastVotes(ownerAt(1), start + 20) == staked - MINIMUM);
        // Staked tokens vote nowhere else.
        assert(token.getVotes(address(staking)) == 0);
    }

    function test_aTransferredNodeIsItsNewOwnersAlsoBeforeTheVotesFollow() public {
        owners.setOwner(NODE, ownerAt(1));
        vm.prank(_owner);
        vm.expectRevert();
        staking.unstake(NODE, 1);
        unstake(0, 0);
        assert(staking.getVotes(_owner) == 0);
        assert(staking.getVotes(ownerAt(1)) == staking.stakeOf(NODE));
    }

    function test_theLastStakeLeavesThroughTheRegistryAndUnbonds() public {
        uint256 staked = staking.stakeOf(NODE);
        vm.prank(_owner);
        vm.expectRevert();
        staking.unstake(NODE, staked - MINIMUM + 1);
        release(0);
        assert(staking.stakeOf(NODE) == 0 && staking.slashableOf(NODE) == staked);
        release(0);
        vm.warp(block.timestamp + 14 days);
        assert(withdraw(0) == staked);
    }

    function test_eightRequestsAtMostAndReleaseAllTheSame() public {
        for (uint256 i = 0; i < 8; i++) unstake(0, 0);
        vm.prank(_owner);
        vm.expectRevert();
        staking.unstake(NODE, 1);
        release(0);
        assert(staking.unbondingsOf(NODE).length == 9);
    }

    function test_strangersDoNothing() public {
        address stranger = address(0xBAD);
        bytes[8] memory calls = [
            abi.encodeCall(staking.post, (NODE, stranger)),
            abi.encodeCall(staking.release, (NODE, 0)),
            abi.encodeCall(staking.freeze, (NODE)),
            abi.encodeCall(staking.unfreeze, (NODE)),
            abi.encodeCall(staking.slash, (NODE, 1, 1, stranger)),
            abi.encodeCall(staking.unstake, (NODE, 1)),
            abi.encodeCall(staking.withdrawStake, (NODE, stranger)),
            abi.encodeCall(staking.withdrawCredit, (stranger))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(stranger);
            (bool ok, ) = address(staking).call(calls[i]);
            assert(!ok);
        }
    }

    function test_parametersStayInBounds() public {
        for (uint64 seconds_ = 7 days; seconds_ <= 60 days; seconds_ += 53 days) staking.setUnbondingSeconds(seconds_);
        vm.expectRevert();
        staking.setUnbondingSeconds(7 days - 1);
        vm.expectRevert();
        staking.setUnbondingSeconds(60 days + 1);
        vm.expectRevert();
        staking.setMinimumStake(0);
        staking.setMinimumStake(1);
        assert(staking.minimumStake() == 1);
    }

    function test_nothingIsPaidToNobody() public {
        vm.prank(_owner);
        vm.expectRevert();
        staking.withdrawStake(NODE, address(0));
        vm.prank(_owner);
        vm.expectRevert();
        staking.withdrawStake(NODE, address(staking));
        vm.prank(_owner);
        vm.expectRevert();
        staking.stake(NODE, 0);
        vm.prank(_owner);
        vm.expectRevert();
        staking.unstake(NODE, 0);
    }

    function test_theTokenVotesByTimestamp() public {
        token.delegate(address(this));
        vm.warp(block.timestamp + 1);
        assert(token.clock() == block.timestamp);
        assert(keccak256(bytes(token.CLOCK_MODE())) == keccak256("mode=timestamp"));
        assert(token.getPastVotes(address(this), block.timestamp - 1) == token.balanceOf(address(this)));
        assert(token.nonces(address(this)) == 0);
    }
}
