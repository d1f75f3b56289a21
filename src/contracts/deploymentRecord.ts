import { getAddress, isAddress, isHexString } from "ethers";
import { z } from "zod";

const address = z
  .string()
  .refine((text) => isAddress(text), "not an address")
  .transform((text) => getAddress(text) as `0x${string}`);

const hash = z.string().refine((text): text is `0x${string}` => isHexString(text, 32), "not 32 bytes of hex");

const deployed = z.strictObject({ address, codeHash: hash });

/** Where a network lives: one complete set of contracts on one chain. Written once, by the deployment. */
export const deploymentRecordSchema = z.strictObject({
  chainId: z.int().positive(),
  /** First block that can hold an event of any of the contracts. */
  deploymentBlock: z.int().nonnegative(),
  /** The fee token. */
  token: address,
  /** The Create3Deployer that gave the contracts their addresses. */
  deployer: address,
  contracts: z.strictObject({
    postageToken: deployed,
    timelock: deployed,
    accessManager: deployed,
    blsVerifier: deployed,
    ed25519Verifier: deployed,
    identityVerifier: deployed,
    rateRegistry: deployed,
    identityRegistry: deployed,
    commitBroadcaster: deployed,
    postageChannels: deployed,
    feeDistributor: deployed,
    nodeRegistry: deployed,
    nodeSeats: deployed,
    nodeStaking: deployed,
    faultProofs: deployed,
    votingPower: deployed,
    postageGovernor: deployed,
    guardian: deployed,
  }),
});

export type DeploymentRecord = z.infer<typeof deploymentRecordSchema>;
