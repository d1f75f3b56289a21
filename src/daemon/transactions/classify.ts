/** What an endpoint meant by not taking a transaction. */
export type Refusal =
  | "known"
  | "nonceTooLow"
  | "nonceTooHigh"
  | "replacementUnderpriced"
  | "underpriced"
  | "noMoney"
  | "poolFull"
  /** Anything else, an answer that was lost included. */
  | "unknown";

/**
 * What clients say, in lower case: geth, Nethermind (in names until 2026, in geth's words since), Besu, Erigon, Reth,
 * Hardhat and anvil. The order matters: what is said of a replacement has words of the others in it.
 */
const WORDS: [Refusal, RegExp][] = [
  [
    "replacementUnderpriced",
    /replacement transaction underpriced|replacement fee too low|could not replace existing|replacementnotallowed|future transaction tries to replace/,
  ],
  [
    "known",
    /already known|alreadyknown|known transaction|already imported|(tx|txn|transaction) with (the )?same hash|ownnoncealreadyused|already in (the )?(mem)?pool/,
  ],
  ["nonceTooLow", /nonce (is )?too low|oldnonce|nonce has already been used|invalid transaction nonce|(^|: )mined$/],
  [
    "nonceTooHigh",
    /nonce (is )?too high|noncegap|nonce gap|too (far in (the )?future|distant from)|noncetoofarinfuture|lower nonce exists/,
  ],
  [
    "noMoney",
    /insufficient (funds|balance)|insufficientfunds|upfront cost exceeds|enough funds|would cause overdraft|not enough funds/,
  ],
  ["poolFull", /pool is full|txpool (is )?full|sub-pool is full|queue full|account limit exceeded/],
  [
    "underpriced",
    /underpriced|feetoolow|fee too low|gas ?price (is )?(too low|below)|less than block base fee|is too low for the next block|below configured minimum|below current base fee|effectivepriorityfeepergas too low/,
  ],
];

/** ethers' codes, and Besu's numbers, which it keeps one for each. */
const CODES = new Map<unknown, Refusal>([
  ["NONCE_EXPIRED", "nonceTooLow"],
  ["REPLACEMENT_UNDERPRICED", "replacementUnderpriced"],
  ["INSUFFICIENT_FUNDS", "noMoney"],
  [-32001, "nonceTooLow"],
  [-32004, "noMoney"],
  [-32009, "underpriced"],
]);

const MOST_DEPTH = 5;

/**
 * Reads a refusal from the words first and from codes after that: Besu's numbers mean other things elsewhere, and ethers
 * derives its own from a few clients' words. It is a hint for when to try again and never decides what became of a
 * transaction: the chain is asked for that.
 */
export function refusalOf(error: unknown): Refusal {
  const words: string[] = [];
  const codes: unknown[] = [];
  collect(error, { words, codes }, 0);
  for (const [refusal, pattern] of WORDS) if (words.some((said) => pattern.test(said))) return refusal;
  for (const code of codes) {
    const refusal = CODES.get(code);
    if (refusal) return refusal;
  }
  return "unknown";
}

/** Messages and codes, wherever a library has wrapped them. */
function collect(error: unknown, into: { words: string[]; codes: unknown[] }, depth: number): void {
  if (typeof error === "string") into.words.push(error.toLowerCase());
  if (depth > MOST_DEPTH || typeof error !== "object" || error === null) return;
  const fields = error as Record<string, unknown>;
  into.codes.push(fields.code);
  for (const key of ["message", "shortMessage", "details"]) {
    const said = fields[key];
    if (typeof said === "string") into.words.push(said.toLowerCase());
  }
  for (const key of ["error", "info", "data", "cause"]) collect(fields[key], into, depth + 1);
}
