import { expect } from "chai";

import { simulate } from "./simulate.ts";

/** CI plays a hundred, in two processes: `npm run campaign:simulation`. */
const SEEDS = 8;

describe("simulation", function () {
  this.timeout(300_000);

  it("is the same, event by event, for the same seed", async () => {
    const [one, other, another] = [await simulate(1), await simulate(1), await simulate(2)];
    expect(one.trace).to.deep.equal(other.trace);
    expect(one.digest).not.to.equal(another.digest);
  });

  it(`47 to 62: holds D1 to D10 for ${SEEDS} seeds of kills, reorgs, bad disks, endpoints and networks`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { problems } = await simulate(seed);
      expect(problems, `seed ${seed}`).to.deep.equal([]);
    }
  });
});
