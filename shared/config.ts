// Configuration: defaults, then a YAML file, then the environment, all through one schema per program.
// Everything that is wrong is told at once, each time with the key and what to do.
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { messageOf } from './errors.js';
import { type ListenAddress, parseListen } from './http.js';
import { logLevels } from './log.js';

export type ConfigResult<T> = { config: T; problems: [] } | { config?: never; problems: string[] };

/** Makes a program's schema for the folder that relative paths are taken from. */
export type SchemaFor<T> = (folder: string) => z.ZodType<T>;

/** A path of a file; relative ones are taken from the configuration file's folder. */
export function filePath(folder: string) {
  return z
    .string()
    .min(1)
    .transform((path) => (isAbsolute(path) ? path : join(folder, path)))
    .meta({ format: 'path' });
}

/** `host:port`, an IPv6 host in brackets; port 0 takes a free one. */
export function listenAddress(defaultText: string) {
  return z
    .string()
    .transform((text, context): ListenAddress => {
      const where = parseListen(text);
      if (where) return where;
      context.addIssue({ code: 'custom', message: 'write host:port, such as 127.0.0.1:8080' });
      return z.NEVER;
    })
    .prefault(defaultText)
    .meta({ format: 'host:port' });
}

/** A whole number of a unit, from `min` to `max`. */
export function amount(defaultValue: number, min: number, max = 1_000_000_000) {
  return z.int().min(min).max(max).default(defaultValue);
}

export const logSchema = z
  .strictObject({
    level: z.enum(logLevels).default('info').describe('least important level that is logged'),
  })
  .prefault({})
  .describe('one JSON object a line on stderr');

/** Reads and checks a configuration file. Never throws. */
export function loadConfig<T>(options: {
  schemaFor: SchemaFor<T>;
  file: string;
  /** Variables that start with this are keys: `REVEILLE_GATEWAY_`. */
  envPrefix: string;
  env: Record<string, string | undefined>;
}): ConfigResult<T> {
  const file = resolve(options.file);
  const schema = options.schemaFor(dirname(file));
  let tree: unknown;
  try {
    const document = parseDocument(quoteFinalColons(readFileSync(file, 'utf8')), {
      prettyErrors: true,
    });
    if (document.errors.length > 0) {
      return { problems: document.errors.map((error) => `${file}: ${firstLine(error.message)}`) };
    }
    tree = document.toJS() ?? {};
  } catch (error) {
    return { problems: [`${file}: cannot be read (${messageOf(error)})`] };
  }
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
    return { problems: [`${file}: must hold keys and values, such as listen: 127.0.0.1:8080`] };
  }
  const problems = applyEnvironment(tree as Tree, schema, options);
  const parsed = schema.safeParse(tree);
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap(describeIssue));
  if (!parsed.success || problems.length > 0) return { problems };
  return { config: deepFreeze(parsed.data), problems: [] };
}

// YAML takes `key: sqlite::memory:` for a mapping inside a mapping and refuses it, so on one line this can only
// be a text that ends in a colon.
const finalColonPattern = /^(\s*(?:- +)?\w+: +)([\w./:-]+:)(?= *(?:#.*)?$)/gm;

function quoteFinalColons(yaml: string): string {
  return yaml.replace(finalColonPattern, '$1"$2"');
}

/** One key of a schema, as documentation, environment and error messages name it. */
export interface ConfigKey {
  path: string[];
  type: string;
  default: unknown;
  required: boolean;
  description: string;
}

interface JsonSchema {
  type?: string;
  format?: string;
  enum?: unknown[];
  default?: unknown;
  description?: string;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
}

/** Every key of a schema in its order; `[]` in a path stands for each item of a list. */
export function configKeys(schema: z.ZodType): ConfigKey[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const keys: ConfigKey[] = [];
  const walk = (node: JsonSchema, path: string[]): void => {
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      keys.push({
        path: [...path, name],
        type: typeName(child),
        default: child.default,
        required: (node.required ?? []).includes(name),
        description: child.description ?? '',
      });
      walk(child, [...path, name]);
      if (child.items?.properties) walk(child.items, [...path, `${name}[]`]);
    }
  };
  walk(root, []);
  return keys;
}

/** The environment's name of a key: its path in upper case, joined by `_`. */
export function environmentName(envPrefix: string, path: readonly string[]): string {
  return envPrefix + path.join('_').toUpperCase();
}

/** Underscores may also part the words of a key: `IDLE_CLOSE_MS` and `IDLECLOSEMS` name the same one. */
function withoutUnderscores(name: string): string {
  return name.replaceAll('_', '');
}

type Tree = Record<string, unknown>;

function applyEnvironment(
  tree: Tree,
  schema: z.ZodType,
  { envPrefix, env }: { envPrefix: string; env: Record<string, string | undefined> },
): string[] {
  const keys = new Map<string, ConfigKey>();
  for (const key of configKeys(schema)) {
    if (key.path.some((part) => part.endsWith('[]'))) continue;
    keys.set(withoutUnderscores(environmentName(envPrefix, key.path)), key);
  }
  const problems: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(envPrefix) || value === undefined) continue;
    const key = keys.get(withoutUnderscores(name));
    if (key) setAt(tree, key.path, isText(key) ? value : scalar(value));
    else problems.push(`${name}: no such key; take this variable out of the environment`);
  }
  return problems;
}

/** A text is taken as it stands: YAML would make a map of `sqlite::memory:` and a number of `0123`. */
function isText({ type }: ConfigKey): boolean {
  return type === 'string' || type === 'path' || type === 'host:port';
}

/** Another environment value, read as YAML so that numbers, booleans and lists can be written. */
function scalar(value: string): unknown {
  const document = parseDocument(value);
  return document.errors.length === 0 ? document.toJS() : value;
}

function setAt(tree: Tree, path: readonly string[], value: unknown): void {
  let node = tree;
  for (const part of path.slice(0, -1)) {
    const child = node[part];
    const next = typeof child === 'object' && child !== null ? (child as Tree) : {};
    node[part] = next;
    node = next;
  }
  node[path.at(-1) ?? ''] = value;
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const place = issue.path.map((part) =>
    typeof part === 'number' ? `[${part}]` : `.${String(part)}`,
  );
  const key = place.join('').replace(/^\./, '');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => `${key ? `${key}.` : ''}${name}: unknown key; remove it`);
  }
  const isMissing = issue.code === 'invalid_type' && issue.message.includes('received undefined');
  return [`${key || 'the file'}: ${isMissing ? 'is required' : issue.message}`];
}

function typeName(node: JsonSchema): string {
  if (node.enum) return node.enum.join(' \\| ');
  if (node.format === 'path' || node.format === 'host:port') return node.format;
  if (node.type === 'array') return `list of ${node.items ? typeName(node.items) : 'values'}`;
  if (node.type === 'integer') return `integer, ${node.minimum ?? 0} to ${node.maximum ?? '∞'}`;
  return node.type ?? 'value';
}

/** The first line of YAML's message, which goes on with an excerpt after a colon. */
function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? text).replace(/:$/, '');
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
