// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EpochReports} from "../../contracts/EpochReports.sol";
import {IEpochReports} from "../../contracts/interfaces/IEpochReports.sol";
import {Report} from "../../contracts/types/Report.sol";
import {ReportActors} from "../support/ReportActors.sol";

/// @notice I13, whatever seats, guardian and time do.
contract EpochReportsTest {
    ReportActors private _actors;
    EpochReports private _reports;

    function setUp() public {
        _actors = new ReportActors();
        _reports = _actors.reports();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_actors);
    }

    /// I13: one final report per parent, chained; a quorum behind each; nothing final was vetoed; nothing vetoed returns.
    function invariant_I13_reportsAreOneChainOfWhatAQuorumSigned() public view {
        bytes32[] memory digests = _actors.digests();
        for (uint256 i = 0; i < digests.length; i++) {
            bytes32 digest = digests[i];
            // No digest is ever accepted twice, whatever became of it, nor its penalties applied twice.
            assert(_actors.accepted(digest) == 1 && _actors.penalties(digest) <= 1);
            assert(_hasQuorum(_actors.signersOf(digest)));
            bool isFinal = _reports.isFinal(digest);
            // Once final, always final.
            assert(isFinal == _actors.wasFinal(digest));
            assert(!(isFinal && _actors.wasVetoed(digest)));
            if (_actors.wasVetoed(digest)) assert(_reports.standingOf(digest).status == IEpochReports.Status.Vetoed);
            if (!isFinal) continue;
            Report memory report = _actors.reportOf(digest);
            if (report.parent != 0) {
                assert(_reports.isFinal(report.parent) && report.epoch > _actors.reportOf(report.parent).epoch);
            }
            for (uint256 j = 0; j < i; j++) {
                bool isSibling = _actors.reportOf(digests[j]).parent == report.parent;
                assert(!(isSibling && _reports.isFinal(digests[j])));
            }
        }
    }

    /// Of 30: 15, 3, 2, 5, 5.
    function _hasQuorum(uint256 signers) private pure returns (bool) {
        uint8[5] memory weights = [15, 3, 2, 5, 5];
        (uint256 weight, uint256 seats) = (0, 0);
        for (uint256 i = 0; i < 5; i++) {
            if ((signers >> i) & 1 == 0) continue;
            weight += weights[i];
            seats++;
        }
        return weight > 20 && seats > 2;
    }
}
