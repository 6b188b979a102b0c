/** The service as users run it: a process of its own, against an emulator that outlives it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator } from 'wa-emulator';
import type { DatabaseOptions } from '../../src/db/client.ts';
import { createMigratedDatabase } from './database.ts';
import { PACKED, preparePacked } from './packed.ts';
import { until } from './until.ts';

export interface SandboxProcess {
  /** base URL of the API, the same after each start */
  readonly url: string;
  readonly apiKey: string;
  readonly admin: { email: string; password: string };
  /** everything it has printed so far, over all starts */
  output(): string;
  /** of the running process */
  pid(): number;
  /** where it keeps its files */
  readonly dir: string;
  /** what it was started with */
  readonly env: NodeJS.ProcessEnv;
  /** kill -9, without a word before, also while it starts or stops; whether it ran until then */
  kill(): Promise<boolean>;
  /** starts it again after `kill` or `terminate`; resolves when it is ready */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT: nothing of it runs in between */
  pause(): void;
  resume(): void;
  /** SIGTERM; resolves with the exit code */
  terminate(): Promise<number | null>;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** ends the process and removes its files and database */
  remove(): Promise<void>;
}

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely by tests
  body: any;
  /** the header of that name */
  retryAfter?: string;
}

/** A start that hangs is found by it; a slow machine must not be. */
const START_TIMEOUT_MS = 180_000;
/**
 * Starts a sandbox with `EMULATOR=external` over a fresh, migrated database of the engine that DB_TYPE names, or over `on`,
 * which its caller removes: an empty one is migrated by the start.
 */
export async function startSandboxProcess(
  emulator: Emulator,
  env: Record<string, string> = {},
  on?: DatabaseOptions,
): Promise<SandboxProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'wahub-e2e-'));
  const database = on ? { options: on, remove: async () => undefined } : await createMigratedDatabase();
  const file = join(dir, 'sandbox.json');
  const settings: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_ENV: 'development',
    PORT: String(await findFreePort()),
    DATA_DIR: dir,
    LOG_DIR: join(dir, 'logs'),
    LOG_LEVEL: 'debug',
    LOG_FILES: 'true',
    EMULATOR: 'external',
    WA_SERVER_URL: emulator.waUrl,
    WA_SERVER_ROOT_KEY: emulator.rootKey,
    WA_SERVER_CA: emulator.caFile,
    NODE_EXTRA_CA_CERTS: emulator.caFile,
    ...databaseSettings(database.options),
    ...env,
  };
  let child: ChildProcess | null = null;
  let printed = '';
  let info = { url: '', apiKey: '', admin: { email: '', password: '' } };

  async function start(): Promise<void> {
    await rm(file, { force: true });
    const started = spawn(process.execPath, [PACKED.sandbox], {
      env: settings,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    const collect = (chunk: Buffer) => {
      printed += chunk.toString();
    };
    started.stdout?.on('data', collect);
    started.stderr?.on('data', collect);
    await until(async () => {
      if (hasEnded(started)) throw new Error(`the sandbox ended:\n${printed}`);
      info = JSON.parse(await readFile(file, 'utf8').catch(() => '{"url":""}'));
      // On a busy machine a connection may end before its answer: what counts is that one comes, or that it has ended.
      const isReady = async () => (await fetch(`${info.url}/health/ready`)).ok;
      return info.url !== '' && (await isReady().catch(() => false));
    }, START_TIMEOUT_MS);
  }

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const running = child;
    if (!running || hasEnded(running)) return running?.exitCode ?? null;
    const gone = new Promise<number | null>((resolve) => running.once('exit', (code) => resolve(code)));
    running.kill(signal);
    return gone;
  }

  await preparePacked();
  await start();
  return {
    get url() {
      return info.url;
    },
    get apiKey() {
      return info.apiKey;
    },
    get admin() {
      return info.admin;
    },
    dir,
    env: settings,
    pid() {
      if (child?.pid === undefined || hasEnded(child)) throw new Error('the sandbox does not run');
      return child.pid;
    },
    output: () => printed,
    start,
    async kill() {
      const victim = child;
      if (!victim || hasEnded(victim)) return false;
      await end('SIGKILL');
      return victim.signalCode === 'SIGKILL';
    },
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    terminate: () => end('SIGTERM'),
    async call(method, path, body, headers = {}) {
      const response = await fetch(`${info.url}${path}`, {
        method,
        headers: { 'x-api-key': info.apiKey, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const retryAfter = response.headers.get('retry-after');
      return {
        status: response.status,
        body: text === '' ? null : JSON.parse(text),
        ...(retryAfter === null ? {} : { retryAfter }),
      };
    },
    async remove() {
      await end('SIGKILL');
      await database.remove();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

/** A port that nobody listened on a moment ago. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** The environment that names this database. */
export function databaseSettings(options: DatabaseOptions): Record<string, string> {
  if (options.type === 'sqlite') return { DB_TYPE: 'sqlite', DB_SQLITE_PATH: options.path };
  const servers = [options, ...(options.others ?? [])];
  return {
    DB_TYPE: 'mysql',
    DB_HOST: servers.map(({ host, port }) => `${host}:${port}`).join(','),
    DB_USER: options.user,
    DB_PASSWORD: options.password,
    DB_NAME: options.database,
  };
}

/** Links a number to a session of that name, as a person with a phone would. */
export async function linkSession(
  sandbox: Pick<SandboxProcess, 'call'>,
  emulator: Emulator,
  sessionId: string,
  phone: string,
): Promise<void> {
  const created = await sandbox.call('POST', '/session/create', { sessionId });
  if (created.status !== 201) throw new Error(`no session: ${JSON.stringify(created.body)}`);
  await emulator.scan({ qr: created.body.data.qr, phone });
  await until(async () => {
    const { body } = await sandbox.call('GET', `/session/status?session=${sessionId}`);
    return body.data.status === 'connected';
  });
}
