/**
 * A private, throw-away MariaDB for tests and benchmarks: 127.0.0.1, a free port, its own data directory.
 * `node scripts/mariadb.mjs` starts one, prints export lines and stays until it is told to stop.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { constants as osConstants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createConnection } from 'mysql2/promise';
import { withoutServices } from './programs.mjs';

const USER = 'wahub';
const PASSWORD = 'wahub';
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
/** Their default would end the process without its exit handlers. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const INSTALL_TIMEOUT_MS = 10 * 60_000;

/**
 * @typedef {object} Mariadb
 * @property {string} host
 * @property {number} port
 * @property {string} user
 * @property {string} password
 * @property {number} pid
 * @property {string} url for TEST_MYSQL_URL
 * @property {string} dir given again to startMariadb it starts the same data
 * @property {(name: string) => Promise<void>} createDatabase
 * @property {() => Promise<void>} stop ends the server; removes the directory if startMariadb made it
 */

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

function findServer() {
  const daemon = findProgram('mariadbd');
  const installer = findProgram('mariadb-install-db');
  return daemon && installer ? { daemon, installer } : null;
}

function isRoot() {
  return process.getuid?.() === 0;
}

/**
 * Makes sure that mariadbd is there; as root on Debian or Ubuntu it is installed, and no system service is left
 * running. Resolves to true, or to the reason why not.
 * @returns {Promise<true | string>}
 */
export async function ensureMariadb() {
  if (findServer()) return true;
  const apt = findProgram('apt-get');
  if (!apt) return 'mariadbd is not installed, and there is no apt-get to install it with';
  if (!isRoot()) return 'mariadbd is not installed, and only root may install it (package mariadb-server)';
  return withoutServices(() => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'mariadb-server']]) {
      const run = spawnSync(apt, args, { env, encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS });
      if (run.status !== 0)
        return `apt-get ${args[0]} failed: ${run.stderr || run.error?.message || ''}`.trim();
    }
    return findServer() ? true : 'mariadb-server was installed, but mariadbd is not there';
  });
}

/** mariadbd refuses to run as root; nobody has no files of its own to lose. */
function unprivileged() {
  if (!isRoot()) return {};
  const idOf = (flag) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  return { uid: idOf('-u'), gid: idOf('-g') };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function createDataDir(dir, installer, as) {
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
`,
    { mode: 0o644 },
  );
  return data;
}

function serverArguments(dir, data, port, durable) {
  return [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${join(dir, 's.sock')}`,
    `--pid-file=${join(dir, 'pid')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    `--init-file=${join(dir, 'init.sql')}`,
    '--innodb-buffer-pool-size=128M',
    '--innodb-log-file-size=16M',
    `--innodb-flush-log-at-trx-commit=${durable ? 1 : 0}`,
    '--skip-log-bin',
    '--performance-schema=OFF',
    '--max-connections=300',
    '--character-set-server=utf8mb4',
  ];
}

/**
 * Starts a server. With `dir` its data is kept there (and found again by the next start), with `port` it listens
 * there, with `durable` every commit reaches the disk. Throws when it is not ready within a minute.
 * @param {{ dir?: string, port?: number, durable?: boolean }} [options]
 * @returns {Promise<Mariadb>}
 */
export async function startMariadb(options = {}) {
  const programs = findServer();
  if (!programs) throw new Error('mariadbd is not installed');
  const as = unprivileged();
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'wahub-mariadb-'));
  if (join(dir, 's.sock').length >= 100) throw new Error(`${dir} is too long a path for a socket`);
  const data = createDataDir(dir, programs.installer, as);
  const port = options.port ?? (await freePort());
  const log = openSync(join(dir, 'server.log'), 'a');
  const server = spawn(programs.daemon, serverArguments(dir, data, port, options.durable ?? false), {
    ...as,
    cwd: dir,
    stdio: ['ignore', log, log],
    env: { PATH: process.env.PATH },
  });
  const exited = new Promise((resolve) => server.once('exit', resolve));
  // A test run that dies must not leave a server behind.
  const killNow = () => server.kill('SIGKILL');
  const endWithProcess = () => {
    killNow();
    if (!options.dir) rmSync(dir, { recursive: true, force: true });
  };
  const onSignal = (signal) => process.exit(128 + osConstants.signals[signal]);
  process.once('exit', endWithProcess);
  for (const signal of SIGNALS) process.once(signal, onSignal);
  const address = { host: '127.0.0.1', port, user: USER, password: PASSWORD };

  async function stop() {
    if (server.exitCode === null && server.signalCode === null) {
      server.kill('SIGTERM');
      const late = setTimeout(killNow, STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(late);
    }
    process.removeListener('exit', endWithProcess);
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
    if (!options.dir) rmSync(dir, { recursive: true, force: true });
  }

  try {
    await waitUntilReady(address, server);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...address,
    pid: server.pid,
    dir,
    url: `mysql://${USER}:${PASSWORD}@127.0.0.1:${port}/`,
    createDatabase: (name) => createDatabase(address, name),
    stop,
  };
}

async function waitUntilReady(address, server) {
  const giveUpAt = performance.now() + READY_TIMEOUT_MS;
  while (server.exitCode === null && server.signalCode === null && performance.now() < giveUpAt) {
    try {
      const connection = await createConnection({ ...address, connectTimeout: 2_000 });
      await connection.end();
      return;
    } catch {
      await delay(50);
    }
  }
  throw new Error('MariaDB did not become ready');
}

async function createDatabase(address, name) {
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

async function runAsCommand() {
  const there = await ensureMariadb();
  if (there !== true) {
    console.error(there);
    process.exitCode = 1;
    return;
  }
  const server = await startMariadb({ durable: process.argv.includes('--durable') });
  await server.createDatabase('wahub');
  const values = {
    DB_TYPE: 'mysql',
    DB_HOST: server.host,
    DB_PORT: server.port,
    DB_USER: server.user,
    DB_PASSWORD: server.password,
    DB_NAME: 'wahub',
    TEST_MYSQL_URL: server.url,
  };
  for (const [name, value] of Object.entries(values)) console.log(`export ${name}=${value}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runAsCommand();
