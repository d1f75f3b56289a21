/**
 * The people of the stamps' story, each with a stock XMTP client, in a process of its own: clients never stop by
 * themselves. Told what to do over IPC; what libxmtp logs goes to a file.
 */
import type * as xmtp from "@xmtp/wasm-bindings";
import type { BaseWallet } from "ethers";
import { Wallet } from "ethers";

import type { XmtpClient } from "../local/xmtpClient.ts";
import { readTexts, registerXmtpClient } from "../local/xmtpClient.ts";
import { obey } from "../../test/e2e/support/clientCommands.ts";
import { toHex } from "../../src/protocol/bytes.ts";

const wallets = new Map<string, BaseWallet>();
/** By name; a person's second device has one of its own. */
const devices = new Map<string, XmtpClient>();

const of = (device: string) => devices.get(device)!.client;

obey({
  /** A device of a person: their inbox begins with the first one. */
  async register(device: string, person: string, gatewayUrl: string) {
    const wallet = wallets.get(person) ?? Wallet.createRandom();
    wallets.set(person, wallet);
    devices.set(device, await registerXmtpClient(gatewayUrl, wallet));
    const { inboxId, installationId, installationIdBytes } = of(device);
    return { inboxId, installationId, publicKey: toHex(installationIdBytes) };
  },
  async sign(device: string, text: string) {
    return toHex(of(device).signWithInstallationKey(text));
  },
  async write(device: string, inboxId: string, text: string) {
    const dm = await of(device).conversations().createDmByInboxId(inboxId);
    await dm.sendText(text);
  },
  async invite(device: string, inboxId: string) {
    await of(device).conversations().createGroupByInboxIds([inboxId]);
  },
  /** Conversations that a device is in. */
  async count(device: string) {
    const conversations = of(device).conversations();
    await conversations.sync();
    return conversations.list().length;
  },
  /** Everything that a device has decrypted, of all its conversations. */
  async read(device: string) {
    const conversations = of(device).conversations();
    await conversations.sync();
    const all: string[] = [];
    for (const { conversation } of conversations.list() as xmtp.ConversationListItem[]) {
      await conversation.sync();
      all.push(...(await readTexts(conversation)));
    }
    return all;
  },
});
