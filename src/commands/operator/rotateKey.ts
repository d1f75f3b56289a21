import { toAddress, toHex } from "../../protocol/bytes.ts";
import { addressOf } from "../../protocol/ecdsa.ts";
import { proveAttestationKey, proveSigningKey } from "../../protocol/possession.ts";
import { actingAs, callOf, ownerOfNode, ownerProblem } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import { readSecret } from "../core/input.ts";
import type { Plan, Row, Step } from "../core/plan.ts";
import { duration } from "../core/time.ts";

/** Gives a node another signing key, another attestation key, or both. */
export async function operatorRotateKey(context: Context, input: Input): Promise<Plan> {
  const { record, contracts } = context;
  const { nodeRegistry, nodeStaking } = contracts;
  const nodeId = input.nodeId();
  const files = { signing: input.optional("signingKey"), attestation: input.optional("attestationKey") };
  if (!files.signing && !files.attestation) {
    const which = "--signing-key, --attestation-key, or both";
    throw new CommandError("missing_argument", `the new key is missing: name its file with ${which}`);
  }
  const signingKey = files.signing ? readSecret(files.signing, "node") : undefined;
  const attestationKey = files.attestation ? readSecret(files.attestation, "node") : undefined;
  const owner = await ownerOfNode(context, nodeId);
  const account = actingAs(context, owner);
  const address = toAddress(record.contracts.nodeRegistry.address);
  const domain = { chainId: BigInt(record.chainId), nodeRegistry: address };
  const { signer: before } = await nodeRegistry.getNode(nodeId);
  const after = signingKey ? addressOf(signingKey) : toAddress(before);
  const problems = ownerProblem(account, owner, `node ${nodeId}`);
  const steps: Step[] = [];
  const rows: Row[] = [];
  if (signingKey) {
    const { publicKey, proof } = proveSigningKey(domain, account, signingKey);
    const args = [nodeId, toHex(publicKey), toHex(proof)];
    const call = callOf(address, nodeRegistry.interface, "rotateSigningKey", args);
    steps.push({ description: `Give node ${nodeId} the signing key ${after}, at once`, call });
    rows.push(["signing key now", toAddress(before)], ["signing key then", after]);
    const holder = await nodeRegistry.nodeOf(after);
    if (holder !== 0n) {
      const problem = `${after} is node ${holder}'s signing key already`;
      problems.push(new CommandError("key_taken", `${problem}: make another with \`operator keys\``));
    }
  }
  if (attestationKey) {
    const { publicKey, proof } = proveAttestationKey(domain, account, attestationKey);
    const args = [nodeId, toHex(publicKey), toHex(proof)];
    const call = callOf(address, nodeRegistry.interface, "rotateAttestationKey", args);
    steps.push({ description: `Give node ${nodeId} another attestation key, from the next registry version on`, call });
    rows.push(["attestation key then", `${toHex(publicKey).slice(0, 26)}...`]);
  }
  const unbonding = duration(await nodeStaking.unbondingSeconds());
  return {
    kind: "plan",
    account,
    summary: `Replaces ${[signingKey && "the signing key", attestationKey && "the attestation key"].filter(Boolean).join(" and ")} of node ${nodeId}.`,
    facts: rows,
    steps,
    risks: [
      ...(signingKey
        ? [
            `What the old signing key signed still convicts the node for ${unbonding}.`,
            "Other nodes refresh the registry every minute: restart the node with the new key when two minutes have passed, not before.",
          ]
        : []),
      ...(attestationKey
        ? ["Keep the old attestation key to the end of the epoch: its reports are signed with it."]
        : []),
    ],
    moneyBack: "No money moves but gas.",
    problems,
    data: { nodeId, signerBefore: toAddress(before), signerAfter: after, rotatesAttestationKey: !!attestationKey },
    outcome: async () => {
      const { signer } = await nodeRegistry.getNode(nodeId);
      const next = signingKey
        ? `Wait two minutes, put ${files.signing} in signingKeyFile of node.json, and restart the node.`
        : "Keep the old key to the end of the epoch.";
      const text = `Node ${nodeId} has ${signingKey ? `the signing key ${signer}` : "another attestation key"}.\n${next}`;
      return { text, data: { nodeId, signer: toAddress(signer), rotatesAttestationKey: !!attestationKey } };
    },
  };
}
