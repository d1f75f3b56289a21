import type { World } from "./fixtures.ts";
import { deployedWorld, passEpochs, registerNode } from "./fixtures.ts";

/** Does not divide by ten: 110 % of it are 111.1, so a seat of the weakest costs 112. */
export const MINIMUM = 101n;

/** Nodes 100, 200, ... of the operator with the minimum each, in the first epoch that the seated ones serve in. */
export async function seatedWorld(maxSeats: number, nodes = maxSeats): Promise<World> {
  const world = await deployedWorld({ maxSeats, minimumStakeAmount: MINIMUM });
  for (let i = 0; i < nodes; i++) await registerNode(world, i, world.operator.address);
  await passEpochs(world, 1);
  return world;
}

/** Adds to the stake of a node of the operator. */
export const raise = ({ nodeStaking, operator }: World, id: bigint, amount: bigint) =>
  nodeStaking.connect(operator).stake(id, amount);

/** Takes a seat for a node of the operator. */
export const take = ({ nodeSeats, operator }: World, id: bigint) => nodeSeats.connect(operator).takeSeat(id);

/** The nodes that are active now, ascending. */
export async function activeIds({ nodeSeats }: World): Promise<bigint[]> {
  const { nodeIds, active } = await nodeSeats.seatedNodes();
  return nodeIds.filter((_, i) => active[i]);
}
