#!/usr/bin/env node
/**
 * Puts the compiled service and its tools, with their packages, into a file each: dist/.packed/sandbox.mjs and cli.mjs.
 * Tests start them hundreds of times, and most of a start is looking for 3,000 files. The code is that of dist/, and each
 * module still knows where it lies.
 */
import { mkdirSync, readFileSync, renameSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { ROOT } from './bootstrap.mjs';
import { prepareBuild } from './build.mjs';

const DIST = join(ROOT, 'dist');
/** Below dist/: a new build takes it away. */
const PACKED = join(DIST, '.packed');
const ENTRIES = { sandbox: join(DIST, 'sandbox.js'), cli: join(DIST, 'cli', 'main.js') };
/**
 * Bring machine code along, or look for files by a way of their own. What libsignal prints holds keys: it is silenced by
 * the file that prints (src/whatsapp/baileys/preload.ts), so that file must stay.
 */
const NOT_PACKED = ['sharp', 'libsql', '@libsql/*', 'bcrypt', 'opus-decoder', 'libsignal'];
const REQUIRE =
  "import { createRequire as createPackedRequire } from 'node:module'; const require = createPackedRequire(import.meta.url);";
/** Held while one process compiles and packs; one that was killed leaves it behind. */
const LOCK = join(ROOT, 'dist.lock');
const LOCK_ENDS_MS = 180_000;

/** A module that asks for its own place gets the same answer as before. */
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

/** Two tests that start at the same moment would put their files in each other's place. */
async function locked(work) {
  for (;;) {
    try {
      mkdirSync(LOCK);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (Date.now() - changedAtMs(LOCK) > LOCK_ENDS_MS) rmdirSync(LOCK);
      else await pause(200);
    }
  }
  // prepareBuild ends the process when src/ does not compile.
  const giveUp = () => rmdirSync(LOCK);
  process.once('exit', giveUp);
  await work();
  process.removeListener('exit', giveUp);
  giveUp();
}

async function pack() {
  const made = join(PACKED, `${process.pid}.part`);
  await build({
    entryPoints: ENTRIES,
    outdir: made,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: `node${process.versions.node}`,
    external: NOT_PACKED,
    banner: { js: REQUIRE },
    plugins: [ownPlaces],
    logLevel: 'error',
  });
  // Each appears whole.
  for (const name of Object.keys(ENTRIES)) renameSync(join(made, `${name}.mjs`), join(PACKED, `${name}.mjs`));
  rmdirSync(made);
}

/** Leaves packed files that are not older than the service's and the emulator's sources. */
export async function preparePacked() {
  await locked(async () => {
    await prepareBuild();
    const built = [DIST, join(ROOT, 'packages', 'wa-emulator', 'dist')].map((dist) =>
      changedAtMs(join(dist, '.built')),
    );
    const packed = Object.keys(ENTRIES).map((name) => changedAtMs(join(PACKED, `${name}.mjs`)));
    if (Math.min(...packed) <= Math.max(...built)) await pack();
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await preparePacked();
