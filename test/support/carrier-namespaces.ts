// Network namespaces of one test run: made, spoken to through `ip` and `nft`, and removed with all that ran in them.
// Needs root, iproute2 and nftables.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const prefix = 'reveille-carrier-';
const folder = '/run/netns';

/** The keys of `ip -json` that are read here. */
interface Shown {
  ifname?: string;
  linkinfo?: { info_kind?: string };
  link_netnsid?: number;
  nsid?: number;
  name?: string;
  gateway?: string;
}

export interface Namespace {
  /** As `ip netns` lists it; the pid in it tells whose it is. */
  name: string;
  /** Words before a command that is to run inside. The pid stays that of the command. */
  via: readonly string[];
  /** Runs lines of `ip`, in order. */
  ip(...lines: string[]): void;
  /** What `ip -json` shows. */
  show(...words: string[]): Shown[];
  sysctl(values: Record<string, number>): void;
  /** Takes a rule set as `nft -f` reads it. */
  nft(rules: string): void;
  /** For each link that leaves it, the namespace at the other end, as far as it has a name. */
  peers(): string[];
  /** Packets by the name of the counter that saw them. */
  counters(): Record<string, number>;
}

export function createNamespace(part: string): Namespace {
  const name = `${prefix}${process.pid}-${part}`;
  const via = ['ip', 'netns', 'exec', name];
  run(['ip', 'netns', 'add', name]);
  const show = (...words: string[]): Shown[] =>
    JSON.parse(run(['ip', '-n', name, '-json', ...words]) || '[]');
  return {
    name,
    via,
    ip: (...lines) => void run(['ip', '-n', name, '-batch', '-'], lines.join('\n')),
    show,
    peers() {
      const names = new Map(show('netns', 'list-id').map((known) => [known.nsid, known.name]));
      return show('-details', 'link')
        .filter(({ ifname, linkinfo }) => ifname !== 'lo' && linkinfo?.info_kind !== 'bridge')
        .map(({ ifname, link_netnsid }) => names.get(link_netnsid) ?? `no namespace of ${ifname}`);
    },
    sysctl(values) {
      const words = Object.entries(values).map(([key, value]) => `${key}=${value}`);
      run([...via, 'sysctl', '-qw', ...words]);
    },
    nft: (rules) => void run([...via, 'nft', '-f', '-'], rules),
    counters: () => countersIn(run([...via, 'nft', '-j', 'list', 'counters'])),
  };
}

/** Removes the namespaces of this process. */
export function removeOwnNamespaces(): void {
  removeThose((pid) => pid === process.pid);
}

/** Removes what runs that were killed have left. Other runs may be going on; theirs stay. */
export function removeAbandonedNamespaces(): void {
  removeThose((pid) => !isAlive(pid));
}

/** Namespaces of any run. */
export function namespaceNames(): string[] {
  try {
    return readdirSync(folder).filter((name) => name.startsWith(prefix));
  } catch {
    // The folder comes with the first namespace of a machine.
    return [];
  }
}

function removeThose(isMeant: (pid: number) => boolean): void {
  for (const name of namespaceNames()) {
    const pid = Number(/^[0-9]+/.exec(name.slice(prefix.length))?.[0]);
    if (Number.isNaN(pid) || !isMeant(pid)) continue;
    // A namespace lives on while something runs in it, and only what its run has started can.
    const inside = run(['ip', 'netns', 'pids', name]).split('\n').filter(Boolean);
    for (const one of inside) kill(Number(one));
    run(['ip', 'netns', 'del', name]);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself meanwhile.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // ESRCH: there is no such process.
    return false;
  }
}

function run([command = '', ...args]: readonly string[], input = ''): string {
  return execFileSync(command, args, { input, encoding: 'utf8' });
}

function countersIn(json: string): Record<string, number> {
  const { nftables } = JSON.parse(json) as {
    nftables: { counter?: { name: string; packets: number } }[];
  };
  const counters = nftables.flatMap(({ counter }) => counter ?? []);
  return Object.fromEntries(counters.map(({ name, packets }) => [name, packets]));
}
