// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {INodeKeys} from "./INodeKeys.sol";

/**
 * @title Who is still there, when no quorum is.
 * @notice When no report was accepted for 3 days, anyone opens a roll call over the active seats. A seat answers by
 * attesting it with the attestation key that it has then; anyone brings answers to the chain, also several added up into
 * one signature. After 24 hours anyone closes it: the seats that did not answer are jailed, the heaviest first, a third
 * of all at most. A report accepted in the meantime ends it without harm to anybody, and so does time: what is not closed
 * 3 days after it was opened lapses, and the next may be opened.
 *
 * What a reader of the logs may assume: numbers count up from 1; of two roll calls the later is opened at least 3 days
 * after the earlier; each is closed once at most.
 */
interface IRollCalls {
    /// @param version The registry version whose seats are called.
    event RollCallOpened(uint64 indexed number, uint64 version, uint256 answerUntil);
    /// @param positions The seats of this answer, by position.
    event RollCallAnswered(uint64 indexed number, uint256 positions);
    /// @param silent The nodes that did not answer, the heaviest first; NodeJailed tells who of them was jailed.
    event RollCallClosed(uint64 indexed number, uint32[] silent);

    /// @notice There is nothing that could have stopped: the network has not begun to report.
    error RollCallsNoReportYet();
    error RollCallsTooEarly(uint256 openableAt, uint256 now_);
    error RollCallsNobodyToCall();
    error RollCallsUnknownSeats(uint256 positions, uint256 seats);
    error RollCallsNotOpen(uint64 number);
    error RollCallsAnsweringOver(uint256 answerUntil, uint256 now_);
    error RollCallsAnsweringNotOver(uint256 answerUntil, uint256 now_);
    error RollCallsAnswerInvalid(bytes32 digest);
    /// @notice A report was accepted after the roll call was opened.
    error RollCallsReportAccepted(uint256 acceptedAt);

    /// @notice Opens a roll call, 3 days after the last accepted report and the last roll call at the earliest. Anyone.
    /// @dev Writes the registry version of this epoch first, and reverts if that fails: no older one is ever called.
    function openRollCall() external returns (uint64 number);

    /**
     * @notice Answers for seats of the open roll call, by anyone.
     * @param positions The seats in the roll call's registry version.
     * @param signature The sum of their attestations of `rollCallDigest`.
     */
    function answerRollCall(uint256 positions, bytes calldata signature) external;

    /// @notice Jails who did not answer. 24 hours after it was opened at the earliest, before 3 days are over. Anyone.
    function closeRollCall() external;

    /// @notice What a seat attests to answer.
    function rollCallDigest(uint64 number) external view returns (bytes32);

    /// @notice The latest roll call; all zero before the first.
    function latestRollCall()
        external
        view
        returns (uint64 number, uint64 version, uint64 openedAt, uint256 answered, bool isClosed);

    /// @notice Whose keys answer: NodeRegistry. Immutable.
    function keys() external view returns (INodeKeys);
}
