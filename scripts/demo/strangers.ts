import { Wallet } from "ethers";

import type { ClientProcess } from "../../test/e2e/support/clientProcess.ts";
import { startClientProcess } from "../../test/e2e/support/clientProcess.ts";
import { httpStampDaemons } from "../../src/client/adapters/httpStampDaemons.ts";
import type { InboxStamp } from "../../src/client/stamps/mergeStamps.ts";
import type { InboxStamps } from "../../src/client/stamps/inboxStamps.ts";
import { installationSigner } from "../../src/client/stamps/noteSigner.ts";
import { openInboxStamps } from "../../src/client/stamps/openInboxStamps.ts";
import type { Hex } from "../../src/protocol/bytes.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import { formatUnits } from "../../src/protocol/units.ts";
import type { LocalApp, LocalGateway } from "../local/localApp.ts";
import type { LocalNetwork, LocalNode } from "../local/localNetwork.ts";
import { until } from "./until.ts";
import { handWaiver } from "./waive.ts";

const PEOPLE = new URL("./people.ts", import.meta.url).href;
const DEPOSIT = 2_000_000n;
/** Base units that Sam's and Nora's apps may spend on stamps: two of them. Fred's may spend none. */
const BUDGET = 20_000n;
const TEXTS = {
  fred: "Fred here, lunch on Friday?",
  sam: "You have won! Click here.",
  nora: "We met at the fair: here are the photos",
};
const WRITERS = ["fred", "sam", "nora"] as const;
type Writer = (typeof WRITERS)[number];

interface Device {
  inboxId: string;
  installationId: string;
  publicKey: Hex;
}

/** Who wrote to Rita, from which app, and what she said of it. */
export interface Met {
  people: ClientProcess;
  /** What she says to the network. */
  stamps: InboxStamps;
  inboxId: string;
  /** Where her shares of stamps go. */
  account: string;
  /** Public keys of her two devices. */
  devices: Hex[];
  /** Base units. */
  price: bigint;
  apps: Record<Writer, LocalApp>;
  read: string[];
  /** By payer: what daemons showed before she said anything. */
  shown: { payer: string; price: bigint }[];
}

/**
 * Rita gets three first messages: Fred's app has her waiver, Sam and Nora are strangers. She reports Sam and accepts Nora.
 * It comes before the chain's clock is moved: an installation needs stamps from the time of its listing on.
 */
export async function meet(network: LocalNetwork, directory: string, progress: (text: string) => void): Promise<Met> {
  const price = await network.contracts.rateRegistry.stampPrice();
  progress(
    `now strangers: a first message to an inbox that has not waived it takes a stamp of ${formatUnits(price)} USD`,
  );
  const terms = WRITERS.map((name) => {
    return { name: `app-of-${name}`, deposit: DEPOSIT, stamps: name === "fred" ? 0n : BUDGET };
  });
  const [fred, sam, nora] = (await network.addApps(terms)) as [LocalApp, LocalApp, LocalApp];
  const apps = { fred, sam, nora };
  const people = startClientProcess(PEOPLE, directory, "people");
  process.once("exit", people.leave);
  const register = (device: string, person: string, { url }: LocalGateway) =>
    people.call<Device>("register", device, person, url);
  const [rita] = await Promise.all([
    register("rita", "rita", network.gateway),
    ...WRITERS.map((name) => register(name, name, apps[name].gateway)),
  ]);
  const tablet = await register("tablet", "rita", fred.gateway);
  await untilListed(network);
  progress("Rita, Fred, Sam and Nora registered, Rita with two devices in two apps");

  const sign = async (text: string) => fromHex(await people.call<Hex>("sign", "rita", text));
  const stamps = openInboxStamps(network.record, network.chain.provider, {
    inbox: rita.inboxId,
    signer: installationSigner(fromHex(rita.publicKey), sign),
  });
  const installations = [rita.installationId, tablet.installationId];
  const { text } = await stamps.waiver.create({ payer: apps.fred.channel });
  await handWaiver(apps.fred.gateway.url, text, installations);
  progress("Fred is a friend: Rita has signed a waiver for his app, which may buy no stamp at all");

  for (const name of WRITERS) await people.call("write", name, rita.inboxId, TEXTS[name]);
  const read = await readAll(people);
  progress("all three write to her for the first time, and both her devices read it");

  const shown = await shownTo(stamps, network);
  progress(`every node knows of ${shown.length} stamps, of Sam's app and of Nora's: one each, for two devices`);
  const stampOf = (name: Writer) => shown.find(({ payer }) => payer === apps[name].channel.toLowerCase())!;
  const account = Wallet.createRandom().address;
  await stamps.reportSpam(stampOf("sam"), account);
  await stamps.accept(stampOf("nora"));
  await untilSaid(stamps, network);
  progress("Rita reports Sam as spam, and accepts Nora: one signed line each, and every node has heard it");
  const { inboxId } = rita;
  const devices = [rita.publicKey, tablet.publicKey];
  return {
    people,
    stamps,
    inboxId,
    account,
    devices,
    price,
    apps,
    read,
    shown: shown.map(({ payer, price }) => ({ payer, price })),
  };
}

/** A node that has not read of an installation asks no stamp for it yet. */
async function untilListed({ chain, nodes }: LocalNetwork): Promise<void> {
  const { timestamp } = (await chain.provider.getBlock("latest"))!;
  await until("every node has read who is in which inbox", async () => {
    const read = await Promise.all(
      nodes.map(async ({ operatorUrl }) => {
        const { stamps } = (await (await fetch(`${operatorUrl}/status`)).json()) as {
          stamps: { inboxesReadToAt: string | number };
        };
        return Number(stamps.inboxesReadToAt);
      }),
    );
    return Date.now() / 1_000 > timestamp + 1 && read.every((at) => at >= timestamp);
  });
}

/** Texts as each device of Rita has decrypted them, once both have all. */
async function readAll(people: ClientProcess): Promise<string[]> {
  const read: string[] = [];
  for (const device of ["rita", "tablet"]) {
    let texts: string[] = [];
    await until(`Rita's ${device} has read all three`, async () => {
      texts = await people.call<string[]>("read", device);
      return WRITERS.every((name) => texts.includes(TEXTS[name]));
    });
    read.push(...texts.map((text) => `${device}: ${text}`).sort());
  }
  return read;
}

/** The stamps that all nodes show alike: what one knows the others hear within a second. */
async function shownTo(stamps: InboxStamps, { nodes }: LocalNetwork): Promise<InboxStamp[]> {
  let shown: InboxStamp[] = [];
  await until("every node knows of both stamps", async () => {
    // Where a welcome was heard of before its waiver, it is shown as waived.
    shown = (await stamps.inbox()).stamps.filter(({ standing }) => standing !== "waived");
    return shown.length >= 2 && shown.every(({ saidBy }) => saidBy.length === nodes.length);
  });
  return shown;
}

/** At every node: what a recipient says is in a report when all have heard of it. */
async function untilSaid({ inboxId }: InboxStamps, { nodes }: LocalNetwork): Promise<void> {
  const standings = async ({ url }: LocalNode) => {
    const shown = await httpStampDaemons.stamps(url, inboxId, undefined, AbortSignal.timeout(5_000));
    return shown.flatMap(({ standing }) => (standing === "waived" ? [] : [standing])).sort();
  };
  await until("every node has heard what Rita said", async () => {
    return (await Promise.all(nodes.map(standings))).every((all) => all.join() === "accepted,spam");
  });
}
