import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { NewestMap } from "../../platform/newestMap.ts";
import type { Hex } from "../../protocol/bytes.ts";
import type { NodeDirectory } from "../nodes/nodeDirectory.ts";
import type { Random } from "../ports.ts";
import { askDaemons, saidBy } from "../stamps/askDaemons.ts";
import type { StampDaemons } from "../stamps/ports.ts";

export interface RecipientBookOptions {
  directory: Pick<NodeDirectory, "all">;
  daemons: Pick<StampDaemons, "inboxOf">;
  clock: Clock;
  log: Log;
  random: Random;
  nodeTimeoutMs: number;
}

const MOST_REMEMBERED = 100_000;
/** An installation seldom changes its inbox; one that is not known yet is known half an hour later. */
const KNOWN_MS = 86_400_000;
const UNKNOWN_MS = 60_000;
/** Daemons that are asked about one installation. */
const MOST_ASKED = 3;

/** Which inbox an installation is of: a welcome names the installation alone. From daemons, two of which have to agree. */
export class RecipientBook {
  readonly #options: RecipientBookOptions;
  readonly #known = new NewestMap<Hex, { inbox: Hex | undefined; until: number }>(MOST_REMEMBERED);
  readonly #asking = new Map<Hex, Promise<Hex | undefined>>();

  constructor(options: RecipientBookOptions) {
    this.#options = options;
  }

  /** What the app says of its own user. */
  learn(installation: Hex, inbox: Hex): void {
    this.#remember(installation, inbox);
  }

  /** Undefined when it is none, is too new, or nobody answers. Rejects with the signal's reason only. */
  async inboxOf(installation: Hex, signal: AbortSignal): Promise<Hex | undefined> {
    const known = this.#known.get(installation);
    if (known && known.until > this.#options.clock.now()) return known.inbox;
    const asking = this.#asking.get(installation) ?? this.#ask(installation, signal);
    this.#asking.set(installation, asking);
    try {
      return await asking;
    } finally {
      this.#asking.delete(installation);
    }
  }

  async #ask(installation: Hex, signal: AbortSignal): Promise<Hex | undefined> {
    const { daemons, directory, log } = this.#options;
    const chain = { nodes: async () => directory.all().map(({ node }) => node) };
    const limits = { mostServers: MOST_ASKED, chainTimeoutMs: this.#options.nodeTimeoutMs };
    try {
      const ask = async (httpAddress: string, own: AbortSignal) => ({
        inbox: await daemons.inboxOf(httpAddress, installation, own),
      });
      const { answers, needed } = await askDaemons({ ...this.#options, ...limits, chain }, ask, signal);
      const said = saidBy(answers).map(({ said: { inbox } }) => inbox);
      const agreed = said.find((inbox) => said.filter((other) => other === inbox).length >= needed);
      if (said.length >= needed) this.#remember(installation, agreed);
      return agreed;
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn({ installation, error: String(error) }, "nobody says whose installation a welcome is for");
      return undefined;
    }
  }

  #remember(installation: Hex, inbox: Hex | undefined): void {
    this.#known.set(installation, {
      inbox,
      until: this.#options.clock.now() + (inbox === undefined ? UNKNOWN_MS : KNOWN_MS),
    });
  }
}
