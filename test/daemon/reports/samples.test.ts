import { expect } from "chai";

import { Samples } from "../../../src/daemon/reports/samples.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { PAYER_KEY } from "../support.ts";
import { Network } from "./network.ts";
import { EPOCH, EPOCH_SECONDS, IN_EPOCH_NS } from "./support.ts";

describe("daemon/reports: samples of other seats", () => {
  let network: Network;
  afterEach(() => network.close());

  /** Samples of node 100 over one epoch, step by step. */
  async function sampled(count: number, change: (network: Network, step: number) => void = () => {}, steps = 200) {
    network = await Network.of(count);
    for (const { nodeId } of network.nodes) {
      for (let n = 0; n < 30; n++) network.deliver(nodeId, payerEnvelope(n, nodeId, PAYER_KEY), IN_EPOCH_NS);
    }
    await network.meterAll();
    const { options, books } = network.node(100);
    let reads = 0;
    const samples = new Samples({
      ...options,
      ...{ ledger: books.store, clock: network.clock, log: silentLog },
      logs: { read: (...call) => (reads++, options.logs.read(...call)) },
    });
    for (let step = 0; step < steps; step++) {
      change(network, step);
      network.chain.time = EPOCH * EPOCH_SECONDS + (BigInt(step) * EPOCH_SECONDS) / BigInt(steps);
      await samples.step(new AbortController().signal);
    }
    return { samples, reads };
  }

  it("reads each seat at most twenty times an epoch, and finds nobody absent who serves", async () => {
    const { samples, reads } = await sampled(4);
    expect(reads).to.be.greaterThan(50);
    expect(reads).to.be.at.most(60);
    expect(samples.absent(EPOCH)).to.deep.equal([]);
  });

  it("finds who failed more than half, not who failed less", async () => {
    const away = (from: number, until: number, id: number) => (network_: Network, step: number) => {
      if (step >= from && step < until) network_.down.add(id);
      else network_.down.delete(id);
    };
    expect((await sampled(4, away(0, 150, 300))).samples.absent(EPOCH)).to.deep.equal([300]);
    await network.close();
    expect((await sampled(4, away(0, 70, 300))).samples.absent(EPOCH)).to.deep.equal([]);
  });

  it("does not count who serves another envelope than it is asked for as there", async () => {
    const wrong = (network_: Network) => {
      network_.node(200).log.read = async () => network_.node(300).log.read(300, 0n, 1);
    };
    expect((await sampled(4, wrong)).samples.absent(EPOCH)).to.deep.equal([200]);
  });

  it("accuses nobody when it is cut off itself, or has seen little", async () => {
    const alone = await sampled(4, (network_) => void network_.down.add(100));
    expect(alone.samples.absent(EPOCH)).to.deep.equal([]);
    await network.close();
    const short = await sampled(4, (network_) => void network_.down.add(300), 3);
    expect(short.samples.absent(EPOCH)).to.deep.equal([]);
    expect(short.samples.absent(EPOCH - 1n)).to.deep.equal([]);
  });
});
