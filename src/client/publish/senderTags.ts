import { fastSignDigest } from "../../platform/fastEcdsa.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { payerDigest } from "../../protocol/envelope.ts";
import { listToHeader } from "../../protocol/stamps/headers.ts";
import { welcomeKeyOf } from "../../protocol/stamps/rules.ts";
import { senderTag, signSenderTag } from "../../protocol/stamps/senderTag.ts";
import { parseTopic } from "../../protocol/topics.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import type { RecipientBook } from "./recipientBook.ts";

export interface SenderTagsOptions {
  domain: PostageDomain;
  postageKey: Uint8Array;
  /** 32 bytes or more that only the app has. */
  secret: Uint8Array;
  recipients: Pick<RecipientBook, "inboxOf">;
}

/** What is about to be published, and which inbox sends it where the app says. */
export interface Sent {
  topic: Uint8Array;
  clientEnvelope: Uint8Array;
  sender?: Hex;
}

/** Names the sender of each welcome, another name for every recipient, so that one user of an app can be blocked. */
export class SenderTags {
  readonly #options: SenderTagsOptions;

  /** Throws RangeError when the secret is short. */
  constructor(options: SenderTagsOptions) {
    if (options.secret.length < 32) throw new RangeError("the secret of sender tags has at least 32 bytes");
    this.#options = options;
  }

  /** The header of a call to that node, null when nothing in it has a sender and a known recipient. */
  async headerFor(sent: readonly Sent[], nodeId: number, signal: AbortSignal): Promise<string | null> {
    const { domain, postageKey, recipients, secret } = this.#options;
    const tags = await Promise.all(
      sent.map(async ({ topic, clientEnvelope, sender }) => {
        const parsed = parseTopic(topic);
        const installation = parsed && welcomeKeyOf(parsed);
        const inbox = sender && installation && (await recipients.inboxOf(toHex(installation), signal));
        if (!inbox) return [];
        const digest = payerDigest(nodeId, clientEnvelope);
        return [signSenderTag(domain, senderTag(secret, sender, inbox), digest, postageKey, fastSignDigest)];
      }),
    );
    return tags.flat().length > 0 ? listToHeader(tags.flat()) : null;
  }
}
