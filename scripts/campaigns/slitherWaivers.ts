import type { Waiver } from "./judgeFindings.ts";

/**
 * Findings of Slither that are as they should be, site by site: `detector Contract.function`, how many lines of that
 * function are found, and why they are right. One line more or less has to be judged again.
 *
 * About time in general: timestamps are the clock of the suite. A sequencer can move one by seconds; a reason below
 * says what seconds could change there. Slither follows everything that is computed from an epoch or a time, so many
 * findings compare amounts.
 */
export const WAIVERS: Record<string, Waiver> = {
  // ------------------------------------------------------------------------------------------- PostageChannels
  "missing-zero-check PostageChannels.constructor.distributor_": [
    1,
    "A predicted address (circular links). verifyDeployment compares it with FeeDistributor's, which has code.",
  ],
  "reentrancy-benign PostageChannels.depositWithAuthorization": [
    5,
    "Both forms are nonReentrant. Credited is what arrived, so the write has to come after the token's call; settle, " +
      "the one entry without a guard, reads and writes a channel afresh and moves no tokens.",
  ],
  "reentrancy-benign PostageChannels.depositWithPermit": [
    3,
    "nonReentrant. The permit moves nothing; the write has to come after the transfer, because what arrived counts.",
  ],
  "timestamp PostageChannels.assignOwner": [
    1,
    "The deadline that the key chose, included: seconds more or less are the signer's to allow for.",
  ],
  "timestamp PostageChannels.freeAmount": [1, "A view: the same question that withdraw asks, days after the request."],
  "timestamp PostageChannels.withdraw": [
    2,
    "readyAt is at least 25 h and stampsFreeAt at least 9 d after the request; seconds are nothing to who settles.",
  ],

  // -------------------------------------------------------------------------------------------- FeeDistributor
  "missing-zero-check FeeDistributor.constructor.reports_": [
    1,
    "A reserved CREATE3 address; verifyDeployment compares it. Were it zero, nobody could record debits.",
  ],
  "missing-zero-check FeeDistributor.constructor.treasury_": [
    1,
    "The Timelock's predicted address (circular links); verifyDeployment compares it with the Timelock, which has code.",
  ],
  "calls-loop FeeDistributor._walk": [
    1,
    "Ends after at most 15 turns: nothing is left by then. Each asks NodeSeats, an immutable peer, for one binary " +
      "search, which has no way to fail.",
  ],
  "calls-loop FeeDistributor._walkStretches": [
    1,
    "Its own loop calls nobody; it is called once per debit. A view of an immutable peer, at most 33 entries.",
  ],
  "calls-loop FeeDistributor._earned": [1, "Once per debit: a view of an immutable peer that reads one record."],
  "calls-loop FeeDistributor._recordDebit": [
    1,
    "Once per debit. Only EpochReports records, and it has to bound its rows (docs/contracts/fee-distributor.md). " +
      "setSuspended refuses nobody but strangers, so one row blocks no other.",
  ],
  "unused-return FeeDistributor.distribute": [1, "What arrived is measured by balance instead of believed."],
  "unused-return FeeDistributor.claimable": [
    1,
    "Of the three parts of a division the node's is asked for; claim books the other two.",
  ],
  "incorrect-equality FeeDistributor.distribute": [
    1,
    "Whether nothing arrived at all: a gift sent before makes no difference, because both balances include it.",
  ],
  "incorrect-equality FeeDistributor._book": [3, "A standing is one of four values of an enum."],
  "incorrect-equality FeeDistributor._earned": [
    1,
    "Zero means that no share was ever booked. Where the accumulator really is zero, the one read instead is too.",
  ],
  "incorrect-equality FeeDistributor._walkStretches": [
    2,
    "The end of a list, and an account without a booked share, as in _earned.",
  ],
  "incorrect-equality FeeDistributor._reduceDebit": [
    1,
    "The caller subtracts at most what is owed, so the end of a debit is met exactly.",
  ],
  "incorrect-equality FeeDistributor.payDebit": [
    2,
    "Nothing arrived, or all that is owed: what arrived beyond the debit was cut to it two lines before.",
  ],
  "reentrancy-balance FeeDistributor.distribute": [
    3,
    "nonReentrant; collect() is an immutable peer of ours that calls the token alone, and what arrived is the point.",
  ],
  "reentrancy-benign FeeDistributor.distribute": [
    2,
    "nonReentrant; the treasury's part is known only when the money has arrived.",
  ],
  "reentrancy-no-eth FeeDistributor.distribute": [
    3,
    "nonReentrant; collect() is an immutable peer that calls the token alone. A view asked meanwhile sees the stream " +
      "as it was before.",
  ],
  "reentrancy-benign FeeDistributor.payDebit": [
    4,
    "nonReentrant; setSuspended() is an immutable peer that calls nobody.",
  ],
  "reentrancy-no-eth FeeDistributor.claim": [5, "nonReentrant; setSuspended() is an immutable peer that calls nobody."],
  "timestamp FeeDistributor.distribute": [
    3,
    "Amounts, and whether the epoch has a seat. In the seconds around its end the money starts one epoch of at least " +
      "a minute, by default 12 h, earlier or later, for all seats alike.",
  ],
  "timestamp FeeDistributor._rollToNow": [3, "Whether an epoch has ended: past epochs are paid once, whoever rolls."],
  "timestamp FeeDistributor._rolled": [1, "As in _rollToNow."],
  "timestamp FeeDistributor._walk": [
    4,
    "Epochs that have ended, of a history that does not change any more; ticks and rates are counts and amounts.",
  ],
  "timestamp FeeDistributor._accumulatorBefore": [2, "An index and epochs of steps that are over."],
  "timestamp FeeDistributor._earned": [
    3,
    "Counts of stretches, a stretch that begins in an epoch still to come, an accumulator: no instant.",
  ],
  "timestamp FeeDistributor._walkStretches": [
    4,
    "Stretches by epoch: one that has not begun is left for a later claim and loses nothing by it.",
  ],
  "timestamp FeeDistributor._book": [3, "A standing is one of four values of an enum, no instant."],
  "timestamp FeeDistributor.claim": [4, "Amounts of epochs that have ended; claiming a second later pays the same."],
  "timestamp FeeDistributor._recordDebit": [2, "Amounts: what is owed and what was earned in epochs that have ended."],
  "timestamp FeeDistributor._reduceDebit": [1, "An amount: whether anything is still owed."],

  // ------------------------------------------------------------------- PausableEntries, rates and deployment
  "timestamp PausableEntries._requireEntriesOpen": [
    1,
    "A pause lasts up to 7 d and stops ways in only: seconds hold up a deposit.",
  ],
  "timestamp PausableEntries.pauseEntries": [1, "30 d of rest between pauses; seconds do not make them frequent."],
  "timestamp PausableEntries.resumeEntries": [1, "Whether there is a pause to end; a second later it ends by itself."],
  "missing-zero-check RateRegistry.constructor.governor_": [
    1,
    "The Timelock's predicted address; verifyDeployment compares it. Were it zero, the first rates would stay.",
  ],
  "timestamp RateRegistry.scheduleRates": [
    3,
    "24 h of notice and between changes, 90 days ahead at most; seconds move neither price nor order, and the start itself is in the call.",
  ],

  // ----------------------------------------------------------------------------------------------- StreamMath
  "divide-before-multiply StreamMath.spreadDown": [
    2,
    "Rounded down on purpose: 14 times the rate is streamed and the rest is kept as the remainder.",
  ],

  // ------------------------------------------------------------------------------------ NodeRegistry, NodeKeys
  "reentrancy-benign NodeRegistry.register": [
    16,
    "_mint calls no receiver, and what Slither sees, our _update, returns before its calls when minting. Nor would they " +
      "harm: NodeSeats.setPayout calls nobody, NodeStaking.syncOwner only ownerOf here.",
  ],
  "reentrancy-events NodeRegistry.register": [
    11,
    "As above: before these events only views of BlsVerifier are called. Tokens move after them, in staking.post.",
  ],
  "unused-return NodeKeys._setSigningKey": [
    1,
    "On any error the recovered address is zero, which is no key's, and the next line refuses it.",
  ],
  "timestamp NodeRegistry.phaseOf": [
    1,
    "Whole epochs, the same ones as the seats': seconds around the end of one decide whether keys are free one block " +
      "earlier. The stake's term and the retired key's count from that end, not from a block.",
  ],

  // ------------------------------------------------------------------------------- NodeSeats, RegistryVersions
  "unused-return NodeSeats._takeSeat": [
    1,
    "It was not in the set: takeSeat refuses a seated node, and enter is called once, for a new id.",
  ],
  "unused-return NodeSeats._leaveSeat": [
    1,
    "It is in the set: each caller asked for `seated`, or took the node from the set; both change here and in _takeSeat.",
  ],
  "incorrect-equality NodeSeats.isActive": [1, "A standing is one of four values of an enum."],
  "incorrect-equality NodeSeats._seatedIds": [
    1,
    "The list is of one epoch, the latest in which a seat was left; in any other epoch nobody in it serves any more.",
  ],
  "incorrect-equality RegistryVersions._isRolledOver": [
    1,
    "Epochs only ascend, so the last version is of this epoch or of an earlier one.",
  ],
  "timestamp NodeSeats.isActive": [1, "A standing in the current epoch, which was fixed in the one before."],
  "timestamp NodeSeats._servesIn": [1, "As in isActive: asked about the current epoch, which is final."],
  "timestamp NodeSeats._seatedIds": [
    2,
    "Who serves in this epoch, by whole epochs; which epoch it is, seconds change at its ends alone, for all seats alike.",
  ],
  "timestamp NodeSeats._leaveSeat": [
    2,
    "Whole epochs: whether the node serves in this one and is already among those who leave with it.",
  ],
  "timestamp NodeSeats._refresh": [
    1,
    "Whether a jail term reaches past the next epoch: whole epochs. What is under way never changes.",
  ],
  "timestamp NodeSeats.jail": [1, "As in _refresh: whether a term is still running, in which case it is prolonged."],
  "timestamp NodeSeats._jailedFrom": [
    1,
    "Counts terms that reach past the next epoch: whole epochs, three days of them; only reports jail.",
  ],

  // ---------------------------------------------------------------------------------------------- NodeStaking
  "arbitrary-send-erc20 NodeStaking.post": [
    1,
    "Only the registry may call it, with the account that called the registry: an immutable link, no role.",
  ],
  "missing-zero-check NodeStaking.constructor.registry_": [
    1,
    "A predicted address (circular links). verifyDeployment compares it with NodeRegistry's, which has code.",
  ],
  "missing-zero-check NodeStaking.constructor.seats_": [
    1,
    "A predicted address (circular links). verifyDeployment compares it with NodeSeats's, which has code.",
  ],
  "missing-zero-check NodeStaking.constructor.faultProofs_": [
    1,
    "A predicted address (circular links). verifyDeployment compares it with FaultProofs's, which has code.",
  ],
  "missing-zero-check NodeStaking.constructor.treasury_": [
    1,
    "The Timelock's predicted address (circular links); verifyDeployment compares it with the Timelock, which has code.",
  ],
  "divide-before-multiply NodeStaking.slash": [
    2,
    "The bounty is a part of what was slashed, both rounded down: never more than was slashed, which is the rule.",
  ],
  "uninitialized-local NodeStaking.withdrawStake.kept": [1, "A count of entries kept, which begins at zero."],
  "unused-return NodeStaking._setVotes": [1, "push answers the value before and after: both are known here."],
  "timestamp NodeStaking.getPastVotes": [1, "Refuses the present and the future, because a block may still change it."],
  "timestamp NodeStaking.withdrawStake": [
    1,
    "Unbonding lasts at least 7 d; until its owner takes it, what has unbonded stays slashable, so seconds win nothing.",
  ],

  // ----------------------------------------------------------------------------------------------- FaultProofs
  "missing-zero-check FaultProofs.constructor.guardian_": [
    1,
    "The Guardian's predicted address; verifyDeployment compares it. Were it zero, nobody could dismiss a case.",
  ],
  "missing-zero-check FaultProofs.constructor.governor_": [
    1,
    "The Timelock's predicted address; verifyDeployment compares it. Were it zero, nobody could reopen a case.",
  ],
  "reentrancy-events FaultProofs.execute": [
    2,
    "The amounts in the event are the call's answer. slash() is an immutable peer that moves no tokens and calls only " +
      "NodeSeats, which calls nobody; the case is executed before it.",
  ],
  "timestamp FaultProofs.commit": [1, "Whether there is a commitment: zero means none."],
  "timestamp FaultProofs._requireCommitted": [
    2,
    "A reveal waits REVEAL_AFTER and has until REVEAL_UNTIL; who committed first stays first, by the order of blocks.",
  ],
  "timestamp FaultProofs.dismiss": [
    1,
    "The appeal window is at least a day; the guardian does not need its last second.",
  ],
  "timestamp FaultProofs.reopen": [1, "The window for reopening lasts as long as a vote does: days, not seconds."],
  "timestamp FaultProofs.close": [1, "The other side of the same instant: exactly one of reopen and close is open."],
  "timestamp FaultProofs.execute": [
    1,
    "The other side of the appeal's end: exactly one of dismiss and execute is open.",
  ],
  // ----------------------------------------------------------------------------------------------- identity and commits
  "timestamp IdentityRegistry.verifier": [1, "Fourteen days after an announcement; seconds do not change who is read."],
  "unused-return IdentityRegistry.isMember": [1, "How a member joined is another question than whether it is one."],
  "unused-return IdentityRegistry._add": [1, "How a member joined is another question than whether it is one."],
  "divide-before-multiply Identifiers.slitherConstructorConstantVariables": [
    2,
    "2^256 - 1 divided by 255 is 1 in every byte, without a remainder; times 0x80 it is every byte's top bit.",
  ],
  "unused-return IdentityVerifier._checkAction": [
    5,
    "Fields in front of the signatures, which were read with the subject; here they are only passed over.",
  ],
  "unused-return IdentityVerifier._count": [1, "Actions are counted here and read afterwards."],
  "unused-return IdentityVerifier._readRecovery": [1, "The signature; it is checked when the text is known."],
  "unused-return IdentityVerifier._readOwnerFields": [1, "The signature; it is checked when the text is known."],
  "unused-return IdentityVerifier._readSubject": [1, "The signatures; they are checked when the text is known."],
  "uninitialized-local GroupMessageReader._checkCursor.entry": [
    1,
    "A calldata slice that the loop assigns before it is read; empty, it is the empty message.",
  ],
  "uninitialized-local GroupMessageReader._readGroupMessage.content": [
    1,
    "Assigned by every turn of the loop before it is used in that turn.",
  ],
  "write-after-write CanonicalProto._delimited.value": [2, "Offset and length of one calldata slice, set in assembly."],
  "write-after-write CanonicalProto._after.rest": [2, "Offset and length of one calldata slice, set in assembly."],
  "write-after-write GroupMessageReader._content.content": [
    2,
    "Offset and length of one calldata slice, set in assembly.",
  ],
  "write-after-write MlsFraming._vector.content": [2, "Offset and length of one calldata slice, set in assembly."],
  "calls-loop CommitBroadcaster.addMessages": [
    1,
    "A call of itself per message, at most 64, so that a refused one ends nothing but itself. It calls nobody else.",
  ],
  "calls-loop IdentityVerifier._installation": [
    1,
    "An immutable, stateless peer of ours, asked once per different signature of an update: at most 128 times.",
  ],
  "reentrancy-events CommitBroadcaster.addMessages": [
    3,
    "The call is to itself and calls nobody; the event only tells of the message that it refused.",
  ],

  // ---------------------------------------------------------------------------------------------- EpochReports
  "divide-before-multiply PayerReports.payerReportCount": [
    2,
    "A view. A step is a power of two: halving and then doubling it is exact.",
  ],
  "incorrect-equality RollCalls._requireOpen": [1, "A number that is counted: 0 is before the first roll call."],
  "incorrect-equality EpochReports.contradicts": [1, "One bit of a bitmap."],
  "reentrancy-no-eth RollCalls.openRollCall": [
    2,
    "rollOver and getVersion are NodeRegistry's, immutable and ours, which call nobody back. Not caught, so that little gas opens nothing.",
  ],
  "reentrancy-events RollCalls.openRollCall": [
    2,
    "As above: the event tells of the version that the call has written.",
  ],
  "timestamp RollCalls.openRollCall": [1, "3 days of silence: seconds more or less accuse nobody."],
  "timestamp RollCalls.answerRollCall": [2, "24 hours to answer in, and the bits of an answer; seats answer at once."],
  "timestamp RollCalls.closeRollCall": [2, "The end of the same 24 hours, and whether a report came since the call."],
  "timestamp RollCalls._requireOpen": [
    2,
    "A roll call lapses 3 days after it was opened, two after it could be closed.",
  ],
  "timestamp RollCalls._heaviestFirst": [2, "Weights and places of seats, computed from a version and no instant."],
  "timestamp EpochReports.submit": [
    1,
    "No report may be final before its parent: compares two instants that are both written.",
  ],
  "timestamp EpochReports._requireInTime": [
    2,
    "A report has two epochs, a day, to come in; one that comes too late is covered by the next.",
  ],
  "timestamp EpochReports.veto": [
    1,
    "A window of at least an hour; whoever needs its last seconds has slept through it.",
  ],
  "timestamp EpochReports.requireFinal": [
    1,
    "The end of the same window: what is final a second later is the same report.",
  ],
  "timestamp EpochReports.isFinal": [1, "As requireFinal."],
  "timestamp EpochReports.applyPenalties": [1, "3 days in which the absent may be jailed; debits have no end."],
  "timestamp EpochReports.contradicts": [2, "A bit of a bitmap, and whether the report is final: as requireFinal."],
  "timestamp EpochReports._lastAcceptedAt": [1, "The larger of instants that were written."],

  // ---------------------------------------------------------------------------------------------------- Stamps
  "incorrect-equality Stamps._claim": [1, "Nothing to pay is nothing to send."],
  "incorrect-equality Stamps.potOf": [1, "An instant that is written once; 0 is a report that has no pot."],
  "incorrect-equality Stamps._book": [1, "As in potOf."],
  "incorrect-equality Stamps._requireFixable": [1, "As in potOf."],
  "unused-return Stamps._setShares": [1, "The shares before and after: the event tells of those that were set."],
  "shadowing-local IPostageChannels.stamps": [
    5,
    "A voucher's ceiling is called stamps by the typed data that payers sign; none of these functions asks for the contract.",
  ],
  "missing-zero-check Stamps.constructor.treasury_": [
    1,
    "verifyDeployment compares it with the Timelock, which has code.",
  ],
  "missing-zero-check PostageChannels.constructor.stamps_": [
    1,
    "A predicted address (circular links); verifyDeployment compares it. Were it zero, nobody could charge stamps.",
  ],
  "reentrancy-benign Stamps.charge": [
    5,
    "nonReentrant, as are claims. What arrived is booked, so the write has to come after PostageChannels' transfer.",
  ],
  "timestamp Stamps._book": [
    1,
    "3 days after finality a pot is fixed; what is charged a second later is the treasury's.",
  ],
  "timestamp Stamps._requireFixable": [1, "The same 3 days."],
  "timestamp Stamps._requireClaimable": [1, "A year to claim in."],
  "timestamp Stamps.sweep": [1, "The same year."],

  // ----------------------------------------------------------------------------------------------- governance
  "missing-zero-check Guardian.constructor.timelock_": [
    1,
    "The Timelock's predicted address (circular links); verifyDeployment compares it with the Timelock, which has code.",
  ],
  "timestamp Guardian._spend": [1, "90 days of a budget: seconds more or less are nobody's gain."],
  "timestamp Guardian._left": [1, "A view: the same question that _spend asks."],
};
