// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PostageChannels} from "../../contracts/PostageChannels.sol";
import {Stamps} from "../../contracts/Stamps.sol";
import {IEpochReports} from "../../contracts/interfaces/IEpochReports.sol";
import {IPostageChannels} from "../../contracts/interfaces/IPostageChannels.sol";
import {IStamps} from "../../contracts/interfaces/IStamps.sol";
import {MerkleTree} from "../../contracts/libraries/MerkleTree.sol";
import {ReportLeaves} from "../../contracts/libraries/ReportLeaves.sol";
import {Report} from "../../contracts/types/Report.sol";
import {TestUSDC} from "./TestUSDC.sol";
import {vm} from "./Vm.sol";

/// @notice Reports that are final when a test says so.
contract ReportsStub {
    uint64 public constant epochSeconds = 12 hours;
    mapping(bytes32 digest => uint64) private _finalAt;

    error ReportsStubNotFinal(bytes32 digest);

    function accept(Report memory report, uint64 finalAt) external returns (bytes32 digest) {
        digest = keccak256(abi.encode(report));
        _finalAt[digest] = finalAt;
    }

    function requireFinal(Report memory report) external view returns (bytes32 digest) {
        digest = keccak256(abi.encode(report));
        uint64 finalAt = _finalAt[digest];
        if (finalAt == 0 || block.timestamp < finalAt) revert ReportsStubNotFinal(digest);
    }

    function standingOf(bytes32 digest) external view returns (IEpochReports.Standing memory standing) {
        standing.finalAt = _finalAt[digest];
    }
}

/// @notice Channels and stamps, each constructed with the other's address.
contract StampsPair {
    PostageChannels public channels;
    Stamps public stamps;

    constructor(TestUSDC token, ReportsStub reports, address treasury, address authority) {
        address later = address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), hex"02")))));
        channels = new PostageChannels(
            token,
            address(0xD157),
            later,
            authority,
            9 days,
            IPostageChannels.Parameters(72 hours, 10 days, 1e6, 50, 0.02e6)
        );
        stamps = new Stamps(channels, IEpochReports(address(reports)), token, treasury, authority, 5_000, 1_000);
        assert(address(stamps) == later);
    }
}

/// @notice Payers, reports of their charges, and accounts that are paid. This contract is the authority.
abstract contract StampsWorld {
    struct Leaf {
        address who;
        uint64 amount;
    }

    uint256 internal constant START = 1_800_014_400;
    uint256 internal constant KEYS = 3;
    address internal constant TREASURY = address(0x7EA5);
    address internal constant STRANGER = address(0x57A);
    address internal constant SINK = address(0xBEEF);

    TestUSDC internal usdc;
    ReportsStub internal reports;
    PostageChannels internal channels;
    Stamps internal stamps;
    mapping(bytes32 digest => Report) private _filed;
    mapping(bytes32 digest => Leaf[]) internal chargeLeaves;
    mapping(bytes32 digest => Leaf[]) internal payoutLeaves;
    mapping(bytes32 digest => uint128) internal payoutTotal;
    bytes32 private _parent;

    function _start(TestUSDC token) internal {
        vm.warp(START);
        usdc = token;
        reports = new ReportsStub();
        StampsPair pair = new StampsPair(token, reports, TREASURY, address(this));
        (channels, stamps) = (pair.channels(), pair.stamps());
        token.mint(address(this), type(uint96).max);
        token.approve(address(channels), type(uint256).max);
    }

    /// AccessManager's question.
    function canCall(address caller, address, bytes4) external view returns (bool, uint32) {
        return (caller == address(this), 0);
    }

    function _key(uint256 i) internal pure returns (uint256) {
        return 0xA11CE + (i % KEYS);
    }

    function _payer(uint256 i) internal pure returns (address) {
        return vm.addr(_key(i));
    }

    function _settle(uint256 i, uint64 fees, uint64 ceiling) internal {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(i), channels.voucherDigest(fees, ceiling));
        channels.settle(abi.encodePacked(fees, ceiling, r, bytes32(uint256(s) | (uint256(v - 27) << 255))));
    }

    function _stampsSpent(uint256 i) internal view returns (uint64) {
        return channels.getChannel(_payer(i)).stampsSpent;
    }

    // Reports.

    /// A report of the last whole epoch.
    function _file(Leaf[] memory charged, Leaf[] memory paid, uint64 finalAt) internal returns (bytes32) {
        uint128 total;
        for (uint256 i = 0; i < paid.length; i++) total += paid[i].amount;
        return _fileWith(charged, paid, total, finalAt);
    }

    /// The same, with a total of the payouts that may be a lie.
    function _fileWith(
        Leaf[] memory charged,
        Leaf[] memory paid,
        uint128 total,
        uint64 finalAt
    ) internal returns (bytes32 digest) {
        Report memory report;
        report.epoch = uint64(block.timestamp / 12 hours) - 1;
        report.parent = _parent;
        report.stampChargesRoot = MerkleTree.rootOf(MerkleTree.CHARGES, 0, _hashes(charged, true));
        report.stampPayoutsRoot = MerkleTree.rootOf(MerkleTree.PAYOUTS, total, _hashes(paid, false));
        digest = reports.accept(report, finalAt);
        (_parent, _filed[digest], payoutTotal[digest]) = (digest, report, total);
        for (uint256 i = 0; i < charged.length; i++) chargeLeaves[digest].push(charged[i]);
        for (uint256 i = 0; i < paid.length; i++) payoutLeaves[digest].push(paid[i]);
    }

    function _hashes(Leaf[] memory leaves, bool isCharges) private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](leaves.length);
        for (uint256 i = 0; i < leaves.length; i++) {
            hashes[i] =
                isCharges
                    ? ReportLeaves.ofCharge(i, leaves[i].who, leaves[i].amount)
                    : ReportLeaves.ofPayout(i, leaves[i].who, leaves[i].amount);
        }
    }

    function _path(bytes32[] memory level, uint128 total, uint256 at) private pure returns (MerkleTree.Path memory) {
        bytes32[] memory siblings = new bytes32[](16);
        uint256 count;
        (uint256 index, uint256 width) = (at, level.length);
        for (; width > 1; (at, width) = (at / 2, (width + 1) / 2)) {
            if ((at ^ 1) < width) siblings[count++] = level[at ^ 1];
            for (uint256 i = 0; i < width; i += 2) {
                level[i / 2] = i + 1 < width ? MerkleTree.node(level[i], level[i + 1]) : level[i];
            }
        }
        bytes32[] memory used = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) used[i] = siblings[i];
        return MerkleTree.Path(uint64(index), uint64(level.length), total, used);
    }

    function _reportOf(bytes32 digest) internal view returns (Report memory) {
        return _filed[digest];
    }

    function _chargeOf(bytes32 digest, uint256 i) internal view returns (IStamps.Charge memory) {
        Leaf[] memory leaves = chargeLeaves[digest];
        return IStamps.Charge(leaves[i].who, leaves[i].amount, _path(_hashes(leaves, true), 0, i));
    }

    function _chargesOf(bytes32 digest) internal view returns (IStamps.Charge[] memory charges) {
        charges = new IStamps.Charge[](chargeLeaves[digest].length);
        for (uint256 i = 0; i < charges.length; i++) charges[i] = _chargeOf(digest, i);
    }

    function _payoutOf(bytes32 digest, uint256 i) internal view returns (IStamps.Payout memory) {
        Leaf[] memory leaves = payoutLeaves[digest];
        return IStamps.Payout(leaves[i].who, leaves[i].amount, _path(_hashes(leaves, false), payoutTotal[digest], i));
    }

    function _payoutsOf(bytes32 digest) internal view returns (IStamps.Payout[] memory payouts) {
        payouts = new IStamps.Payout[](payoutLeaves[digest].length);
        for (uint256 i = 0; i < payouts.length; i++) payouts[i] = _payoutOf(digest, i);
    }

    /// What the root of a report's payouts is the hash of.
    function _topOf(bytes32 digest) internal view returns (uint64 count, uint128 total, bytes32 top) {
        bytes32[] memory level = _hashes(payoutLeaves[digest], false);
        (count, total) = (uint64(level.length), payoutTotal[digest]);
        for (uint256 width = count; width > 1; width = (width + 1) / 2) {
            for (uint256 i = 0; i < width; i += 2) {
                level[i / 2] = i + 1 < width ? MerkleTree.node(level[i], level[i + 1]) : level[i];
            }
        }
        if (count > 0) top = level[0];
    }

    // Money.

    /// What a pot still owes to recipients and the treasury.
    function _owedOfPot(bytes32 digest) internal view returns (uint256) {
        IStamps.PotState memory pot = stamps.potOf(digest);
        return pot.isFixed ? pot.amount - pot.paid : pot.charged;
    }

    function _leaves(address a, uint64 x) internal pure returns (Leaf[] memory leaves) {
        leaves = new Leaf[](1);
        leaves[0] = Leaf(a, x);
    }

    function _leaves(address a, uint64 x, address b, uint64 y) internal pure returns (Leaf[] memory leaves) {
        leaves = new Leaf[](2);
        (leaves[0], leaves[1]) = (Leaf(a, x), Leaf(b, y));
    }

    function _nobody() internal pure returns (Leaf[] memory) {
        return new Leaf[](0);
    }
}
