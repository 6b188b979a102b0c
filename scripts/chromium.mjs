/** Finds a Chromium for the browser tests; on Debian as root installs the package. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const CANDIDATES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** The path of a Chromium, or null and the reason why there is none. */
export function ensureChromium() {
  const found = process.env.CHROMIUM_PATH ?? CANDIDATES.find((path) => existsSync(path));
  if (found) return { path: found, why: '' };
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    return { path: null, why: 'no Chromium was found; set CHROMIUM_PATH or install the chromium package' };
  }
  console.log('Installing chromium ...');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const path = CANDIDATES.find((candidate) => existsSync(candidate)) ?? null;
  return { path, why: path ? '' : 'the chromium package could not be installed' };
}
