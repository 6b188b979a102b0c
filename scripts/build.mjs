#!/usr/bin/env node
/**
 * Compiles src/ to dist/, the service's and the emulator's. `npm run build` checks the types too; what starts the
 * service only compiles, and only when src/ has changed. A start from plain JavaScript takes half as long as one that
 * compiles on the way (`tsx`).
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installPackages, ROOT, run } from './bootstrap.mjs';

/** The programs to compile, each by its tsconfig from `src` to `dist`: the service imports the emulator. */
const PROJECTS = [
  { folder: 'packages/wa-emulator', config: 'tsconfig.json', also: ['package.json'] },
  { folder: '.', config: 'tsconfig.build.json', also: [] },
];
const ALSO = ['tsconfig.json', 'package-lock.json'];

/** The latest change below a project's src/, a file that was removed (its folder) included. */
function newestChangeMs({ folder, config, also }) {
  const src = join(ROOT, folder, 'src');
  const below = readdirSync(src, { recursive: true }).map((name) => join(src, name));
  const others = [...ALSO, ...[config, ...also].map((name) => join(folder, name))].map((name) =>
    join(ROOT, name),
  );
  return [src, ...below, ...others].reduce(
    (newest, path) => Math.max(newest, statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0),
    0,
  );
}

/** False also where only dist/ was brought along, as in an image. */
function isStale(project) {
  if (!existsSync(join(ROOT, project.folder, 'src'))) return false;
  // Its time of change is when the build began: what is saved meanwhile is newer.
  const built = statSync(join(ROOT, project.folder, 'dist', '.built'), { throwIfNoEntry: false });
  return !built || newestChangeMs(project) > built.mtimeMs;
}

/** Compiles into a folder of its own and puts it in place whole: a service that runs is not left with half of each. */
async function build({ folder, config }, ...flags) {
  const startedAt = new Date();
  const dist = join(ROOT, folder, 'dist');
  const made = `${dist}.${process.pid}.part`;
  const old = `${dist}.${process.pid}.old`;
  const code = await run('tsc', ['-p', join(folder, config), '--outDir', made, ...flags]);
  if (code === 0) {
    writeFileSync(join(made, '.built'), '');
    utimesSync(join(made, '.built'), startedAt, startedAt);
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(made, dist);
  }
  for (const part of [made, old]) rmSync(part, { recursive: true, force: true });
  if (code !== 0) process.exit(code);
}

/**
 * Leaves a dist/ that is not older than src/, and every package that it needs. Ends the process with tsc's lines when
 * src/ does not compile.
 */
export async function prepareBuild() {
  const stale = PROJECTS.filter(isStale);
  installPackages({ withTools: stale.length > 0 });
  if (stale.length === 0) return;
  console.error('Compiling src/ ...');
  // The types are checked by `npm run build` and in CI; that takes five times as long.
  for (const project of stale) await build(project, '--noCheck');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  installPackages();
  for (const project of PROJECTS) await build(project);
}
