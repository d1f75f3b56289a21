import type { ConnectError } from "@connectrpc/connect";
import { expect } from "chai";

import { PostageRefusalSchema } from "#proto/pennyblack/v1/postage_pb.ts";

import { readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { BACKENDS, onBoth } from "../store/backends.ts";
import { NODE_ID, PAYER_KEY } from "../support.ts";
import type { ApiClient, World } from "./support.ts";
import { publish, startWorld } from "./support.ts";

const FEE_PICO = 100n + 200n * BigInt(payerEnvelope(1, NODE_ID, PAYER_KEY).length) * 60n;

onBoth(
  "daemon/proxy, two in front of one stock node",
  (fixture) => {
    let worlds: World[];

    beforeEach(async () => {
      const first = await startWorld({ store: await fixture.open() });
      worlds = [first, await startWorld({ store: await fixture.open(), stock: first.stock })];
    });
    afterEach(async () => {
      for (const world of worlds) await world.stop();
      worlds[0]!.stock.close();
    });

    it("56: a message that comes to both many times at once reaches the node once, and all get its envelope", async () => {
      const { stock } = worlds[0]!;
      let refused = 0;
      /** As a gateway does: to be told that it is under way is to send the same bytes again. */
      const insist = async (client: ApiClient, n: number): Promise<bigint> => {
        for (let tries = 0; tries < 200; tries++) {
          try {
            return readOriginatorEnvelope((await publish(client, n))[0]!).sequenceId;
          } catch (error) {
            const [detail] = (error as ConnectError).findDetails(PostageRefusalSchema);
            if (detail?.code !== "in_progress") throw error;
            refused++;
            for (const { clock } of worlds) clock.advance(100);
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
        }
        throw new Error("it was under way for ever");
      };
      const ids = await Promise.all(
        Array.from({ length: 60 }, (_, i) => insist(worlds[i % 2]!.client, Math.floor(i / 20))),
      );
      for (const n of [0, 1, 2]) expect(new Set(ids.slice(n * 20, n * 20 + 20)), `message ${n}`).to.have.length(1);
      expect(stock.calls.length, "each once").to.equal(3);
      expect(refused, "they did meet").to.be.greaterThan(0);
      await worlds[0]!.until(async () => (await worlds[0]!.usagePico()) === 3n * FEE_PICO);
      expect(await fixture.place.query("select 1 from reservations")).to.have.length(0);
    });
  },
  BACKENDS.filter(({ isShared }) => isShared),
);
