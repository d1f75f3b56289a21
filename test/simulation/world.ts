import { silentLog } from "../../src/platform/log.ts";
import { localSigner } from "../../src/platform/keys/localSigner.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import type { DaemonStore, GossipTransport } from "../../src/daemon/ports.ts";
import { openStore } from "../../src/daemon/store/openStore.ts";
import { TransactionManager } from "../../src/daemon/transactions/manager.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import { readPayerEnvelope } from "../../src/protocol/envelope.ts";
import type { Rates } from "../../src/protocol/fees.ts";
import { baseFeePico } from "../../src/protocol/fees.ts";
import type { PostageDomain } from "../../src/protocol/voucher.ts";
import { RETENTION_DAYS, payerEnvelope } from "../support/envelopes.ts";
import { BLOCK_SECONDS, SimChain, USUAL_BASE_FEE } from "./chain.ts";
import { hasEffect, simDaemonChain } from "./daemonChain.ts";
import type { DiskFaults } from "./disk.ts";
import { faultyDisk } from "./disk.ts";
import { SimNode } from "./node.ts";
import type { PayerKind } from "./payer.ts";
import { SimPayer } from "./payer.ts";
import { SimProcess } from "./process.ts";
import { Random } from "./random.ts";
import { idOf } from "./reports/peers.ts";
import { SimReporting } from "./reports/reporting.ts";
import type { RpcFaults } from "./rpc.ts";
import { SimRpc } from "./rpc.ts";
import { VirtualClock } from "./virtualClock.ts";

export const NODE_IDS = [100, 200, 300, 400];
const KINDS: PayerKind[] = ["steady", "steady", "greedy", "leaver", "miser"];
const USD = 1_000_000n;
export const EXPOSURE_CAP = (15n * USD) / 100n;
const POLICY = { maxGasBps: 200n, nativeTokenPrice: 400n * USD, exposureCap: EXPOSURE_CAP };
const RATES: Rates = {
  ...{ messageFeePico: 997_000_000n, storageFeePico: 200n, congestionFeePico: 300n },
  ...{ targetRatePerMinute: 6_000n, startAt: 0n },
};
const ETHER = 10n ** 18n;
const DOMAIN: PostageDomain = { chainId: 31_337n, postageChannels: "0x00000000000000000000000000000000000000aa" };
const STARTS_AT = Date.UTC(2026, 0, 1);

const ROUGH_RPC: RpcFaults = { failureChance: 0.02, mostDelayMs: 200, mostLag: 2, omitChance: 0.01 };
const CALM_RPC: RpcFaults = { failureChance: 0, mostDelayMs: 20, mostLag: 0, omitChance: 0 };
const ROUGH_DISK: DiskFaults = { refuseChance: 0.01, loseAnswerChance: 0.01 };

const FEES = new Map(
  NODE_IDS.map((nodeId) => {
    const { canonicalSize } = readPayerEnvelope(payerEnvelope(0, nodeId, keyOf(0, 0)));
    return [nodeId, baseFeePico(RATES, canonicalSize, RETENTION_DAYS)];
  }),
);

/** One operator: what survives its process, and what the process is given. */
export class SimOperator {
  readonly node: SimNode;
  readonly store: DaemonStore;
  readonly rpcs: readonly SimRpc[];
  readonly disk: DiskFaults;
  restarts = 0;

  constructor(node: SimNode, store: DaemonStore, rpcs: readonly SimRpc[], disk: DiskFaults) {
    this.node = node;
    this.store = store;
    this.rpcs = rpcs;
    this.disk = disk;
  }
}

/** Operators, payers and a chain that has its bad days, all from one seed. */
export class World {
  readonly clock = new VirtualClock(STARTS_AT);
  readonly random: Random;
  readonly chain: SimChain;
  readonly operators: SimOperator[] = [];
  readonly payers: SimPayer[] = [];
  /** What happened, for a comparison of two runs. */
  readonly trace: string[] = [];
  /** Operators that cannot reach each other: those in it from those that are not. */
  cutOff = new Set<number>();
  isCalm = false;
  /** Unix milliseconds. */
  calmSince = Infinity;
  /** Without it nobody reports. */
  readonly reporting: SimReporting | undefined;

  private constructor(seed: number, hasReports: boolean) {
    this.random = new Random(seed);
    const wei = new Map<Address, bigint>(
      NODE_IDS.flatMap((id) => [keyOf(id, 1), keyOf(id, 2)]).map((key) => [addressOf(key), 10n * ETHER]),
    );
    this.chain = new SimChain(DOMAIN, NODE_IDS, this.clock, wei);
    if (hasReports) this.reporting = new SimReporting(this, seed, NODE_IDS, (nodeId) => keyOf(nodeId, 4));
    this.chain.reportRules = this.reporting?.rules;
  }

  nodeOf(nodeId: number): SimNode {
    return this.operators[NODE_IDS.indexOf(nodeId)]!.node;
  }

  /** Of one message to a node: the larger ids take a byte more. */
  feePicoAt(nodeId: number): bigint {
    return FEES.get(nodeId)!;
  }

  static async open(seed: number, hasReports: boolean): Promise<World> {
    const world = new World(seed, hasReports);
    for (const nodeId of NODE_IDS) world.operators.push(await world.#operator(nodeId));
    const nodes = world.operators.map(({ node }) => node);
    for (const [i, kind] of KINDS.entries()) {
      const { chain, clock } = world;
      const feePico = world.feePicoAt(NODE_IDS.at(-1)!);
      const options = { kind, key: keyOf(i, 3), domain: DOMAIN, chain, clock, nodes, feePico };
      world.payers.push(
        new SimPayer({
          ...options,
          random: world.random.fork(),
          deposit: BigInt(world.random.between(50_000, 1_000_000)),
        }),
      );
    }
    return world;
  }

  note(...what: unknown[]): void {
    this.trace.push([this.clock.now() - STARTS_AT, ...what].join(" "));
  }

  async close(): Promise<void> {
    for (const { node, store } of this.operators) {
      node.running?.process.kill();
      await store.close();
    }
  }

  async #operator(nodeId: number): Promise<SimOperator> {
    const { chain, clock, random } = this;
    const node = new SimNode(nodeId, clock, random.fork());
    const store = await openStore({ at: ":memory:", domain: DOMAIN, nodeId, clock, log: silentLog });
    const rpc = (name: string) => new SimRpc(`${name} of ${nodeId}`, chain, clock, random.fork(), { ...ROUGH_RPC });
    return new SimOperator(node, store, [rpc("first"), rpc("second")], { ...ROUGH_DISK });
  }

  /** Starts an operator's process over what is on its disk. */
  boot(operator: SimOperator): void {
    const { node, rpcs, disk } = operator;
    const { nodeId } = node;
    const process = new SimProcess();
    const random = this.random.fork();
    const store = this.#storeOf(operator, process, random, disk);
    const clock = process.seen(this.clock);
    const endpoints = rpcs.map((rpc) => process.seen(rpc));
    const transactions = new TransactionManager({
      ...{ chain: endpoints[0]!, chainId: DOMAIN.chainId, store: store.intents, leadership: store.leadership },
      ...{ holder: `${nodeId}/${operator.restarts}`, leaseMs: 30_000, reserveWei: ETHER, hasEffect, clock },
      signers: { routine: localSigner(keyOf(nodeId, 1)), deadline: localSigner(keyOf(nodeId, 2)) },
      ...{ log: silentLog, pollingMs: 2_000 },
    });
    const chain = simDaemonChain({
      ...{
        chain: this.chain,
        endpoints,
        transactions,
        domain: DOMAIN,
        rates: RATES,
        retentionDays: RETENTION_DAYS,
        clock,
      },
    });
    const parts = {
      node,
      process,
      rpc: endpoints[0]!,
      transactions,
      clock,
      rates: RATES,
      retentionDays: RETENTION_DAYS,
    };
    const reports = this.reporting?.settingsFor(parts);
    const daemon = new Daemon({
      ...{ nodeId, domain: DOMAIN, deploymentBlock: 0n, policy: POLICY, operatorPort: undefined },
      intervalsMs: { watch: 4_000, gossip: 5_000, settle: 15_000 },
      ...{ staleHeadMs: 60_000, termsEveryMs: 60_000, reconcileEveryMs: 120_000 },
      ...{ store, chain, transactions, envelopeLog: process.seen<SimNode>(node), clock, log: silentLog },
      isCaughtUp: () => node.isCaughtUp,
      transport: process.seen(this.#transport(nodeId)),
      ...(reports ? { reports } : {}),
    });
    node.restart();
    node.running = { process, daemon };
    this.note("boot", nodeId);
    daemon.start().catch((error: unknown) => this.note("cannot start", nodeId, error));
  }

  kill(operator: SimOperator): void {
    operator.node.running?.process.kill();
    operator.node.running = undefined;
    operator.restarts++;
    this.note("kill", operator.node.nodeId);
  }

  #storeOf({ store }: SimOperator, process: SimProcess, random: Random, disk: DiskFaults): DaemonStore {
    const faulty = <T extends object>(part: T, writes: readonly (keyof T)[]) =>
      process.seen(faultyDisk(part, writes, random, disk));
    return {
      ledger: faulty(store.ledger, ["raise", "meter", "recordChain", "raiseHighWater"]),
      intents: faulty(store.intents, ["begin", "addAttempt", "setMined", "finish"]),
      leadership: faulty(store.leadership, ["hold"]),
      evidence: process.seen(store.evidence),
      holdings: store.holdings,
      reports: process.seen(store.reports),
      stamps: process.seen(store.stamps),
      isShared: store.isShared,
      close: async () => {},
    };
  }

  #transport(from: number): GossipTransport {
    return {
      send: async (httpAddress, rows) => {
        const to = idOf(httpAddress);
        await this.travel(from, to, this.random);
        await this.nodeOf(to).running!.daemon.receiveVouchers(rows);
      },
    };
  }

  /** On the way from one node to another. Rejects when it does not arrive. */
  async travel(from: number, to: number, random: Random): Promise<void> {
    await this.clock.sleep(random.between(1, 100));
    const isLost = !this.nodeOf(to).running || !this.isLinked(from, to) || (!this.isCalm && random.chance(0.05));
    if (isLost) throw new Error("unreachable");
  }

  isLinked(a: number, b: number): boolean {
    return this.cutOff.has(a) === this.cutOff.has(b);
  }

  /** From now on nothing goes wrong any more. */
  calm(): void {
    this.isCalm = true;
    this.calmSince = this.clock.now();
    this.cutOff = new Set();
    for (const operator of this.operators) {
      operator.node.isSettled = true;
      for (const rpc of operator.rpcs) Object.assign(rpc, { faults: { ...CALM_RPC }, isDown: false });
      Object.assign(operator.disk, { refuseChance: 0, loseAnswerChance: 0 });
      if (!operator.node.running) this.boot(operator);
    }
  }

  /** Calls back again and again, at times that differ a little. */
  every(ms: number, step: (random: Random) => void): void {
    const random = this.random.fork();
    const next = () => {
      step(random);
      this.clock.at(this.clock.now() + random.between(ms * 0.8, ms * 1.2), next);
    };
    this.clock.at(this.clock.now() + ms, next);
  }

  mineRegularly(): void {
    this.every(BLOCK_SECONDS * 1_000, (random) => {
      this.chain.mine(random);
      if (this.isCalm) this.chain.baseFee = USUAL_BASE_FEE;
      else this.chain.drift(random);
    });
  }
}

function keyOf(id: number, use: number): Uint8Array {
  const key = new Uint8Array(32).fill(use + 1);
  new DataView(key.buffer).setUint32(28, id + 1);
  return key;
}
