#!/usr/bin/env node
/**
 * Compiles src/ to dist/. `npm run build` checks the types too; what starts the service only compiles, and only when
 * src/ has changed. A start from plain JavaScript takes half as long as one that compiles on the way (`tsx`).
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installPackages, ROOT, run } from './bootstrap.mjs';

const DIST = join(ROOT, 'dist');
/** Its time of change is when the build began: what is saved meanwhile is newer. */
const STAMP = join(DIST, '.built');
const ALSO = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

/** The latest change below src/, a file that was removed (its folder) included. */
function newestChangeMs() {
  const src = join(ROOT, 'src');
  const below = readdirSync(src, { recursive: true }).map((name) => join(src, name));
  return [src, ...below, ...ALSO.map((name) => join(ROOT, name))].reduce(
    (newest, path) => Math.max(newest, statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0),
    0,
  );
}

/** False also where only dist/ was brought along, as in an image. */
function isStale() {
  if (!existsSync(join(ROOT, 'src'))) return false;
  const built = statSync(STAMP, { throwIfNoEntry: false });
  return !built || newestChangeMs() > built.mtimeMs;
}

/** Compiles into a folder of its own and puts it in place whole: a service that runs is not left with half of each. */
async function build(...flags) {
  const startedAt = new Date();
  const made = `${DIST}.${process.pid}.part`;
  const old = `${DIST}.${process.pid}.old`;
  const code = await run('tsc', ['-p', 'tsconfig.build.json', '--outDir', made, ...flags]);
  if (code === 0) {
    writeFileSync(join(made, '.built'), '');
    utimesSync(join(made, '.built'), startedAt, startedAt);
    if (existsSync(DIST)) renameSync(DIST, old);
    renameSync(made, DIST);
  }
  for (const folder of [made, old]) rmSync(folder, { recursive: true, force: true });
  if (code !== 0) process.exit(code);
}

/**
 * Leaves a dist/ that is not older than src/, and every package that it needs. Ends the process with tsc's lines when
 * src/ does not compile.
 */
export async function prepareBuild() {
  const stale = isStale();
  installPackages({ withTools: stale });
  if (!stale) return;
  console.error('Compiling src/ ...');
  // The types are checked by `npm run build` and in CI; that takes five times as long.
  await build('--noCheck');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  installPackages();
  await build();
}
