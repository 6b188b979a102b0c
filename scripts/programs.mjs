/** Finds the programs that some tests need; on Debian, as root, installs the packages that hold them. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

let indexIsFresh = false;

/**
 * The path of the first of `names` that this machine has, after an attempt to install `packages`; else null and the
 * sentence why not. `variable` names an environment variable that overrules the search; with `probe` a program only
 * counts when it ends with 0 on these arguments.
 */
export function ensureProgram(names, packages, { variable, probe } = {}) {
  const named = variable && process.env[variable];
  const look = () => {
    const path = find(names);
    return path !== null && works(path, probe) ? path : null;
  };
  const found = named || look();
  if (found) return { path: found, why: '' };
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    const missing = find(names) === null ? 'was not found' : 'lacks what the tests need of it';
    const hint = variable ? `; ${variable} can name it` : '';
    return { path: null, why: `${names[0]} ${missing} (Debian: ${packages.join(' ')})${hint}` };
  }
  console.log(`Installing ${packages.join(' ')} ...`);
  install(packages);
  const path = look();
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
  withoutServices(() => apt('install', '-y', '--no-install-recommends', ...packages));
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
