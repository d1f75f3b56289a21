import {
  firstSeats,
  logsRootOf,
  nextReport,
  packedRanges,
  passVetoWindow,
  rangeOf,
  seat,
  submit,
} from "../../test/contracts/reportWorld.ts";
import type { World } from "../../test/contracts/fixtures.ts";
import { passEpochs } from "../../test/contracts/fixtures.ts";
import { gasOf } from "./receipts.ts";

export const FEW = 21;
const [MANY, ABSENT] = [90, 10] as const;
/** Originators of the reports that are announced. */
const ORIGINATORS = [1, 21] as const;
/** Reports until the contract writes where it has written before, as it does from then on: six, with a window of two epochs. */
const UNTIL_USUAL = 8;

/** Gas of whole transactions about reports. */
export interface ReportFigures {
  /** A report is verified and stored, all of 21 seats signing; 80 of 90. */
  seats21: number;
  seats90absent10: number;
  /** The same of 21, among the first six reports of a network. */
  seats21AtFirst: number;
  /**
   * What one originator more adds to the announcement of a report's ranges: on the average of two, and where it opens a
   * slot that the next one fills.
   */
  perAnnouncement: number;
  perAnnouncementMost: number;
}

/** Each world is without nodes. */
export async function measureReports(fewWorld: World, manyWorld: World): Promise<ReportFigures> {
  const few = await measureSeats(fewWorld, FEW, firstSeats(FEW));
  const many = await measureSeats(manyWorld, MANY, firstSeats(MANY).slice(ABSENT));
  const [first, second] = await measureAnnouncements(fewWorld);
  return {
    seats21: few.usual,
    seats90absent10: many.usual,
    seats21AtFirst: few.first,
    perAnnouncement: Math.ceil((first! + second!) / 2),
    perAnnouncementMost: Math.max(first!, second!),
  };
}

async function measureSeats(world: World, seats: number, signing: number[]) {
  await world.nodeSeats.connect(world.governance).setMaxSeats(seats);
  await seat(world, seats);
  let usual = 0;
  let first = 0;
  for (let i = 0; i < UNTIL_USUAL; i++) {
    usual = await gasOf(submit(world, await nextReport(world), signing));
    if (i === 1) first = usual;
    await passEpochs(world, 1);
  }
  return { usual, first };
}

/** Of an originator's third and fourth payer report. */
async function measureAnnouncements(world: World): Promise<number[]> {
  const costs: number[][] = [];
  for (const count of ORIGINATORS) {
    const of: number[] = [];
    for (const index of [0, 1, 2, 3]) {
      const first = BigInt(1_000_000 + index * 1000);
      const ids = firstSeats(count).map((i) => count * 1_000_000 + i * 100);
      const ranges = ids.map((id) => rangeOf(id, first, first + 999n, [first]));
      const report = await nextReport(world, { logsRoot: logsRootOf(ranges) });
      await submit(world, report, firstSeats(FEW));
      await passVetoWindow(world);
      await passEpochs(world, 1);
      const rows = packedRanges(
        ranges,
        ids.map(() => index),
      );
      of.push(await gasOf(world.epochReports.announce(report, rows)));
    }
    costs.push(of);
  }
  return [2, 3].map((index) => Math.ceil((costs[1]![index]! - costs[0]![index]!) / (ORIGINATORS[1] - ORIGINATORS[0])));
}
