import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";

import { decodeRevert } from "../../src/contracts/decodeRevert.ts";
import type { World } from "./fixtures.ts";
import { DAY, deployedWorld, impersonated, passEpochs, register, registrationOf } from "./fixtures.ts";

const Standing = { none: 0n, earning: 1n, jailed: 2n, suspended: 3n };
const MINIMUM = 100n;
/** What `keyOf` says of a key that was retired then, or is in use when zero. */
const retiredKey = (retiredAt: bigint) => [true, retiredAt, retiredAt && retiredAt + BigInt(14 * DAY)];

/** From an epoch to before another, or for good. */
interface Span {
  from: bigint;
  to?: bigint;
}

/** What a reader of the logs knows of a node: the rules in INodeRegistry, INodeKeys and INodeSeats, and nothing else. */
interface Rebuilt {
  owner: string;
  httpAddress: string;
  leavesAt?: bigint;
  signer: string;
  retired: Map<string, bigint>;
  attestationKey: string;
  payout: string;
  admitted: boolean;
  seats: Span[];
  suspensions: Span[];
  jailed: Span[];
  staked: bigint;
}

type Args = Record<string, bigint> & Record<"owner" | "to" | "httpAddress" | "signer" | "attestationKey", string>;

async function rebuild({ nodeRegistry, nodeSeats, nodeStaking, ethers }: World): Promise<Map<bigint, Rebuilt>> {
  const nodes = new Map<bigint, Rebuilt>();
  const of = (nodeId: bigint): Rebuilt => {
    const known = nodes.get(nodeId);
    if (known) return known;
    const empty = { owner: "", httpAddress: "", signer: "", attestationKey: "", payout: "", admitted: false };
    const fresh = { ...empty, retired: new Map(), seats: [], suspensions: [], jailed: [], staked: 0n };
    nodes.set(nodeId, fresh);
    return fresh;
  };
  const contracts = [nodeRegistry, nodeSeats, nodeStaking];
  const address = await Promise.all(contracts.map((contract) => contract.getAddress()));
  for (const log of await ethers.provider.getLogs({ address, fromBlock: 0 })) {
    const event = contracts.map((contract) => contract.interface.parseLog(log)).find(Boolean);
    const args = event?.args.toObject() as Args;
    const nodeId = args?.nodeId ?? args?.tokenId;
    if (nodeId !== undefined) fold(of(nodeId), event!.name, args);
  }
  return nodes;
}

const FOLDS: Record<string, (node: Rebuilt, args: Args) => void> = {
  Transfer: (node, { to }) => (node.owner = to),
  HttpAddressSet: (node, { httpAddress }) => (node.httpAddress = httpAddress),
  ExitStarted: (node, { epoch }) => (node.leavesAt = epoch!),
  SigningKeySet: (node, { signer }) => {
    node.signer = signer;
    node.retired.delete(signer);
  },
  SigningKeyRetired: (node, { signer, retiredAt }) => node.retired.set(signer, retiredAt!),
  AttestationKeySet: (node, { attestationKey }) => (node.attestationKey = attestationKey),
  PayoutSet: (node, { payout }) => (node.payout = payout as unknown as string),
  NodeAdmitted: (node, { admitted }) => (node.admitted = admitted as unknown as boolean),
  SeatTaken: (node, { epoch }) => node.seats.push({ from: epoch! }),
  SeatLeft: (node, { epoch }) => (node.seats.at(-1)!.to = epoch!),
  NodeSuspended: (node, { epoch }) => node.suspensions.push({ from: epoch! }),
  NodeReinstated: (node, { epoch }) => (node.suspensions.at(-1)!.to = epoch!),
  NodeJailed: (node, { fromEpoch, untilEpoch }) => node.jailed.push({ from: fromEpoch!, to: untilEpoch! }),
  StakePosted: (node, { amount }) => (node.staked += amount!),
  StakeAdded: (node, { amount }) => (node.staked += amount!),
  UnstakeRequested: (node, { amount }) => (node.staked -= amount!),
  StakeSlashed: (node, { fromStaked }) => (node.staked -= fromStaked!),
};
const fold = (node: Rebuilt, name: string, args: Args) => FOLDS[name]?.(node, args);

const covers = (spans: Span[], epoch: bigint) =>
  spans.some(({ from, to }) => from <= epoch && (to === undefined || epoch < to));

function standingAt({ seats, suspensions, jailed }: Rebuilt, epoch: bigint): bigint {
  if (!covers(seats, epoch)) return Standing.none;
  if (covers(suspensions, epoch)) return Standing.suspended;
  return covers(jailed, epoch) ? Standing.jailed : Standing.earning;
}

/** Numbers that are the same in every run. */
function random(seed: bigint): (below: number) => number {
  return (below) => {
    seed = (seed * 6364136223846793005n + 1442695040888963407n) & (2n ** 64n - 1n);
    return Number((seed >> 33n) % BigInt(below));
  };
}

/** Does something to some node, which may be refused. */
async function act(world: World, next: (below: number) => number, judge: HardhatEthersSigner): Promise<void> {
  const { nodeRegistry, nodeSeats, nodeStaking, feeDistributor, operator, stranger, ethers } = world;
  const last = await nodeRegistry.lastNodeId();
  const id = BigInt(1 + next(Number(last) / 100)) * 100n;
  const owner = (await nodeRegistry.ownerOf(id)) === operator.address ? operator : stranger;
  const other = owner === operator ? stranger : operator;
  const key = registrationOf(world, owner, next(40));
  const registry = nodeRegistry.connect(owner);
  const reports = nodeSeats.connect(await ethers.getSigner(await nodeSeats.reports()));
  const distributor = nodeSeats.connect(await ethers.getSigner(await feeDistributor.getAddress()));
  const acts: (() => Promise<unknown>)[] = [
    () => register(world, owner, next(40)),
    () => nodeStaking.connect(owner).stake(id, BigInt(1 + next(200))),
    () => nodeStaking.connect(owner).unstake(id, BigInt(1 + next(50))),
    () => nodeSeats.connect(owner).takeSeat(id),
    () => nodeSeats.connect(owner).takeSeat(id),
    () => reports.jail([id]),
    () => distributor.setSuspended(id, next(3) > 0),
    () => nodeStaking.connect(judge).slash(id, BigInt(1 + next(3_000)), 0n, stranger),
    () => registry.rotateSigningKey(id, key.signingPublicKey, key.signingProof),
    () => registry.rotateAttestationKey(id, key.attestationKey, key.attestationProof),
    () => registry.transferFrom(owner, other, id),
    () => registry.setHttpAddress(id, `http://10.0.0.${next(256)}`),
    () => nodeSeats.connect(world.governance).setAdmitted(id, next(2) === 0),
    () => (next(4) === 0 ? registry.exit(id) : passEpochs(world, 1)),
    () => passEpochs(world, 1 + next(2)),
  ];
  await acts[next(acts.length)]!().catch((error: unknown) => {
    if (!decodeRevert(error)) throw error;
  });
}

describe("nodes from logs", () => {
  for (const seed of [1n, 2n, 3n]) {
    it(`owners, keys, seats, standings and stakes are what the logs say (seed ${seed})`, async function () {
      this.timeout(180_000);
      const world = await deployedWorld({ maxSeats: 4, minimumStakeAmount: MINIMUM });
      const { nodeRegistry, nodeSeats, nodeStaking, feeDistributor, faultProofs } = world;
      for (const address of [await nodeSeats.reports(), await feeDistributor.getAddress()]) {
        await impersonated(world, address);
      }
      const judge = await impersonated(world, await faultProofs.getAddress());
      const first = await nodeSeats.currentEpoch();
      for (let i = 0; i < 5; i++) await register(world, world.operator, i);
      const next = random(seed);
      for (let step = 0; step < 120; step++) await act(world, next, judge);

      const beyond = (await nodeSeats.currentEpoch()) + 10n;
      const nodes = await rebuild(world);
      const seen = new Set<bigint>();
      expect(BigInt(nodes.size) * 100n).to.equal(await nodeRegistry.lastNodeId());
      for (const [id, node] of nodes) {
        const { signer, httpAddress } = await nodeRegistry.getNode(id);
        expect([node.signer, node.httpAddress]).to.deep.equal([signer, httpAddress]);
        expect(node.owner).to.equal(await nodeRegistry.ownerOf(id));
        expect(node.attestationKey).to.equal(await nodeRegistry.attestationKeyOf(id));
        expect(node.payout).to.equal(await nodeSeats.payoutOf(id));
        expect(node.admitted).to.equal(await nodeSeats.isAdmitted(id));
        expect(node.staked).to.equal(await nodeStaking.stakeOf(id));
        expect(node.leavesAt === undefined).to.equal(await nodeRegistry.isLive(id));
        expect(await nodeRegistry.keyOf(id, signer)).to.deep.equal(retiredKey(node.retired.get(signer) ?? 0n));
        for (const [key, retiredAt] of node.retired) {
          expect(await nodeRegistry.keyOf(id, key)).to.deep.equal(retiredKey(retiredAt));
        }
        const stretches = await nodeSeats.stretchesOf(id, 0, 1_000);
        for (let epoch = first; epoch < beyond; epoch++) {
          const stretch = stretches.filter(({ fromEpoch }) => fromEpoch <= epoch).at(-1);
          expect(stretch?.standing ?? Standing.none, `${id} in ${epoch}`).to.equal(standingAt(node, epoch));
          seen.add(standingAt(node, epoch));
        }
      }
      for (let epoch = first; epoch < beyond; epoch++) {
        const seats = [...nodes.values()].filter(({ seats }) => covers(seats, epoch)).length;
        expect(await nodeSeats.seatsAt(epoch)).to.equal(BigInt(seats));
      }
      const now = await nodeSeats.currentEpoch();
      const listed = [...nodes].filter(([, { seats }]) => covers(seats, now) || covers(seats, now + 1n));
      expect((await nodeSeats.seatedNodes()).nodeIds).to.deep.equal(listed.map(([id]) => id));
      // Otherwise the numbers were too tame.
      expect([...seen].sort()).to.deep.equal(Object.values(Standing));
    });
  }
});
