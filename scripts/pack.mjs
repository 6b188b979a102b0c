#!/usr/bin/env node
/**
 * Puts the compiled service and its packages into one file, dist/.packed/sandbox.mjs, for tests that start it hundreds of
 * times: most of a start is looking for 3,000 files. The code is that of dist/; each module still knows where it lies.
 */
import { readFileSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { ROOT } from './bootstrap.mjs';
import { prepareBuild } from './build.mjs';

const DIST = join(ROOT, 'dist');
/** Below dist/: a new build takes it away. */
const PACKED = join(DIST, '.packed', 'sandbox.mjs');
/** Bring machine code along, or look for files by a way of their own. */
const NOT_PACKED = ['sharp', 'libsql', '@libsql/*', 'bcrypt', 'opus-decoder'];
const REQUIRE =
  "import { createRequire as createPackedRequire } from 'node:module'; const require = createPackedRequire(import.meta.url);";

/** What a module asks about its own place is answered as before. */
const ownPlaces = {
  name: 'own-places',
  setup({ onLoad }) {
    onLoad({ filter: /\.[cm]?js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!/\bimport\.meta\b|\b__(dirname|filename)\b/.test(text)) return undefined;
      const place = { url: pathToFileURL(path).href, dirname: dirname(path), filename: path };
      const contents = Object.entries(place).reduce((changed, [name, value]) => {
        const own = new RegExp(`\\bimport\\.meta\\.${name}\\b`, 'g');
        return changed.replace(own, () => JSON.stringify(value));
      }, text);
      const given = ['dirname', 'filename']
        .filter((name) => !new RegExp(`(const|let|var)\\s+__${name}\\b`).test(text))
        .map((name) => `var __${name} = ${JSON.stringify(place[name])};`);
      return { contents: [...given, contents].join(' '), loader: 'js' };
    });
  },
};

const changedAtMs = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Leaves a packed file that is not older than the service's and the emulator's sources. */
export async function preparePacked() {
  await prepareBuild();
  const built = [DIST, join(ROOT, 'packages', 'wa-emulator', 'dist')];
  if (built.every((dist) => changedAtMs(PACKED) > changedAtMs(join(dist, '.built')))) return;
  const made = join(DIST, '.packed', `sandbox.${process.pid}.part.mjs`);
  await build({
    entryPoints: [join(DIST, 'sandbox.js')],
    outfile: made,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: `node${process.versions.node}`,
    external: NOT_PACKED,
    banner: { js: REQUIRE },
    plugins: [ownPlaces],
    logLevel: 'error',
  });
  // The rename makes it appear whole.
  renameSync(made, PACKED);
}
