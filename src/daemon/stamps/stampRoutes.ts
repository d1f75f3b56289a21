import type { z } from "zod";

import { QueueFullError } from "../../platform/fairQueue.ts";
import type { HttpHandler } from "../../platform/grpcServer.ts";
import type { Log } from "../../platform/log.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { toAddress, toHex } from "../../protocol/bytes.ts";
import { MOST_NOTE_BYTES } from "../../protocol/stamps/noteBytes.ts";
import { STAMP_WINDOW_SECONDS } from "../../protocol/stamps/rules.ts";
import { SENDER_TAG_LENGTH } from "../../protocol/stamps/senderTag.ts";
import {
  MOST_NOTES,
  MOST_SHOWN,
  NOTES_PATH,
  PASSES_PATH,
  notesSchema,
  passesSchema,
} from "../../protocol/stamps/stampsJson.ts";
import { GossipBusy } from "../gossip.ts";
import { BadRequest, handler, readBody } from "../http.ts";
import type { NoteDesk } from "./noteDesk.ts";
import type { StampStore } from "./ports.ts";

const INBOX = /^\/postage\/inboxes\/(0x[0-9a-f]{64})\/(stamps|blocks|rates)(?:\/(\d{1,18}))?$/;
const INSTALLATION = /^\/postage\/installations\/(0x[0-9a-f]{64})$/;
const CHANNEL = /^\/postage\/channels\/(0x[0-9a-fA-F]{40})\/stamps$/;
/** As hex in JSON, with what stands around it. */
const MOST_BODY_BYTES = MOST_NOTES * (2 * (MOST_NOTE_BYTES + SENDER_TAG_LENGTH) + 400);
const LAST_SECOND = 10n ** 18n;

export interface StampRoutesOptions {
  desk: Pick<NoteDesk, "take" | "takePasses">;
  store: StampStore;
  /** What a channel used of its ceiling, and what it signed. */
  channel: (channel: Address) => Promise<{ used: bigint; signed: bigint; price: bigint }>;
  log: Log;
}

/** Whether a request is about stamps. */
export function isForStamps(url = ""): boolean {
  const path = url.split("?")[0]!;
  const isListed = path.startsWith("/postage/inboxes/") || INSTALLATION.test(path) || CHANNEL.test(path);
  return isListed || path === NOTES_PATH || path === PASSES_PATH;
}

/** What recipients, payers and other daemons ask and bring. Everything in it is public: the log names topics and payers. */
export function stampsHandler({ desk, store, channel, log }: StampRoutesOptions): HttpHandler {
  return handler(log, async (request, path) => {
    const caller = request.socket.remoteAddress ?? "";
    if (request.method === "POST" && path === NOTES_PATH) {
      const { notes } = parse(notesSchema, await readBody(request, MOST_BODY_BYTES));
      return { results: await desk.take(notes, caller) };
    }
    if (request.method === "POST" && path === PASSES_PATH) {
      const { passes } = parse(passesSchema, await readBody(request, MOST_BODY_BYTES));
      return { taken: await desk.takePasses(passes, caller).catch(busy) };
    }
    if (request.method !== "GET") return undefined;
    const [, payer] = CHANNEL.exec(path) ?? [];
    if (payer) return { channel: toAddress(payer), ...(await channel(toAddress(payer))) };
    const [, installation] = INSTALLATION.exec(path) ?? [];
    if (installation) return inboxOf(installation as Hex);
    const [, inbox, what, before] = INBOX.exec(path) ?? [];
    if (!inbox) return undefined;
    if (what === "stamps") return { stamps: await stampsOf(inbox as Hex, before ? BigInt(before) : LAST_SECOND) };
    if (what === "rates") return ratesOf(inbox as Hex);
    const blocks = await store.notesOf(inbox as Hex, "block", 10 * MOST_SHOWN);
    return { blocks: blocks.map(({ packed }) => toHex(packed)) };
  });

  async function inboxOf(installation: Hex): Promise<object | undefined> {
    const listing = (await store.listingsOf([installation])).get(installation);
    return listing && { inbox: listing.inbox };
  }

  async function stampsOf(inbox: Hex, before: bigint): Promise<object[]> {
    const stamps = await store.stampsOf(inbox, before, MOST_SHOWN);
    const passes = await store.passesOf(stamps);
    return stamps.map(({ payer, welcome, openedAt, price, standing }) => {
      const tag = passes.get(`${welcome}:${payer}`)?.tag;
      const until = openedAt + STAMP_WINDOW_SECONDS;
      return { payer, welcome, openedAt, until, price, standing, ...(tag ? { tag: toHex(tag.subarray(16, 48)) } : {}) };
    });
  }

  async function ratesOf(inbox: Hex): Promise<object> {
    const counts = await store.countsOf(inbox);
    return { inbox, stamps: Object.values(counts).reduce((sum, one) => sum + one, 0n), ...counts };
  }
}

function busy(error: unknown): never {
  throw error instanceof QueueFullError ? new GossipBusy("too many bring passes at once: tell again later") : error;
}

function parse<T extends z.ZodType>(schema: T, body: Uint8Array): z.output<T> {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(body)));
  } catch {
    throw new BadRequest("this is not what is taken here: see docs/protocol.md");
  }
}
