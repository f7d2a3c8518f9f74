// What must hold between keys of the configuration. Each rule names the keys it reads and is left out while
// one of them is wrong in itself, so that one mistake is told once and all mistakes are told together.
import type { z } from 'zod';
import { covers, type Prefix, type parsePrefix } from '../shared/address.js';
import { isLoopbackHost, type ListenAddress } from '../shared/http.js';
import { problemOf, readPublicKeyFile } from '../shared/key-files.js';
import { type NetworkKey, networkKeyOf } from '../shared/network.js';

/** The parts of a configuration that rules read. */
interface Ruled {
  listen: ListenAddress;
  authorities?: string[] | undefined;
  tls?: object | undefined;
  networks: { network: string; netid?: string | undefined }[];
  centrals: { id: string; publicKeyFile: string; networks?: NetworkKey[] | undefined }[];
}

interface Rule {
  /** The key a problem is told under. */
  at: string;
  reads: (keyof Ruled)[];
  problem(config: Ruled): string | undefined;
}

const rules: Rule[] = [
  {
    at: 'tls',
    reads: ['listen', 'tls'],
    problem: ({ listen, tls }) =>
      tls === undefined && !isLoopbackHost(listen.host)
        ? 'is required where listen is no loopback address; name keyFile and certFile'
        : undefined,
  },
  {
    at: 'authorities',
    reads: ['listen', 'authorities'],
    problem: ({ listen, authorities }) =>
      authorities === undefined && !isLoopbackHost(listen.host)
        ? 'is required where listen is no loopback address; list the host:port that callers use'
        : undefined,
  },
  {
    at: 'networks',
    reads: ['networks'],
    problem: ({ networks }) =>
      inWords(repeated(keysOf(networks)), 'is there twice; give one of them another netid'),
  },
  {
    at: 'centrals',
    reads: ['centrals'],
    problem: ({ centrals }) =>
      inWords(repeated(centrals.map(({ id }) => id)), 'is there twice; give each its own id'),
  },
  {
    at: 'centrals',
    reads: ['networks', 'centrals'],
    problem: ({ networks, centrals }) => {
      const served = new Set<string>(keysOf(networks));
      const named = centrals.flatMap((central) => central.networks ?? []);
      const unknown = [...new Set(named)].filter((key) => !served.has(key));
      return inWords(unknown, 'is not among the networks; add it there or take it out here');
    },
  },
  {
    at: 'centrals',
    reads: ['centrals'],
    problem: ({ centrals }) =>
      inWords(sharingKeys(centrals), 'have the same key; one key serves one central'),
  },
];

/** A schema that also checks the rules. */
export function withRules<T extends z.ZodType<Ruled>>(schema: T): T {
  return rules.reduce<T>(
    (ruled, { at, reads, problem }) =>
      ruled.refine((config) => problem(config) === undefined, {
        path: [at],
        params: { isRule: true },
        error: (issue) => problem(issue.input as Ruled) ?? '',
        when: ({ value, issues }) =>
          typeof value === 'object' && !issues.some((issue) => isAbout(issue, reads)),
      }),
    schema,
  );
}

/** What is wrong with a range by itself. */
export function rangeProblem(range: ReturnType<typeof parsePrefix>): string | undefined {
  if (range === 'malformed') {
    return 'is no address range; write it like 10.0.0.0/8 or "fd12:3456:7::/48"';
  }
  if (range === 'host-bits') {
    return 'has bits set behind the prefix length; write the first address of the range';
  }
  return range.bits === 0 ? 'is every address; write the ranges that are yours' : undefined;
}

/** Ranges of one network that hold the same addresses: one of them is not what was meant. */
export function overlapProblem(ranges: readonly Prefix[]): string | undefined {
  const doubled = ranges.flatMap((inner, i) => {
    const outer = ranges.find(
      (other, j) => i !== j && covers(other, inner) && !(i < j && covers(inner, other)),
    );
    return outer ? [`${inner.text} lies in ${outer.text}`] : [];
  });
  return inWords(doubled, 'already; take one of the two out');
}

/** Whether one of the keys is wrong in itself, so that a rule cannot read it. */
function isAbout(issue: z.core.$ZodRawIssue, keys: readonly string[]): boolean {
  // An unknown key is told by itself and hides nothing of the known ones.
  if (issue.code === 'unrecognized_keys') return false;
  if (issue.code === 'custom' && issue.params?.isRule === true) return false;
  return keys.some((key) => key === issue.path?.[0]);
}

function sharingKeys(centrals: Ruled['centrals']): string[] {
  const owners = new Map<string, Set<string>>();
  for (const { id, publicKeyFile } of centrals) {
    // A file that cannot be read is told under its own key.
    problemOf(() => {
      for (const { keyid } of readPublicKeyFile(publicKeyFile)) {
        owners.set(keyid, (owners.get(keyid) ?? new Set()).add(id));
      }
    });
  }
  const shared = [...owners.values()].filter((ids) => ids.size > 1);
  return [...new Set(shared.map((ids) => [...ids].join(' and ')))];
}

function keysOf(networks: Ruled['networks']): string[] {
  return networks.flatMap(({ network, netid }) => networkKeyOf(network, netid) ?? []);
}

function repeated(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, i) => values.indexOf(value) !== i))];
}

function inWords(names: readonly string[], problem: string): string | undefined {
  return names.length > 0 ? `${names.join(', ')} ${problem}` : undefined;
}
