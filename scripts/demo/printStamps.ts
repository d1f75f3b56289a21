import type { RefusedStory } from "./refused.ts";
import type { AppStamps, PaidStory } from "./stampMoney.ts";
import { table } from "./table.ts";

const TALES: Record<AppStamps["who"], string> = {
  rita: "Rita's own app: she waives",
  fred: "Fred's app: she gave it a waiver",
  nora: "Nora's app: a stranger, accepted",
  sam: "Sam's app: a stranger, reported",
};

/** What strangers paid and who got it, for people. */
export function printStamps({ apps, pot, received, treasury, account, report }: PaidStory): void {
  console.log("\nWhat strangers paid: a first message to someone who has not asked for it takes a stamp");
  const rows = apps.map(({ who, signed, charged }) => [TALES[who], ...[signed, charged, signed - charged].map(String)]);
  console.log(table("Stamps, base units (1 USD = 1,000,000)", ["", "signed for", "charged", "free again"], rows));
  console.log(
    table(
      "Where the charged stamp went, base units",
      ["", "amount"],
      [
        ["claimed by Rita, whom it bothered (50 %)", String(received)],
        ["treasury", String(treasury)],
        ["= charged", String(pot.charged)],
      ],
    ),
  );
  console.log(`\n  Rita's account ${account} was paid under report ${report.slice(0, 18)}..`);
}

/** That a block holds everywhere, for people. */
export function printRefused({ byNodes }: RefusedStory): void {
  const said = byNodes.map(({ nodeId, code }) => `${nodeId}: ${code}`);
  console.log(`\n  At each node: ${[...new Set(said)].join(", ")}.`);
  console.log(
    "  She blocks his app as a whole. Of an app that tells its gateway who its users are, it could be him alone.",
  );
  console.log("  From another app he would be a stranger again, and pay another stamp.");
}
