// Writes docs/configuration.md from the schemas of the two programs (npm run docs); a test compares the two.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import * as central from '../central/config.js';
import * as gateway from '../gateway/config.js';
import { type ConfigKey, configKeys, environmentName } from '../shared/config.js';

/** The page, whole. */
export function configurationPage(): string {
  return `# Configuration

<!-- Made by \`npm run docs\` from the schemas in gateway/config.ts and central/config.ts; do not edit. -->

Both programs read one YAML file: defaults, then the file, then the environment. Relative paths are taken from the
folder of the file. Unknown keys are refused, and every problem is told at once:
\`reveille-gateway check-config --config gateway.yaml\`, \`reveille-central check-config --config central.yaml\`.

A variable of the environment is the upper-case path of a key with \`_\`; underscores inside a key's name may be
written or left out. Its value is read as YAML, so that \`[udp, tcp]\` is a list. Keys inside lists have none.

## gateway.yaml

${table(gateway.schemaFor('/'), gateway.envPrefix)}

## central.yaml

${table(central.schemaFor('/'), central.envPrefix)}
`;
}

function table(schema: z.ZodType, envPrefix: string): string {
  const rows = configKeys(schema).map((key) => {
    const description = key.description.replaceAll('<', '&lt;');
    const cells = [`\`${pathOf(key)}\``, key.type, defaultOf(key), description];
    return `| ${[...cells, environmentOf(key, envPrefix)].join(' | ')} |`;
  });
  return [
    '| key | type | default | what it is | environment |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function pathOf({ path }: ConfigKey): string {
  return path.join('.');
}

function defaultOf({ required, default: value }: ConfigKey): string {
  if (value !== undefined)
    return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
  return required ? '**required**' : '–';
}

function environmentOf({ path }: ConfigKey, envPrefix: string): string {
  const isInList = path.some((part) => part.endsWith('[]'));
  return isInList ? '' : `\`${environmentName(envPrefix, path)}\``;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync('docs/configuration.md', configurationPage());
}
