import { picoToUnitsUp } from "../../protocol/units.ts";
import type { ChannelWatch } from "../channel/channelWatch.ts";
import type { ChannelLedger } from "../channel/ledger.ts";

/** Base units that a channel still has for fees: not used, and not reserved for what is under way. Undefined until it was read. */
export function leftUnits(
  { usagePico, inFlightPico }: Pick<ChannelLedger, "usagePico" | "inFlightPico">,
  { backed }: Pick<ChannelWatch, "backed">,
): bigint | undefined {
  if (backed === undefined) return undefined;
  const left = backed - picoToUnitsUp(usagePico + inFlightPico);
  return left > 0n ? left : 0n;
}
