/** One installation of a stock XMTP client, in a process of its own, told what to do over IPC. See device.ts. */
import * as xmtp from "@xmtp/wasm-bindings";

import { LOCAL_CHAIN_ID } from "../../../scripts/local/localChain.ts";
import { giveClientsChain, openXmtpClient } from "../../../scripts/local/xmtpClient.ts";
import { fromHex } from "../../../src/protocol/bytes.ts";
import type { Actor } from "../../support/identityActors.ts";
import { passkey, smartAccount, wallet } from "../../support/identityActors.ts";
import { conversationCommands, obey } from "./clientCommands.ts";
import type { Place, SeenInbox, Who } from "./device.ts";

let client: xmtp.Client | undefined;

function actorOf(who: Who): Actor {
  if (who.kind === "passkey") return passkey(who.n);
  if (who.kind === "wallet") return wallet(who.n);
  return smartAccount(who.address, wallet(who.n).key, BigInt(LOCAL_CHAIN_ID), () => 0n);
}

function identifierOf(who: Who): xmtp.Identifier {
  const { Ethereum, Passkey } = xmtp.IdentifierKind;
  return { identifier: actorOf(who).identifier, identifierKind: who.kind === "passkey" ? Passkey : Ethereum };
}

async function sign(request: xmtp.SignatureRequestHandle, who: Who): Promise<void> {
  const { signature } = actorOf(who).sign(await request.signatureText());
  switch (signature?.case) {
    case "erc191": {
      const bytes = signature.value.bytes!;
      if (who.kind === "wallet" && who.isOld) bytes[64]! -= 27;
      return request.addEcdsaSignature(bytes);
    }
    case "erc6492": {
      const block = who.kind === "account" && who.block !== undefined ? BigInt(who.block) : undefined;
      return request.addScwSignature(identifierOf(who), signature.value.signature!, BigInt(LOCAL_CHAIN_ID), block);
    }
    case "passkey":
      return request.addPasskeySignature(signature.value as xmtp.PasskeySignature);
    default:
      throw new Error("nobody else signs by hand");
  }
}

async function apply(request: xmtp.SignatureRequestHandle, signer: Who): Promise<void> {
  await sign(request, signer);
  await client!.applySignatureRequest(request);
}

const written = ({ identifier, identifierKind }: xmtp.Identifier) =>
  `${identifierKind === xmtp.IdentifierKind.Passkey ? "passkey" : "ethereum"} ${identifier}`;

const seen = ({ inboxId, recoveryIdentifier, installations, accountIdentifiers }: xmtp.InboxState): SeenInbox => ({
  inboxId,
  recovery: written(recoveryIdentifier),
  installations: installations.map(({ id }) => id).sort(),
  identifiers: accountIdentifiers.map(written).sort(),
});

obey({
  async open({ gatewayUrl, rpcUrl }: Place, who: Who) {
    giveClientsChain(rpcUrl);
    client = await openXmtpClient(gatewayUrl, identifierOf(who));
    return { inboxId: client.inboxId, installation: client.installationId };
  },
  async register(signer: Who) {
    const request = client!.createInboxSignatureRequest();
    if (!request) throw new Error("the client is registered already");
    await sign(request, signer);
    await client!.registerIdentity(request);
  },
  async link(member: Who) {
    await apply(await client!.addWalletSignatureRequest(identifierOf(member)), member);
  },
  async unlink(member: Who, recovery: Who) {
    await apply(await client!.revokeWalletSignatureRequest(identifierOf(member)), recovery);
  },
  async revokeInstallation(installation: string, recovery: Who) {
    await apply(await client!.revokeInstallationsSignatureRequest([fromHex(installation)]), recovery);
  },
  async changeRecovery(next: Who, recovery: Who) {
    await apply(await client!.changeRecoveryIdentifierSignatureRequest(identifierOf(next)), recovery);
  },
  inbox: async () => seen(await client!.inboxState(true)),
  async inboxes(inboxIds: string[]) {
    const states = (await client!.inboxStateFromInboxIds(inboxIds, true)).map(seen);
    return inboxIds.map((inboxId) => states.find((state) => state.inboxId === inboxId));
  },
  find: (who: Who) => client!.findInboxIdByIdentity(identifierOf(who)),
  async canMessage(who: Who) {
    const answers = (await client!.canMessage([identifierOf(who)])) as Map<string, boolean>;
    return [...answers.values()][0];
  },
  ...conversationCommands(() => client!),
});
