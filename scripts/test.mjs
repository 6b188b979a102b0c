#!/usr/bin/env node
/**
 * `npm test`: installs what is missing and runs every test, in parts: everything on SQLite, what touches the
 * database once more on a private MariaDB, the browser tests in a Chromium, uploads against ClamAV's scanner. Two parts at
 * a time run beside each other, and their lines begin with their names. A part that cannot run says so by name and counts as
 * skipped; in CI (CI=true) that is a failure. The last line is the sum over all parts.
 * `--fast`: units and services on SQLite only. `--coverage`: the SQLite part alone, with its coverage, told also when a
 * test failed.
 * `--soak [names] [kills]`: many processes and thousands of messages, all of tests/soak or these (`kills`, or a path); what
 * one process can do on SQLite too. A number is how often processes are killed. `whatsmeow` needs Go.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { installPackages, ROOT, run } from './bootstrap.mjs';
import { cpuTimesOf } from './cpu-time.mjs';
import { CHROMIUM, CLAMD, ensureProgram, HEADLESS, LANGUAGES } from './programs.mjs';
import { NOT_ON_MYSQL, NOT_ON_SQLITE } from './test-parts.mjs';

const FAST = ['tests/utils', 'tests/queue', 'tests/services', 'tests/otp', 'tests/http', 'tests/broadcast'];
/** Tests with a process of their own, a network, a real client or many seconds take too long for the everyday loop. */
const NOT_FAST = [
  'tests/**/*emulator*.test.ts',
  'tests/**/*.mysql.test.ts',
  'tests/broadcast/campaign-life.test.ts',
  'tests/broadcast/campaign-pools.test.ts',
  'tests/broadcast/campaign-safety.test.ts',
  'tests/broadcast/import-formats.test.ts',
  'tests/broadcast/import.test.ts',
  'tests/broadcast/uploads.test.ts',
  'tests/http/bound-walk.test.ts',
  'tests/http/credentials-end.test.ts',
  'tests/http/docs.test.ts',
  'tests/http/errors.test.ts',
  'tests/http/limits.test.ts',
  'tests/http/non-ascii.test.ts',
  'tests/http/oidc.test.ts',
  'tests/http/role-walk.test.ts',
  'tests/http/route-table.test.ts',
  'tests/http/session-events.test.ts',
  'tests/http/sign-ins.test.ts',
  'tests/otp/secrecy.test.ts',
  'tests/services/quotas.test.ts',
  'tests/utils/guarded-fetch.test.ts',
];
/** The service in processes of its own, killed and restarted. They wait for starts, receipts and outages half of the time. */
const PROCESSES = ['tests/e2e'];
/** vitest hands `--maxWorkers` to none of its projects. */
const workers = (n) => ({ VITEST_MAX_WORKERS: String(n) });
/** A client in Go. */
const WHATSMEOW = 'tests/soak/whatsmeow.test.ts';
const REPORTS = join(ROOT, '.test');
const total = { passed: 0, skipped: 0 };
/** A line each, told once more at the end: between them and the end lie other parts. */
const failures = [];
/** How long each part and each file took, and their CPU time, for those who keep the whole short. */
const times = { parts: [], files: [] };
/** The CPU time of what has ended until now, as far as it is ascribed to a part. */
let ascribedMs = 0;
const DEAREST = 40;
/** When no test has ended for so long, the part has failed. The longest test may take 15 minutes, but those of soaks. */
const STALL_MINUTES = process.argv.includes('--soak') ? '180' : '20';
/** What ends a part in which vitest itself stands still, before or after its tests: four times what the longest takes. 0: nothing. */
const PART_MINUTES = process.argv.includes('--soak') ? 0 : 45;

/** Linux keeps its files in memory. */
const MEMORY = '/dev/shm';
/** Several times what the files of all tests take at once. */
const ENOUGH_BYTES = 8 * 1024 ** 3;

/** A fault between the parts (a server that does not start) is a failure like the others, and ends what needs it. */
function noteFault(error) {
  failures.push(`between the parts: ${String(error)}`);
  return null;
}

/** CPU time of the programs that have ended since the last call. */
function cpuMsOfEnded() {
  const { endedMs } = cpuTimesOf('self');
  const ms = endedMs - ascribedMs;
  ascribedMs = endedMs;
  return ms;
}

/** Runs one part and adds what it counted; a part that counted nothing has failed. `isBeside`: another part runs meanwhile. */
async function part(name, args, env = {}, { isBeside = false } = {}) {
  const sumFile = join(REPORTS, `${name.replaceAll(' ', '-')}.json`);
  rmSync(sumFile, { force: true });
  console.log(`\n== ${name}`);
  const reporters = ['--reporter=default', '--reporter=./scripts/sum-reporter.mjs'];
  const variables = { NODE_ENV: 'test', SUM_FILE: sumFile, STALL_MINUTES, ...env };
  const startMs = performance.now();
  const bound = { timeoutMs: PART_MINUTES * 60_000 };
  const told = isBeside ? { label: name } : {};
  const code = await run('vitest', ['run', ...reporters, ...args], { env: variables, ...bound, ...told });
  const isLate = PART_MINUTES > 0 && performance.now() - startMs >= bound.timeoutMs;
  if (isLate) failures.push(`${name}: was not over after ${PART_MINUTES} minutes`);
  times.parts.push({ name, ms: performance.now() - startMs, cpuMs: cpuMsOfEnded() });
  const counted = existsSync(sumFile);
  const sum = counted
    ? JSON.parse(readFileSync(sumFile, 'utf8'))
    : { passed: 0, skipped: 0, failures: [], files: [] };
  if ((code !== 0 || !counted) && sum.failures.length === 0) {
    sum.failures.push(`vitest ended with ${code} and told of ${counted ? 'no failure' : 'nothing'}`);
  }
  total.passed += sum.passed;
  total.skipped += sum.skipped;
  failures.push(...sum.failures.map((failure) => `${name}: ${failure}`));
  times.files.push(...sum.files.map((file) => ({ ...file, name: `${name}: ${file.name}` })));
}

const without = (patterns) => patterns.map((pattern) => `--exclude=${pattern}`);

/** A whole part that this machine cannot run. */
function cannotRun(name, why) {
  const inCi = process.env.CI === 'true';
  console.log(`\n== ${name}: ${inCi ? 'FAILED' : 'SKIPPED'}, ${why}`);
  if (inCi) failures.push(`${name}: ${why}`);
  else total.skipped += 1;
}

/** `work` gets the environment that names a server, or null where none can run. */
async function onMariadb(work) {
  const { ensureMariadb, startMariadb } = await import('./mariadb.mjs');
  const ready = await ensureMariadb();
  if (ready !== true) cannotRun('mariadb', ready);
  const server = ready === true ? await startMariadb().catch(noteFault) : null;
  const startMs = performance.now();
  try {
    await work(server && { DB_TYPE: 'mysql', TEST_MYSQL_URL: server.url });
  } finally {
    if (server) {
      times.parts.push({
        name: 'server',
        ms: performance.now() - startMs,
        cpuMs: cpuTimesOf(server.pid).ownMs,
      });
      await server.stop();
    }
  }
}

const SQLITE = { DB_TYPE: 'sqlite' };
const BESIDE = { isBeside: true };

/**
 * Everything, in two lines of parts beside each other. What computes keeps two workers busy in the first; in the second one worker
 * waits for starts, receipts and outages half of the time, and what a browser looks at comes after that, so that no line is alone
 * for long: two workers that wait for a server or a browser leave half of a processor idle. The lines take about as long.
 */
function everything(mysql, packed) {
  // What the service does in processes of low priority would come after all tests: it waits for its turn as they do.
  setPriority(constants.priority.PRIORITY_LOW);
  const computing = async () => {
    await part('sqlite', without(NOT_ON_SQLITE), SQLITE, BESIDE);
    if (mysql) await part('mariadb', without(NOT_ON_MYSQL), mysql, BESIDE);
  };
  const waiting = async () => {
    await packed;
    const onSqlite = [...PROCESSES, ...without(['tests/**/*.mysql.test.ts'])];
    await part('processes on sqlite', onSqlite, { ...SQLITE, ...workers(1) }, BESIDE);
    const onMysql = [...PROCESSES, ...without(['tests/**/*.sqlite.test.ts'])];
    if (mysql) await part('processes on mariadb', onMysql, { ...mysql, ...workers(1) }, BESIDE);
    await examplesPart();
    await browserPart();
  };
  return Promise.all([computing, waiting].map((line) => line().catch(noteFault)));
}

async function browserPart() {
  const chromium = ensureProgram(CHROMIUM);
  if (!chromium.path) return cannotRun('browser', chromium.why);
  // Only the extension needs the whole of it; where the other one cannot be had, it does for all.
  const paths = {
    CHROMIUM_PATH: chromium.path,
    HEADLESS_PATH: ensureProgram(HEADLESS).path ?? chromium.path,
  };
  await part('browser', ['tests/browser'], { ...SQLITE, ...paths }, BESIDE);
}

/**
 * Programs of others: the languages of the examples, and a real clamd with a signature of the test's own: the public ones are
 * 200 MB, and are not what is tested. One part: each loads the service for itself.
 */
async function examplesPart() {
  const clamd = ensureProgram(CLAMD);
  if (!clamd.path) cannotRun('scanner', clamd.why);
  const runnable = Object.entries(LANGUAGES).filter(([name, language]) => {
    const program = ensureProgram(language);
    if (!program.path) cannotRun(`examples in ${name}`, program.why);
    return program.path !== null;
  });
  const names = runnable.map(([name]) => name).join(',');
  const folders = ['tests/examples', ...(clamd.path ? ['tests/scanner'] : [])];
  await part('examples', folders, { ...SQLITE, CLAMD_PATH: clamd.path ?? '', WAHUB_EXAMPLES: names }, BESIDE);
}

/** Whether the client on whatsmeow can be built; when not, says so once. Debian's packages are too old. */
function hasGo() {
  const [, major = 0, minor = 0] =
    /go(\d+)\.(\d+)/.exec(spawnSync('go', ['version'], { encoding: 'utf8' }).stdout ?? '') ?? [];
  const enough = Number(major) > 1 || Number(minor) >= 26;
  if (!enough) cannotRun('soak with whatsmeow', 'it needs Go 1.26');
  return enough;
}

async function allParts(options, files) {
  if (options.has('--fast')) {
    await part('fast', [...FAST, ...without(NOT_FAST)], SQLITE);
  } else if (options.has('--soak')) {
    await pack();
    const kills = files.find((file) => /^\d+$/.test(file));
    if (kills !== undefined) process.env.KILLS = kills;
    const named = files.filter((file) => file !== kills);
    const paths = named.map((name) => (name.includes('/') ? name : `tests/soak/${name}`));
    const wanted = paths.length > 0 ? paths : ['tests/soak'];
    const inGo = wanted.some((path) => WHATSMEOW.startsWith(path));
    // Several processes need a server.
    const notAlone = ['tests/soak/cluster-*.test.ts', ...(inGo && !hasGo() ? [WHATSMEOW] : [])];
    const alone = [...wanted, '--passWithNoTests', ...without(notAlone)];
    await part('soak on sqlite', alone, { ...SQLITE, ...workers(1) });
    // There is no database in it.
    if (wanted.every((path) => WHATSMEOW.startsWith(path) && path !== 'tests/soak')) return;
    const onServer = [...wanted, ...without([WHATSMEOW])];
    await onMariadb((mysql) => mysql && part('soak on mariadb', onServer, { ...mysql, ...workers(1) }));
  } else if (options.has('--coverage')) {
    await pack();
    const coverage = ['--coverage', '--coverage.reportOnFailure'];
    await part('coverage', [...without(NOT_ON_SQLITE), ...coverage, ...files], SQLITE);
  } else {
    // Tests that need it before it is there wait for it.
    const packed = pack();
    await onMariadb((mysql) => everything(mysql, packed));
  }
}

/**
 * Makes a folder in memory the place of temporary files, where there is much memory: databases wait for a disk with each table
 * that is made and each file that is closed. It goes with this process.
 */
function keepTemporaryInMemory() {
  if (!existsSync(MEMORY)) return;
  const { bavail, bsize } = statfsSync(MEMORY);
  if (Math.min(bavail * bsize, process.availableMemory()) < ENOUGH_BYTES) return;
  const folder = mkdtempSync(join(MEMORY, 'wahub-test-'));
  // A database server that may not run as root has its own folder in there.
  chmodSync(folder, 0o711);
  process.env.TMPDIR = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}

/** Tests that start the service in a process find it compiled. The packer itself may have been missing until now. */
async function pack() {
  const code = await run(process.execPath, [join(ROOT, 'scripts', 'pack.mjs')]);
  if (code !== 0) failures.push('src/ could not be compiled and packed');
}

installPackages();
mkdirSync(REPORTS, { recursive: true });
const given = process.argv.slice(2);
const isOption = (argument) => argument.startsWith('-');
// Long runs write as much as they like.
if (!given.includes('--soak')) keepTemporaryInMemory();
await allParts(
  new Set(given.filter(isOption)),
  given.filter((argument) => !isOption(argument)),
).catch(noteFault);
const seconds = (ms) => `${(ms / 1_000).toFixed(1).padStart(7)} s`;
const line = ({ name, ms, cpuMs }) => `${seconds(ms)} ${seconds(cpuMs)}  ${name}`;
const dearest = times.files.sort((a, b) => (b.cpuMs || b.ms) - (a.cpuMs || a.ms)).slice(0, DEAREST);
console.log(`\nTIME, CPU TIME\n${[...times.parts, ...dearest].map(line).join('\n')}`);
if (failures.length > 0) console.log(`\nFAILED\n${failures.join('\n')}`);
console.log(`\n${total.passed} passed, ${failures.length} failed, ${total.skipped} skipped`);
const mayNotSkip = process.env.CI === 'true' && total.skipped > 0;
process.exitCode = failures.length === 0 && total.passed > 0 && !mayNotSkip ? 0 : 1;
