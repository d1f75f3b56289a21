/** One person with a stock XMTP client, in a process of its own, told what to do over IPC. See person.ts. */
import { Wallet } from "ethers";

import type { XmtpClient } from "../../../scripts/local/xmtpClient.ts";
import { registerXmtpClient } from "../../../scripts/local/xmtpClient.ts";
import { conversationCommands, obey } from "./clientCommands.ts";

let person: XmtpClient | undefined;

obey({
  async register(gatewayUrl: string, bearer?: string) {
    person = await registerXmtpClient(gatewayUrl, Wallet.createRandom(), bearer);
    return person.client.inboxId;
  },
  ...conversationCommands(() => person!.client),
});
