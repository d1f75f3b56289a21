import { ed25519ph } from "@noble/curves/ed25519.js";

import { httpStampDaemons } from "../../../src/client/adapters/httpStampDaemons.ts";
import { InboxStamps } from "../../../src/client/stamps/inboxStamps.ts";
import type { InboxStampsOptions } from "../../../src/client/stamps/inboxStamps.ts";
import { installationSigner, walletSigner } from "../../../src/client/stamps/noteSigner.ts";
import { stampsHandler } from "../../../src/daemon/stamps/stampRoutes.ts";
import type { HttpHandler } from "../../../src/platform/grpcServer.ts";
import type { Listener } from "../../../src/platform/listen.ts";
import { listen } from "../../../src/platform/listen.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { fromHex, toHex, utf8ToBytes } from "../../../src/protocol/bytes.ts";
import { signDigest } from "../../../src/protocol/ecdsa.ts";
import { personalMessageDigest } from "../../../src/protocol/identity/signature.ts";
import { PUBLIC_CONTEXT } from "../../../src/protocol/stamps/signedNote.ts";
import {
  INBOX,
  INSTALLATION,
  INSTALLATION_KEY,
  PRICE,
  WALLET,
  WALLET_KEY,
  listInboxes,
  openStampBooks,
  welcome,
} from "../../daemon/stamps/support.ts";
import { DOMAIN, PAYER, storeAt } from "../../daemon/support.ts";
import { ManualClock } from "../../support/manualClock.ts";

/** As wallets do: EIP-191, as hex. */
export const signMessage = async (text: string, key = WALLET_KEY) => {
  const bytes = signDigest(personalMessageDigest(text), key);
  bytes[64]! += 27;
  return toHex(bytes);
};
export const byTheWallet = walletSigner(WALLET, (text) => signMessage(text));
export const byTheInstallation = installationSigner(fromHex(INSTALLATION), (text) =>
  ed25519ph.sign(utf8ToBytes(text), INSTALLATION_KEY, { context: PUBLIC_CONTEXT }),
);

export const FIRST = welcome(1, INSTALLATION);

/** Daemons' own stamp books behind their own routes, each on a port of its own; and ones that do what a test says. */
export class StampNetwork {
  readonly clock = new ManualClock();
  readonly books: Awaited<ReturnType<typeof openStampBooks>>[] = [];
  readonly #closers: (() => Promise<void>)[] = [];
  readonly nodes: { id: number; signer: `0x${string}`; isCanonical: boolean; httpAddress: string }[] = [];

  /** An honest daemon that knows the two inboxes, and a stamp of `FIRST`. */
  async addDaemon({ knowsTheStamp = true } = {}) {
    const store = await storeAt(":memory:", { clock: this.clock });
    await listInboxes(store, this.clock);
    const books = await openStampBooks(store, this.clock);
    await books.fund(PAYER);
    if (knowsTheStamp) await books.deliver(FIRST, { stamps: PRICE });
    const channel = async () => ({ used: 0n, signed: 0n, price: PRICE });
    const handler = stampsHandler({ desk: books.desk, store: books.stamps, channel, log: silentLog });
    this.books.push(books);
    this.#closers.push(() => store.close());
    await this.#serve(handler);
    return books;
  }

  /** One that answers as it likes: JSON by method and path, 500 for undefined. */
  addLiar(answer: (method: string, path: string) => unknown): Promise<void> {
    return this.#serve((request, response) => {
      request.resume();
      const said = answer(request.method!, request.url!);
      response.writeHead(said === undefined ? 500 : 200).end(JSON.stringify(said ?? {}));
    });
  }

  async #serve(handler: HttpHandler): Promise<void> {
    const listener: Listener = await listen(handler, { host: "127.0.0.1", port: 0 });
    this.#closers.push(() => listener.close());
    const id = 100 * (this.nodes.length + 1);
    this.nodes.push({ id, signer: PAYER, isCanonical: true, httpAddress: `http://127.0.0.1:${listener.port}/` });
  }

  client(changes: Partial<InboxStampsOptions> = {}): InboxStamps {
    const unused = async () => {
      throw new Error("not asked for here");
    };
    return new InboxStamps({
      ...{ domain: DOMAIN, inbox: INBOX, signer: byTheWallet, daemons: httpStampDaemons, clock: this.clock },
      ...{ random: () => 0, chainTimeoutMs: 60_000, nodeTimeoutMs: 60_000, mostServers: 6 },
      chain: { nodes: async () => this.nodes, now: unused, pot: unused, isClaimed: unused, claim: unused },
      library: { refresh: unused, finals: unused as never },
      ...changes,
    });
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
  }
}
