import type { ReportSettings } from "../../../src/daemon/reports/openReports.ts";
import type { ReportPeers } from "../../../src/daemon/reports/ports.ts";
import type { TransactionManager } from "../../../src/daemon/transactions/manager.ts";
import type { Clock } from "../../../src/platform/clock.ts";
import type { HttpHandler } from "../../../src/platform/grpcServer.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import type { Rates } from "../../../src/protocol/fees.ts";
import { attestationPublicKey } from "../../../src/protocol/report/bls.ts";
import type { ReportsDomain } from "../../../src/protocol/report/report.ts";
import type { SimNode } from "../node.ts";
import type { SimProcess } from "../process.ts";
import { Random } from "../random.ts";
import type { SimRpc } from "../rpc.ts";
import type { World } from "../world.ts";
import { idOf, simReportPeers } from "./peers.ts";
import { simReportsChain } from "./reportsChain.ts";
import { ROLES, heardFrom, lyingProposals } from "./roles.ts";
import type { Role } from "./roles.ts";
import { ReportRules } from "./rules.ts";

const DOMAIN: ReportsDomain = { chainId: 31_337n, epochReports: "0x00000000000000000000000000000000000000e5" };
const EVERY_MS = 15_000;
const WEIGHT = 10n;

export interface Parts {
  node: SimNode;
  process: SimProcess;
  rpc: SimRpc;
  transactions: TransactionManager;
  clock: Clock;
  rates: Rates;
  retentionDays: number;
}

/** What a network reports with, and who in it lies, in what way. */
export class SimReporting {
  readonly role: Role;
  /** Who plays the role, when it is one node's. */
  readonly culprit: number;
  readonly rules: ReportRules;
  /** Digests of reports that say what never was. */
  readonly lies = new Set<Hex>();
  /** The two halves, while they are cut off from each other. */
  readonly half: ReadonlySet<number>;
  /**
   * Whom an equivocator shows something else: one of three is in the minority and gets the others' copy; with two nobody
   * has a quorum, and what follows is lost.
   */
  readonly misled: readonly number[];
  readonly #keys: ReadonlyMap<number, Uint8Array>;
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World, seed: number, nodeIds: readonly number[], keyOf: (nodeId: number) => Uint8Array) {
    this.#world = world;
    // A sequence of its own: what goes wrong otherwise is the same with and without reports.
    this.#random = new Random(seed + 0x5eed);
    this.role = ROLES[Math.floor(seed / 4) % ROLES.length]!;
    this.culprit = this.#random.pick(nodeIds);
    const shuffled = [...nodeIds].sort(() => this.#random.unit() - 0.5);
    this.half = new Set(shuffled.slice(0, nodeIds.length / 2));
    this.misled = shuffled.filter((nodeId) => nodeId !== this.culprit).slice(0, this.#random.between(1, 2));
    this.#keys = new Map(nodeIds.map((nodeId) => [nodeId, keyOf(nodeId)]));
    const seats = nodeIds.map((nodeId) => {
      return { nodeId, weight: WEIGHT, attestationKey: attestationPublicKey(this.#keys.get(nodeId)!) };
    });
    this.rules = new ReportRules({ version: 1n, seats }, DOMAIN);
  }

  isHonest(nodeId: number): boolean {
    return this.role === "honest" || this.role === "split" || nodeId !== this.culprit;
  }

  /** Whether a node serves nobody, its own log included, at the moment. */
  isWithheld(nodeId: number): boolean {
    return this.role === "withholder" && nodeId === this.culprit && !this.#world.isCalm;
  }

  /** What a daemon reports with; undefined for one that takes no part. */
  settingsFor({ node, process, rpc, transactions, clock, rates, retentionDays }: Parts): ReportSettings | undefined {
    const { nodeId } = node;
    if (this.role === "absent" && nodeId === this.culprit) return undefined;
    const attestationKey = this.#keys.get(nodeId)!;
    const { chain } = this.#world;
    const peers = this.#peersOf(nodeId);
    const isLiar = this.role === "liar" && nodeId === this.culprit;
    const reportsChain = simReportsChain({ chain, rules: this.rules, rpc, transactions, rates, retentionDays, clock });
    const note = (digest: Hex) => void this.lies.add(digest);
    const lying = { nodeId, domain: DOMAIN, seats: this.rules.seats, attestationKey, chain: reportsChain, note };
    const own = isLiar ? lyingProposals(peers, lying) : peers;
    return {
      ...{ domain: DOMAIN, attestationKey, everyMs: EVERY_MS },
      chain: reportsChain,
      peers: process.seen(own),
      logs: process.seen({
        read: async (httpAddress: string, page: { originatorId: number; after: bigint; limit: number }) => {
          const to = idOf(httpAddress);
          await this.#world.travel(nodeId, to, this.#random);
          const isServed = this.role !== "absent" || to !== this.culprit;
          if (!isServed || this.isWithheld(to)) throw new Error("it does not serve");
          const entries = await this.#world.nodeOf(to).read(page.originatorId, page.after, page.limit);
          return entries.map(({ envelope }) => envelope);
        },
      }),
      keys: {
        isSigned: async ({ originatorId, unsigned }) => this.#world.nodeOf(originatorId).hasIssued(unsigned),
      },
    };
  }

  #peersOf(from: number): ReportPeers {
    const reach = async (httpAddress: string): Promise<HttpHandler> => {
      const to = idOf(httpAddress);
      await this.#world.travel(from, to, this.#random);
      return this.#world.nodeOf(to).running!.daemon.handler;
    };
    const honest = simReportPeers(from, reach);
    const heard = (httpAddress: string): ReportPeers => {
      const to = idOf(httpAddress);
      const isQuiet = this.role === "withholder" && this.#world.isCalm;
      if (to !== this.culprit || isQuiet) return honest;
      return heardFrom(this.role, honest, this.#keys.get(to)!);
    };
    return {
      ask: (at, ...rest) => heard(at).ask(at, ...rest),
      propose: (at, ...rest) => heard(at).propose(at, ...rest),
      vouchers: (at, ...rest) => heard(at).vouchers(at, ...rest),
      contents: (at, ...rest) => heard(at).contents(at, ...rest),
    };
  }

  /** What the role does at its time, besides what it says. */
  begin(): void {
    const { culprit, role } = this;
    if (role === "equivocator") this.#world.nodeOf(culprit).equivocate(this.misled);
    if (role === "split") this.#world.cutOff = new Set(this.half);
    this.#world.note("reports", role, culprit, role === "equivocator" ? this.misled.join() : "");
  }
}
