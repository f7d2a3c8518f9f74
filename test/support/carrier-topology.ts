// Builds the carrier of the plan: one namespace for each node, wired to a switch that is a namespace too.
import { createNamespace, type Namespace } from './carrier-namespaces.js';
import { type Node, type NodeName, nodesOf, type Pool, prefixes } from './carrier-plan.js';
import { switchRules } from './carrier-rules.js';

export interface Topology {
  nodes: ReadonlyMap<NodeName, Namespace>;
  switch: Namespace;
  /** Pulls the plug of a node's leg, or puts it back. */
  plug(node: NodeName, bridge: string, isIn: boolean): void;
}

export function buildTopology(pools: readonly Pool[]): Topology {
  const wires = createNamespace('switch');
  for (const bridge of ['internet', ...pools.map((pool) => `ran-${pool}`)]) {
    // Without a querier a snooping bridge may keep neighbour discovery from those it is meant for.
    wires.ip(`link add ${bridge} type bridge mcast_snooping 0`, `link set ${bridge} up`);
  }
  wires.nft(switchRules(prefixes));
  const nodes = new Map(
    nodesOf(pools).map(([name, node]) => [name, buildNode(name, node, wires)] as const),
  );
  return {
    nodes,
    switch: wires,
    plug: (node, bridge, isIn) =>
      wires.ip(`link set ${portName(node, bridge)} ${isIn ? 'up' : 'down'}`),
  };
}

function buildNode(name: NodeName, node: Node, wires: Namespace): Namespace {
  const namespace = createNamespace(name);
  const forwarding = node.isRouter ? 1 : 0;
  namespace.sysctl({
    // Linux hands some of these down from the machine's own namespace.
    'net.ipv4.ip_forward': forwarding,
    'net.ipv6.conf.all.forwarding': forwarding,
    // Addresses are usable at once, and routers are those named here.
    'net.ipv6.conf.default.accept_dad': 0,
    'net.ipv6.conf.default.accept_ra': 0,
  });
  namespace.ip('link set lo up');
  for (const [bridge, addresses] of Object.entries(node.legs)) {
    const port = portName(name, bridge);
    wires.ip(
      `link add ${port} type veth peer name ${bridge} netns ${namespace.name}`,
      `link set ${port} master ${bridge} up`,
    );
    namespace.ip(
      ...addresses.map((address) => `address add ${address} dev ${bridge}`),
      `link set ${bridge} up`,
    );
  }
  namespace.ip(...node.routes.map((route) => `route add ${route}`));
  namespace.nft(node.rules);
  return namespace;
}

/** A port of the switch: `net-central`, `ran-handset-udp`. The kernel takes 15 characters. */
function portName(node: NodeName, bridge: string): string {
  return `${bridge === 'internet' ? 'net' : 'ran'}-${node}`;
}
