import { randomBytes } from "node:crypto";

import { BITS_PER_DIGEST, DigestFilter } from "../../../src/daemon/store/charges/digestFilter.ts";
import { MOST_GENERATIONS_PER_FILTER, PER_GENERATION } from "../../../src/daemon/store/charges/generationKeeper.ts";

const LOOKS = 200_000;

export interface FilterFigures {
  bytesPerCharge: number;
  chargesPerFilter: number;
  nsPerLook: number;
}

/** What it takes to know that an envelope was not charged before: every full filter is asked about every envelope. */
export function measureFilters(): FilterFigures {
  const chargesPerFilter = PER_GENERATION * Number(MOST_GENERATIONS_PER_FILTER);
  const filter = DigestFilter.forCount(chargesPerFilter);
  // Half of the bits are set in a full one, whatever digests set them.
  filter.bytes.set(randomBytes(filter.bytes.length));
  const digests = Array.from({ length: LOOKS }, () => new Uint8Array(randomBytes(16)));
  const began = performance.now();
  let seen = 0;
  for (const digest of digests) if (filter.mayHave(digest)) seen++;
  const nsPerLook = ((performance.now() - began) * 1e6) / LOOKS;
  if (seen > LOOKS / 50) throw new Error(`${seen} of ${LOOKS} strangers look known`);
  return { bytesPerCharge: BITS_PER_DIGEST / 8, chargesPerFilter, nsPerLook };
}
