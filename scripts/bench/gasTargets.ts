/** What the figures have to stay under and what they are printed beside. */

/** The most gas that each figure may cost: assurance.md section 6. */
export const TARGETS: Record<string, number> = {
  "settle.gasPerRow.100": 10_600,
  "settle.gasPerRow.1000": 10_300,
  "settle.calldataPerRow": 80,
  "deposit.known": 65_313,
  "deposit.new": 82_413,
  "deposit.permit": 86_613,
  claim: 60_000,
  "report.seats21": 230_000,
  "report.seats90absent10": 255_000,
  "report.perAnnouncement": 32_000,
  "identity.register": 520_000,
  "identity.ed25519ph": 240_000,
};

/**
 * Targets that are not reached yet, each with the reason. They are printed, the snapshot keeps them from getting worse,
 * and one that is reached has to leave this list: until then the check fails.
 */
export const NOT_REACHED: Record<string, string> = {};

/** One ECDSA check and one sparse slot: 3,000 ecrecover, 1,024 signature bytes, 5,000 slot, the rest arithmetic. */
export const FLOOR_PER_ROW = 9_710;

/** Measured on a local EVM from each peer's own sources, whole transaction over rows; peers.md. */
export const PEERS: { name: string; signed: boolean; gasPerRow: Record<string, number>; calldata?: number }[] = [
  {
    name: "XMTP report + settle",
    signed: false,
    gasPerRow: { 1: 586_000, 10: 69_800, 50: 23_800, 100: 18_100 },
    calldata: 144,
  },
  {
    name: "x402 batch settlement",
    signed: true,
    gasPerRow: { 1: 46_041, 10: 21_717, 50: 19_594, 100: 19_341 },
    calldata: 481,
  },
  { name: "Orchid", signed: true, gasPerRow: { 1: 68_798, 10: 39_755, 50: 37_174, 100: 36_851 }, calldata: 194 },
  { name: "Swarm chequebook", signed: true, gasPerRow: { 1: 69_061, 10: 47_401, 50: 44_944 }, calldata: 229 },
  { name: "Filecoin Pay", signed: false, gasPerRow: { 1: 94_426, 10: 61_505, 50: 58_447, 100: 58_070 }, calldata: 33 },
  {
    name: "The Graph (GraphTally)",
    signed: true,
    gasPerRow: { 1: 155_843, 10: 94_574, 50: 89_108, 100: 88_446 },
    calldata: 609,
  },
  { name: "Livepeer", signed: true, gasPerRow: { 1: 200_605, 10: 109_370, 50: 95_280, 100: 93_646 }, calldata: 546 },
];

/** XMTP's own transactions that do what ours do. */
export const XMTP: Record<string, number> = {
  "deposit.known": 65_313,
  "deposit.new": 82_413,
  "deposit.permit": 86_613,
  "withdrawal.request": 37_624,
  claim: 115_662,
};

/**
 * How far a figure may be from the snapshot, either way. Runs on one build agree to the unit; the compiler may order
 * things differently on another machine only if its version differs, and the lock holds that.
 */
export const TOLERANCE = 0.001;
