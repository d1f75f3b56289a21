/** Bounds of a gateway. Each exists so that no caller, node or chain can make it grow or wait without end. */
export interface GatewayLimits {
  /** How long a call waits for money, nodes or the chain; clients give up after 120 s. */
  holdSeconds: number;
  /** Envelopes of one call. */
  mostEnvelopes: number;
  /** Calls being served at once, those on hold included. */
  mostCalls: number;
  /** Calls on hold at once. */
  mostHeld: number;
  /** Chain transactions being sent at once. */
  mostTransactions: number;
  /** One request to a node. */
  nodeTimeoutMs: number;
  /** The app's own check of who sends a call. */
  authenticateTimeoutMs: number;
  /** One read of the chain. */
  chainTimeoutMs: number;
  /** A transaction until its receipt. */
  transactionTimeoutMs: number;
  /** Same bytes to the same node while nobody knows whether it stored them. */
  unknownFateMs: number;
  /** How long one node may lag behind another before it is no longer listed. */
  lateNodeMs: number;
  /** How long a node that misbehaves is left out. */
  dropNodeMs: number;
  registryEveryMs: number;
  healthEveryMs: number;
  channelEveryMs: number;
  ratesEveryMs: number;
  /** How often it is looked at for how long the money lasts. */
  balanceEveryMs: number;
  resolveEveryMs: number;
  /** How long a retried envelope gets its stored answer. */
  answersKeptMs: number;
  /** Receipts on disk, about a kilobyte each; when more than half as many are kept, only some new ones are. */
  mostReceipts: number;
  /** How long a receipt waits for a report that covers it. */
  receiptsKeptMs: number;
  /** How long the spend report has names; older days are added up. */
  spendKeptDays: number;
  /** How often receipts are held against final reports. */
  proveEveryMs: number;
  /** Daemons that are asked for one report or one proof. */
  mostServers: number;
  /** How long a node's word that it did not store an envelope is verified at other nodes. */
  verifyRefusedMs: number;
  /** Pages of 100, and time, that one search of the nodes' logs for usage may take; the next one goes on from there. */
  mostAuditPages: number;
  auditMs: number;
  /** Pages of 100 that a look-up by topic reads. */
  mostLookupPages: number;
  /** How long `close` waits for calls in flight. */
  drainMs: number;
  /** How far a receipt's time may be from ours. */
  clockSkewMs: number;
  /** On a store that several processes share: how often a process says that it lives. */
  tendEveryMs: number;
  /** After its last word others leave alone what it has in hand for so long, */
  leaseMs: number;
  /** and so much longer: what it had sent by then has arrived, or never will. More than `nodeTimeoutMs`. */
  graceMs: number;
}

export const DEFAULT_LIMITS: GatewayLimits = {
  holdSeconds: 100,
  mostEnvelopes: 100,
  mostCalls: 2_000,
  mostHeld: 1_000,
  mostTransactions: 64,
  nodeTimeoutMs: 5_000,
  authenticateTimeoutMs: 5_000,
  chainTimeoutMs: 5_000,
  transactionTimeoutMs: 60_000,
  unknownFateMs: 20_000,
  lateNodeMs: 5_000,
  dropNodeMs: 600_000,
  registryEveryMs: 5_000,
  healthEveryMs: 1_000,
  channelEveryMs: 1_000,
  ratesEveryMs: 30_000,
  balanceEveryMs: 30_000,
  resolveEveryMs: 5_000,
  answersKeptMs: 86_400_000,
  mostReceipts: 200_000,
  receiptsKeptMs: 30 * 86_400_000,
  spendKeptDays: 400,
  proveEveryMs: 600_000,
  mostServers: 6,
  verifyRefusedMs: 60_000,
  mostAuditPages: 1_000,
  auditMs: 30_000,
  mostLookupPages: 100,
  drainMs: 10_000,
  clockSkewMs: 600_000,
  tendEveryMs: 2_000,
  leaseMs: 15_000,
  graceMs: 10_000,
};
