import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import { Follower } from "../../../src/daemon/follow/follower.ts";
import { Ledger } from "../../../src/daemon/ledger.ts";
import type { ChannelOnChain, LedgerStore } from "../../../src/daemon/ports.ts";
import type { Log } from "../../../src/platform/log.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { storeAt } from "../support.ts";
import { FakeChain, FakeEndpoint } from "./fakeChain.ts";

/** Keeps what was said to the operator. */
export class HeardLog implements Log {
  readonly lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  readonly debug = () => {};
  readonly info = this.#at("info");
  readonly warn = this.#at("warn");
  readonly error = this.#at("error");

  text(): string {
    return this.lines
      .map(({ fields, message }) => `${message} ${Object.values(fields).map(String).join(" ")}`)
      .join("\n");
  }

  #at(level: string) {
    return (fields: object, message: string) => {
      this.lines.push({ level, fields: fields as Record<string, unknown>, message });
    };
  }
}

export interface World {
  chain: FakeChain;
  clock: ManualClock;
  endpoints: FakeEndpoint[];
  store: LedgerStore;
  log: HeardLog;
  ledger: Ledger;
  follower: Follower;
  /** As a new process on the same database. */
  restart(): void;
  /** Polls until one works, a few times at most. */
  settle(): Promise<void>;
  seen: (channel: Address) => Promise<ChannelOnChain>;
}

export async function followed(count = 1, chain = new FakeChain()): Promise<World> {
  const endpoints = ["alpha", "beta", "gamma"].slice(0, count).map((name) => new FakeEndpoint(name, chain));
  const clock = new ManualClock();
  const { ledger: store } = await storeAt(":memory:", { clock });
  const log = new HeardLog();
  const open = () => {
    const ledger = new Ledger(store);
    const options = { endpoints, ledger, store, clock, log, deploymentBlock: 1n, staleHeadMs: 300_000 };
    return { ledger, follower: new Follower({ ...options, reconcileEveryMs: 3_600_000 }) };
  };
  const world: World = {
    ...{ chain, clock, endpoints, store, log },
    ...open(),
    restart: () => Object.assign(world, open()),
    settle: async () => {
      for (let i = 0; i < 8; i++) {
        clock.advance(61_000);
        chain.mine();
        await world.follower.poll().catch(() => {});
      }
    },
    seen: async (channel) => (await store.account(channel))?.chain ?? EMPTY_CHANNEL,
  };
  return world;
}
