import { expect } from "chai";
import fc from "fast-check";

import { readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { picoToUnitsUp } from "../../src/protocol/units.ts";
import { readVoucher } from "../../src/protocol/voucher.ts";
import { groupMessage } from "../support/envelopes.ts";
import type { Mishap } from "./support/fakeNetwork.ts";
import { DOMAIN } from "./support/fakeNetwork.ts";
import { GatewayHarness, publish } from "./support/gatewayHarness.ts";

describe("client/gateway in a storm", () => {
  it("answers everything, loses nothing and books every charge, whatever goes wrong at the nodes", async function () {
    this.timeout(180_000);
    const mishap = fc.constantFrom<(Mishap | "none")[]>("none", "none", "down", "lost", "storedButSilent");
    const weather = fc.record({
      mishaps: fc.array(fc.array(mishap, { maxLength: 12 }), { minLength: 3, maxLength: 3 }),
      headroom: fc.constantFrom(0n, 3n, 500n),
      congestionFeePico: fc.constantFrom(0n, 300n, 30_000n),
    });
    await fc.assert(
      fc.asyncProperty(weather, async ({ mishaps, headroom, congestionFeePico }) => {
        const harness = new GatewayHarness();
        try {
          for (const [i, node] of harness.network.nodes.entries()) {
            // "none" stands for a publish that works: forging nothing changes nothing.
            node.mishaps = mishaps[i]!.map((one) => (one === "none" ? { forge: (honest) => honest } : one));
            node.congestionFeePico = congestionFeePico;
          }
          const gateway = await harness.start({ headroom });
          const envelopes = Array.from({ length: 20 }, (_, n) => groupMessage(n, { group: n % 5 }));
          const calls = envelopes.flatMap((bytes, n) => (n % 4 === 0 ? [bytes, bytes] : [bytes]));
          const answers = await harness.settle(Promise.all(calls.map((bytes) => publish(gateway, bytes))), 50);
          expect(answers).to.have.length(calls.length);
          for (const [answer] of answers) expect(readOriginatorEnvelope(answer!).sequenceId > 0n).to.equal(true);
          await harness.run(30_000, 500);
          expect(gateway.status()).to.include({
            usagePico: harness.network.chargedPico,
            inFlightPico: 0n,
            openAttempts: 0,
            held: 0,
          });
          const row = await harness.settle(gateway.finalVoucher());
          const { fees } = readVoucher(DOMAIN, row!);
          expect(fees >= picoToUnitsUp(harness.network.chargedPico)).to.equal(true);
        } finally {
          await harness.stop();
        }
      }),
      { numRuns: 12 },
    );
  });
});
