// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {NodeStaking} from "../../contracts/NodeStaking.sol";
import {PostageToken} from "../../contracts/governance/PostageToken.sol";
import {VotingPower} from "../../contracts/governance/VotingPower.sol";
import {INodeStaking} from "../../contracts/interfaces/INodeStaking.sol";
import {allFor} from "../support/Genesis.sol";
import {NodeOwnersStub} from "../support/NodeOwnersStub.sol";
import {vm, within} from "../support/Vm.sol";

/// @notice Moves, delegates and stakes at random. Plays registry, FaultProofs and authority.
contract VotingActors {
    uint256 internal constant SUPPLY = 1_000_000e18;
    uint256 internal constant MINIMUM = 10_000e18;
    uint256 public constant ACCOUNTS = 6;
    address internal constant TREASURY = address(0x7EA5);

    PostageToken public token = new PostageToken(allFor(address(this), SUPPLY));
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
    VotingPower public votingPower = new VotingPower(token, staking);

    struct Snapshot {
        uint256 at;
        uint256[6] votes;
    }

    Snapshot[] private _snapshots;

    constructor() {
        for (uint256 i = 0; i < 4; i++) token.transfer(accountAt(i), SUPPLY / 5);
        for (uint256 i = 0; i < 3; i++) {
            owners.setOwner(nodeAt(i), accountAt(i));
            _stake(nodeAt(i), accountAt(i), 2 * MINIMUM);
        }
    }

    /// The first three own nodes at first; the last two are contracts that hold tokens for others.
    function accountAt(uint256 i) public view returns (address) {
        i = i % ACCOUNTS;
        if (i == 4) return address(this);
        if (i == 5) return address(staking);
        return address(uint160(0xBEEF00 + i));
    }

    function nodeAt(uint256 i) public pure returns (uint32) {
        return uint32(100 * (1 + (i % 3)));
    }

    function canCall(address, address, bytes4) external pure returns (bool, uint32) {
        return (true, 0);
    }

    function transfer(uint256 from, uint256 to, uint256 amount) public {
        address holder = accountAt(from % 5);
        uint256 balance = token.balanceOf(holder);
        vm.prank(holder);
        token.transfer(accountAt(to), within(amount, 0, balance));
    }

    function delegate(uint256 from, uint256 to) public {
        address delegatee = to % 7 == 6 ? address(0) : accountAt(to);
        vm.prank(accountAt(from % 5));
        token.delegate(delegatee);
    }

    function stake(uint256 i, uint256 amount) public {
        address owner = owners.ownerOf(nodeAt(i));
        uint256 balance = token.balanceOf(owner);
        if (balance > 0) _stake(nodeAt(i), owner, within(amount, 1, balance));
    }

    function _stake(uint32 nodeId, address owner, uint256 amount) private {
        vm.prank(owner);
        token.approve(address(staking), amount);
        vm.prank(owner);
        staking.stake(nodeId, amount);
    }

    function unstake(uint256 i, uint256 amount) public {
        uint32 nodeId = nodeAt(i);
        uint256 staked = staking.stakeOf(nodeId);
        if (staked <= MINIMUM || staking.unbondingsOf(nodeId).length >= 8) return;
        vm.prank(owners.ownerOf(nodeId));
        staking.unstake(nodeId, within(amount, 1, staked - MINIMUM));
    }

    function withdraw(uint256 i, uint256 to) public {
        uint32 nodeId = nodeAt(i);
        INodeStaking.Unbonding[] memory list = staking.unbondingsOf(nodeId);
        if (list.length == 0 || list[0].readyAt > block.timestamp) return;
        vm.prank(owners.ownerOf(nodeId));
        staking.withdrawStake(nodeId, accountAt(to % 5));
    }

    function slash(uint256 i, uint256 shareBps) public {
        staking.slash(nodeAt(i), within(shareBps, 0, 5_000), 2_000, accountAt(i + 1));
    }

    function transferNode(uint256 i, uint256 to) public {
        owners.setOwner(nodeAt(i), accountAt(to % 4));
        staking.syncOwner(nodeAt(i));
    }

    function passTime(uint256 seconds_) public {
        uint256 at = block.timestamp;
        vm.warp(at + within(seconds_, 1, 10 days));
        Snapshot storage snapshot = _snapshots.push();
        snapshot.at = at;
        for (uint256 i = 0; i < ACCOUNTS; i++) snapshot.votes[i] = votingPower.getPastVotes(accountAt(i), at);
    }

    function snapshots() external view returns (Snapshot[] memory) {
        return _snapshots;
    }
}

/// @notice I15 as the Governor sees it.
contract VotingPowerInvariants {
    VotingActors private _actors;
    VotingPower private _power;

    function setUp() public {
        vm.warp(1_800_000_000);
        _actors = new VotingActors();
        _power = _actors.votingPower();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_actors);
    }

    /// Now and at every second that was looked at: never more votes than tokens, and the past does not change.
    function invariant_I15_votesNeverExceedTheSupplyAndThePastStays() public view {
        uint256 sum;
        for (uint256 i = 0; i < _actors.ACCOUNTS(); i++) sum += _power.getVotes(_actors.accountAt(i));
        assert(sum <= _actors.token().totalSupply());
        VotingActors.Snapshot[] memory snapshots = _actors.snapshots();
        for (uint256 k = 0; k < snapshots.length; k++) {
            sum = 0;
            for (uint256 i = 0; i < _actors.ACCOUNTS(); i++) {
                uint256 past = _power.getPastVotes(_actors.accountAt(i), snapshots[k].at);
                assert(past == snapshots[k].votes[i]);
                sum += past;
            }
            assert(sum <= _power.getPastTotalSupply(snapshots[k].at));
        }
    }
}

contract VotingPowerTest {
    uint256 private constant START = 1_800_000_000;
    address private constant OWNER = address(0xBEEF00);
    VotingActors private _actors;
    VotingPower private _power;

    function setUp() public {
        vm.warp(START);
        _actors = new VotingActors();
        _power = _actors.votingPower();
    }

    function test_addsWhatIsDelegatedAndWhatIsStaked() public {
        assert(_power.getVotes(OWNER) == 20_000e18);
        _actors.delegate(0, 0);
        uint256 held = _actors.token().balanceOf(OWNER);
        assert(held == 180_000e18 && _power.getVotes(OWNER) == held + 20_000e18);
        assert(_power.delegates(OWNER) == OWNER);
        vm.warp(START + 1);
        assert(_power.getPastVotes(OWNER, START) == held + 20_000e18);
        assert(_power.getPastTotalSupply(START) == 1_000_000e18);
        assert(_power.clock() == START + 1);
        assert(keccak256(bytes(_power.CLOCK_MODE())) == keccak256("mode=timestamp"));
    }

    /// What is staked and unstaked within one second, and what was borrowed for it, counts nothing.
    function testFuzz_I15_whatComesAndGoesInASecondCountsNothing(uint256 amount) public {
        amount = within(amount, 1, 100_000e18);
        vm.warp(START + 10);
        uint256 before = _power.getPastVotes(OWNER, START + 9);
        _actors.delegate(0, 0);
        _actors.delegate(1, 0);
        uint256 most = _power.getVotes(OWNER);
        assert(most > before);
        _actors.stake(0, amount);
        // Staking moves what voted already.
        assert(_power.getVotes(OWNER) == most);
        _actors.unstake(0, amount);
        _actors.delegate(1, 6);
        _actors.delegate(0, 6);
        vm.warp(START + 11);
        uint256 staked = _actors.staking().stakeOf(100);
        assert(_power.getPastVotes(OWNER, START + 10) == staked && staked >= before);
    }

    function test_thePresentSecondIsNotLookedUp() public {
        try _power.getPastVotes(OWNER, START) {
            assert(false);
        } catch {} // solhint-disable-line no-empty-blocks
    }

    function test_delegationIsRefusedWithTheTokensAddress() public {
        bytes memory expected = abi.encodeWithSelector(
            VotingPower.VotingPowerDelegateAtToken.selector,
            address(_actors.token())
        );
        bytes[2] memory calls = [
            abi.encodeCall(_power.delegate, (OWNER)),
            abi.encodeCall(_power.delegateBySig, (OWNER, 0, 0, 27, bytes32(0), bytes32(0)))
        ];
        for (uint256 i = 0; i < 2; i++) {
            // solhint-disable-next-line avoid-low-level-calls
            (bool taken, bytes memory answer) = address(_power).call(calls[i]);
            assert(!taken && keccak256(answer) == keccak256(expected));
        }
    }
}

contract PostageTokenGenesisTest {
    function build(PostageToken.Allocation[] memory genesis) external returns (PostageToken) {
        return new PostageToken(genesis);
    }

    function test_mintsToEachHolderAndNothingElse() public {
        PostageToken.Allocation[] memory genesis = new PostageToken.Allocation[](3);
        for (uint256 i = 0; i < 3; i++) genesis[i] = PostageToken.Allocation(address(uint160(0xA + i)), 7 ** (i + 1));
        PostageToken token = new PostageToken(genesis);
        for (uint256 i = 0; i < 3; i++) assert(token.balanceOf(genesis[i].holder) == genesis[i].amount);
        assert(token.totalSupply() == 7 + 49 + 343);
    }

    function test_refusesNobodyNothingAndAHolderTwice() public {
        PostageToken.Allocation[] memory genesis = new PostageToken.Allocation[](2);
        genesis[0] = PostageToken.Allocation(address(0xA), 1);
        genesis[1] = PostageToken.Allocation(address(0xA), 1);
        _refuses(genesis, abi.encodeWithSelector(PostageToken.PostageTokenHolderRepeated.selector, address(0xA)));
        genesis[1] = PostageToken.Allocation(address(0xB), 0);
        _refuses(genesis, abi.encodeWithSelector(PostageToken.PostageTokenAmountZero.selector, address(0xB)));
        genesis[1] = PostageToken.Allocation(address(0), 1);
        _refuses(genesis, abi.encodeWithSelector(PostageToken.PostageTokenHolderNotAllowed.selector, address(0)));
    }

    function _refuses(PostageToken.Allocation[] memory genesis, bytes memory expected) private {
        try this.build(genesis) {
            assert(false);
        } catch (bytes memory answer) {
            assert(keccak256(answer) == keccak256(expected));
        }
    }
}
