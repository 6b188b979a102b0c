#!/usr/bin/env node
/**
 * Finds the programs that some tests need; on Debian, as root, installs the packages that hold them.
 * `node scripts/programs.mjs` installs whatever is missing of them at once. Uses nothing but Node: in a fresh clone it runs
 * beside `npm ci`.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The clients in examples/, each by its own language. */
export const LANGUAGES = {
  node: { names: ['node'], packages: ['nodejs'] },
  bash: { names: ['bash'], packages: ['bash'] },
  python3: { names: ['python3'], packages: ['python3-minimal'] },
  php: {
    names: ['php'],
    packages: ['php-cli', 'php-curl'],
    probe: ['-r', "exit(extension_loaded('curl') ? 0 : 1);"],
  },
  go: { names: ['go'], packages: ['golang-go'] },
};

export const CHROMIUM = {
  names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  packages: ['chromium'],
  variable: 'CHROMIUM_PATH',
};
/** The same without windows and without extensions: it takes about half as much of a processor. */
export const HEADLESS = {
  names: ['chromium-headless-shell', 'chrome-headless-shell'],
  packages: ['chromium-headless-shell'],
  variable: 'HEADLESS_PATH',
};
export const CLAMD = { names: ['clamd'], packages: ['clamav-daemon'], variable: 'CLAMD_PATH' };
const MARIADB = { names: ['mariadbd'], packages: ['mariadb-server'] };
const ALL = [MARIADB, CHROMIUM, CLAMD, ...Object.values(LANGUAGES)];

let indexIsFresh = false;

/** The program's path, or null. */
function look({ names, variable, probe }) {
  const named = variable && process.env[variable];
  if (named) return named;
  const path = find(names);
  return path !== null && works(path, probe) ? path : null;
}

/** Only root may install packages, and only Debian names them like this. */
const mayInstall = () => existsSync('/etc/debian_version') && process.getuid?.() === 0;

/**
 * The path of the first of `names` that this machine has, after an attempt to install `packages`; else null and the
 * sentence why not. `variable` names an environment variable that overrules the search; with `probe` a program only
 * counts when it ends with 0 on these arguments.
 */
export function ensureProgram(program) {
  const { names, packages, variable } = program;
  const found = look(program);
  if (found) return { path: found, why: '' };
  if (!mayInstall()) {
    const missing = find(names) === null ? 'was not found' : 'lacks what the tests need of it';
    const hint = variable ? `; ${variable} can name it` : '';
    return { path: null, why: `${names[0]} ${missing} (Debian: ${packages.join(' ')})${hint}` };
  }
  console.log(`Installing ${packages.join(' ')} ...`);
  install(packages);
  const path = look(program);
  return { path, why: path ? '' : `${packages.join(' ')} could not be installed` };
}

function works(path, probe) {
  return probe === undefined || spawnSync(path, probe, { stdio: 'ignore' }).status === 0;
}

function find(names) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/usr/sbin'];
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function install(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) =>
    spawnSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  if (!indexIsFresh) apt('update');
  indexIsFresh = true;
  withoutServices(() => apt('install', '-y', '--no-install-recommends', '--no-remove', ...packages));
}

/** Debian starts a service when its package is installed, unless this file says no (exit 101). */
export function withoutServices(install) {
  const policy = '/usr/sbin/policy-rc.d';
  let ours = false;
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
    ours = true;
  } catch {
    // there is a policy already: containers mostly have this very one
  }
  try {
    return install();
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

/** What cannot be installed here is told by the tests that need it. */
function installMissing() {
  // Not every release has the last one: it must not keep the others away.
  for (const programs of [ALL, [HEADLESS]]) {
    const missing = programs.filter((program) => look(program) === null).flatMap(({ packages }) => packages);
    if (missing.length === 0 || !mayInstall()) continue;
    console.error(`Installing ${missing.join(' ')} ...`);
    install(missing);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) installMissing();
