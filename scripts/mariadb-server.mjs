/** The parts of a private MariaDB server: its programs and their installation, a data folder, a process, an address. */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, chmodSync, chownSync, constants, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { withoutServices } from './programs.mjs';

export const USER = 'wahub';
export const PASSWORD = 'wahub';
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
/** Their default would end the process without its exit handlers. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const INSTALL_TIMEOUT_MS = 10 * 60_000;

/** The path of a program, also where Debian keeps daemons. */
function findProgram(...names) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  for (const name of names) {
    for (const folder of folders.filter(Boolean)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // not here
      }
    }
  }
  return null;
}

/** @returns {{ daemon: string, installer: string } | null} */
export function findServer() {
  const daemon = findProgram('mariadbd');
  const installer = findProgram('mariadb-install-db');
  return daemon && installer ? { daemon, installer } : null;
}

function isRoot() {
  return process.getuid?.() === 0;
}

/**
 * Makes sure that `isThere`; as root on Debian or Ubuntu these packages are installed, and no system service is left
 * running. True, or the reason why not.
 * @param {() => boolean} isThere
 * @param {string[]} packages
 * @returns {true | string}
 */
export function ensurePackages(isThere, packages) {
  if (isThere()) return true;
  const names = packages.join(' and ');
  const apt = findProgram('apt-get');
  if (!apt) return `${names} cannot be found, and there is no apt-get to install with`;
  if (!isRoot()) return `${names} cannot be found, and only root may install with apt-get`;
  return withoutServices(() => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
      const run = spawnSync(apt, args, { env, encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS });
      if (run.status !== 0)
        return `apt-get ${args[0]} failed: ${run.stderr || run.error?.message || ''}`.trim();
    }
    return isThere() ? true : `${names} were installed, but what they should hold is not there`;
  });
}

/** mariadbd refuses to run as root; nobody has no files of its own to lose. */
export function unprivileged() {
  if (!isRoot()) return {};
  const idOf = (flag) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** A TCP port of 127.0.0.1 that nobody listened on a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Makes `dir` a server's folder, with the system tables of a new one unless they are there. */
export function createDataDir(dir, installer, as) {
  if (socketOf(dir).length >= 100) throw new Error(`${dir} is too long a path for a socket`);
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o700);
  if (as.uid !== undefined) chownSync(dir, as.uid, as.gid);
  const data = join(dir, 'data');
  try {
    accessSync(join(data, 'mysql'));
  } catch {
    const args = [
      '--no-defaults',
      `--datadir=${data}`,
      temporaryIn(dir),
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ];
    args.push('--skip-name-resolve', '--innodb-log-file-size=16M', '--innodb-flush-log-at-trx-commit=0');
    const run = spawnSync(installer, args, { ...as, encoding: 'utf8', cwd: dir });
    if (run.status !== 0)
      throw new Error(`mariadb-install-db failed: ${run.stderr || run.stdout || run.error?.message}`);
  }
  writeFileSync(
    join(dir, 'init.sql'),
    `CREATE USER IF NOT EXISTS '${USER}'@'127.0.0.1' IDENTIFIED BY '${PASSWORD}';
GRANT ALL ON *.* TO '${USER}'@'127.0.0.1' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS '${USER}'@'localhost' IDENTIFIED BY '${PASSWORD}';
GRANT ALL ON *.* TO '${USER}'@'localhost' WITH GRANT OPTION;
`,
    { mode: 0o644 },
  );
  return data;
}

/** The path of a server's UNIX socket. */
export const socketOf = (dir) => join(dir, 's.sock');
/** A server that starts removes temporary tables from its folder, those of other servers included. */
const temporaryIn = (dir) => `--tmpdir=${dir}`;

/**
 * The arguments with which each of our servers is started; `dir` was made by `createDataDir`. A durable one has the log
 * size of MariaDB's own default: in a smaller one a benchmark waits for pages to be flushed.
 */
export function serverArguments(dir, port, durable) {
  return [
    '--no-defaults',
    `--datadir=${join(dir, 'data')}`,
    temporaryIn(dir),
    `--socket=${socketOf(dir)}`,
    `--pid-file=${join(dir, 'pid')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    '--innodb-buffer-pool-size=128M',
    `--innodb-log-file-size=${durable ? 96 : 16}M`,
    `--innodb-flush-log-at-trx-commit=${durable ? 1 : 0}`,
    '--performance-schema=OFF',
    '--max-connections=300',
    // As many for each connection as with MariaDB's defaults.
    '--max-prepared-stmt-count=32764',
    '--character-set-server=utf8mb4',
  ];
}

/** The argument by which a server makes the user of the tests when it starts. */
export const userArgument = (dir) => `--init-file=${join(dir, 'init.sql')}`;

/**
 * Starts a server in `dir`, whose output goes into server.log. It does not outlive this process.
 * @returns {{ pid: number, running: () => boolean, end: (signal: NodeJS.Signals) => Promise<void> }}
 */
export function startServer(daemon, dir, args, as) {
  const log = openSync(join(dir, 'server.log'), 'a');
  const server = spawn(daemon, args, {
    ...as,
    cwd: dir,
    stdio: ['ignore', log, log],
    env: { PATH: process.env.PATH },
  });
  const exited = new Promise((resolve) => server.once('exit', resolve));
  const killNow = () => server.kill('SIGKILL');
  process.once('exit', killNow);
  const running = () => server.exitCode === null && server.signalCode === null;
  return {
    pid: server.pid,
    running,
    async end(signal) {
      if (running()) {
        server.kill(signal);
        const late = setTimeout(killNow, STOP_TIMEOUT_MS);
        await exited;
        clearTimeout(late);
      }
      process.removeListener('exit', killNow);
    },
  };
}

/** While this process lives, signals end it with its exit handlers run. The result takes that back. */
export function exitOnSignals(onExit) {
  const onSignal = (signal) => process.exit(128 + osConstants.signals[signal]);
  process.once('exit', onExit);
  for (const signal of SIGNALS) process.once(signal, onSignal);
  return () => {
    process.removeListener('exit', onExit);
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  };
}

/** Resolves when a query on the server has an answer. Throws when that takes a minute, or the server has ended. */
export async function waitUntilReady(address, server, query = 'SELECT 1', isReady = () => true) {
  const giveUpAt = performance.now() + READY_TIMEOUT_MS;
  while (server.running() && performance.now() < giveUpAt) {
    try {
      const connection = await createConnection({ ...address, connectTimeout: 2_000 });
      const [rows] = await connection.query(query).finally(() => connection.end());
      if (isReady(rows)) return;
    } catch {
      // not yet
    }
    await delay(50);
  }
  throw new Error('MariaDB did not become ready');
}

/** Creates a database of that name unless it is there. */
export async function createDatabase(address, name) {
  if (!/^\w{1,60}$/.test(name)) throw new Error(`not a name for a database: ${name}`);
  const connection = await createConnection(address);
  try {
    await connection.query(
      `CREATE DATABASE IF NOT EXISTS \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    );
  } finally {
    await connection.end();
  }
}
