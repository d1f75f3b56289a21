import { expect } from "chai";

import { ROLES } from "./reports/roles.ts";
import { simulate } from "./simulate.ts";

/** CI plays a hundred, in two processes: `npm run campaign:simulation`. */
const SEEDS = [2, 3];
/** One of each part that a node plays in reports: see `ROLES`. */
const REPORTING = [4, 8, 12, 16, 20, 24];

describe("simulation", function () {
  this.timeout(300_000);

  it("is the same, event by event, for the same seed", async () => {
    const [one, other, another] = [await simulate(4), await simulate(4), await simulate(1)];
    expect(one.trace).to.deep.equal(other.trace);
    expect(one.digest).not.to.equal(another.digest);
  });

  it(`47 to 62: holds D1 to D10 for seeds ${SEEDS.join()} of kills, reorgs, bad disks, endpoints and networks`, async () => {
    for (const seed of SEEDS) {
      const { problems } = await simulate(seed);
      expect(problems, `seed ${seed}`).to.deep.equal([]);
    }
  });

  it("case 33b: reports say what honest nodes hold and go on, whatever one node does or a network in two halves", async () => {
    const roles = new Set<string>();
    for (const seed of REPORTING) {
      const { problems, figures, trace } = await simulate(seed);
      expect(problems, `seed ${seed}`).to.deep.equal([]);
      expect(figures.reports, `seed ${seed}`).to.be.greaterThan(2);
      roles.add(/ reports (\w+)/.exec(trace.join("\n"))![1]!);
    }
    expect([...roles].sort()).to.deep.equal([...ROLES].sort());
  });
});
