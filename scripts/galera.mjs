/**
 * A private, throw-away Galera cluster of MariaDB for tests: nodes on 127.0.0.1, free ports, a data folder each.
 * `node scripts/galera.mjs` starts one of three nodes, prints export lines and stays until it is told to stop.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
  startServer,
  USER,
  unprivileged,
  userArgument,
  waitUntilReady,
} from './mariadb-server.mjs';

const NODES = 3;
const RECOVER_TIMEOUT_MS = 30_000;

/**
 * @typedef {object} GaleraNode
 * @property {string} host
 * @property {number} port
 * @property {() => number} pid of the running server
 * @property {() => Promise<void>} kill kill -9
 * @property {() => Promise<void>} start after `kill`: brings it back with what it has missed
 */

/** Galera's library, where the distributions put it. */
function findLibrary() {
  const folders = ['/usr/lib/galera', '/usr/lib64/galera', '/usr/lib64/galera-4', '/usr/lib/galera-4'];
  return folders.map((folder) => join(folder, 'libgalera_smm.so')).find(existsSync) ?? null;
}

/**
 * Makes sure that MariaDB and Galera are there, installing them where that is possible. Resolves to true, or to the
 * reason why not.
 * @returns {Promise<true | string>}
 */
export async function ensureGalera() {
  const isThere = () => findServer() !== null && findLibrary() !== null;
  return ensurePackages(isThere, ['mariadb-server', 'galera-4']);
}

/**
 * Starts a cluster. Throws when it is not complete in time.
 * @returns {Promise<{ user: string, password: string, nodes: GaleraNode[],
 *   createDatabase: (name: string) => Promise<void>, stop: () => Promise<void> }>}
 */
export async function startGalera() {
  const programs = findServer();
  const library = findLibrary();
  if (!programs || !library) throw new Error('mariadbd or libgalera_smm.so is not installed');
  const as = unprivileged();
  const base = mkdtempSync(join(tmpdir(), 'wahub-galera-'));
  if (as.uid !== undefined) chownSync(base, as.uid, as.gid);
  const removeBase = () => rmSync(base, { recursive: true, force: true });
  const forget = exitOnSignals(removeBase);
  const nodes = [];
  for (let n = 0; n < NODES; n++) {
    const [port, groupPort, transferPort] = [await freePort(), await freePort(), await freePort()];
    nodes.push({ n, dir: join(base, String(n)), port, groupPort, transferPort, server: null });
  }
  const addressOf = (node) => ({ host: '127.0.0.1', port: node.port, user: USER, password: PASSWORD });
  const clusterAddress = `gcomm://${nodes.map((node) => `127.0.0.1:${node.groupPort}`).join(',')}`;

  const argumentsOf = (node) => [
    ...serverArguments(node.dir, node.port, false),
    '--wsrep-on=ON',
    `--wsrep-provider=${library}`,
    `--wsrep-cluster-address=${clusterAddress}`,
    '--wsrep-cluster-name=wahub',
    `--wsrep-node-name=node${node.n}`,
    `--wsrep-node-address=127.0.0.1:${node.groupPort}`,
    `--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:${node.groupPort};ist.recv_addr=127.0.0.1:${node.transferPort};gcache.size=64M`,
    '--binlog-format=ROW',
    '--innodb-autoinc-lock-mode=2',
    '--wsrep-slave-threads=2',
  ];

  async function start(node, extra = []) {
    node.server = startServer(programs.daemon, node.dir, [...argumentsOf(node), ...extra], as);
    const isSynced = (rows) => rows[0]?.Value === 'Synced';
    const query = "SHOW STATUS LIKE 'wsrep_local_state_comment'";
    await waitUntilReady(addressOf(node), node.server, query, isSynced);
  }

  /** Where a node that was killed stands; from there the others send it what it has missed. */
  function recoverPosition(node) {
    const args = [...argumentsOf(node), '--wsrep-recover'];
    const how = { ...as, encoding: 'utf8', cwd: node.dir, timeout: RECOVER_TIMEOUT_MS };
    const run = spawnSync(programs.daemon, args, how);
    const found = /Recovered position:\s*([0-9a-f-]+:-?\d+)/.exec(`${run.stdout}${run.stderr}`);
    if (!found) throw new Error(`the position of node ${node.n} could not be found: ${run.stderr}`);
    return `--wsrep-start-position=${found[1]}`;
  }

  async function stop() {
    for (const node of [...nodes].reverse()) await node.server?.end('SIGTERM');
    forget();
    removeBase();
  }

  try {
    const [first, ...others] = nodes;
    // The first one once alone: the others begin with a copy, so that none needs a transfer of the whole state.
    createDataDir(first.dir, programs.installer, as);
    await start(first, ['--wsrep-new-cluster', userArgument(first.dir)]);
    await first.server.end('SIGTERM');
    for (const node of others) copyFolder(first.dir, node.dir, as);
    await start(first, ['--wsrep-new-cluster']);
    for (const node of others) await start(node);
  } catch (error) {
    const logs = nodes.map((node) => tailOf(join(node.dir, 'server.log'))).join('\n');
    await stop();
    throw new Error(`the cluster could not be started:\n${logs}`, { cause: error });
  }
  return {
    user: USER,
    password: PASSWORD,
    nodes: nodes.map((node) => ({
      host: '127.0.0.1',
      port: node.port,
      pid: () => node.server.pid,
      kill: () => node.server.end('SIGKILL'),
      start: () => start(node, [recoverPosition(node)]),
    })),
    createDatabase: (name) => createDatabase(addressOf(nodes[0]), name),
    stop,
  };
}

function copyFolder(from, to, as) {
  const run = spawnSync('cp', ['-a', from, to], { ...as, encoding: 'utf8', cwd: from });
  if (run.status !== 0) throw new Error(`${from} could not be copied: ${run.stderr}`);
}

function tailOf(file) {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-20).join('\n') : '';
}

async function runAsCommand() {
  const there = await ensureGalera();
  if (there !== true) {
    console.error(there);
    process.exitCode = 1;
    return;
  }
  const cluster = await startGalera();
  await cluster.createDatabase('wahub');
  const values = {
    DB_TYPE: 'mysql',
    DB_HOST: cluster.nodes.map(({ host, port }) => `${host}:${port}`).join(','),
    DB_USER: cluster.user,
    DB_PASSWORD: cluster.password,
    DB_NAME: 'wahub',
  };
  for (const [name, value] of Object.entries(values)) console.log(`export ${name}=${value}`);
  for (const node of cluster.nodes) console.error(`127.0.0.1:${node.port} is process ${node.pid()}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runAsCommand();
