import { expect } from "chai";

import { NODE_ROLES } from "./cast.ts";
import { simulateStamps } from "./simulateStamps.ts";

describe("simulation with stamps", function () {
  this.timeout(300_000);

  for (const [seed, role] of NODE_ROLES.entries()) {
    it(`32, 33, 37, 38, I14: farms, liars and spammers win what the rules say, with a node that is ${role}`, async () => {
      const played = await simulateStamps(seed);
      expect(played.role).to.equal(role);
      expect(played.problems).to.deep.equal([]);
      expect(played.figures.stamps).to.be.greaterThan(30);
      // The one that favours the spammer lets it in.
      if (role !== "giver") expect(played.figures.blocked).to.be.greaterThan(0);
    });
  }
});
