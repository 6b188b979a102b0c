/**
 * OTP checks a second, right and wrong ones mixed, on the database that DB_TYPE names (MySQL: BENCH_MYSQL_URL).
 * `tsx bench/otp.ts [checks] [parallel]`; prints one JSON line. The goal on SQLite is 1,000 a second.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCommandBus } from '../src/cluster/commands.ts';
import { type DatabaseOptions, openDatabase } from '../src/db/client.ts';
import { dbType } from '../src/db/kit.ts';
import { migrate } from '../src/db/migrate.ts';
import { insertMany } from '../src/db/ops.ts';
import { otps, whatsappAccounts } from '../src/db/schema.ts';
import { createEventStream } from '../src/events/stream.ts';
import { createQueueSignals } from '../src/queue/signals.ts';
import { createCredentials } from '../src/services/auth/credentials.ts';
import { createBackground } from '../src/services/background.ts';
import type { Ctx } from '../src/services/context.ts';
import { macOf, makeCode, sealCode } from '../src/services/otp/codes.ts';
import { verifyOtp } from '../src/services/otp/verify.ts';
import { systemClock } from '../src/utils/clock.ts';
import { loadConfig } from '../src/utils/config.ts';
import { createSecretBox } from '../src/utils/crypto.ts';
import { AppError } from '../src/utils/errors.ts';
import { createOutgoing } from '../src/utils/guarded-fetch.ts';
import { newId, newMessageId } from '../src/utils/ids.ts';
import { createLogger } from '../src/utils/logger.ts';

const CHECKS = Number(process.argv[2] ?? 10_000);
const PARALLEL = Number(process.argv[3] ?? 64);
const USER_ID = 1;

function databaseOptions(dir: string): DatabaseOptions {
  if (dbType === 'sqlite') return { type: 'sqlite', path: join(dir, 'bench.db') };
  const url = new URL(process.env.BENCH_MYSQL_URL ?? 'mysql://root@127.0.0.1:3306/wahub_bench');
  return {
    type: 'mysql',
    host: url.hostname,
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: url.pathname.slice(1),
  };
}

interface Check {
  otpId: string;
  otp: string;
}

/** Open OTPs, each of which gets one wrong and one right check. */
async function makeOtps(ctx: Ctx, count: number): Promise<Check[]> {
  const now = systemClock.now();
  const accountId = newId();
  await ctx.db.insert(whatsappAccounts).values({
    id: accountId,
    userId: USER_ID,
    sessionId: 'main',
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: now,
    updatedAt: now,
  });
  const wrongOnes: Check[] = [];
  const rightOnes: Check[] = [];
  const rows = Array.from({ length: count }, (_, i) => {
    const otp = { id: newId(), userId: USER_ID };
    const code = makeCode(6);
    const wrong = `${code.slice(0, 5)}${(Number(code[5]) + 1) % 10}`;
    wrongOnes.push({ otpId: otp.id, otp: wrong });
    rightOnes.push({ otpId: otp.id, otp: code });
    const phone = `62812${String(i).padStart(8, '0')}`;
    const messageId = newMessageId();
    const messageRowId = newId();
    return {
      ...otp,
      accountId,
      sessionId: 'main',
      requestedSessionId: 'main',
      phone,
      openPhone: phone,
      status: 'sent' as const,
      codeMac: macOf(ctx.secrets, otp, code),
      sealed: sealCode(ctx.secrets, otp, { code, template: 'Code: {otp}' }),
      length: 6,
      language: 'id' as const,
      maxAttempts: 3,
      messageRowId,
      messageId,
      deliveries: [{ id: messageRowId, messageId, accountId, sessionId: 'main', at: now, round: 1 }],
      failover: [],
      expiresAt: now + 3_600_000,
      createdAt: now,
      updatedAt: now,
    };
  });
  await insertMany(ctx.db, otps, rows);
  return [...wrongOnes, ...rightOnes];
}

async function run(ctx: Ctx, checks: readonly Check[]) {
  const latencies: number[] = [];
  let right = 0;
  let next = 0;
  async function client(): Promise<void> {
    for (let check = checks[next++]; check; check = checks[next++]) {
      const startedMs = performance.now();
      try {
        await verifyOtp(ctx, check);
        right++;
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'OTP_INVALID') throw error;
      }
      latencies.push(performance.now() - startedMs);
    }
  }
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: PARALLEL }, client));
  const seconds = (performance.now() - startedMs) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => Number((latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(1));
  return {
    checks: checks.length,
    right,
    perSecond: Math.round(checks.length / seconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

const dir = mkdtempSync(join(tmpdir(), 'wahub-bench-'));
const database = await openDatabase(databaseOptions(dir));
try {
  await migrate(database);
  const config = loadConfig({
    NODE_ENV: 'test',
    JWT_SECRET: randomBytes(32).toString('hex'),
    ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    OTP_WRONG_CHECKS_PER_HOUR: '10000000',
  });
  const clock = systemClock;
  const base = { config, database, db: database.db, clock, logger: createLogger(config.log) };
  const ctx: Ctx = {
    ...base,
    secrets: createSecretBox([config.encryptionKey]),
    stream: createEventStream(),
    signals: createQueueSignals(),
    commands: createCommandBus({ processId: newId(), clock }),
    outgoing: createOutgoing({ allowPrivate: false }),
    credentials: createCredentials(base),
    background: createBackground({ processId: newId(), logger: base.logger }),
    lifecycle: { phase: 'ready' },
    actor: { userId: USER_ID, role: 'user', via: 'system', scopes: null, sessionId: null, keyId: null },
    requestId: 'bench',
    ip: null,
    userAgent: null,
  };
  const checks = await makeOtps(ctx, Math.ceil(CHECKS / 2));
  const result = await run(ctx, checks);
  console.log(JSON.stringify({ bench: 'otp checks', database: dbType, parallel: PARALLEL, ...result }));
} finally {
  await database.close();
  rmSync(dir, { recursive: true, force: true });
}
