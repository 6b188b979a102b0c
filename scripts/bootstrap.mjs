#!/usr/bin/env node
/**
 * Installs what is missing, then runs a command with the project's own tools in the path:
 * `node scripts/bootstrap.mjs tsx packages/wa-emulator/src/main.ts`. Without a command it only installs.
 * Uses nothing but Node, so that it works in a fresh clone.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MINIMUM_NODE = [20, 19];

/** Stops with one clear line when Node is too old. */
function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return;
  console.error(`WaHub needs Node ${MINIMUM_NODE.join('.')} or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

/** Names of the pinned packages that are missing or have another version than package.json pins. */
function missingPackages(withTools) {
  const manifest = readManifest('.');
  const tools = withTools ? manifest.devDependencies : {};
  const missing = missingIn('.', { ...manifest.dependencies, ...tools });
  const folders = (manifest.workspaces ?? []).filter((folder) => existsSync(join(ROOT, folder)));
  const missingInFolders = folders.flatMap((folder) => {
    const { name, dependencies, devDependencies } = readManifest(folder);
    if (withTools) return missingIn(folder, { ...dependencies, ...devDependencies });
    // The clients in the repository: the service runs without them.
    return name in manifest.dependencies ? missingIn(folder, dependencies) : [];
  });
  return [...missing, ...missingInFolders];
}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
}

function missingIn(folder, wanted) {
  return (
    Object.entries(wanted)
      // `npm:another-name@1.2.3` is 1.2.3 of another package.
      .filter(([name, version]) => installedVersion(folder, name) !== version.replace(/^npm:.*@/, ''))
      .map(([name]) => name)
  );
}

/** As Node looks for it: next to the package itself, then in the root. */
function installedVersion(folder, name) {
  const places = [folder, '.'].map((place) => join(ROOT, place, 'node_modules', name, 'package.json'));
  const file = places.find((place) => existsSync(place));
  return file === undefined ? null : JSON.parse(readFileSync(file, 'utf8')).version;
}

/**
 * Installs the packages of the lock file when any is missing; `withTools`: also those that build and test. Ends the
 * process when npm fails.
 */
export function installPackages({ withTools = true } = {}) {
  checkNode();
  const missing = missingPackages(withTools);
  if (missing.length === 0) return;
  console.error(`Installing packages (${missing.length} missing) ...`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // `ci` begins by deleting node_modules, from under whatever runs there: only where there is none yet.
  const fresh = !existsSync(join(ROOT, 'node_modules'));
  const args = [...(fresh ? ['ci'] : ['install', '--no-save']), ...(withTools ? ['--include=dev'] : [])];
  const done = spawnSync(npm, [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (done.status === 0) return;
  console.error('npm could not install the packages; see the lines above.');
  process.exit(done.status ?? 1);
}

/** The environment with the project's own tools first in the path. */
export function toolEnvironment(extra = {}) {
  const path = [join(ROOT, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter);
  return { ...process.env, PATH: path, ...extra };
}

/** What a command has left behind may keep its output open. */
const LAST_LINES_MS = 1_000;

/**
 * Runs a command in the foreground, hands signals on, resolves with its exit code. After `timeoutMs` (0: never) it is killed,
 * which is 1. With `label` each line of its output begins with that: another command runs beside it.
 */
export function run(command, args, { env = {}, cwd = ROOT, timeoutMs = 0, label } = {}) {
  return new Promise((resolve, reject) => {
    const bound = { timeout: timeoutMs, killSignal: 'SIGKILL' };
    const stdio = label === undefined ? 'inherit' : ['inherit', 'pipe', 'pipe'];
    const child = spawn(command, args, { cwd, stdio, env: toolEnvironment(env), ...bound });
    const told = [child.stdout, child.stderr].filter(Boolean).map((input) => {
      const lines = createInterface({ input }).on('line', (line) => console.log(`${label} | ${line}`));
      return new Promise((ended) => lines.once('close', ended));
    });
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', forward).on('SIGTERM', forward);
    child.on('error', reject);
    child.on('exit', async (code, signal) => {
      process.off('SIGINT', forward).off('SIGTERM', forward);
      if (told.length > 0)
        await Promise.race([Promise.all(told), pause(LAST_LINES_MS, null, { ref: false })]);
      resolve(code ?? (signal ? 1 : 0));
    });
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [command, ...args] = process.argv.slice(2);
  // tsx is one of the service's own packages: its scripts also run where only those are installed.
  installPackages({ withTools: command !== 'tsx' });
  if (command) process.exitCode = await run(command, args);
}
