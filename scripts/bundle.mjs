// Bundles a program into one JavaScript file for its package, and tells which dependencies went into it.
import { readFileSync } from 'node:fs';
import { build } from 'esbuild';

// CommonJS dependencies ask for node's own modules at run time, which an ES module must provide.
const requireBanner =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Writes `outfile` and returns the folders of the dependencies in it, such as `node_modules/ws`. */
export async function bundle({ entry, outfile, version, external = [] }) {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile,
    external,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // What is not there is neither read at the start nor held afterwards.
    minify: true,
    legalComments: 'none',
    banner: { js: requireBanner },
    metafile: true,
    logLevel: 'warning',
    plugins: [packageVersion(version), debianShebang, englishOnly],
  });
  const folders = Object.keys(metafile.inputs).map(
    (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0],
  );
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

/** A bundle stands alone: its version is written into it instead of being read from package.json. */
function packageVersion(version) {
  return {
    name: 'package-version',
    setup: ({ onLoad }) =>
      onLoad({ filter: /[/\\]shared[/\\]version\.ts$/ }, () => ({
        contents: `export const version = ${JSON.stringify(version)};`,
      })),
  };
}

/** Debian's Node is at a fixed place, whatever PATH says. */
const debianShebang = {
  name: 'debian-shebang',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[/\\]cli\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/^#!.*/, '#!/usr/bin/node'),
      loader: 'ts',
    })),
};

/** zod carries its messages in every language, a quarter of the bundle; only English ones are ever shown. */
const englishOnly = {
  name: 'english-only',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[/\\]zod[/\\]v4[/\\]locales[/\\]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    })),
};
