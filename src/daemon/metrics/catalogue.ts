import type { MetricDefinition } from "../../platform/metrics/definitions.ts";
import { QUICK } from "../../platform/metrics/definitions.ts";

const LANE = { lane: "`routine`, `deadline`" };
const ENDPOINT = { endpoint: "hosts of `rpcUrls`, five at most" };
const LOOP = { loop: "the daemon's loops, as `/health` names them" };
const OPERATION = { operation: "methods of the ledger's store" };
const STEP = { step: "`settle`, `settle deadlines`, `distribute`, `claim`, `rollOver`" };
const KIND = {
  kind:
    "`settle`, `distribute`, `rollOver`, `claim`, `fault`, `report`, `penalties`, `announce`, `rollCall`, " +
    "`rollCallOpen`, `rollCallClose`, `charge`",
};
const WHY_NOT = {
  why: "`history_missing`, `behind`, `log_differs`, `usage_differs`, `debits_differ`, `absence_differs`, `stamps_differ`, `stamps_omitted`, `chain_state_missing`, `parent_unknown`, `not_due`, `not_a_seat`, `bad_signature`, `malformed`, `busy`",
};

/**
 * Every metric of the daemon: docs/metrics.md is made from this table, alerts and the dashboard may use nothing else.
 * Amounts are for graphs: Prometheus counts in floating point, the ledger does not.
 */
export const METRICS = {
  publishes: {
    ...{ name: "pennyblack_publishes_total", type: "counter", unit: "publish calls" },
    help: "Publish calls that the gate decided on: accepted, or refused with a code.",
    labels: { result: "`accepted`, `failed`, or a refusal's code (docs/errors.md)" },
  },
  admissionSeconds: {
    ...{ name: "pennyblack_admission_seconds", type: "histogram", unit: "seconds", buckets: QUICK },
    help: "From a publish call's arrival at the gate until its postage is reserved, for accepted ones.",
  },
  acknowledgeSeconds: {
    ...{ name: "pennyblack_acknowledge_seconds", type: "histogram", unit: "seconds", buckets: QUICK },
    help: "From a publish call's arrival at the gate until the node has stored its envelopes.",
  },
  publishesWaiting: {
    ...{ name: "pennyblack_publishes_waiting", type: "gauge", unit: "publish calls" },
    help: "Publish calls that wait for the gate or are being decided on: the depth of its queue.",
  },
  publishesUnacknowledged: {
    ...{ name: "pennyblack_publishes_unacknowledged", type: "gauge", unit: "publish calls" },
    help: "Publish calls that were accepted and that the node has not stored yet.",
  },
  envelopesMetered: {
    ...{ name: "pennyblack_envelopes_metered_total", type: "counter", unit: "sequence ids" },
    help: "Sequence ids of all originators' logs that the meter has passed.",
  },
  charges: {
    ...{ name: "pennyblack_charges_total", type: "counter", unit: "rows" },
    help: "Charges added to the ledger: by so many rows its largest table has grown.",
  },
  meterLag: {
    ...{ name: "pennyblack_meter_lag_seconds", type: "gauge", unit: "seconds" },
    help: "Since the node's log was last metered to its end.",
  },
  vouchersRaised: {
    ...{ name: "pennyblack_vouchers_raised_total", type: "counter", unit: "vouchers" },
    help: "Vouchers that were written to the ledger, from publishes and gossip.",
  },
  gossipRowsTaken: {
    ...{ name: "pennyblack_gossip_rows_taken_total", type: "counter", unit: "rows" },
    help: "Voucher rows of others that were of use.",
  },
  gossipWaiting: {
    ...{ name: "pennyblack_gossip_waiting", type: "gauge", unit: "calls" },
    help: "Calls with vouchers of others that wait or are being read.",
  },
  gossipRounds: {
    ...{ name: "pennyblack_gossip_rounds_total", type: "counter", unit: "rounds" },
    help: "Rounds of gossip, by whether a majority of the seats took part: in a round with nothing to tell nobody is asked.",
    labels: { result: "`majority`, `minority`" },
  },
  gossipSends: {
    ...{ name: "pennyblack_gossip_sends_total", type: "counter", unit: "calls" },
    help: "Calls to other daemons with vouchers, or to see that they are there.",
    labels: { result: "`ok`, `failed`" },
  },
  nodes: {
    ...{ name: "pennyblack_nodes", type: "gauge", unit: "nodes" },
    help: "Nodes with a seat in this epoch or the next, this one included.",
  },
  channels: {
    ...{ name: "pennyblack_channels", type: "gauge", unit: "channels" },
    help: "Channels in the ledger.",
  },
  exposure: {
    ...{ name: "pennyblack_exposure_units", type: "gauge", unit: "base units" },
    help: "Carried and not collected, of all channels: what the nodes would lose without their payers' money.",
  },
  largestExposure: {
    ...{ name: "pennyblack_largest_exposure_ratio", type: "gauge", unit: "ratio" },
    help: "The largest exposure of one channel, as a part of exposureCap. From 0.8 on it is settled urgently.",
  },
  unsettled: {
    ...{ name: "pennyblack_unsettled_units", type: "gauge", unit: "base units" },
    help: "What settling all largest vouchers now would collect.",
  },
  leavingChannels: {
    ...{ name: "pennyblack_leaving_channels", type: "gauge", unit: "channels" },
    help: "Channels with a pending withdrawal and something unsettled: work with a deadline.",
  },
  nextDeadline: {
    ...{ name: "pennyblack_next_deadline_seconds", type: "gauge", unit: "seconds" },
    help: "Until the first of these withdrawals can be paid, by the chain's time. Absent when there is none.",
  },
  settlements: {
    ...{ name: "pennyblack_settlements_total", type: "counter", unit: "transactions" },
    help: "Settlements that this daemon saw mined.",
    labels: LANE,
  },
  settled: {
    ...{ name: "pennyblack_settled_units_total", type: "counter", unit: "base units" },
    help: "What these settlements collected.",
    labels: LANE,
  },
  workFailures: {
    ...{ name: "pennyblack_chain_work_failures_total", type: "counter", unit: "steps" },
    help: "Steps of the work on chain that failed. The next run tries them again.",
    labels: STEP,
  },
  transactionsBegun: {
    ...{ name: "pennyblack_transactions_begun_total", type: "counter", unit: "transactions" },
    help: "Transactions that were decided on.",
    labels: { ...LANE, ...KIND },
  },
  transactionAttempts: {
    ...{ name: "pennyblack_transaction_attempts_total", type: "counter", unit: "attempts" },
    help: "Signed versions of transactions: more than one each where the price had to rise.",
  },
  transactionsEnded: {
    ...{ name: "pennyblack_transactions_ended_total", type: "counter", unit: "transactions" },
    help: "Transactions by how they ended.",
    labels: { outcome: "`done`, `reverted`, `replaced`" },
  },
  transactionsOpen: {
    ...{ name: "pennyblack_transactions", type: "gauge", unit: "transactions" },
    help: "Transactions under way: not yet in a block, or in one that is not final.",
    labels: { ...LANE, state: "`pending`, `mined`" },
  },
  oldestPending: {
    ...{ name: "pennyblack_transaction_oldest_pending_seconds", type: "gauge", unit: "seconds" },
    help: "Since the oldest pending transaction was decided on. Absent when none is pending.",
    labels: LANE,
  },
  gasBalance: {
    ...{ name: "pennyblack_gas_balance_wei", type: "gauge", unit: "wei" },
    help: "Balance of the account that pays for gas.",
    labels: LANE,
  },
  gasReserve: {
    ...{ name: "pennyblack_gas_reserve_wei", type: "gauge", unit: "wei" },
    help: "What work without a deadline leaves of it.",
    labels: LANE,
  },
  gasRunway: {
    ...{ name: "pennyblack_gas_runway_settlements", type: "gauge", unit: "settlements" },
    help: "Settlements of some forty payers that the balance pays for at the price of now.",
    labels: LANE,
  },
  gasAlarm: {
    ...{ name: "pennyblack_gas_alarm", type: "gauge", unit: "level" },
    help: "0 none, 1 low, 2 only the reserve is left, 3 empty.",
    labels: LANE,
  },
  leads: {
    ...{ name: "pennyblack_leads", type: "gauge", unit: "0 or 1" },
    help: "Whether this process is the one that writes to the chain.",
  },
  fenced: {
    ...{ name: "pennyblack_fenced", type: "gauge", unit: "0 or 1" },
    help: "Whether another process took the leadership away while this one was at work: it writes no more until that lease ends.",
  },
  chainHead: {
    ...{ name: "pennyblack_chain_head_block", type: "gauge", unit: "block" },
    help: "The newest block that was read.",
  },
  chainHeadAge: {
    ...{ name: "pennyblack_chain_head_age_seconds", type: "gauge", unit: "seconds" },
    help: "Age of that block by this machine's clock.",
  },
  chainFinalized: {
    ...{ name: "pennyblack_chain_finalized_block", type: "gauge", unit: "block" },
    help: "The newest block that is taken to be final.",
  },
  chainDoubt: {
    ...{ name: "pennyblack_chain_doubt", type: "gauge", unit: "ratio" },
    help: "0 while the chain is read, up to 1 when nothing is lent because it cannot be.",
  },
  chainBroken: {
    ...{ name: "pennyblack_chain_broken", type: "gauge", unit: "0 or 1" },
    help: "Whether the chain took back a block that was final.",
  },
  endpointWell: {
    ...{ name: "pennyblack_chain_endpoint_well", type: "gauge", unit: "0 or 1" },
    help: "Whether an endpoint works and is trusted.",
    labels: ENDPOINT,
  },
  endpointBlock: {
    ...{ name: "pennyblack_chain_endpoint_block", type: "gauge", unit: "block" },
    help: "The newest block that an endpoint has shown.",
    labels: ENDPOINT,
  },
  clockOff: {
    ...{ name: "pennyblack_clock_off_seconds", type: "gauge", unit: "seconds" },
    help: "How far this machine's clock is ahead of the chain's, when that is more than five minutes; else 0.",
  },
  rolledBack: {
    ...{ name: "pennyblack_chain_rolled_back_blocks", type: "gauge", unit: "blocks" },
    help: "Blocks with events that reorgs took back since the start.",
  },
  disagreements: {
    ...{ name: "pennyblack_chain_disagreements", type: "gauge", unit: "channels" },
    help: "How often endpoints showed different states of a channel at one block, since the start.",
  },
  ledgerDifferences: {
    ...{ name: "pennyblack_ledger_differences", type: "gauge", unit: "channels" },
    help: "Channels that differed from the chain when compared, and were read again, since the start.",
  },
  rpcCalls: {
    ...{ name: "pennyblack_rpc_calls_total", type: "counter", unit: "calls" },
    help: "JSON-RPC calls: what providers bill.",
    labels: { ...ENDPOINT, method: "methods that the daemon asks for" },
  },
  rpcRequests: {
    ...{ name: "pennyblack_rpc_requests_total", type: "counter", unit: "requests" },
    help: "HTTP requests with them; a batch is one.",
    labels: ENDPOINT,
  },
  rpcFailures: {
    ...{ name: "pennyblack_rpc_failures_total", type: "counter", unit: "requests" },
    help: "Of these, those without a usable answer.",
    labels: ENDPOINT,
  },
  storeSeconds: {
    ...{ name: "pennyblack_store_seconds", type: "histogram", unit: "seconds", buckets: QUICK },
    help: "How long the ledger's database took for a call.",
    labels: OPERATION,
  },
  storeFailures: {
    ...{ name: "pennyblack_store_failures_total", type: "counter", unit: "calls" },
    help: "Calls that the ledger's database did not serve.",
    labels: OPERATION,
  },
  databaseBytes: {
    ...{ name: "pennyblack_database_bytes", type: "gauge", unit: "bytes" },
    help: "SQLite files in dataDirectory, with what was not merged into them yet. Charges are most of the ledger's.",
    labels: { database: "`ledger`, `node`" },
  },
  diskFree: {
    ...{ name: "pennyblack_disk_free_bytes", type: "gauge", unit: "bytes" },
    help: "Free on the disk with dataDirectory.",
  },
  evidenceOpen: {
    ...{ name: "pennyblack_evidence_open", type: "gauge", unit: "cases" },
    help: "Evidence against other nodes that is neither paid nor given up.",
  },
  accused: {
    ...{ name: "pennyblack_accused", type: "gauge", unit: "0 or 1" },
    help: "Whether a case against this node is open, its stake frozen.",
  },
  reportsAttested: {
    ...{ name: "pennyblack_reports_attested_total", type: "counter", unit: "reports" },
    help: "Reports of epochs that this node attested, its own proposals included.",
  },
  reportsSubmitted: {
    ...{ name: "pennyblack_reports_submitted_total", type: "counter", unit: "reports" },
    help: "Reports with a quorum that this daemon brought on chain.",
  },
  reportRefusals: {
    ...{ name: "pennyblack_report_refusals_total", type: "counter", unit: "proposals" },
    help: "Reports of other nodes that this node did not attest, by reason.",
    labels: WHY_NOT,
  },
  reportCannotAttest: {
    ...{ name: "pennyblack_report_cannot_attest", type: "gauge", unit: "0 or 1" },
    help: "Whether this node cannot build the report that is due: `pennyblack status` says why.",
  },
  reportDifferences: {
    ...{ name: "pennyblack_report_differences", type: "gauge", unit: "originators" },
    help: "Originators of whose logs nodes had different copies when this node last proposed a report.",
  },
  reportEpochsBehind: {
    ...{ name: "pennyblack_report_epochs_behind", type: "gauge", unit: "epochs" },
    help: "Epochs that have ended since the last one with an accepted report. After three days without one a roll call begins.",
  },
  rollCallUnanswered: {
    ...{ name: "pennyblack_roll_call_unanswered", type: "gauge", unit: "0 or 1" },
    help: "Whether a roll call waits for this node's answer: without one within 24 hours its seat is jailed.",
  },
  stampNotes: {
    ...{ name: "pennyblack_stamp_notes_total", type: "counter", unit: "notes" },
    help: "Notes of recipients (statements, blocks, revocations) that were brought here, by kind and what became of them.",
    labels: { kind: "`statement`, `block`, `revocation`", result: "`taken`, or why not: see errors.md" },
  },
  stampNotesKept: {
    ...{ name: "pennyblack_stamp_notes_kept", type: "gauge", unit: "notes" },
    help: "Notes that this daemon keeps. Statements go after 44 days, blocks and revocations stay.",
  },
  stampChargesSent: {
    ...{ name: "pennyblack_stamp_charges_total", type: "counter", unit: "reports" },
    help: "Final reports whose stamps this daemon charged, or found charged.",
  },
  stampsOpen: {
    ...{ name: "pennyblack_stamps_open", type: "gauge", unit: "stamps" },
    help: "Stamps whose recipients have said nothing yet.",
  },
  inboxesReadToSeconds: {
    ...{ name: "pennyblack_inboxes_read_to_seconds", type: "gauge", unit: "seconds" },
    help: "Date of the block up to which the identity log is read. Far behind the clock, strangers get by without stamps.",
  },
  highWater: {
    ...{ name: "pennyblack_high_water", type: "gauge", unit: "sequence id" },
    help: "The highest sequence id that this node is known to have given out.",
  },
  highWaterReached: {
    ...{ name: "pennyblack_high_water_reached", type: "gauge", unit: "0 or 1" },
    help: "Whether the node's log has it. If not, its database is an old copy and the gate is shut.",
  },
  ready: {
    ...{ name: "pennyblack_ready", type: "gauge", unit: "0 or 1" },
    help: "What /ready says: whether a paid publish can succeed.",
  },
  healthy: {
    ...{ name: "pennyblack_healthy", type: "gauge", unit: "0 or 1" },
    help: "What /health says: whether every loop of the daemon still goes round.",
  },
  loopAge: {
    ...{ name: "pennyblack_loop_age_seconds", type: "gauge", unit: "seconds" },
    help: "Since a loop last ended a step, well or not.",
    labels: LOOP,
  },
  loopFailures: {
    ...{ name: "pennyblack_loop_failures_total", type: "counter", unit: "steps" },
    help: "Steps of a loop that failed. It goes on with the next one.",
    labels: LOOP,
  },
} as const satisfies Record<string, MetricDefinition>;
