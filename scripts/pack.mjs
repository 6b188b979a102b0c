#!/usr/bin/env node
/**
 * Puts the compiled service and its tools, with their packages, into a file each: dist/.packed/sandbox.mjs and cli.mjs.
 * Tests start them hundreds of times, and most of a start is looking for 3,000 files. The code is that of dist/, and each
 * module still knows where it lies. Most of what is left of a start is compiling: what V8 has made of the sandbox in one start
 * lies beside it, for all others.
 */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { ROOT } from './bootstrap.mjs';
import { prepareBuild } from './build.mjs';
import { freePort } from './mariadb-server.mjs';

const DIST = join(ROOT, 'dist');
/** Below dist/: a new build takes it away. */
const PACKED = join(DIST, '.packed');
const ENTRIES = { sandbox: join(DIST, 'sandbox.js'), cli: join(DIST, 'cli', 'main.js') };
/**
 * Bring machine code along, or look for files by a way of their own. What libsignal prints holds keys: it is silenced by
 * the file that prints (src/whatsapp/baileys/preload.ts), so that file must stay.
 */
const NOT_PACKED = ['sharp', 'libsql', '@libsql/*', 'bcrypt', 'opus-decoder', 'libsignal'];
/** The file waits for the service to end; a script has no `await` outside functions, and nothing comes after this one. */
const ENTRY_WAITS = /^await (?=runUntilSignal\()/m;
/** A script does not know its place. */
const PLACE = "'use strict'; const packedUrl = require('node:url').pathToFileURL(__filename).href;";
/** Starts a script with what V8 has made of it; where V8 refuses that, it compiles as ever. */
const STARTER = `import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
const folder = dirname(fileURLToPath(import.meta.url));
const filename = join(folder, 'sandbox.cjs');
const cache = join(folder, 'sandbox.cache');
// It is ASCII: a sign is a byte.
const code = readFileSync(filename, 'latin1');
const script = new Script('(function (exports, require, module, __filename, __dirname) {' + code + '\\n})', {
  filename,
  cachedData: existsSync(cache) ? readFileSync(cache) : undefined,
});
const { SAVE_COMPILED } = process.env;
if (SAVE_COMPILED) process.once('exit', () => writeFileSync(SAVE_COMPILED, script.createCachedData()));
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(filename), module, filename, folder);
`;
/** Longer than a start takes on a busy machine; with the end, far shorter than others wait for the lock. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
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
      const isEntry = path === ENTRIES.sandbox;
      if (isEntry && !ENTRY_WAITS.test(text)) throw new Error(`${path} does not wait for the service`);
      if (isEntry) return { contents: text.replace(ENTRY_WAITS, 'void '), loader: 'js' };
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
  const common = {
    outdir: made,
    bundle: true,
    platform: 'node',
    target: `node${process.versions.node}`,
    external: NOT_PACKED,
    plugins: [ownPlaces],
    logLevel: 'error',
  };
  await build({
    ...common,
    entryPoints: { cli: ENTRIES.cli },
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    banner: { js: REQUIRE },
  });
  await build({
    ...common,
    entryPoints: { sandbox: ENTRIES.sandbox },
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    banner: { js: PLACE },
    define: { 'import.meta.url': 'packedUrl' },
    // What V8 brings back does not know how to import.
    supported: { 'dynamic-import': false },
  });
  const code = join(made, 'sandbox.cjs');
  writeFileSync(code, escaped(readFileSync(code, 'utf8')));
  writeFileSync(join(made, 'sandbox.mjs'), STARTER);
  // V8 knows the code by its length alone: what was compiled of other code must be gone before.
  rmSync(join(PACKED, 'sandbox.cache'), { force: true });
  // Each appears whole.
  for (const name of ['sandbox.cjs', 'sandbox.mjs', 'cli.mjs'])
    renameSync(join(made, name), join(PACKED, name));
  await saveCompiled(join(made, 'sandbox.cache'));
  if (existsSync(join(made, 'sandbox.cache')))
    renameSync(join(made, 'sandbox.cache'), join(PACKED, 'sandbox.cache'));
  rmdirSync(made);
}

/** All signs that are not ASCII as escapes: esbuild leaves those in patterns, templates and comments as they are. */
function escaped(code) {
  return code.replace(/[\u0080-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Starts the sandbox once and keeps what V8 has compiled by then. Without it, each start compiles. */
async function saveCompiled(file) {
  const dir = mkdtempSync(join(tmpdir(), 'wahub-pack-'));
  const child = spawn(process.execPath, [join(PACKED, 'sandbox.mjs')], {
    cwd: ROOT,
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'development',
      PORT: String(await freePort()),
      DATA_DIR: dir,
      LOG_DIR: join(dir, 'logs'),
      DB_TYPE: 'sqlite',
      DB_SQLITE_PATH: join(dir, 'wahub.db'),
      SAVE_COMPILED: file,
    },
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const endsAtMs = Date.now() + START_TIMEOUT_MS;
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  while (!existsSync(join(dir, 'sandbox.json')) && isRunning() && Date.now() < endsAtMs) await pause(50);
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(late);
  rmSync(dir, { recursive: true, force: true });
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
