import { readFileSync } from 'node:fs';
import t from 'tap';
import * as central from '../../central/config.js';
import { configurationPage } from '../../dev/configuration-page.js';
import * as gateway from '../../gateway/config.js';
import { configKeys } from '../../shared/config.js';

t.test('docs/configuration.md is what the schemas say', async (t) => {
  const written = readFileSync('docs/configuration.md', 'utf8');
  t.equal(written, configurationPage(), 'run `npm run docs` and commit the page');
});

t.test('every key of both programs is described in a sentence', async (t) => {
  for (const schema of [gateway.schemaFor('/'), central.schemaFor('/')]) {
    for (const { path, description } of configKeys(schema)) {
      t.ok(description.length > 0, path.join('.'));
    }
  }
});
