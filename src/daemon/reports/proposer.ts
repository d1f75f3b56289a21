import { setImmediate } from "node:timers/promises";

import { fromHex } from "../../protocol/bytes.ts";
import { aggregateAttestations, aggregatePublicKeys, isAttestation } from "../../protocol/report/bls.ts";
import { mostSeatsHit } from "../../protocol/report/debits.ts";
import { agree } from "./agreement.ts";
import { eachOf, otherSeats } from "./askAll.ts";
import type { BuiltReport } from "./buildReport.ts";
import type { Desk } from "./desk.ts";
import type { End, Proposal, Refusal } from "./messages.ts";
import { MOST_VOUCHERS } from "./messages.ts";
import type { ReporterOptions } from "./options.ts";
import type { AttestedReport } from "./ports.ts";
import { bitsOf, isQuorum } from "./quorum.ts";
import type { Session } from "./session.ts";
import { buildIn } from "./session.ts";
import type { ReadEvidence } from "./stamps/evidence.ts";
import { ownEvidence } from "./stamps/ownEvidence.ts";
import { voucherRowsOf } from "./vouchers.ts";

/** What came of a proposal. */
export interface Outcome {
  /** Undefined when too few attested. */
  attested: AttestedReport | undefined;
  built: BuiltReport;
  signed: number[];
  refusals: Map<number, Refusal>;
  differences: End[];
}

/** Brings the seats to agree on one report, and collects what they attest. */
export class Proposer {
  readonly #options: ReporterOptions;
  readonly #desk: Pick<Desk, "attest">;

  constructor(options: ReporterOptions, desk: Pick<Desk, "attest">) {
    this.#options = options;
    this.#desk = desk;
  }

  /** Rejects with CannotAttestError when this node cannot build a report itself. */
  async propose(session: Session, signal: AbortSignal): Promise<Outcome> {
    const { nodeId, log, ledger } = this.#options;
    const { ranges, differences, absent } = await agree(this.#options, session, signal);
    const { evidence, read } = await ownEvidence(this.#options, session);
    const built = await this.#build(session, ranges, absent, read);
    const proposal: Proposal = {
      ...{ nodeId, report: built.report, ranges, attestation: await this.#desk.attest(built) },
      unpaidChannels: built.unpaidChannels.slice(0, MOST_VOUCHERS),
      evidence,
      vouchers: await voucherRowsOf(ledger, built.unpaidChannels.slice(0, MOST_VOUCHERS)),
    };
    const { signatures, refusals } = await this.#collect(session, built, proposal, signal);
    const signed = [...signatures.keys()].sort((a, b) => a - b);
    const result = { built, signed, refusals, differences };
    if (!isQuorum(session.seats, new Set(signed))) {
      log.info(
        { epoch: session.epoch, digest: built.digest, signed, ...whysOf(refusals) },
        "too few attest a report so far",
      );
      return { ...result, attested: undefined };
    }
    const signature = aggregateAttestations([...signatures.values()]);
    const signers = bitsOf(session.seats, new Set(signed));
    return { ...result, attested: { report: built.report, signers, signature } };
  }

  /** Whoever owes is hit first; of the absent as many as are still allowed. */
  async #build(
    session: Session,
    ranges: Parameters<typeof buildIn>[2],
    absent: readonly number[],
    evidence: ReadEvidence,
  ): Promise<BuiltReport> {
    const built = await buildIn(this.#options, session, ranges, 0n, evidence);
    const room = mostSeatsHit(session.seats.seats.length) - built.debits.length;
    const named = absent.slice(0, Math.max(0, room));
    if (named.length === 0) return built;
    return buildIn(this.#options, session, ranges, bitsOf(session.seats, new Set(named)), evidence);
  }

  async #collect(session: Session, built: BuiltReport, proposal: Proposal, signal: AbortSignal) {
    const { nodeId, peers, takeVouchers } = this.#options;
    const replies = await eachOf(this.#options, otherSeats(this.#options, session.seats), signal, (peer, ended) =>
      peers.propose(peer.httpAddress, proposal, ended),
    );
    const signatures = new Map<number, Uint8Array>([[nodeId, proposal.attestation]]);
    const refusals = new Map<number, Refusal>();
    for (const [id, reply] of replies) {
      if ("attestation" in reply) signatures.set(id, reply.attestation);
      else {
        refusals.set(id, reply);
        // What it did not know it says with the next proposal.
        if (reply.vouchers && reply.vouchers.length > 0) await takeVouchers(reply.vouchers);
      }
    }
    await dropForged(session, built, signatures);
    return { signatures, refusals };
  }
}

/** One pairing checks them all; only when that fails each one is looked at. */
async function dropForged(
  { seats }: Session,
  { digest }: BuiltReport,
  signatures: Map<number, Uint8Array>,
): Promise<void> {
  const bytes = fromHex(digest);
  const keys = new Map(seats.seats.map(({ nodeId, attestationKey }) => [nodeId, attestationKey]));
  if (areAll(bytes, [...signatures], keys)) return;
  for (const [nodeId, signature] of [...signatures]) {
    await setImmediate();
    if (!isAttestation(bytes, keys.get(nodeId)!, signature)) signatures.delete(nodeId);
  }
}

function areAll(digest: Uint8Array, signed: readonly [number, Uint8Array][], keys: Map<number, Uint8Array>): boolean {
  try {
    const key = aggregatePublicKeys(signed.map(([nodeId]) => keys.get(nodeId)!));
    return isAttestation(digest, key, aggregateAttestations(signed.map(([, signature]) => signature)));
  } catch {
    return false;
  }
}

function whysOf(refusals: ReadonlyMap<number, Refusal>) {
  return { refused: [...refusals].map(([nodeId, { why, at }]) => ({ nodeId, why, at })) };
}
