/**
 * A private, throw-away MariaDB for tests and benchmarks: 127.0.0.1, a free port, its own data directory.
 * `node scripts/mariadb.mjs` starts one, prints export lines and stays until it is told to stop.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createDatabase,
  createDataDir,
  ensurePackages,
  exitOnSignals,
  findServer,
  freePort,
  PASSWORD,
  serverArguments,
  socketOf,
  startServer,
  USER,
  unprivileged,
  userArgument,
  waitUntilReady,
} from './mariadb-server.mjs';

/**
 * @typedef {object} Mariadb
 * @property {string} host
 * @property {number} port
 * @property {string} user
 * @property {string} password
 * @property {number} pid
 * @property {string} url for TEST_MYSQL_URL
 * @property {string} socket path of its UNIX socket
 * @property {string} dir given again to startMariadb it starts the same data
 * @property {(name: string) => Promise<void>} createDatabase
 * @property {() => Promise<void>} stop ends the server; removes the directory if startMariadb made it
 */

/**
 * Makes sure that mariadbd is there, installing it where that is possible. Resolves to true, or to the reason why not.
 * @returns {Promise<true | string>}
 */
export async function ensureMariadb() {
  return ensurePackages(() => findServer() !== null, ['mariadb-server']);
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
  createDataDir(dir, programs.installer, as);
  const port = options.port ?? (await freePort());
  const args = [...serverArguments(dir, port, options.durable ?? false), userArgument(dir), '--skip-log-bin'];
  const server = startServer(programs.daemon, dir, args, as);
  const removeDir = () => {
    if (!options.dir) rmSync(dir, { recursive: true, force: true });
  };
  // A test run that dies must not leave a server behind.
  const forget = exitOnSignals(removeDir);
  const address = { host: '127.0.0.1', port, user: USER, password: PASSWORD };

  async function stop() {
    await server.end('SIGTERM');
    forget();
    removeDir();
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
    socket: socketOf(dir),
    url: `mysql://${USER}:${PASSWORD}@127.0.0.1:${port}/`,
    createDatabase: (name) => createDatabase(address, name),
    stop,
  };
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
