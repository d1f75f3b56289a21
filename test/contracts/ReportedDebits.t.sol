// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BlsVerifier} from "../../contracts/BlsVerifier.sol";
import {EpochReports} from "../../contracts/EpochReports.sol";
import {IDebits} from "../../contracts/interfaces/IDebits.sol";
import {IEpochReports} from "../../contracts/interfaces/IEpochReports.sol";
import {INodeKeys} from "../../contracts/interfaces/INodeKeys.sol";
import {INodeSeats} from "../../contracts/interfaces/INodeSeats.sol";
import {Standing} from "../../contracts/interfaces/ISeats.sol";
import {Report} from "../../contracts/types/Report.sol";
import {BlsSigner} from "../support/BlsSigner.sol";
import {ReportSeatsStub} from "../support/ReportSeatsStub.sol";
import {vm, within} from "../support/Vm.sol";
import {DistributorChecks, DistributorModel, SeatsStub} from "./FeeDistributor.t.sol";

/// @notice Seats that stand as NodeSeats would have them: what is asked begins with the next epoch, jail ends by itself.
contract StandingSeats is SeatsStub {
    uint64 public constant JAIL_EPOCHS = 6;

    function _isSeated(uint32 nodeId) private view returns (bool) {
        return standingAt(nodeId, _next()) != Standing.None;
    }

    function _next() private view returns (uint64) {
        return uint64(block.timestamp / epochSeconds) + 1;
    }

    function jail(uint32[] calldata nodeIds) external {
        for (uint256 i = 0; i < nodeIds.length; i++) {
            if (!_isSeated(nodeIds[i]) || suspended[nodeIds[i]]) continue;
            set(nodeIds[i], Standing.Jailed);
            plan(nodeIds[i], JAIL_EPOCHS, Standing.Earning);
        }
    }

    function setSuspended(uint32 nodeId, bool value) external override {
        bool was = suspended[nodeId];
        suspended[nodeId] = value;
        if (was != value && _isSeated(nodeId)) set(nodeId, value ? Standing.Suspended : Standing.Earning);
    }
}

/// @notice The seats as EpochReports has them: five that attest, and whom it jails stands so.
contract AttestingSeats is ReportSeatsStub {
    StandingSeats private immutable _standing;

    constructor(
        BlsVerifier verifier,
        uint96[] memory weights,
        StandingSeats standing
    ) ReportSeatsStub(verifier, weights) {
        _standing = standing;
    }

    function jail(uint32[] calldata nodeIds) external override {
        _standing.jail(nodeIds);
    }
}

/// @notice The distributor's model, whose debits come out of EpochReports: attested, final, and applied when somebody does.
contract ReportedModel is DistributorModel {
    uint256 private constant ALL = 31;
    uint64 private constant CAP = 10_000e6;
    /// Of what this contract creates, the reports are the eighth.
    bytes1 private constant REPORTS_NONCE = 0x08;

    struct Filed {
        Report report;
        bytes debits;
        bool isApplied;
    }

    EpochReports public reports;
    Filed[] private _filed;
    /// By what was applied, each report once.
    uint256 public debitsApplied;
    uint256 public jailings;

    constructor() {
        BlsVerifier verifier = new BlsVerifier();
        uint96[] memory weights = new uint96[](NODES);
        for (uint256 i = 0; i < NODES; i++) weights[i] = 1;
        AttestingSeats attesting = new AttestingSeats(verifier, weights, StandingSeats(address(seats)));
        reports = new EpochReports(
            EpochReports.Links(
                INodeSeats(address(attesting)),
                INodeKeys(address(attesting)),
                verifier,
                IDebits(address(distributor)),
                address(this),
                address(this)
            ),
            12 hours,
            24 hours
        );
        assert(address(reports) == _reports());
    }

    function _newSeats() internal override returns (SeatsStub) {
        return new StandingSeats();
    }

    function _reports() internal view override returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), REPORTS_NONCE)))));
    }

    function nodeAt(uint256 node) public pure override returns (uint32) {
        return uint32(100 * (1 + (node % NODES)));
    }

    /// A report of the last epoch, of whatever a quorum says, when it is due: it charges somebody or names one absent.
    function recordDebits(uint256 node, uint256 amount, uint256 kind) external override {
        Report memory report;
        uint64 count;
        uint64 epoch;
        (report.parent, count, report.round, epoch) = reports.headOf(0);
        report.epoch = uint64(block.timestamp / 12 hours) - 1;
        if (count > 0 && report.epoch <= epoch) return;
        report.registryVersion = 1;
        bytes memory debits;
        if (kind % 4 == 0) report.absentSeats = uint128(1 << (node % NODES));
        else debits = abi.encodePacked(nodeAt(node), uint64(within(amount, 0, kind % 4 == 1 ? CAP : 1e8)));
        report.debitsHash = keccak256(debits);
        // Whoever is absent does not sign.
        uint256 signers = ALL & ~uint256(report.absentSeats);
        uint256 secret;
        for (uint256 i = 0; i < NODES; i++) secret += ((signers >> i) & 1) * (i + 1);
        bytes memory signature = BlsSigner.sign(secret, reports.digestOf(report), BlsSigner.REPORT_DOMAIN);
        reports.submit(report, signers, signature);
        _filed.push(Filed(report, debits, false));
    }

    /// Any of the latest, again and again, at any time: books change once, when it is final, not vetoed and not applied.
    function applyPenalties(uint256 seed) external {
        if (_filed.length == 0) return;
        Filed storage filed = _filed[_filed.length - 1 - within(seed, 0, _filed.length < 4 ? _filed.length - 1 : 3)];
        bytes32 digest = reports.digestOf(filed.report);
        bool may = reports.isFinal(digest) && !filed.isApplied;
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, ) = address(reports).call(
            abi.encodeCall(IEpochReports.applyPenalties, (filed.report, filed.debits))
        );
        require(taken == may);
        if (!taken) return;
        filed.isApplied = true;
        if (filed.debits.length == 0) jailings++;
        else _recorded(filed.debits);
    }

    function _recorded(bytes memory row) private {
        uint256 word = uint256(bytes32(row));
        (uint32 nodeId, uint64 amount) = (uint32(word >> 224), uint64(word >> 160));
        _books[nodeId].debit += amount;
        debitsApplied += amount;
    }

    function veto(uint256 seed) external {
        // Now and then, and then mostly in time.
        if (seed % 4 != 0 || _filed.length == 0) return;
        bytes32 digest = reports.digestOf(_filed[_filed.length - 1].report);
        if (reports.standingOf(digest).status != IEpochReports.Status.Accepted || reports.isFinal(digest)) return;
        reports.veto(digest);
    }

    /// All that was owed: what reports charged is paid, taken or still owed.
    function debitsKnown() external view returns (uint256 known) {
        known = debited + debitsPaidByOthers;
        for (uint256 i = 0; i < NODES; i++) known += _books[nodeAt(i)].debit;
    }
}

/// @notice I10 with debits: streams, claims and standings go on while reports charge and jail.
contract ReportedDebitsInvariants is DistributorChecks {
    ReportedModel private _reported;

    function setUp() public {
        vm.warp(1_000 * 12 hours);
        _reported = new ReportedModel();
        model = _reported;
        for (uint256 i = 0; i < 3; i++) _reported.setStanding(i, uint256(Standing.Earning));
        _reported.distribute(100e6 + 1);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_reported);
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_I10_debitsOfReportsAreTakenOnceFromWhoOwesThem() public view {
        _checkNodes();
        assert(_reported.debitsApplied() == _reported.debitsKnown());
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_I10_debitsOfReportsChangeNoSum() public view {
        _checkSums();
    }

    /// That histories come so far at all: charged, applied, taken and jailed, and the books still right.
    function test_I10_aReportIsAppliedAndItsDebitTaken() public {
        for (uint256 i = 0; i < 6; i++) {
            _reported.recordDebits(i % 3, 5e6 + i, i % 4);
            _reported.passEpochs(2);
            _reported.applyPenalties(0);
            _reported.claim(i);
            _checkNodes();
            _checkSums();
        }
        assert(_reported.jailings() > 0 && _reported.debitsApplied() > 0 && _reported.debited() > 0);
    }
}
