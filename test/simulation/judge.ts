import type { Account } from "../../src/daemon/ports.ts";
import type { Intent } from "../../src/daemon/transactions/ports.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { fastRecoverAddress } from "../../src/platform/fastEcdsa.ts";
import { readPayerEnvelope } from "../../src/protocol/envelope.ts";
import { PICO_PER_UNIT, picoToUnitsUp, unitsToPico } from "../../src/protocol/units.ts";
import { FINAL_DEPTH, TIP } from "./chain.ts";
import type { SimPayer } from "./payer.ts";
import { judgeReports } from "./reports/judgeReports.ts";
import type { SimOperator, World } from "./world.ts";
import { EXPOSURE_CAP, NODE_IDS } from "./world.ts";

const MOST_INTENTS = 10_000;
const NEW_MS = 30_000;
/** Blocks in which a daemon that looks every few seconds has seen that another one is final. */
const LOOKS_LATE = 10;
/** What a node lends one channel between two rounds of gossip, whatever its headroom. */
const LEAST_SHARE = 10_000n;
const GREEDY_HEADROOM = 20_000n;
/** Who leaves with less than twice what it costs to settle need not be settled. */
const NOT_WORTH_ITS_GAS = 10_000n;

/** Everything that must hold when the world has been calm for a while. Each broken rule in a sentence. */
export async function judge(world: World): Promise<string[]> {
  const problems: string[] = [];
  const check = (holds: boolean, problem: string) => void (holds || problems.push(problem));
  const used = usageOf(world);
  const waiting = new Map<Address, number>();
  for (const operator of world.operators) {
    judgeLog(world, operator, check);
    await judgeLedger(world, operator, used, check);
    await judgeIntents(world, operator, waiting, check);
  }
  for (const payer of world.payers) await judgePayer(world, payer, used.get(payer.channel) ?? 0n, check);
  const stuck = [...world.chain.pool.values()].filter(({ from, nonce }) => nonce < (waiting.get(from) ?? Infinity));
  check(stuck.length === 0, `D5: ${stuck.length} transactions are stuck in the pool`);
  await judgeReports(world, check);
  return problems;
}

type Check = (holds: boolean, problem: string) => void;

/** From the originators' own logs, each (payer, payer digest) once, without any code of the meter's. */
function usageOf(world: World): Map<Address, bigint> {
  const seen = new Set<string>();
  const used = new Map<Address, bigint>();
  for (const { node } of world.operators) {
    for (const { key } of node.entries(node.nodeId)) {
      if (seen.has(key)) continue;
      seen.add(key);
      const channel = key.split(":")[0] as Address;
      used.set(channel, (used.get(channel) ?? 0n) + world.feePicoAt(node.nodeId));
    }
  }
  return used;
}

/** D1: what a node acknowledged is in its log, and reached every other one. */
function judgeLog({ payers, operators }: World, { node }: SimOperator, check: Check): void {
  const own = node.entries(node.nodeId);
  const keys = new Set(own.map(({ key }) => key));
  for (const { accepted, channel } of payers) {
    for (const { nodeId, envelope } of accepted) {
      if (nodeId !== node.nodeId) continue;
      const { digest } = readPayerEnvelope(envelope, fastRecoverAddress);
      const key = `${channel}:${Buffer.from(digest).toString("hex")}`;
      check(keys.has(key), `D1: node ${nodeId} acknowledged ${key} and does not have it`);
    }
  }
  for (const other of operators) {
    const copy = other.node.entries(node.nodeId);
    check(
      copy.length === own.length,
      `node ${other.node.nodeId} has ${copy.length} of ${own.length} of ${node.nodeId}`,
    );
  }
}

/** D2, D6, D10: every ledger says what a recount of the logs and the chain say. */
async function judgeLedger(
  { chain, payers }: World,
  { node, store }: SimOperator,
  used: ReadonlyMap<Address, bigint>,
  check: Check,
): Promise<void> {
  for (const { channel, accepted, kind } of payers) {
    const who = `node ${node.nodeId}'s ledger of the ${kind} payer`;
    const account: Account | undefined = await store.ledger.account(channel);
    const onChain = chain.head.state.channels.get(channel);
    if (!account) {
      check(onChain === undefined && accepted.length === 0, `D10: ${who} does not exist`);
      continue;
    }
    const usage = used.get(channel) ?? 0n;
    check(account.usagePico === usage, `D2: ${who} says ${account.usagePico} was used, the logs ${usage}`);
    for (const name of ["deposited", "feesSpent", "pendingWithdrawal"] as const) {
      const [mine, theirs] = [account.chain[name], onChain?.[name] ?? 0n];
      check(mine === theirs, `D6: ${who} says ${name} ${mine}, the chain ${theirs}`);
    }
    const shown = accepted.reduce(
      (most, { fees, nodeId }) => (nodeId === node.nodeId && fees > most ? fees : most),
      0n,
    );
    const known = account.vouchers?.fees.fees ?? 0n;
    check(known >= shown, `D1: ${who} has a voucher of ${known}, it took one of ${shown}`);
  }
}

/**
 * D5: one intent per nonce, and nothing left half done. What the price keeps out of a block, and what stands behind it, may
 * wait (case 51): burning gas on it would be the fault, and whether its work was done all the same is asked by I9.
 */
async function judgeIntents(
  { chain, clock }: World,
  { node, store }: SimOperator,
  waiting: Map<Address, number>,
  check: Check,
): Promise<void> {
  const intents = await store.intents.recent(MOST_INTENTS);
  for (const intent of intents) {
    const { from, nonce, outcome, mined, createdAt } = intent;
    // What a daemon sends in the last seconds, as it does about reports for ever, cannot be mined yet.
    const isNew = clock.now() - createdAt < NEW_MS;
    const isOut = outcome === undefined && !mined && (isNew || isPricedOut(intent, chain.baseFee + TIP));
    if (isOut) waiting.set(from, Math.min(nonce, waiting.get(from) ?? Infinity));
  }
  const nonces = new Set<string>();
  for (const { from, nonce, outcome, kind, mined } of intents) {
    const id = `${from}/${nonce}`;
    if (outcome === "replaced") continue;
    check(!nonces.has(id), `D5: node ${node.nodeId} has two intents of ${id}`);
    nonces.add(id);
    if (nonce >= (waiting.get(from) ?? Infinity)) continue;
    const isMined = nonce < (chain.head.state.nonces.get(from) ?? 0);
    check(isMined, `D5: node ${node.nodeId}'s ${kind} of nonce ${nonce} was never mined`);
    // Mined so late that its block is not final, or has become so since the daemon last looked.
    const isFresh = mined !== undefined && chain.head.number - mined.blockNumber < BigInt(FINAL_DEPTH + LOOKS_LATE);
    check(outcome !== undefined || isFresh, `D7: node ${node.nodeId}'s ${kind} of nonce ${nonce} has no outcome`);
  }
}

/** Below the price as it was sent last, and nothing that a pool would take in its place is within the budget. */
function isPricedOut({ budgetWei, gasLimit, attempts }: Intent, price: bigint): boolean {
  const last = attempts.at(-1)?.maxFeePerGas ?? 0n;
  const cap = budgetWei / gasLimit;
  return last < price && (cap < price || last * 9n > cap * 8n);
}

/** I4 and what nodes lost; D9 and I8 for those who left. */
async function judgePayer(world: World, payer: SimPayer, usage: bigint, check: Check) {
  const { chain, operators } = world;
  const { channel, kind, signed } = payer;
  const state = chain.head.state.channels.get(channel);
  if (!state) return;
  const who = `the ${kind} payer`;
  const { feesSpent, deposited } = state;
  check(feesSpent <= signed, `I4: ${who} signed for ${signed} and was charged ${feesSpent}`);
  const accounts = await Promise.all(operators.map(({ store }) => store.ledger.account(channel)));
  const largest = accounts.reduce((most, account) => {
    const fees = account?.vouchers?.fees.fees ?? 0n;
    return fees > most ? fees : most;
  }, 0n);
  const collectable = largest < deposited ? largest : deposited;
  const isWithdrawn = payer.withdrawalAskedAt !== undefined;
  if (!isWithdrawn) check(feesSpent === collectable, `I9: ${who} owes ${collectable}, ${feesSpent} was collected`);
  const lostPico = usage - unitsToPico(feesSpent);
  const most = unitsToPico(mayLose(payer, operators, deposited, picoToUnitsUp(world.feePicoAt(NODE_IDS.at(-1)!))));
  check(
    lostPico <= most,
    `D4, D9: nodes lost ${lostPico / PICO_PER_UNIT} units by ${who}, at most ${most / PICO_PER_UNIT}`,
  );
}

/** What all nodes together may carry unpaid. A process that starts anew has forgotten what it lent. */
function mayLose(
  { kind, signed, depositWasDropped }: SimPayer,
  operators: readonly SimOperator[],
  deposited: bigint,
  fee: bigint,
): bigint {
  // A deposit that the chain took back after it was safe backs nothing.
  if (depositWasDropped) return EXPOSURE_CAP * BigInt(NODE_IDS.length);
  const lenders = operators.reduce((sum, { restarts }) => sum + 1n + BigInt(restarts), 0n);
  if (kind === "leaver") return NOT_WORTH_ITS_GAS;
  // The end of a deposit is a headroom that everybody lends, whoever the payer is.
  if (kind === "greedy" || signed > deposited)
    return lenders * (LEAST_SHARE + GREEDY_HEADROOM / BigInt(NODE_IDS.length) + fee);
  return fee;
}
