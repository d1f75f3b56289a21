import { startClientProcess } from "./clientProcess.ts";
import type { Talker } from "./person.ts";
import { talker } from "./person.ts";

/** Who signs, as test/support/identityActors numbers them. */
export type Who =
  /** @property isOld It writes v of 0 and 1, as the keys of the Android SDK do. */
  | { kind: "wallet"; n: number; isOld?: boolean }
  | { kind: "passkey"; n: number }
  /** A deployed smart account of wallet `n`; `block` is the one it is asked at, the client's choice unless told. */
  | { kind: "account"; n: number; address: string; block?: number };

/** An inbox as a client knows it; lists are sorted, identifiers have their kind before them. */
export interface SeenInbox {
  inboxId: string;
  recovery: string;
  installations: string[];
  identifiers: string[];
}

/** Where a client finds its network. */
export interface Place {
  gatewayUrl: string;
  /** The chain that smart accounts are asked on. */
  rpcUrl: string;
}

/** A stock XMTP client, one installation of somebody's. Every call rejects with what the client said when it fails. */
export interface Device extends Talker {
  /** A new database for the first inbox of `who`, not registered. */
  open(place: Place, who: Who): Promise<{ inboxId: string; installation: string }>;
  /** Publishes the installation's key package and its identity update. */
  register(signer: Who): Promise<void>;
  link(member: Who): Promise<void>;
  unlink(member: Who, recovery: Who): Promise<void>;
  revokeInstallation(installation: string, recovery: Who): Promise<void>;
  changeRecovery(next: Who, recovery: Who): Promise<void>;
  /** What the network says now. */
  inbox(): Promise<SeenInbox>;
  /** In the order of the ids. */
  inboxes(inboxIds: readonly string[]): Promise<SeenInbox[]>;
  find(who: Who): Promise<string | undefined>;
  canMessage(who: Who): Promise<boolean>;
}

/** Starts a client in its own process. */
export function startDevice(directory: string, name: string): Device {
  const client = startClientProcess("./deviceProcess.ts", directory, name);
  const { call } = client;
  return {
    ...talker(client),
    open: (place, who) => call("open", place, who),
    register: (signer) => call("register", signer),
    link: (member) => call("link", member),
    unlink: (member, recovery) => call("unlink", member, recovery),
    revokeInstallation: (installation, recovery) => call("revokeInstallation", installation, recovery),
    changeRecovery: (next, recovery) => call("changeRecovery", next, recovery),
    inbox: () => call("inbox"),
    inboxes: (inboxIds) => call("inboxes", inboxIds),
    find: (who) => call("find", who),
    canMessage: (who) => call("canMessage", who),
  };
}
