import type { Address } from "../../protocol/bytes.ts";
import { accountPages } from "../accountPages.ts";
import type { Ledger } from "../ledger.ts";
import type { FinalizedBlock, LedgerStore } from "../ports.ts";
import type { ChannelReader } from "./channelReader.ts";
import { CHANNELS_PER_CALL } from "./channelReader.ts";
import type { Member, Panel } from "./panel.ts";
import { ReorgRefusedError } from "./ports.ts";

export interface AcceptanceOptions {
  panel: Panel;
  reader: ChannelReader;
  ledger: Ledger;
  store: LedgerStore;
  deploymentBlock: bigint;
  /** Undoes what else was final on the old chain above a block; the daemon stays as it was when this rejects. */
  rollBack: (block: bigint) => Promise<void>;
}

/**
 * Makes the ledger follow the chain that took back a final block, from a block on that both chains have. First every
 * channel is read again: what only the old chain's events touched, no event of the new one announces. Then, in one
 * transaction, the ledger knows the chain by that block, and what follows is read as after a long absence. Until that
 * transaction the ledger stands where it stood, so a crash leaves a daemon that is still stopped.
 * @returns channels to be read again, because nobody else has confirmed them or a deposit is not safe yet
 */
export async function acceptReorg(block: FinalizedBlock, options: AcceptanceOptions): Promise<Set<Address>> {
  const { panel, ledger, store, deploymentBlock, rollBack } = options;
  const known = await store.finalized();
  const oldest = deploymentBlock - 1n;
  if (!known || block.number >= known.number || block.number < oldest) {
    throw new ReorgRefusedError(
      `block ${block.number} cannot be where both chains part: name one from ${oldest} to below ${known?.number}, which was final`,
    );
  }
  const lead = await whoHas(panel, block);
  const waiting = await readAll(lead, options);
  await rollBack(block.number);
  const after = (await store.chainCursor()) ?? null;
  await ledger.recordChain({
    ...{ states: new Map(), readTo: block.number, after, blocks: [], dropFrom: 0n, finalized: block },
  });
  return waiting;
}

/** An endpoint that has the block. Throws when one has another, or nobody answers. */
async function whoHas(panel: Panel, { number, hash }: FinalizedBlock): Promise<Member> {
  let found: Member | undefined;
  const problems: string[] = [];
  for (const member of panel.inTurn()) {
    const { name } = member.endpoint;
    try {
      const has = await member.endpoint.hashOf(number);
      if (has !== undefined && has !== hash) {
        throw new ReorgRefusedError(`${name} has ${has} as block ${number}, not ${hash}: compare with other sources`);
      }
      if (has === undefined) problems.push(`${name} has no block ${number}`);
      else found ??= member;
    } catch (error) {
      if (error instanceof ReorgRefusedError) throw error;
      problems.push(`${name}: ${String(error)}`);
    }
  }
  if (found) return found;
  throw new ReorgRefusedError(`no endpoint has block ${number} as ${hash} now: ${problems.join("; ").slice(0, 500)}`);
}

async function readAll(lead: Member, { reader, ledger, store }: AcceptanceOptions): Promise<Set<Address>> {
  const open = new Set<Address>();
  for await (const page of accountPages(store, CHANNELS_PER_CALL)) {
    const channels = page.map(({ channel }) => channel);
    const readTo = (await store.chainCursor()) ?? 0n;
    const { states, waiting } = await reader.read(lead, await lead.endpoint.heads(), channels);
    await ledger.recordChain({ states, readTo, after: readTo, blocks: [] });
    for (const channel of waiting) open.add(channel);
  }
  return open;
}
