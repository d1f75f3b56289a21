import type { RegisteredNode, SigningKey } from "../../../src/client/ports.ts";
import type { ContradictionClaim, ReportsChain, ReportServers } from "../../../src/client/receipts/ports.ts";
import { ReportLibrary } from "../../../src/client/receipts/reportLibrary.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { payerEnvelopeHash, readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import type { LogEntry, LogRange } from "../../../src/protocol/report/leaves.ts";
import { logsTree, rangeTree } from "../../../src/protocol/report/leaves.ts";
import { proveEntry } from "../../../src/protocol/report/logProofs.ts";
import type { Report } from "../../../src/protocol/report/report.ts";
import { NO_PARENT, reportDigest } from "../../../src/protocol/report/report.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { keyOfNode, signedEnvelope } from "./support.ts";

const ZERO: Hex = `0x${"00".repeat(32)}`;
export const NEVER = new AbortController().signal;
export const DOMAIN = { chainId: 31337n, epochReports: `0x${"e9".repeat(20)}` } as const;

/** What a report says of one originator's log. */
export interface LogPart {
  first: bigint;
  last: bigint;
  entries: LogEntry[];
}

/** The hash of what `signedEnvelope` signs. */
export function hashAt(originatorId: number, sequenceId: bigint): Hex {
  const { payerEnvelope } = readOriginatorEnvelope(signedEnvelope(originatorId, sequenceId));
  return toHex(payerEnvelopeHash(payerEnvelope));
}

/** A part of a log as an honest node has it, with these ids. */
export function honestPart(originatorId: number, first: bigint, last: bigint, ids: readonly bigint[]): LogPart {
  return {
    ...{ first, last },
    entries: ids.map((id) => ({ sequenceId: id, payerEnvelopeHash: hashAt(originatorId, id) })),
  };
}

interface Made {
  digest: Hex;
  report: Report;
  ranges: LogRange[];
  entries: Map<number, LogEntry[]>;
}

/** A chain of reports over trees, and nodes that serve them. */
export class FakeReports {
  readonly made: Made[] = [];
  readonly clock = new ManualClock();
  seats = [100, 200, 300];
  signersOf = new Map<Hex, bigint>();
  /** How many of the reports are final. */
  finalCount = 0;
  time = 1_000_000n;
  keys = new Map<string, SigningKey>();
  claims: ContradictionClaim[] = [];
  judges = true;
  chainIsDown = false;
  /** Every question to a node, `node what`. */
  asked: string[] = [];
  /** What a node answers instead. */
  liars = new Map<number, Partial<ReportServers>>();

  constructor() {
    for (const id of this.seats) {
      this.keys.set(`${id}:${addressOf(keyOfNode(id))}`, { retiredAt: undefined, takenUntil: undefined });
    }
  }

  /** The next report, signed by all seats unless told, and final. */
  add(parts: Record<number, LogPart>, signers = (1n << BigInt(this.seats.length)) - 1n, changes: Partial<Report> = {}) {
    const entries = new Map(Object.entries(parts).map(([id, part]) => [Number(id), part.entries]));
    const ranges = Object.entries(parts).map(([id, { first, last, entries: own }]): LogRange => {
      const minutes = { firstMinute: 0, lastMinute: 0 };
      const places = { originatorId: Number(id), firstSequenceId: first, lastSequenceId: last };
      return { ...places, ...minutes, count: BigInt(own.length), root: rangeTree(own).root };
    });
    const report: Report = {
      ...{ shard: 0, epoch: BigInt(this.made.length + 1), round: 0, parent: this.made.at(-1)?.digest ?? NO_PARENT },
      ...{ registryVersion: 1n, logsRoot: logsTree(ranges).root, usageRoot: ZERO, stampChargesRoot: ZERO },
      ...{ stampPayoutsRoot: ZERO, debitsHash: ZERO, absentSeats: 0n, ...changes },
    };
    const digest = toHex(reportDigest(DOMAIN, report));
    this.made.push({ digest, report, ranges, entries });
    this.signersOf.set(digest, signers);
    this.finalCount = this.made.length;
    return digest;
  }

  nodes(): RegisteredNode[] {
    return this.seats.map((id) => {
      return { id, signer: addressOf(keyOfNode(id)), isCanonical: true, httpAddress: `http://node-${id}.test` };
    });
  }

  chain(): ReportsChain {
    const up = <T>(answer: () => T) => {
      if (this.chainIsDown) throw new Error("connection refused");
      return answer();
    };
    const finals = () => this.made.slice(0, this.finalCount);
    return {
      domain: DOMAIN,
      latestFinal: async () => up(() => finals().at(-1)?.digest),
      isFinal: async (digest) => up(() => finals().some((one) => one.digest === digest)),
      signers: async (digest) => up(() => this.signersOf.get(digest) ?? 0n),
      seats: async () => up(() => this.seats),
      contradicts: async (claim) => up(() => (this.claims.push(claim), this.judges)),
      signingKey: async (nodeId, signer) => up(() => this.keys.get(`${nodeId}:${signer}`)),
      now: async () => up(() => this.time),
      nodes: async () => up(() => this.nodes()),
    };
  }

  honest: ReportServers = {
    report: async (_, digest) => {
      const found = this.made.find((one) => one.digest === digest);
      if (!found) throw new Error("it answered 404");
      return found;
    },
    entry: async (_, { digest, originatorId, sequenceId }) => {
      const entries = this.made.find((one) => one.digest === digest)?.entries.get(originatorId);
      if (!entries) throw new Error("it answered 404");
      return proveEntry(rangeTree(entries), entries, sequenceId);
    },
  };

  servers(): ReportServers {
    const serverOf = (httpAddress: string, what: string) => {
      const id = Number(/\d+/.exec(httpAddress)![0]);
      this.asked.push(`${id} ${what}`);
      return { ...this.honest, ...this.liars.get(id) };
    };
    return {
      report: (address, ...rest) => serverOf(address, "report").report(address, ...rest),
      entry: (address, ...rest) => serverOf(address, "entry").entry(address, ...rest),
    };
  }

  library(random: () => number = () => 0): ReportLibrary {
    const limits = { chainTimeoutMs: 1_000, nodeTimeoutMs: 1_000, mostServers: 6 };
    return new ReportLibrary({ chain: this.chain(), servers: this.servers(), clock: this.clock, random, ...limits });
  }
}
