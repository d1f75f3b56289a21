// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBlsVerifier} from "./IBlsVerifier.sol";
import {INodeStaking} from "./INodeStaking.sol";
import {IRegistryVersions} from "./IRegistryVersions.sol";
import {ISeats} from "./ISeats.sol";

/// @notice What NodeSeats asks NodeRegistry. See INodeRegistry and INodeKeys.
interface ISeatedNodes {
    function ownerOf(uint256 nodeId) external view returns (address);

    function isLive(uint32 nodeId) external view returns (bool);

    function attestationKeysOf(uint32[] calldata nodeIds) external view returns (bytes memory);
}

/**
 * @title Seats: who serves and earns.
 * @notice There are 90 seats at most. A live node with the minimum stake takes a free one, or that of the weakest if it
 * has at least 110 % of its stake. Every change begins with the next epoch.
 *
 * What a reader of the logs may assume, per node:
 * 1. It has a seat from the epoch of a `SeatTaken` to that of the next `SeatLeft`. When both name the same epoch it
 *    never had one.
 * 2. It is suspended from the epoch of a `NodeSuspended` to that of the next `NodeReinstated`, seated or not.
 * 3. It is jailed from the first epoch of a `NodeJailed` to the second one of the latest; a suspension in that time
 *    comes before it, and a seat that is left and taken again is still jailed.
 * 4. It may take a seat while the last `AdmissionSet` says Open, or its last `NodeAdmitted` says so.
 * 5. Its earnings go to the address of the last `PayoutSet`.
 */
interface INodeSeats is ISeats, IRegistryVersions {
    /// @notice Who may take a seat: nodes that were admitted, or any.
    enum Admission {
        Approved,
        Open
    }

    /// @notice The node's seat begins with `epoch`; `seats` is the number of seats from then on.
    event SeatTaken(uint32 indexed nodeId, uint64 indexed epoch, uint256 seats);
    /// @notice The node's seat ends where `epoch` begins.
    event SeatLeft(uint32 indexed nodeId, uint64 indexed epoch, uint256 seats);
    /// @notice The node has an unpaid debit: from `epoch` on its seat, if it has one, earns nothing for it.
    event NodeSuspended(uint32 indexed nodeId, uint64 indexed epoch);
    /// @notice The node's debit is paid: from `epoch` on its seat earns again.
    event NodeReinstated(uint32 indexed nodeId, uint64 indexed epoch);
    /// @notice The node was absent: from `fromEpoch` to before `untilEpoch` its seat's share is the treasury's.
    event NodeJailed(uint32 indexed nodeId, uint64 indexed fromEpoch, uint64 untilEpoch);
    event PayoutSet(uint32 indexed nodeId, address payout);
    event AdmissionSet(Admission admission);
    event NodeAdmitted(uint32 indexed nodeId, bool admitted);
    event MaxSeatsSet(uint256 maxSeats);

    error NodeSeatsEpochTooShort(uint256 epochSeconds);
    error NodeSeatsNotRegistry(address caller, address registry);
    error NodeSeatsNotStaking(address caller, address staking);
    error NodeSeatsNotDistributor(address caller, address distributor);
    error NodeSeatsNotReports(address caller, address reports);
    error NodeSeatsNotOwner(address caller, uint32 nodeId);
    error NodeSeatsNotLive(uint32 nodeId);
    error NodeSeatsNotAdmitted(uint32 nodeId);
    error NodeSeatsAlreadySeated(uint32 nodeId);
    error NodeSeatsFrozen(uint32 nodeId);
    error NodeSeatsStakeTooSmall(uint256 stake, uint256 needed);
    error NodeSeatsPayoutNotAllowed(address payout);
    error NodeSeatsOutOfBounds(uint256 seats, uint256 most);

    /**
     * @notice Takes a seat from the next epoch on for the caller's live node: see `seatPrice`.
     * @dev The weakest has the least stake; of equals, the highest id. Not while a case against the node is open.
     */
    function takeSeat(uint32 nodeId) external;

    /// @notice Takes in a new node, and gives it a free seat if it may have one. The registry only.
    function enter(uint32 nodeId, address payout) external;

    /// @notice Ends the seat of a leaving node, if it has one. The registry only.
    function leave(uint32 nodeId) external;

    /// @notice Where the node's earnings go from now on, those not claimed yet included. The registry only.
    function setPayout(uint32 nodeId, address payout) external;

    /// @notice Ends the seat of a node whose stake a slash took below what the seat needs. NodeStaking only, which calls
    /// it with every slash.
    function stakeSlashed(uint32 nodeId, uint256 staked) external;

    /**
     * @notice Jails nodes with a seat for 3 days, rounded up to whole epochs, from the next epoch on. EpochReports only.
     * @dev In the order given, until a third of the seats are jailed; those without a seat are passed over, a term that
     * runs begins anew. The term ends by itself.
     */
    function jail(uint32[] calldata nodeIds) external;

    /// @notice Lets any node take a seat, or admitted ones only. Seats taken stay. Through the AccessManager.
    function setAdmission(Admission admission_) external;

    /// @notice Admits a node to seats, or no longer; a seat it has stays. Through the AccessManager.
    function setAdmitted(uint32 nodeId, bool admitted) external;

    /// @notice Changes how many seats there are, 1 to 90; seats taken stay. Through the AccessManager.
    function setMaxSeats(uint256 maxSeats_) external;

    /// @notice Whose seats these are: NodeRegistry. Immutable.
    function registry() external view returns (ISeatedNodes);

    /// @notice Who holds the stake. Immutable.
    function staking() external view returns (INodeStaking);

    /// @notice Who adds up attestation keys. Immutable.
    function blsVerifier() external view returns (IBlsVerifier);

    /// @notice Who suspends nodes with unpaid debits: FeeDistributor. Immutable.
    function distributor() external view returns (address);

    /// @notice Who jails absent nodes: EpochReports. Immutable.
    function reports() external view returns (address);

    /// @notice How many seats there are.
    function maxSeats() external view returns (uint256);

    function admission() external view returns (Admission);

    function isAdmitted(uint32 nodeId) external view returns (bool);

    /**
     * @notice What a node needs to have staked to take a seat now: the minimum while one is free, otherwise 110 % of the
     * weakest's stake and the minimum at least.
     * @return needed The stake.
     * @return weakest Whose seat it would take; zero while one is free.
     */
    function seatPrice() external view returns (uint256 needed, uint32 weakest);

    /// @notice What a node's seat needed when it was taken: it cannot be unstaked, and a slash below it ends the seat. A
    /// minimum that is raised later does not unseat. Zero without a seat.
    function seatMinimumOf(uint32 nodeId) external view returns (uint256);

    /// @notice Whether the node has a seat now that is neither jailed nor suspended.
    function isActive(uint32 nodeId) external view returns (bool);

    /// @notice The nodes with a seat in this epoch or the next, ascending, and which are active. 180 at most.
    function seatedNodes() external view returns (uint32[] memory nodeIds, bool[] memory active);

    /// @notice The epoch under way.
    function currentEpoch() external view returns (uint64);

    /// @notice The first epoch after a node's latest jail term; zero when it was never jailed.
    function jailedUntil(uint32 nodeId) external view returns (uint64);

    /// @notice Whether the node has an unpaid debit that suspends it.
    function isSuspended(uint32 nodeId) external view returns (bool);

    /// @notice Where a node's earnings go; zero for an unknown node.
    function payoutOf(uint32 nodeId) external view returns (address);
}
