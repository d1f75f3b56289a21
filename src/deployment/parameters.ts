import { readFileSync } from "node:fs";

import { ZeroAddress, getAddress, isAddress } from "ethers";
import { z } from "zod";

const amount = z
  .string()
  .regex(/^\d+$/, "not a decimal amount of base units")
  .transform((text) => BigInt(text));
export const addressSchema = z
  .string()
  .refine((text) => isAddress(text), "not an address")
  .transform((text) => getAddress(text))
  // What is paid or governed by nobody stays there: constructors do not check their addresses.
  .refine((text) => text !== ZeroAddress, "the zero address");

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
  minimumStakeAmount: amount,
  unbondingSeconds: z.int().positive(),
  appealSeconds: z.int().positive(),
  stampPriceAmount: amount,
  /** Of what stamps are charged, the part that recipients get. */
  stampRecipientsBps: z.int().nonnegative(),
  /** Of a stamp, what silence costs. */
  silentStampBps: z.int().nonnegative(),
  firstRates: z.strictObject({
    messageFeePico: amount,
    storageFeePicoPerByteDay: amount,
    congestionFeePicoPerUnit: amount,
    targetRatePerMinute: z.int().positive(),
  }),
  /** Between a vote that passed and its execution. */
  timelockDelaySeconds: z.int().positive(),
  /** Between a proposal and its vote. */
  votingDelaySeconds: z.int().positive(),
  votingPeriodSeconds: z.int().positive(),
  /** For how long a vote goes on when its quorum is reached at the end. */
  lateExtensionSeconds: z.int().positive(),
  /** Of the supply. */
  quorumPercent: z.int().positive(),
  /** Votes that proposing takes. */
  proposalThresholdAmount: amount,
  /** Whose the guardian's powers are for the first year; the deploying account when absent. */
  guardianKeyholder: addressSchema.optional(),
});

/** Who holds the stake token at first: all of it that there will ever be. Reviewed, one file per network. */
export const genesisSchema = z.strictObject({
  allocations: z
    .array(
      z.strictObject({
        /** An address; on the local network also `deployer`, for the deploying account. */
        holder: z.union([z.literal("deployer"), addressSchema]),
        amount: amount.refine((value) => value > 0n, "nothing"),
      }),
    )
    .min(1)
    .refine((all) => new Set(all.map(({ holder }) => holder)).size === all.length, "a holder twice"),
});

export type Genesis = z.infer<typeof genesisSchema>;

/** What a network is deployed with: its parameters and its genesis. */
export type DeploymentParameters = z.infer<typeof deploymentParametersSchema> & Genesis;

/**
 * Reads `deployments/parameters/<network>.json` and `deployments/genesis/<network>.json`. Throws an Error that names
 * everything wrong with one.
 */
export function readParameters(network: string): DeploymentParameters {
  const genesis = readReviewed("genesis", network, genesisSchema);
  if (network !== "local" && genesis.allocations.some(({ holder }) => holder === "deployer"))
    throw new Error(`genesis of ${network}: the deploying account is a holder on the local network only`);
  return { ...readReviewed("parameters", network, deploymentParametersSchema), ...genesis };
}

function readReviewed<T>(kind: string, network: string, schema: z.ZodType<T>): T {
  const file = new URL(`../../deployments/${kind}/${network}.json`, import.meta.url);
  const parsed = schema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed.success) throw new Error(`${kind} of ${network}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
