import type { MetricDefinition, Recorder as RecorderOf } from "../../platform/metrics/definitions.ts";
import { QUICK } from "../../platform/metrics/definitions.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";

/** Up to the time that a client waits. */
const PATIENT = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120] as const;

const KIND = { kind: "`message`, `welcome`, `keyPackage`, `commit`, `identityUpdate`" };
const SPENT_KIND = { kind: `${KIND.kind}, \`unnamed\`` };
const NODE = { node: "ids of registered nodes, 256 at most" };
const OUTCOME = { outcome: "`accepted`, `refused`, `notSent`, `unknown`" };
const OPERATION = { operation: "methods of the gateway's store" };
const LOOP = { loop: "the gateway's loops, as `/health` names them" };

/** Every metric of the gateway. Users and apps are in none: `pennyblack spend` has them. */
export const GATEWAY_METRICS = {
  calls: {
    ...{ name: "pennyblack_gateway_calls_total", type: "counter", unit: "publish calls" },
    help: "Publish calls by how they ended. What is refused before its envelopes are looked at is here alone: callers (`unauthenticated`, `rate_limited`) and calls (`invalid_envelope`, `too_many_envelopes`, `too_busy`).",
    labels: { result: "`accepted`, an error's code (docs/errors.md), `gone` when the client was, `failed`" },
  },
  publishes: {
    ...{ name: "pennyblack_gateway_publishes_total", type: "counter", unit: "envelopes" },
    help: "Envelopes by kind and how their publish ended, a budget's refusals (`budget_exhausted`) among them. One that comes again while it is under way is not counted anew.",
    labels: {
      ...KIND,
      result: "`accepted`, `repeated` when it was answered before, an error's code (docs/errors.md), `failed`",
    },
  },
  publishSeconds: {
    ...{ name: "pennyblack_gateway_publish_seconds", type: "histogram", unit: "seconds", buckets: PATIENT },
    help: "From an envelope's arrival until it is answered: stored, checked, and served by every listed node. Accepted ones.",
    labels: KIND,
  },
  reserveSeconds: {
    ...{ name: "pennyblack_gateway_reserve_seconds", type: "histogram", unit: "seconds", buckets: QUICK },
    help: "The ledger's step of a publish: from asking for postage until it is reserved and a voucher covers it, its turn included.",
  },
  nodeSeconds: {
    ...{ name: "pennyblack_gateway_node_seconds", type: "histogram", unit: "seconds", buckets: QUICK },
    help: "How long a node took for a publish call.",
    labels: OUTCOME,
  },
  nodeCalls: {
    ...{ name: "pennyblack_gateway_node_calls_total", type: "counter", unit: "calls" },
    help: "Publish calls to nodes: refused, or not even sent, or nobody knows whether it is stored.",
    labels: { ...NODE, ...OUTCOME },
  },
  failovers: {
    ...{ name: "pennyblack_gateway_failovers_total", type: "counter", unit: "tries" },
    help: "Tries at a node that did not end with a receipt, so that the publish went on to the next node, or waited.",
    labels: { why: "an error's code (docs/errors.md)" },
  },
  nodesDropped: {
    ...{ name: "pennyblack_gateway_nodes_dropped_total", type: "counter", unit: "nodes" },
    help: "How often a node was left out for ten minutes because it misbehaved. The log says which, and why.",
  },
  nodeAvailable: {
    ...{ name: "pennyblack_gateway_node_available", type: "gauge", unit: "0 or 1" },
    help: "Whether publishes go to a node: it is well, in time and honest as far as this gateway knows.",
    labels: NODE,
  },
  demandsAboveLedger: {
    ...{ name: "pennyblack_gateway_demands_above_ledger_total", type: "counter", unit: "demands" },
    help: "Demands of nodes that neither this gateway's total nor their logs explain. Nothing was signed for them.",
  },
  doubles: {
    ...{ name: "pennyblack_gateway_doubles", type: "gauge", unit: "envelopes" },
    help: "Envelopes that two nodes carry and charge, over the channel's life.",
  },
  vouchersSigned: {
    ...{ name: "pennyblack_gateway_vouchers_signed_total", type: "counter", unit: "vouchers" },
    help: "Vouchers that were signed and written.",
  },
  spentPostage: {
    ...{ name: "pennyblack_gateway_spent_postage_units_total", type: "counter", unit: "base units" },
    help: "Postage that was booked since the start, fractions included.",
    labels: SPENT_KIND,
  },
  spentStamps: {
    ...{ name: "pennyblack_gateway_spent_stamps_units_total", type: "counter", unit: "base units" },
    help: "Ceilings for stamps that were signed since the start; most of it comes back.",
  },
  spentGas: {
    ...{ name: "pennyblack_gateway_spent_gas_wei_total", type: "counter", unit: "wei" },
    help: "Gas of commits and identity updates that was booked since the start.",
    labels: SPENT_KIND,
  },
  usage: {
    ...{ name: "pennyblack_gateway_usage_units", type: "gauge", unit: "base units" },
    help: "Used over the channel's life, rounded up.",
  },
  inFlight: {
    ...{ name: "pennyblack_gateway_in_flight_units", type: "gauge", unit: "base units" },
    help: "Reserved for publishes whose fate is not known yet, rounded up.",
  },
  authorised: {
    ...{ name: "pennyblack_gateway_authorised_units", type: "gauge", unit: "base units" },
    help: "Fees of the largest voucher signed.",
  },
  stampsSigned: {
    ...{ name: "pennyblack_gateway_stamps_signed_units", type: "gauge", unit: "base units" },
    help: "Largest ceiling for stamps that was signed.",
  },
  headroom: {
    ...{ name: "pennyblack_gateway_headroom_units", type: "gauge", unit: "base units" },
    help: "What is signed ahead of use.",
  },
  deposited: {
    ...{ name: "pennyblack_gateway_deposited_units", type: "gauge", unit: "base units" },
    help: "Deposited in all, as the chain said last. Absent until it was read.",
  },
  left: {
    ...{ name: "pennyblack_gateway_left_units", type: "gauge", unit: "base units" },
    help: "What is left for fees: neither used nor reserved, nor held for stamps or a withdrawal. Absent until it was read.",
  },
  runway: {
    ...{ name: "pennyblack_gateway_runway_seconds", type: "gauge", unit: "seconds" },
    help: "How long that lasts at the pace of the last seven days. Absent while nothing is spent.",
  },
  balanceLow: {
    ...{ name: "pennyblack_gateway_balance_low", type: "gauge", unit: "0 or 1" },
    help: "Whether what is left, or how long it lasts, is below `lowBalance`.",
  },
  topUps: {
    ...{ name: "pennyblack_gateway_top_ups_total", type: "counter", unit: "deposits" },
    help: "Deposits that the gateway made by itself.",
  },
  topUpUnits: {
    ...{ name: "pennyblack_gateway_top_up_units_total", type: "counter", unit: "base units" },
    help: "What they deposited.",
  },
  topUpFailures: {
    ...{ name: "pennyblack_gateway_top_up_failures_total", type: "counter", unit: "tries" },
    help: "Tries at such a deposit that failed. It is tried again every minute.",
  },
  topUpCapped: {
    ...{ name: "pennyblack_gateway_top_up_capped", type: "gauge", unit: "0 or 1" },
    help: "Whether the channel needs more today than `topUp.mostPerDay` allows.",
  },
  gasBalance: {
    ...{ name: "pennyblack_gateway_gas_balance_wei", type: "gauge", unit: "wei" },
    help: "Balance of the account that pays for commits and identity updates, asked once a minute. Absent until it was read.",
  },
  gasRegistrations: {
    ...{ name: "pennyblack_gateway_gas_registrations", type: "gauge", unit: "registrations" },
    help: "Registrations that it pays for, as dear as they come, at twice the base fee and a tip; the fee for data of an L2 is not counted. 0 also while the endpoint refuses its transactions for want of money. At 0 no registration is taken, and a commit may not be.",
  },
  openAttempts: {
    ...{ name: "pennyblack_gateway_open_attempts", type: "gauge", unit: "envelopes" },
    help: "Envelopes that were or are being sent and whose fate is not known.",
  },
  active: {
    ...{ name: "pennyblack_gateway_publishes_active", type: "gauge", unit: "envelopes" },
    help: "Envelopes under way.",
  },
  held: {
    ...{ name: "pennyblack_gateway_calls_held", type: "gauge", unit: "calls" },
    help: "Of these, calls that wait for money, nodes or the chain.",
  },
  receipts: {
    ...{ name: "pennyblack_gateway_receipts", type: "gauge", unit: "receipts" },
    help: "Receipts that wait for a final report, or that one contradicts.",
  },
  channelReadAge: {
    ...{ name: "pennyblack_gateway_channel_read_age_seconds", type: "gauge", unit: "seconds" },
    help: "Since the channel was last read from the chain. Absent until it was.",
  },
  chainHead: {
    ...{ name: "pennyblack_gateway_chain_head_block", type: "gauge", unit: "block" },
    help: "The newest block that the endpoint showed, asked twice a minute. Absent until it did.",
  },
  chainHeadAge: {
    ...{ name: "pennyblack_gateway_chain_head_age_seconds", type: "gauge", unit: "seconds" },
    help: "Age of that block by this machine's clock.",
  },
  ledgerProblem: {
    ...{ name: "pennyblack_gateway_ledger_problem", type: "gauge", unit: "0 or 1" },
    help: "Whether the ledger's last step could not be written or flushed: nothing is published then.",
  },
  storeSeconds: {
    ...{ name: "pennyblack_gateway_store_seconds", type: "histogram", unit: "seconds", buckets: QUICK },
    help: "How long the gateway's store took for a call.",
    labels: OPERATION,
  },
  storeFailures: {
    ...{ name: "pennyblack_gateway_store_failures_total", type: "counter", unit: "calls" },
    help: "Calls that the store did not serve.",
    labels: OPERATION,
  },
  databaseBytes: {
    ...{ name: "pennyblack_gateway_database_bytes", type: "gauge", unit: "bytes" },
    help: "SQLite files in dataDirectory, with what was not merged into them yet.",
    labels: { database: "`gateway`" },
  },
  diskFree: {
    ...{ name: "pennyblack_gateway_disk_free_bytes", type: "gauge", unit: "bytes" },
    help: "Free on the disk with dataDirectory.",
  },
  ready: {
    ...{ name: "pennyblack_gateway_ready", type: "gauge", unit: "0 or 1" },
    help: "What /ready says: whether a publish can succeed now.",
  },
  healthy: {
    ...{ name: "pennyblack_gateway_healthy", type: "gauge", unit: "0 or 1" },
    help: "What /health says: whether every loop goes round and the store works.",
  },
  loopAge: {
    ...{ name: "pennyblack_gateway_loop_age_seconds", type: "gauge", unit: "seconds" },
    help: "Since a loop last ended a step, well or not.",
    labels: LOOP,
  },
  loopFailures: {
    ...{ name: "pennyblack_gateway_loop_failures_total", type: "counter", unit: "steps" },
    help: "Steps of a loop that failed. It goes on with the next one.",
    labels: LOOP,
  },
} as const satisfies Record<string, MetricDefinition>;

/** Where the gateway notes what happens. */
export type GatewayRecorder = RecorderOf<typeof GATEWAY_METRICS>;
export type GatewayMetrics = Metrics<typeof GATEWAY_METRICS>;
