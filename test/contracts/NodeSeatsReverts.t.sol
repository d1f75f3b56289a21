// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {NodeSeats} from "../../contracts/NodeSeats.sol";
import {IBlsVerifier} from "../../contracts/interfaces/IBlsVerifier.sol";
import {INodeRegistry} from "../../contracts/interfaces/INodeRegistry.sol";
import {INodeSeats, ISeatedNodes} from "../../contracts/interfaces/INodeSeats.sol";
import {INodeStaking} from "../../contracts/interfaces/INodeStaking.sol";
import {IRegistryVersions} from "../../contracts/interfaces/IRegistryVersions.sol";
import {ISeats, Standing} from "../../contracts/interfaces/ISeats.sol";
import {WorldRefusals} from "../support/WorldRefusals.sol";
import {vm} from "../support/Vm.sol";

/// @notice Every refusal of NodeSeats, with its error's arguments and nothing changed.
contract NodeSeatsReverts is WorldRefusals {
    function setUp() public {
        _enterBoth();
    }

    function _refuses(address caller, bytes memory call, bytes4 selector, bytes memory arguments) private {
        _refuses(address(seats), caller, call, bytes.concat(selector, arguments));
    }

    function _take(uint32 nodeId) private pure returns (bytes memory) {
        return abi.encodeCall(INodeSeats.takeSeat, (nodeId));
    }

    // Callers.

    function test_eachPeerHasItsOwnEntries() public {
        bytes4 notRegistry = INodeSeats.NodeSeatsNotRegistry.selector;
        bytes memory arguments = abi.encode(ALICE, registry);
        _refuses(ALICE, abi.encodeCall(INodeSeats.enter, (NODE, ALICE)), notRegistry, arguments);
        _refuses(ALICE, abi.encodeCall(INodeSeats.leave, (NODE)), notRegistry, arguments);
        _refuses(ALICE, abi.encodeCall(INodeSeats.setPayout, (NODE, ALICE)), notRegistry, arguments);
        bytes memory slashed = abi.encodeCall(INodeSeats.stakeSlashed, (NODE, 0));
        bytes4 selector = INodeSeats.NodeSeatsNotStaking.selector;
        _refuses(address(faultProofs), slashed, selector, abi.encode(faultProofs, staking));
        selector = INodeSeats.NodeSeatsNotDistributor.selector;
        bytes memory suspend = abi.encodeCall(ISeats.setSuspended, (NODE, true));
        _refuses(ALICE, suspend, selector, abi.encode(ALICE, seats.distributor()));
        selector = INodeSeats.NodeSeatsNotReports.selector;
        bytes memory jail = abi.encodeCall(INodeSeats.jail, (new uint32[](1)));
        _refuses(ALICE, jail, selector, abi.encode(ALICE, seats.reports()));
    }

    function test_theRulesAreTheAuthoritysAndBounded() public {
        bytes[3] memory calls = [
            abi.encodeCall(INodeSeats.setAdmission, (INodeSeats.Admission.Approved)),
            abi.encodeCall(INodeSeats.setAdmitted, (NODE, true)),
            abi.encodeCall(INodeSeats.setMaxSeats, (4))
        ];
        bytes4 selector = IAccessManaged.AccessManagedUnauthorized.selector;
        for (uint256 i = 0; i < 3; i++) _refuses(ALICE, calls[i], selector, abi.encode(ALICE));
        selector = INodeSeats.NodeSeatsOutOfBounds.selector;
        uint256[3] memory refused = [0, 91, type(uint256).max];
        for (uint256 i = 0; i < 3; i++) {
            bytes memory set = abi.encodeCall(INodeSeats.setMaxSeats, (refused[i]));
            _refuses(address(this), set, selector, abi.encode(refused[i], 90));
        }
        seats.setMaxSeats(90);
        assert(seats.maxSeats() == 90);
    }

    function test_anEpochHasAMinuteAtLeast() public {
        address me = address(this);
        NodeSeats.Links memory links = NodeSeats.Links(
            ISeatedNodes(me),
            INodeStaking(me),
            IBlsVerifier(me),
            me,
            me,
            me
        );
        bytes4 selector = INodeSeats.NodeSeatsEpochTooShort.selector;
        try new NodeSeats(links, 59, 1, INodeSeats.Admission.Open) returns (NodeSeats) {
            assert(false);
        } catch (bytes memory answer) {
            assert(keccak256(answer) == keccak256(abi.encodeWithSelector(selector, 59)));
        }
        assert(new NodeSeats(links, 60, 1, INodeSeats.Admission.Approved).epochSeconds() == 60);
    }

    // Seats.

    function test_aSeatIsTakenByTheOwnerOfALiveNodeWithoutOne() public {
        bytes4 selector = INodeSeats.NodeSeatsNotOwner.selector;
        _refuses(BOB, _take(NODE), selector, abi.encode(BOB, NODE));
        _refuses(ALICE, _take(300), IERC721Errors.ERC721NonexistentToken.selector, abi.encode(300));
        _refuses(ALICE, _take(NODE), INodeSeats.NodeSeatsAlreadySeated.selector, abi.encode(NODE));
        vm.prank(ALICE);
        registry.exit(NODE);
        _refuses(ALICE, _take(NODE), INodeSeats.NodeSeatsNotLive.selector, abi.encode(NODE));
    }

    function test_whileApprovedOnlyTheAdmittedTakeASeat() public {
        seats.setAdmission(INodeSeats.Admission.Approved);
        uint32 nodeId = _register(ALICE, 0xC1, 0xC2);
        assert(seats.seatMinimumOf(nodeId) == 0);
        _refuses(ALICE, _take(nodeId), INodeSeats.NodeSeatsNotAdmitted.selector, abi.encode(nodeId));
        seats.setAdmitted(nodeId, true);
        assert(seats.isAdmitted(nodeId));
        _accepts(address(seats), ALICE, _take(nodeId));
        // Admitted no longer, it keeps its seat.
        seats.setAdmitted(nodeId, false);
        assert(seats.seatMinimumOf(nodeId) == MINIMUM);
    }

    /// A seat that a slash took is not taken again while a case is open, nor with too little stake.
    function test_aFrozenNodeTakesNoSeat() public {
        vm.prank(address(faultProofs));
        staking.slash(NODE, 1, 0, BOB);
        uint256 left = (MINIMUM * 9_999) / 10_000;
        assert(seats.seatMinimumOf(NODE) == 0);
        _refuses(ALICE, _take(NODE), INodeSeats.NodeSeatsStakeTooSmall.selector, abi.encode(left, MINIMUM));
        _stake(NODE, MINIMUM);
        uint256 caseId = _reportEquivocation(BOB, ALICE_SIGNS, NODE, 7);
        _refuses(ALICE, _take(NODE), INodeSeats.NodeSeatsFrozen.selector, abi.encode(NODE));
        vm.warp(block.timestamp + 7 days);
        faultProofs.execute(caseId);
        _accepts(address(seats), ALICE, _take(NODE));
    }

    /// 110 % of the weakest and not a unit less; of equals, the highest id goes.
    function test_theWeakestGoesForATenthMore() public {
        _register(BOB, 0xC1, 0xC2);
        uint32 nodeId = _register(ALICE, 0xC3, 0xC4);
        assert(seats.seatMinimumOf(nodeId) == 0);
        (uint256 needed, uint32 weakest) = seats.seatPrice();
        assert(needed == (MINIMUM * 11) / 10 && weakest == 300);
        _stake(nodeId, MINIMUM / 10 - 1);
        bytes4 selector = INodeSeats.NodeSeatsStakeTooSmall.selector;
        _refuses(ALICE, _take(nodeId), selector, abi.encode(needed - 1, needed));
        _stake(nodeId, 1);
        _accepts(address(seats), ALICE, _take(nodeId));
        assert(seats.seatMinimumOf(nodeId) == needed && seats.seatMinimumOf(300) == 0);
        bytes memory unstake = abi.encodeCall(INodeStaking.unstake, (nodeId, 1));
        selector = INodeStaking.NodeStakingBelowMinimum.selector;
        _refuses(address(staking), ALICE, unstake, bytes.concat(selector, abi.encode(needed - 1, needed)));
        // The minimum may be the higher of the two.
        staking.setMinimumStake(2 * MINIMUM);
        (needed, weakest) = seats.seatPrice();
        assert(needed == 2 * MINIMUM && weakest == OTHER);
    }

    /// Who loses a seat that serves and takes one again in the same epoch is listed once, and serves on.
    function test_aSeatThatIsLostAndTakenAgainIsOne() public {
        vm.warp(block.timestamp + 12 hours);
        assert(seats.isActive(NODE) && seats.isActive(OTHER));
        vm.prank(address(faultProofs));
        staking.slash(NODE, 100, 0, BOB);
        _stake(NODE, MINIMUM);
        _accepts(address(seats), ALICE, _take(NODE));
        (uint32[] memory nodeIds, bool[] memory active) = seats.seatedNodes();
        assert(nodeIds.length == 2 && nodeIds[0] == NODE && nodeIds[1] == OTHER && active[0] && active[1]);
        seats.rollOver();
        assert(seats.getVersion(seats.latestVersion()).seats == 2);
        vm.warp(block.timestamp + 12 hours);
        assert(seats.isActive(NODE));
    }

    function test_nobodyIsPaidNowhere() public {
        INodeRegistry.Registration memory registration = _registration(ALICE, 0xC1, 0xC2);
        registration.payout = address(0);
        _fund(ALICE, MINIMUM);
        bytes4 selector = INodeSeats.NodeSeatsPayoutNotAllowed.selector;
        bytes memory expected = bytes.concat(selector, abi.encode(address(0)));
        bytes memory register = abi.encodeCall(INodeRegistry.register, (registration));
        _refuses(address(registry), ALICE, register, expected);
        bytes memory set = abi.encodeCall(INodeRegistry.setPayout, (NODE, address(0)));
        _refuses(address(registry), ALICE, set, expected);
    }

    // Suspended, jailed, and read.

    function test_aSuspensionAndAJailTermBeginWithTheNextEpoch() public {
        _register(BOB, 0xC1, 0xC2);
        vm.warp(START + EPOCH);
        assert(seats.isActive(NODE));
        seats.setSuspended(NODE, true);
        seats.setSuspended(NODE, true);
        assert(seats.isActive(NODE) && seats.isSuspended(NODE));
        uint32[] memory nodeIds = new uint32[](3);
        (nodeIds[0], nodeIds[1], nodeIds[2]) = (500, OTHER, NODE);
        seats.jail(nodeIds);
        // Again changes nothing: who is jailed already counts among the third.
        seats.jail(nodeIds);
        uint64 next = seats.currentEpoch() + 1;
        // One of three at most.
        assert(seats.jailedUntil(OTHER) == next + 6 && seats.jailedUntil(NODE) == 0);
        vm.warp(START + 2 * EPOCH);
        assert(!seats.isActive(NODE) && !seats.isActive(OTHER) && seats.isActive(300));
        seats.setSuspended(NODE, false);
        vm.warp(START + 3 * EPOCH);
        assert(seats.isActive(NODE) && seats.rollOver() == 1 && seats.getVersion(1).seats == 2);
        vm.warp(START + 8 * EPOCH);
        assert(seats.isActive(OTHER) && seats.rollOver() == 2 && seats.getVersion(2).seats == 3);
        assert(seats.versionAt(next) == 0 && seats.versionAt(next + 1) == 1 && seats.versionAt(next + 90) == 2);
    }

    function test_stretchesAreReadInParts() public {
        vm.warp(START + EPOCH);
        seats.setSuspended(NODE, true);
        uint64 epoch = seats.currentEpoch();
        ISeats.Stretch[] memory stretches = seats.stretchesOf(NODE, 1, 5);
        assert(stretches.length == 1 && stretches[0].fromEpoch == epoch + 1);
        assert(stretches[0].standing == Standing.Suspended && seats.stretchesOf(NODE, 0, 1)[0].fromEpoch == epoch);
        (address payout, uint256 known, ISeats.Stretch memory latest) = seats.serviceOf(NODE);
        assert(payout == ALICE && known == 2 && latest.standing == Standing.Suspended);
        assert(seats.stretchesOf(NODE, 2, 1).length == 0 && seats.stretchesOf(NODE, 0, 0).length == 0);
        (bool found, uint64 next, uint256 count) = seats.nextSeatedEpoch(0);
        assert(found && next == epoch && count == 2);
        (found, next, count) = seats.nextSeatedEpoch(epoch + 5);
        assert(found && next == epoch + 5 && count == 2 && seats.seatsAt(epoch) == 2);
        for (uint32 nodeId = NODE; nodeId <= OTHER; nodeId += 100) {
            vm.prank(registry.ownerOf(nodeId));
            registry.exit(nodeId);
        }
        (found, , ) = seats.nextSeatedEpoch(epoch + 1);
        assert(!found);
    }

    function test_aVersionIsKnownOrRefusedByName() public {
        bytes4 selector = IRegistryVersions.RegistryVersionsUnknown.selector;
        _refuses(ALICE, abi.encodeCall(IRegistryVersions.getVersion, (0)), selector, abi.encode(0, 0));
        vm.warp(START + EPOCH);
        assert(seats.latestVersion() == 0 && seats.rollOver() == 1 && seats.latestVersion() == 1);
        _refuses(ALICE, abi.encodeCall(IRegistryVersions.blobOf, (2)), selector, abi.encode(2, 1));
        // Nothing has changed: the version stays.
        vm.warp(START + 2 * EPOCH);
        assert(seats.rollOver() == 1 && seats.getVersion(1).weight == 2 * MINIMUM);
    }
}
