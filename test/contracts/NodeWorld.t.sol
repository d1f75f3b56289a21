// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {NodeRegistry} from "../../contracts/NodeRegistry.sol";
import {NodeSeats} from "../../contracts/NodeSeats.sol";
import {NodeStaking} from "../../contracts/NodeStaking.sol";
import {PostageToken} from "../../contracts/governance/PostageToken.sol";
import {INodeRegistry} from "../../contracts/interfaces/INodeRegistry.sol";
import {FaultActors} from "../support/FaultActors.sol";
import {NodeActors} from "../support/NodeActors.sol";
import {vm} from "../support/Vm.sol";

/// @notice Hardhat calls no contract of another file than the test's.
contract WorldActors is FaultActors {}

/// @notice What holds of all node contracts together after any history of several owners.
contract NodeWorldInvariants {
    address private constant TREASURY = address(0x7EA5);
    WorldActors private _actors;
    NodeRegistry private _registry;
    NodeStaking private _staking;
    NodeSeats private _seats;
    PostageToken private _token;

    function setUp() public {
        _actors = new WorldActors();
        (_registry, _staking) = (_actors.registry(), _actors.staking());
        (_seats, _token) = (_actors.seats(), _actors.token());
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_actors);
    }

    /// In one function: the engines run every invariant function on histories of its own.
    function invariant_I11_I12_I15_nodesSeatsStakeVotesAndFaults() public view {
        assert(bytes(_actors.broken()).length == 0);
        _stakeIsSlashedOrPaid();
        _aKeyIsOneNodes();
        _aTokenVotesOnce();
    }

    /// I11: stake is conserved to the unit, slashed or paid; a node is frozen exactly while a case against it is open; a seat
    /// ends with what it needs.
    function _stakeIsSlashedOrPaid() private view {
        uint256 slashable;
        uint256 staked;
        uint256 seated;
        for (uint32 nodeId = 100; nodeId <= 100 * _actors.nodes(); nodeId += 100) {
            NodeActors.NodeBook memory book = _actors.book(nodeId);
            assert(_staking.slashableOf(nodeId) == book.stake);
            assert(_staking.isFrozen(nodeId) == (book.cases > 0));
            assert(_registry.ownerOf(nodeId) == _actors.ownerAt(book.owner));
            uint256 minimum = _seats.seatMinimumOf(nodeId);
            assert(_staking.stakeOf(nodeId) >= minimum);
            if (book.leftAt != 0) assert(minimum == 0 && _staking.stakeOf(nodeId) == 0);
            if (minimum > 0) seated++;
            slashable += book.stake;
            staked += _staking.stakeOf(nodeId);
        }
        assert(_seats.seatsAt(_seats.currentEpoch() + 1) == seated);
        assert(_staking.totalStaked() == staked && _staking.totalStaked() + _staking.totalUnbonding() == slashable);
        uint256 credited = _staking.creditOf(TREASURY);
        for (uint256 i = 0; i < _actors.OWNERS(); i++) credited += _staking.creditOf(_actors.ownerAt(i));
        assert(_staking.totalCredited() == credited);
        assert(_token.balanceOf(address(_staking)) == slashable + credited);
    }

    /// I12: a key is one node's at most that has not left, and the books of who has which are right.
    function _aKeyIsOneNodes() private view {
        for (uint32 nodeId = 100; nodeId <= 100 * _actors.nodes(); nodeId += 100) {
            if (_registry.phaseOf(nodeId) == INodeRegistry.Phase.Left) continue;
            NodeActors.NodeBook memory book = _actors.book(nodeId);
            address signer = _registry.getNode(nodeId).signer;
            assert(signer == vm.addr(book.signer) && _registry.nodeOf(signer) == nodeId);
            (bool known, uint64 retiredAt, ) = _registry.keyOf(nodeId, signer);
            assert(known && retiredAt == book.leftAt);
            bytes32 key = keccak256(_registry.attestationKeyOf(nodeId));
            for (uint32 other = nodeId + 100; other <= 100 * _actors.nodes(); other += 100) {
                if (_registry.phaseOf(other) == INodeRegistry.Phase.Left) continue;
                assert(_registry.getNode(other).signer != signer);
                assert(keccak256(_registry.attestationKeyOf(other)) != key);
            }
        }
        for (uint256 i = 0; i < _actors.KEYS(); i++) {
            address signer = vm.addr(_actors.signerAt(i));
            uint32 holder = _registry.nodeOf(signer);
            assert(holder == 0 || _registry.getNode(holder).signer == signer);
        }
    }

    /// I15: every unit of the token votes once at most: held or staked, and not while it unbonds or is owed. What a past
    /// second says never changes, whatever is staked or moved later.
    function _aTokenVotesOnce() private view {
        uint256 votes = _token.getVotes(address(_actors)) + _staking.getVotes(address(_actors));
        for (uint256 i = 0; i < _actors.OWNERS(); i++) {
            address owner = _actors.ownerAt(i);
            votes += _token.getVotes(owner) + _staking.getVotes(owner);
        }
        assert(votes == _token.totalSupply() - _staking.totalUnbonding() - _staking.totalCredited());
        WorldActors.Snapshot[] memory snapshots = _actors.snapshots();
        for (uint256 k = 0; k < snapshots.length; k++) {
            uint256 sum;
            for (uint256 i = 0; i <= _actors.OWNERS(); i++) {
                address account = i == _actors.OWNERS() ? address(_actors) : _actors.ownerAt(i);
                uint256 past = _token.getPastVotes(account, snapshots[k].at);
                past += _staking.getPastVotes(account, snapshots[k].at);
                assert(past == snapshots[k].votes[i]);
                sum += past;
            }
            assert(sum <= _token.getPastTotalSupply(snapshots[k].at));
        }
    }
}
