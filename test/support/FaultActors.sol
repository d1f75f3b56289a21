// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFaultProofs} from "../../contracts/interfaces/IFaultProofs.sol";
import {NodeActors} from "./NodeActors.sol";
import {vm, within} from "./Vm.sol";

/// @notice The owners of NodeActors also report each other and themselves, vote, and time passes.
abstract contract FaultActors is NodeActors {
    uint256 private constant BPS = 10_000;

    /// Votes at the end of a second, for all owners and this contract.
    struct Snapshot {
        uint256 at;
        uint256[4] votes;
    }

    uint256 public cases;
    mapping(uint32 nodeId => uint256) private _equivocations;
    uint256 private _texts;
    Snapshot[] private _snapshots;

    function snapshots() external view returns (Snapshot[] memory) {
        return _snapshots;
    }

    // ------------------------------------------------------------------------------------------------- faults

    /// Reports the node for a message that one of its keys signed, or another's; each message is new bytes.
    function report(uint256 i, uint256 signerSeed, uint256 sequenceSeed, uint256 kind, uint256 reporter) public {
        uint32 nodeId = _nodeAt(i);
        uint256 signer = signerSeed % 3 == 0 ? signerAt(signerSeed / 3) : _books[nodeId].signer;
        uint64 sequenceId = uint64(within(sequenceSeed, 1, 4));
        IFaultProofs.Fault fault = IFaultProofs.Fault(within(kind, 1, 3));
        uint256 at = block.timestamp;
        bytes memory reveal = _committed(ownerAt(reporter), fault, signer, nodeId, sequenceId);
        _wait(1 minutes);
        KeyUse storage use = _uses[nodeId][signer];
        bool may = use.known && (use.takenUntil == 0 || at < use.takenUntil);
        uint256 known = faultProofs.caseOf(nodeId, sequenceId);
        may = may && (known == 0 || _isRaisedBy(known, fault));
        vm.prank(ownerAt(reporter));
        // solhint-disable-next-line avoid-low-level-calls
        (bool taken, ) = address(faultProofs).call(reveal);
        _expect(taken == may, taken ? "convicted without a fault" : "a fault not convicted");
        if (!taken) return;
        if (known != 0) {
            IFaultProofs.Case memory raised = faultProofs.getCase(known);
            _expect(raised.fault == fault && raised.reporter == ownerAt(reporter), "not raised");
            return;
        }
        cases++;
        _books[nodeId].cases++;
        _expect(faultProofs.caseOf(nodeId, sequenceId) == cases, "a case's number");
    }

    /// A heavier fault of the same message raises a case that is open.
    function _isRaisedBy(uint256 caseId, IFaultProofs.Fault fault) private view returns (bool) {
        IFaultProofs.Case memory known = faultProofs.getCase(caseId);
        return known.status == IFaultProofs.Status.Open && fault > known.fault;
    }

    /// Commits to new evidence and returns the call that reveals it.
    function _committed(
        address reporter,
        IFaultProofs.Fault fault,
        uint256 signer,
        uint32 nodeId,
        uint64 sequenceId
    ) private returns (bytes memory reveal) {
        bool isWrongTarget = fault == IFaultProofs.Fault.WrongTarget;
        uint32 target = isWrongTarget ? nodeId + 100 : nodeId;
        IFaultProofs.Receipt memory first = _receipt(signer, nodeId, sequenceId, abi.encode(++_texts), target);
        bytes32 digest = faultProofs.digestOf(first);
        if (isWrongTarget) {
            _commit(reporter, fault, digest, 0);
            return abi.encodeCall(IFaultProofs.revealWrongTarget, (first, SALT));
        }
        if (fault == IFaultProofs.Fault.ContradictedReceipt) {
            _commit(reporter, fault, digest, FINAL_REPORT);
            return abi.encodeCall(IFaultProofs.revealContradiction, (first, FINAL_REPORT, "", SALT));
        }
        IFaultProofs.Receipt memory second = _receipt(signer, nodeId, sequenceId, abi.encode(++_texts), target);
        _commit(reporter, fault, digest, faultProofs.digestOf(second));
        return abi.encodeCall(IFaultProofs.revealEquivocation, (first, second, SALT));
    }

    function reportOwn(uint256 i, uint256 sequenceSeed, uint256 kind, uint256 reporter) public {
        report(i, 1, sequenceSeed, kind, reporter);
    }

    function dismiss(uint256 i) public {
        // Otherwise few cases are ever executed.
        if (cases == 0 || i % 3 != 0) return;
        IFaultProofs.Case memory opened = faultProofs.getCase(1 + (i % cases));
        bool may = opened.status == IFaultProofs.Status.Open && !opened.wasReopened;
        may = may && block.timestamp < opened.executableAt;
        try faultProofs.dismiss(1 + (i % cases)) {
            _expect(may, "dismissed too late");
        } catch {
            _expect(!may, "not dismissed");
        }
    }

    function endDismissed(uint256 i, bool reopens) public {
        if (cases == 0) return;
        uint256 caseId = 1 + (i % cases);
        IFaultProofs.Case memory dismissed = faultProofs.getCase(caseId);
        bool isDismissed = dismissed.status == IFaultProofs.Status.Dismissed;
        bool isOver = block.timestamp >= dismissed.reopenableUntil;
        if (reopens) {
            try faultProofs.reopen(caseId) {
                _expect(isDismissed && !isOver && !dismissed.wasReopened, "reopened");
            } catch {
                _expect(!isDismissed || isOver, "not reopened");
            }
            return;
        }
        try faultProofs.close(caseId) {
            _expect(isDismissed && isOver, "closed");
            _books[dismissed.nodeId].cases--;
        } catch {
            _expect(!isDismissed || !isOver, "not closed");
        }
    }

    /// One of the cases, or all, so that histories are not full of cases that nobody ends.
    function execute(uint256 i, bool all) public {
        if (cases == 0) return;
        if (!all) _execute(1 + (i % cases));
        else for (uint256 caseId = 1; caseId <= cases; caseId++) _execute(caseId);
    }

    function _execute(uint256 caseId) private {
        IFaultProofs.Case memory opened = faultProofs.getCase(caseId);
        bool may = opened.status == IFaultProofs.Status.Open && block.timestamp >= opened.executableAt;
        uint32 nodeId = opened.nodeId;
        uint256 credit = staking.creditOf(opened.reporter);
        uint256 treasury = staking.creditOf(TREASURY);
        uint256 slashed = (_books[nodeId].stake * _share(opened)) / BPS;
        try faultProofs.execute(caseId) {
            _expect(may, "executed");
            _expect(staking.slashableOf(nodeId) == _books[nodeId].stake - slashed, "another share");
            _expect(staking.creditOf(opened.reporter) == credit + slashed / 5, "another bounty");
            _expect(staking.creditOf(TREASURY) == treasury + slashed - slashed / 5, "another rest");
            _books[nodeId].stake -= slashed;
            _books[nodeId].cases--;
            if (opened.fault == IFaultProofs.Fault.Equivocation) _equivocations[nodeId]++;
        } catch {
            _expect(!may, "not executed");
        }
    }

    function _share(IFaultProofs.Case memory opened) private view returns (uint256) {
        if (opened.fault == IFaultProofs.Fault.WrongTarget) return 1_000;
        if (opened.fault == IFaultProofs.Fault.ContradictedReceipt) return 2_000;
        return _equivocations[opened.nodeId] == 0 ? 100 : 1_000;
    }

    // ------------------------------------------------------------------------------------------------- the rest

    /// What is written is the sum of the keys that the active nodes have now.
    function rollOver() public {
        uint64 before = seats.latestVersion();
        uint64 version;
        try seats.rollOver() returns (uint64 latest) {
            version = latest;
        } catch {
            _expect(false, "no version");
        }
        if (version == before) return;
        uint256 sum;
        uint256 count;
        for (uint32 nodeId = 100; nodeId <= 100 * nodes; nodeId += 100) {
            if (!seats.isActive(nodeId)) continue;
            _expect(!_hasLeft(nodeId), "one that has left attests");
            sum += _books[nodeId].attester;
            count++;
        }
        bytes memory blob = seats.blobOf(version);
        _expect(blob.length == 192 + count * 208, "seats of a version");
        assembly ("memory-safe") {
            mstore(blob, 192)
        }
        bytes32 expected = sum == 0 ? keccak256(new bytes(192)) : keccak256(_attestationKey(sum));
        _expect(keccak256(blob) == expected, "the aggregate is not the sum of the keys");
    }

    function setRules(uint256 unbonding, uint256 minimum, uint256 maxSeats) public {
        staking.setUnbondingSeconds(uint64(within(unbonding, 7, 60) * 1 days));
        staking.setMinimumStake(within(minimum, MINIMUM / 2, 2 * MINIMUM));
        seats.setMaxSeats(within(maxSeats, 1, SEATS));
    }

    function give(uint256 from, uint256 to, uint256 amount) public {
        uint256 balance = token.balanceOf(ownerAt(from));
        vm.prank(ownerAt(from));
        token.transfer(ownerAt(to), within(amount, 0, balance));
    }

    function pass(uint256 seconds_) public {
        _wait(within(seconds_, 1, 6 days));
    }

    function _wait(uint256 seconds_) internal override {
        uint256[4] memory votes;
        for (uint256 i = 0; i <= OWNERS; i++) {
            address account = i == OWNERS ? address(this) : ownerAt(i);
            votes[i] = token.getVotes(account) + staking.getVotes(account);
        }
        // The last few: older ones were looked at before.
        if (_snapshots.length == 6) {
            for (uint256 i = 1; i < 6; i++) _snapshots[i - 1] = _snapshots[i];
            _snapshots.pop();
        }
        _snapshots.push(Snapshot(block.timestamp, votes));
        super._wait(seconds_);
    }
}
