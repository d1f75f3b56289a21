import type { StampEvidence } from "../../../../src/daemon/reports/stamps/evidence.ts";
import { unpackNote } from "../../../../src/protocol/stamps/noteBytes.ts";
import { joinStatements, noteSubject } from "../../../../src/protocol/stamps/rules.ts";
import { readNote } from "../../../../src/protocol/stamps/signedNote.ts";
import type { Statement } from "../../../../src/protocol/stamps/notes.ts";
import { DOMAIN } from "../../support.ts";
import {
  FOREIGN,
  INBOX,
  INSTALLATION,
  OTHER_INBOX,
  PRICE,
  SECOND,
  WALLET,
  add,
  installation,
  wallet,
} from "../../stamps/support.ts";
import { Network } from "../network.ts";
import { EPOCH, EPOCH_SECONDS } from "../support.ts";

export type ProvedEvidenceChange = (evidence: StampEvidence) => StampEvidence;

/** Nodes that know two inboxes, listed when the epoch began, and have read the identity log for years to come. */
export async function openStampNetwork(
  count: number,
  on?: Parameters<typeof Network.of>[2],
  from = EPOCH * EPOCH_SECONDS,
) {
  const network = await Network.of(count, [], on, (store) => ({
    ...{ domain: DOMAIN, store },
    termsAt: async () => ({ price: PRICE, recipientsBps: 5_000, silentBps: 1_000, settlesSeconds: 0n }),
  }));
  for (const { books } of network.nodes) {
    await books.stamps.recordInboxes({
      ...{ after: undefined, readTo: 1n, readToAt: 2n ** 40n },
      changes: [
        {
          ...{ sequenceId: 1n, inbox: INBOX, at: from },
          actions: [
            ...[add(wallet(WALLET)), add(installation(INSTALLATION), wallet(WALLET))],
            add(installation(SECOND), wallet(WALLET)),
          ],
        },
        { ...{ sequenceId: 2n, inbox: OTHER_INBOX, at: from }, actions: [add(installation(FOREIGN))] },
      ],
    });
  }
  return network;
}

/** What nodes have heard at a time (unix milliseconds), joined as their desks do. */
export async function say(network: Network, packed: Uint8Array, heardAt: number, at?: number[]): Promise<void> {
  for (const { nodeId, books } of network.nodes) {
    if (at && !at.includes(nodeId)) continue;
    const { note } = unpackNote(packed);
    const known = await books.stamps.note(noteSubject(note));
    const both = [packed, ...(known ? [known.packed] : [])].map((one) => {
      return readNote(DOMAIN, one) as ReturnType<typeof readNote> & { note: Statement };
    });
    const next = both.reduce(joinStatements);
    await books.stamps.putNote(next.note, next.packed, heardAt);
  }
}

/** What a node brings with its proposals is changed on the way. */
export function lie(network: Network, nodeId: number, change: ProvedEvidenceChange): void {
  const { options } = network.node(nodeId);
  const propose = options.peers.propose.bind(options.peers);
  options.peers.propose = (at, proposal, signal) =>
    propose(at, { ...proposal, evidence: change(proposal.evidence) }, signal);
}
