import { expect } from "chai";

import { readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { picoToUnitsUp } from "../../src/protocol/units.ts";
import { readVoucher } from "../../src/protocol/voucher.ts";
import { groupMessage } from "../support/envelopes.ts";
import { DOMAIN } from "./support/fakeNetwork.ts";
import { GatewayHarness, payerApi, publish } from "./support/gatewayHarness.ts";

describe("client/gateway publishing", () => {
  let harness: GatewayHarness;
  beforeEach(() => (harness = new GatewayHarness()));
  afterEach(() => harness.stop());

  it("publishes, pays exactly what is used, and answers with the node's receipt", async () => {
    const gateway = await harness.start();
    const { nodes } = await harness.settle(payerApi(gateway).getNodes({}));
    expect(Object.keys(nodes)).to.deep.equal(["100", "200", "300"]);
    const [answer] = await harness.settle(publish(gateway, groupMessage(1)));
    const receipt = readOriginatorEnvelope(answer!);
    expect(gateway.status().usagePico).to.equal(receipt.baseFeePico);
    expect(gateway.status().authorised).to.equal(picoToUnitsUp(receipt.baseFeePico));
    expect(gateway.status().inFlightPico).to.equal(0n);
    const row = await harness.settle(gateway.finalVoucher());
    expect(readVoucher(DOMAIN, row!).fees).to.equal(picoToUnitsUp(harness.network.chargedPico));
  });
});
