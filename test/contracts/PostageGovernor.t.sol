// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

import {Guardian} from "../../contracts/governance/Guardian.sol";
import {GovernorBounds} from "../../contracts/governance/GovernorBounds.sol";
import {PostageGovernor} from "../../contracts/governance/PostageGovernor.sol";
import {PostageToken} from "../../contracts/governance/PostageToken.sol";
import {Timelock} from "../../contracts/governance/Timelock.sol";
import {VotingPower} from "../../contracts/governance/VotingPower.sol";
import {IFaultProofs} from "../../contracts/interfaces/IFaultProofs.sol";
import {IGuardedGovernor} from "../../contracts/interfaces/IGuardedGovernor.sol";
import {IVetoedReports} from "../../contracts/interfaces/IGuardian.sol";
import {INodeStaking} from "../../contracts/interfaces/INodeStaking.sol";
import {allFor} from "../support/Genesis.sol";
import {vm, within} from "../support/Vm.sol";

/// @notice Governor, Timelock and Guardian as they are deployed. The test holds every token and is the keyholder; nobody
/// stakes.
contract PostageGovernorTest {
    uint256 private constant START = 1_800_000_000;
    uint256 private constant SUPPLY = 1_000_000e18;
    bytes32 private constant NOTHING = keccak256("");

    PostageToken private _token;
    VotingPower private _power;
    Timelock private _timelock;
    PostageGovernor private _governor;
    Guardian private _guardian;

    struct Proposal {
        address[] targets;
        uint256[] values;
        bytes[] calldatas;
        uint256 id;
    }

    /// NodeStaking's part: no node has any.
    function getVotes(address) external pure returns (uint256) {
        return 0;
    }

    function getPastVotes(address, uint256) external pure returns (uint256) {
        return 0;
    }

    function setUp() public {
        vm.warp(START);
        _token = new PostageToken(allFor(address(this), SUPPLY));
        _power = new VotingPower(_token, INodeStaking(address(this)));
        address governor = _following(1);
        address guardian = _following(2);
        _timelock = new Timelock(2 days, governor);
        _governor = _built(_defaults(), guardian);
        _guardian = new Guardian(
            address(_timelock),
            _governor,
            IFaultProofs(address(this)),
            IVetoedReports(address(this)),
            address(this)
        );
        assert(address(_governor) == governor && address(_guardian) == guardian);
        _token.delegate(address(this));
        vm.warp(START + 1);
    }

    uint8 private _nonce = 3;

    /// The contract that this one creates after `n` others.
    function _following(uint8 n) private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), _nonce + n)))));
    }

    function _defaults() private pure returns (PostageGovernor.Terms memory) {
        return
            PostageGovernor.Terms({
                supply: SUPPLY,
                proposalThresholdAmount: SUPPLY / 1_000,
                votingDelaySeconds: 1 days,
                votingPeriodSeconds: 5 days,
                lateExtensionSeconds: 2 days,
                quorumPercent: 4
            });
    }

    function _built(PostageGovernor.Terms memory terms, address guardian) private returns (PostageGovernor) {
        return new PostageGovernor(PostageGovernor.Links(_power, _timelock, guardian), terms);
    }

    function build(PostageGovernor.Terms memory terms) external returns (PostageGovernor) {
        return _built(terms, address(1));
    }

    function _proposal(address target, bytes memory call) private pure returns (Proposal memory made) {
        made.targets = new address[](1);
        made.values = new uint256[](1);
        made.calldatas = new bytes[](1);
        (made.targets[0], made.calldatas[0]) = (target, call);
    }

    function _propose(address target, bytes memory call) private returns (Proposal memory made) {
        made = _proposal(target, call);
        made.id = _governor.propose(made.targets, made.values, made.calldatas, "");
    }

    function _pass(Proposal memory made) private {
        vm.warp(_governor.proposalSnapshot(made.id) + 1);
        _governor.castVote(made.id, 1);
        vm.warp(_governor.proposalDeadline(made.id) + 1);
        _governor.queue(made.targets, made.values, made.calldatas, NOTHING);
        vm.warp(_governor.proposalEta(made.id));
    }

    function _execute(Proposal memory made) private returns (bool done, bytes memory answer) {
        bytes memory call = abi.encodeCall(IGovernor.execute, (made.targets, made.values, made.calldatas, NOTHING));
        // solhint-disable-next-line avoid-low-level-calls
        return address(_governor).call(call);
    }

    function _outOfBounds(uint256 value, uint256 least, uint256 most) private pure returns (bytes memory) {
        return abi.encodeWithSelector(GovernorBounds.PostageGovernorParameterOutOfBounds.selector, value, least, most);
    }

    /// Passes a vote on a setter and tells whether it was executed.
    function _votes(bytes memory call, uint256 value, uint256 least, uint256 most) private returns (bool done) {
        Proposal memory made = _propose(address(_governor), call);
        _pass(made);
        bytes memory answer;
        (done, answer) = _execute(made);
        assert(done == (value >= least && value <= most));
        if (!done) assert(keccak256(answer) == keccak256(_outOfBounds(value, least, most)));
    }

    /// At a bound, one beyond it, or anywhere.
    function _near(uint256 seed, uint256 least, uint256 most) private pure returns (uint256) {
        uint256[6] memory edges = [least - 1, least, least + 1, most - 1, most, most + 1];
        return seed % 8 < 6 ? edges[seed % 8] : within(seed, least - 1, most + 1);
    }

    // Case 45.

    function testFuzz_case45_votingDelay(uint256 seed) public {
        uint256 value = _near(seed, 12 hours, 7 days);
        bytes memory call = abi.encodeCall(_governor.setVotingDelay, (uint48(value)));
        assert(_governor.votingDelay() == (_votes(call, value, 12 hours, 7 days) ? value : 1 days));
    }

    function testFuzz_case45_votingPeriod(uint256 seed) public {
        uint256 value = _near(seed, 2 days, 14 days);
        bytes memory call = abi.encodeCall(_governor.setVotingPeriod, (uint32(value)));
        assert(_governor.votingPeriod() == (_votes(call, value, 2 days, 14 days) ? value : 5 days));
    }

    function testFuzz_case45_lateExtension(uint256 seed) public {
        uint256 value = _near(seed, 1 days, 7 days);
        bytes memory call = abi.encodeCall(_governor.setLateQuorumVoteExtension, (uint48(value)));
        assert(_governor.lateQuorumVoteExtension() == (_votes(call, value, 1 days, 7 days) ? value : 2 days));
    }

    function testFuzz_case45_threshold(uint256 seed) public {
        (uint256 least, uint256 most) = (SUPPLY / 10_000, SUPPLY / 100);
        uint256 value = _near(seed, least, most);
        bytes memory call = abi.encodeCall(_governor.setProposalThreshold, (value));
        assert(_governor.proposalThreshold() == (_votes(call, value, least, most) ? value : SUPPLY / 1_000));
    }

    function testFuzz_case45_quorum(uint256 seed) public {
        uint256 value = _near(seed, 2, 20);
        bytes memory call = abi.encodeCall(_governor.updateQuorumNumerator, (value));
        assert(_governor.quorumNumerator() == (_votes(call, value, 2, 20) ? value : 4));
    }

    function testFuzz_case45_timelockDelay(uint256 seed) public {
        uint256 value = _near(seed, 1 days, 14 days);
        Proposal memory made = _propose(address(_timelock), abi.encodeCall(_timelock.updateDelay, (value)));
        _pass(made);
        (bool done, bytes memory answer) = _execute(made);
        assert(done == (value >= 1 days && value <= 14 days));
        assert(_timelock.getMinDelay() == (done ? value : 2 days));
        if (done) return;
        bytes4 selector = Timelock.TimelockDelayOutOfBounds.selector;
        assert(keccak256(answer) == keccak256(abi.encodeWithSelector(selector, value, 1 days, 14 days)));
    }

    function test_case45_aDeploymentKeepsTheSameBounds() public {
        PostageGovernor.Terms memory terms = _defaults();
        terms.votingDelaySeconds = 12 hours - 1;
        _refusesToBuild(terms, _outOfBounds(12 hours - 1, 12 hours, 7 days));
        terms = _defaults();
        terms.votingPeriodSeconds = 14 days + 1;
        _refusesToBuild(terms, _outOfBounds(14 days + 1, 2 days, 14 days));
        terms = _defaults();
        terms.lateExtensionSeconds = 1 days - 1;
        _refusesToBuild(terms, _outOfBounds(1 days - 1, 1 days, 7 days));
        terms = _defaults();
        terms.quorumPercent = 1;
        _refusesToBuild(terms, _outOfBounds(1, 2, 20));
        terms = _defaults();
        terms.proposalThresholdAmount = SUPPLY / 100 + 1;
        _refusesToBuild(terms, _outOfBounds(SUPPLY / 100 + 1, SUPPLY / 10_000, SUPPLY / 100));
        for (uint256 i = 0; i < 2; i++) {
            uint256 delay = i == 0 ? 1 days - 1 : 14 days + 1;
            try new Timelock(delay, address(this)) {
                assert(false);
            } catch (bytes memory answer) {
                bytes4 selector = Timelock.TimelockDelayOutOfBounds.selector;
                assert(keccak256(answer) == keccak256(abi.encodeWithSelector(selector, delay, 1 days, 14 days)));
            }
        }
    }

    function _refusesToBuild(PostageGovernor.Terms memory terms, bytes memory expected) private {
        try this.build(terms) {
            assert(false);
        } catch (bytes memory answer) {
            assert(keccak256(answer) == keccak256(expected));
        }
    }

    function test_theTimelockStaysWhateverIsVoted() public {
        Proposal memory made = _propose(address(_governor), abi.encodeCall(_governor.updateTimelock, (_timelock)));
        _pass(made);
        (bool done, bytes memory answer) = _execute(made);
        bytes4 selector = IGuardedGovernor.PostageGovernorTimelockFixed.selector;
        assert(!done && keccak256(answer) == keccak256(abi.encodeWithSelector(selector, _timelock)));
    }

    // The guardian.

    /// Proposes something, brings it to a state by hand and lets the guardian cancel it.
    function _cancels(
        uint256 stage,
        address target,
        bytes memory call
    ) private returns (bool done, bytes memory answer) {
        Proposal memory made = _propose(target, call);
        if (stage > 0) vm.warp(_governor.proposalSnapshot(made.id) + 1);
        if (stage > 1 && stage != 5) _governor.castVote(made.id, 1);
        if (stage > 1) vm.warp(_governor.proposalDeadline(made.id) + 1);
        if (stage == 3 || stage == 4) {
            _governor.queue(made.targets, made.values, made.calldatas, NOTHING);
            vm.warp(_governor.proposalEta(made.id));
        }
        if (stage == 4) _execute(made);
        IGovernor.ProposalState before = _governor.state(made.id);
        // solhint-disable-next-line avoid-low-level-calls
        (done, answer) = address(_guardian).call(
            abi.encodeCall(_guardian.cancel, (made.targets, made.values, made.calldatas, NOTHING))
        );
        assert(_governor.state(made.id) == (done ? IGovernor.ProposalState.Canceled : before));
        if (stage == 3) _execute(made);
    }

    /// Pending, active, succeeded, queued: yes. Executed, defeated: no.
    function test_case44_theGuardianCancelsWhatWasNotExecuted() public {
        bytes memory call = abi.encodeCall(_governor.setVotingDelay, (2 days));
        for (uint256 stage = 0; stage < 6; stage++) {
            setUp2();
            (bool done, bytes memory answer) = _cancels(stage, address(_governor), call);
            assert(done == (stage < 4));
            if (!done) assert(bytes4(answer) == IGovernor.GovernorUnexpectedProposalState.selector);
            assert(_governor.votingDelay() == (stage == 4 ? 2 days : 1 days));
        }
    }

    function test_neverWhatOnlyReplacesIt() public {
        bytes memory call = abi.encodeCall(_guardian.appoint, (address(0xB0B)));
        for (uint256 stage = 0; stage < 4; stage++) {
            setUp2();
            (bool done, bytes memory answer) = _cancels(stage, address(_guardian), call);
            assert(!done && bytes4(answer) == IGuardedGovernor.PostageGovernorReplacesGuardian.selector);
            assert(_guardian.keyholder() == (stage == 3 ? address(0xB0B) : address(this)));
        }
    }

    /// Another target, another function, a call too short to be one, two calls: all can be cancelled.
    function test_whatDoesMoreOrLessThanReplaceItCanBeCancelled() public {
        bytes memory call = abi.encodeCall(_guardian.appoint, (address(0xB0B)));
        (bool done, ) = _cancels(0, address(_governor), call);
        assert(done);
        (done, ) = _cancels(0, address(_guardian), abi.encodeCall(_guardian.dismiss, (1)));
        assert(done);
        (done, ) = _cancels(0, address(_guardian), hex"aabbcc");
        assert(done);
        Proposal memory made;
        made.targets = new address[](2);
        made.values = new uint256[](2);
        made.calldatas = new bytes[](2);
        (made.targets[0], made.targets[1]) = (address(_guardian), address(_guardian));
        (made.calldatas[0], made.calldatas[1]) = (call, call);
        _governor.propose(made.targets, made.values, made.calldatas, "");
        _guardian.cancel(made.targets, made.values, made.calldatas, NOTHING);
    }

    function test_nobodyElseCancelsAsTheGuardian() public {
        Proposal memory made = _propose(address(_governor), hex"aabbccdd");
        bytes memory call = abi.encodeCall(
            _governor.cancelAsGuardian,
            (made.targets, made.values, made.calldatas, NOTHING)
        );
        // solhint-disable-next-line avoid-low-level-calls
        (bool done, bytes memory answer) = address(_governor).call(call);
        bytes4 selector = IGuardedGovernor.PostageGovernorNotGuardian.selector;
        assert(!done && keccak256(answer) == keccak256(abi.encodeWithSelector(selector, this, _guardian)));
    }

    /// A world of its own for each turn.
    function setUp2() private {
        _nonce += 5;
        setUp();
    }

    // Votes.

    function test_case44_aQuorumReachedAtTheEndExtendsTheVote() public {
        Proposal memory made = _propose(address(_governor), abi.encodeCall(_governor.setVotingDelay, (2 days)));
        assert(_governor.proposalNeedsQueuing(made.id));
        uint256 deadline = _governor.proposalDeadline(made.id);
        vm.warp(deadline);
        _governor.castVote(made.id, 1);
        assert(_governor.proposalDeadline(made.id) == deadline + 2 days);
        vm.warp(deadline + 2 days);
        assert(_governor.state(made.id) == IGovernor.ProposalState.Active);
        vm.warp(deadline + 2 days + 1);
        assert(_governor.state(made.id) == IGovernor.ProposalState.Succeeded);
    }

    function test_itsClockIsVotingPowers() public view {
        assert(_governor.clock() == _power.clock());
        assert(keccak256(bytes(_governor.CLOCK_MODE())) == keccak256(bytes(_power.CLOCK_MODE())));
        assert(_governor.timelock() == address(_timelock) && address(_governor.token()) == address(_power));
    }
}
