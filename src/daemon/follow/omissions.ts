import type { Log } from "../../platform/log.ts";
import type { JournalBlock } from "../ports.ts";
import type { Member, Panel } from "./panel.ts";
import { InconsistentError } from "./ports.ts";

/** Blocks that went missing of which the endpoint is asked whether it still has them. */
const MOST_VANISHED_ASKED = 20;

/** Catches endpoints that leave out events of blocks which they still have. */
export class Omissions {
  readonly #panel: Panel;
  readonly #log: Log;
  /** Said already. */
  #said: string | undefined;

  constructor(panel: Panel, log: Log) {
    this.#panel = panel;
    this.#log = log;
  }

  /**
   * Which of the blocks whose events went missing the endpoint still has: it leaves their events out. With others to ask
   * it is not believed; alone it is, but what it left out is kept.
   */
  async by(member: Member, vanished: readonly JournalBlock[]): Promise<JournalBlock[]> {
    const asked = vanished.slice(0, MOST_VANISHED_ASKED);
    const hashes = await Promise.all(asked.map(({ number }) => member.endpoint.hashOf(number)));
    const omitted = asked.filter(({ hash }, i) => hash === hashes[i]);
    if (omitted.length === 0) return [];
    const why = `${member.endpoint.name} leaves out events of block ${omitted[0]!.number}, which it still has`;
    if (this.#panel.others(member).length > 0) {
      this.#panel.distrust(member, why);
      throw new InconsistentError(why);
    }
    if (this.#said !== why) {
      const fields = { endpoint: member.endpoint.name, problem: why };
      this.#log.error(fields, "an endpoint of the chain leaves out events: add another one to rpcUrls");
    }
    this.#said = why;
    return omitted;
  }
}
