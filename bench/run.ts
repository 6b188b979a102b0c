/**
 * `npm run bench` lists the benchmarks; `npm run bench -- gateway` runs one (what follows is handed on to it),
 * `npm run bench -- all` every one. Each file of this folder is a benchmark, its first comment says what it shows;
 * README.md beside it describes the flags that are read here.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepareBuild } from '../scripts/build.mjs';
import { ensureMariadb, startMariadb } from '../scripts/mariadb.mjs';
import { AS_SHIPPED } from './measure/as-shipped.ts';

const FOLDER = import.meta.dirname;
function listBenches(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.ts') && name !== basename(import.meta.filename))
    .map((name) => basename(name, '.ts'))
    .sort();
}

/** The first sentence of the file's first comment. */
function describe(name: string): string {
  const source = readFileSync(join(FOLDER, `${name}.ts`), 'utf8');
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? '';
  const text = comment.replace(/^\s*\* ?/gm, ' ').replace(/\s+/g, ' ');
  return text.replace(/`[^`]*`\s*(\([^)]*\))?\s*:\s*/, '').trim();
}

function runBench(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const file = join(FOLDER, `${name}.ts`);
  const child = spawn(process.execPath, [...AS_SHIPPED, file, ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

interface PrivateDatabase {
  env: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

/** The database that `--database` asks for: a MariaDB of its own whose commits reach the disk (`socket`: by its UNIX socket), or files. */
async function startDatabase(type: string | undefined, socket: boolean): Promise<PrivateDatabase> {
  const none = async () => undefined;
  if (type === undefined) return { env: {}, stop: none };
  if (type === 'sqlite') return { env: { DB_TYPE: 'sqlite' }, stop: none };
  if (type !== 'mysql') throw new Error(`--database is mysql or sqlite, not ${type}`);
  const there = await ensureMariadb();
  if (there !== true) throw new Error(there);
  const server = await startMariadb({ durable: true });
  const name = 'wahub';
  await server.createDatabase(name);
  return {
    env: {
      DB_TYPE: 'mysql',
      ...(socket
        ? { DB_HOST: undefined, DB_SOCKET: server.socket }
        : { DB_HOST: server.host, DB_PORT: String(server.port) }),
      DB_USER: server.user,
      DB_PASSWORD: server.password,
      DB_NAME: name,
      BENCH_DATABASE_PID: String(server.pid),
    },
    stop: server.stop,
  };
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    database: { type: 'string' },
    profile: { type: 'boolean', default: false },
    socket: { type: 'boolean', default: false },
    statements: { type: 'boolean', default: false },
  },
});
const [wanted, ...args] = positionals;
const names = listBenches();
if (wanted === undefined) {
  console.log(
    'npm run bench -- <name> [--database mysql|sqlite] [--socket] [--profile] [--statements] [arguments]\n',
  );
  for (const name of names) console.log(`  ${name.padEnd(18)} ${describe(name)}\n`);
} else if (wanted !== 'all' && !names.includes(wanted)) {
  console.error(`There is no benchmark ${wanted}; there are: ${names.join(', ')}.`);
  process.exitCode = 1;
} else {
  await prepareBuild();
  for (const name of wanted === 'all' ? names : [wanted]) {
    if (wanted === 'all') console.log(`\n## ${name}`);
    // Of its own for each: what one leaves behind must not slow the next.
    const database = await startDatabase(flags.database, flags.socket);
    const env = {
      ...database.env,
      ...(flags.profile ? { BENCH_PROFILE: '1' } : {}),
      ...(flags.statements ? { BENCH_STATEMENTS: '1' } : {}),
    };
    const code = await runBench(name, args, env).finally(() => database.stop());
    if (code !== 0) process.exitCode = code;
  }
}
