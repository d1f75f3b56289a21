import type { Proposal, Reply } from "../../../src/daemon/reports/messages.ts";
import type { ReportPeers, ReportsChain } from "../../../src/daemon/reports/ports.ts";
import type { SeatList } from "../../../src/daemon/reports/quorum.ts";
import { bitsOf, isQuorum } from "../../../src/daemon/reports/quorum.ts";
import { fromHex, toHex } from "../../../src/protocol/bytes.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { aggregateAttestations, attest } from "../../../src/protocol/report/bls.ts";
import type { ReportsDomain } from "../../../src/protocol/report/report.ts";
import { reportDigest } from "../../../src/protocol/report/report.ts";
import { keccak256 } from "../../../src/protocol/keccak.ts";
import { idOf } from "./peers.ts";

/**
 * What a seed's network has to live with, besides its bad days:
 * - `honest`: nothing else.
 * - `liar`: one node proposes usage that nobody had, says the same of logs, and signs what nobody asked about.
 * - `withholder`: one keeps its log and its vouchers to itself while it can, and attests nothing.
 * - `equivocator`: one shows different nodes different logs, signed by itself.
 * - `absent`: one takes no part in reports and serves nobody.
 * - `split`: two halves, neither of them a quorum, cannot reach each other for longer than an epoch.
 */
export const ROLES = ["honest", "liar", "withholder", "equivocator", "absent", "split"] as const;
export type Role = (typeof ROLES)[number];

export interface LiarOptions {
  nodeId: number;
  domain: ReportsDomain;
  seats: SeatList;
  attestationKey: Uint8Array;
  chain: Pick<ReportsChain, "submit">;
  /** Told of each digest that says what never was. */
  note: (digest: Hex) => void;
}

/**
 * A lying node's own daemon talks to others through this: its proposals are of usage that nobody had. It submits what a
 * quorum attests of that, and once each what it alone has signed for all of them.
 */
export function lyingProposals(peers: ReportPeers, options: LiarOptions): ReportPeers {
  const { nodeId, domain, seats, attestationKey, chain, note } = options;
  const signedBy = new Map<Hex, Map<number, Uint8Array>>();

  function submit({ report }: Proposal, signatures: readonly Uint8Array[], signers: ReadonlySet<number>): void {
    const attested = { report, signers: bitsOf(seats, signers), signature: aggregateAttestations([...signatures]) };
    // Refused, or late: nothing that this node would tell anybody.
    void chain.submit(attested, undefined).catch(() => {});
  }

  function falsified(proposal: Proposal): Proposal {
    const report = { ...proposal.report, usageRoot: toHex(keccak256(fromHex(proposal.report.usageRoot))) };
    return { ...proposal, report, attestation: attest(reportDigest(domain, report), attestationKey) };
  }

  return {
    ...peers,
    async propose(at, proposal, signal) {
      const lie = falsified(proposal);
      const digest = toHex(reportDigest(domain, lie.report));
      let signatures = signedBy.get(digest);
      if (!signatures) {
        note(digest);
        signedBy.set(digest, (signatures = new Map([[nodeId, lie.attestation]])));
        const ids = seats.seats.map((seat) => seat.nodeId);
        submit(
          lie,
          ids.map(() => lie.attestation),
          new Set(ids),
        );
      }
      const reply = await peers.propose(at, lie, signal);
      if (!("attestation" in reply)) return reply;
      signatures.set(idOf(at), reply.attestation);
      const signers = new Set(signatures.keys());
      if (isQuorum(seats, signers)) submit(lie, [...signatures.values()], signers);
      return reply;
    },
  };
}

/** What others hear from a node that lies to them. */
export function heardFrom(role: Role, peers: ReportPeers, attestationKey: Uint8Array): ReportPeers {
  if (role === "liar") {
    return {
      ...peers,
      async ask(at, question, signal) {
        const { whole, factsAt, absent } = await peers.ask(at, question, signal);
        const other = (facts: Hex) => toHex(keccak256(fromHex(facts)));
        return {
          whole: whole.map(({ range, facts }) => ({ range, facts: other(facts) })),
          factsAt: factsAt.map((facts) => facts && other(facts)),
          absent,
        };
      },
      propose: (_, { report }) => Promise.resolve(signedAnother(report.usageRoot, attestationKey)),
    };
  }
  if (role === "withholder") {
    return {
      ...peers,
      ask: () => Promise.reject(new Error("withheld")),
      propose: () => Promise.resolve({ why: "behind", message: "withheld" }),
      vouchers: () => Promise.resolve(new Uint8Array()),
      contents: () => Promise.reject(new Error("withheld")),
    };
  }
  return peers;
}

function signedAnother(root: Hex, attestationKey: Uint8Array): Reply {
  return { attestation: attest(keccak256(fromHex(root)), attestationKey) };
}
