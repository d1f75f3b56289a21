import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect } from "chai";

import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";
import { PayerApi } from "#proto/xmtp/xmtpv4/payer_api/payer_api_pb.ts";

import { create, fromBinary } from "@bufbuild/protobuf";
import { auditLog, readTerms } from "../../scripts/demo/audit.ts";
import { waitUntilQuiet } from "../../scripts/demo/money.ts";
import type { LocalNetwork, LocalNetworkOptions } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";
import { fromHex, toAddress } from "../../src/protocol/bytes.ts";
import { stableOrder } from "../../src/protocol/nodeChoice.ts";
import { topicBytes } from "../../src/protocol/topics.ts";
import { readVectors } from "../support/vectors.ts";
import type { Person } from "./support/person.ts";
import { startPerson } from "./support/person.ts";

const USD = 1_000_000n;

/** A network of three nodes with two people in a DM. */
async function twoPeople(options: Partial<LocalNetworkOptions> = {}) {
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-e2e-"));
  const network = await startLocalNetwork({ directory, nodes: 3, deposit: 5n * USD, headroom: 20n, ...options });
  const [alice, bob] = [startPerson(directory, "alice"), startPerson(directory, "bob")];
  const close = async () => {
    alice.leave();
    bob.leave();
    await network.close();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const inboxes = [await alice.register(network.gateway.url), await bob.register(network.gateway.url)];
    const dm = await alice.openDm(inboxes[1]!);
    return { network, alice, bob, dm, inboxes, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Reads until every text is there, and answers all texts; a sync brings one page. */
async function readUntil(person: Person, conversation: string, texts: string[]): Promise<string[]> {
  for (let i = 0; ; i++) {
    const read = await person.read(conversation);
    if (i === 50 || texts.every((text) => read.includes(text))) return read;
  }
}

/** What each node's own log charges the payer, recomputed. All are equal when the nodes have the same envelopes. */
async function auditAll({ nodes, contracts, channel }: LocalNetwork): Promise<(bigint | undefined)[]> {
  const terms = await readTerms(contracts);
  const audits = await Promise.all(nodes.map(({ url }) => auditLog(url, terms)));
  return audits.map(({ usagePico }) => usagePico.get(toAddress(channel)));
}

describe("end to end with real XMTP clients", function () {
  this.timeout(360_000);
  let people: Awaited<ReturnType<typeof twoPeople>>;
  afterEach(() => people.close());

  it("loses nothing and charges nothing twice when nodes and gateway are killed and come back", async () => {
    people = await twoPeople();
    const { network, alice, bob, dm } = people;
    const said: string[] = [];
    /** A client whose own node is down has sent the message and cannot read it back; then it says so. */
    const say = async (text: string) => {
      said.push(text);
      await alice.send(dm, text).catch((error: Error) => {
        if (!error.message.includes("/QueryEnvelopes")) throw error;
      });
    };
    for (let i = 0; i < 5; i++) await say(`before ${i}`);

    // The node that the DM's topic belongs to goes down; publishes fail over, and nobody notices.
    const ids = network.nodes.map(({ nodeId }) => nodeId);
    const first = stableOrder(topicBytes(0, fromHex(dm)), ids)[0];
    const node = network.nodes.find(({ nodeId }) => nodeId === first)!;
    await node.kill();
    for (let i = 0; i < 5; i++) await say(`without node ${i}`);
    await node.restart();
    await alice.publishPending(dm);
    expect(await readUntil(bob, dm, said)).to.include.members(said);

    // The gateway dies in the middle of a publish and its supervisor starts it again. The client tries for some seconds;
    // on a slow machine it may give up first, and tells: then the message may arrive or not, but never twice.
    const through = say("through a crash").then(
      () => true,
      () => false,
    );
    await network.gateway.kill();
    await network.gateway.restart();
    const wasTold = await through;
    for (let i = 0; i < 5; i++) await say(`after ${i}`);

    const promised = wasTold ? said : said.filter((text) => text !== "through a crash");
    const read = await readUntil(bob, dm, promised);
    expect(read.filter((text) => promised.includes(text)).sort(), "each once").to.deep.equal([...promised].sort());
    expect(read.filter((text) => text === "through a crash").length).to.be.at.most(1);
    // Clients renew their key packages in the background; nothing may be charged between the two looks.
    for (const person of [alice, bob]) person.leave();
    const usage = await waitUntilQuiet(network);
    expect(await auditAll(network), "every log, the restarted node's too").to.deep.equal(ids.map(() => usage));
  });

  it("holds a message while the payer is out of money, and delivers it after a deposit", async () => {
    people = await twoPeople({ deposit: USD, headroom: 0n, storageFeePico: 1_000_000n });
    const { network, alice, bob, dm } = people;
    const status = async () =>
      (await (await fetch(`${network.gateway.url}/status`)).json()) as Record<string, string | number>;
    let sent = 0;
    let pending: Promise<void> | undefined;
    for (; sent < 100; sent++) {
      pending = alice.send(dm, `message ${sent}`);
      const outcome = await Promise.race([pending.then(() => "sent"), untilHeld(status)]);
      if (outcome === "held") break;
    }
    expect((await status()).held, "one publish waits for money").to.equal(1);
    await network.deposit(USD);
    await pending;
    const texts = Array.from({ length: sent + 1 }, (_, i) => `message ${i}`);
    expect(await readUntil(bob, dm, texts)).to.include.members(texts);
    for (const person of [alice, bob]) person.leave();
    const usage = await waitUntilQuiet(network);
    expect(await auditAll(network)).to.deep.equal([usage, usage, usage]);
  });

  it("refuses a forged identity update before it reaches the chain", async () => {
    people = await twoPeople();
    const { network, alice, inboxes } = people;
    const before = await network.contracts.identityRegistry.queryFilter(
      network.contracts.identityRegistry.filters.IdentityUpdateCreated(),
    );
    const { updates } = readVectors<{ updates: { bytes: string }[] }>("identity-updates");
    const update = fromBinary(IdentityUpdateSchema, fromHex(updates[1]!.bytes));
    const forged = create(IdentityUpdateSchema, {
      ...update,
      clientTimestampNs: update.clientTimestampNs + 2_000_000_000n,
    });
    const foreign = create(IdentityUpdateSchema, { ...update, inboxId: inboxes[0]! });
    const gateway = createClient(
      PayerApi,
      createGrpcWebTransport({ baseUrl: network.gateway.url, httpVersion: "1.1" }),
    );
    for (const identityUpdate of [forged, foreign]) {
      const targetTopic = topicBytes(2, fromHex(identityUpdate.inboxId));
      const envelope = { aad: { targetTopic }, payload: { case: "identityUpdate" as const, value: identityUpdate } };
      const problem = await gateway.publishClientEnvelopes({ envelopes: [envelope] }).then(
        () => "accepted",
        (error: Error) => error.message,
      );
      expect(problem).to.match(/invalid_argument/);
    }
    const after = await network.contracts.identityRegistry.queryFilter(
      network.contracts.identityRegistry.filters.IdentityUpdateCreated(),
    );
    expect(after.length).to.equal(before.length);
    expect(await alice.formGroup(inboxes[1]!), "both inboxes are as usable as before").to.match(/^[0-9a-f]{32}$/);
  });
});

/** Resolves when the gateway says that it holds a call; gives up after a while, when the publish has gone through. */
async function untilHeld(status: () => Promise<Record<string, string | number>>): Promise<string> {
  for (let i = 0; i < 600; i++) {
    if ((await status()).held === 1) return "held";
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return "never";
}
