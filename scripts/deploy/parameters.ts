import { readFileSync } from "node:fs";

import { getAddress, isAddress } from "ethers";
import { z } from "zod";

const amount = z
  .string()
  .regex(/^\d+$/, "not a decimal amount of base units")
  .transform((text) => BigInt(text));
const address = z
  .string()
  .refine((text) => isAddress(text), "not an address")
  .transform((text) => getAddress(text));

/** What a network is deployed with. Amounts are decimal strings of base units; contracts check the bounds. */
export const deploymentParametersSchema = z.strictObject({
  epochSeconds: z.int().min(60),
  withdrawalDelaySeconds: z.int().positive(),
  stampHoldSeconds: z.int().positive(),
  /** For how long a report can be vetoed before it is final; the stamp hold has to outlast it. */
  vetoWindowSeconds: z
    .int()
    .min(3_600)
    .max(7 * 24 * 3_600),
  minimumDepositAmount: amount,
  settlerBountyBps: z.int().nonnegative(),
  settlerBountyCapAmount: amount,
  treasuryBps: z.int().nonnegative(),
  maxSeats: z.int().positive(),
  /** Who may take a seat at first: nodes that the governor admits, or any. */
  admission: z.enum(["approved", "open"]),
  /** All of the stake token that there will ever be. */
  tokenSupplyAmount: amount,
  minimumStakeAmount: amount,
  unbondingSeconds: z.int().positive(),
  appealSeconds: z.int().positive(),
  stampPriceAmount: amount,
  firstRates: z.strictObject({
    messageFeePico: amount,
    storageFeePicoPerByteDay: amount,
    congestionFeePicoPerUnit: amount,
    targetRatePerMinute: z.int().positive(),
  }),
  /** Gets the treasury's part as credit; the deploying account when absent. */
  treasury: address.optional(),
  /** May schedule rates; the deploying account when absent. */
  governor: address.optional(),
  /** May dismiss cases; the deploying account when absent. */
  guardian: address.optional(),
  /** Gets the stake token's supply; the deploying account when absent. */
  tokenHolder: address.optional(),
});

export type DeploymentParameters = z.infer<typeof deploymentParametersSchema>;

/** Reads `deployments/parameters/<network>.json`. Throws an Error that names everything wrong with it. */
export function readParameters(network: string): DeploymentParameters {
  const file = new URL(`../../deployments/parameters/${network}.json`, import.meta.url);
  const parsed = deploymentParametersSchema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed.success) throw new Error(`parameters of ${network}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
