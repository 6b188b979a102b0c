/** How many codes are checked a second, right and wrong ones mixed, by the verb itself. */
import { randomBytes } from 'node:crypto';
import { openDatabase } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { insertMany } from '../../src/db/ops.ts';
import { otps, whatsappAccounts } from '../../src/db/schema.ts';
import type { Ctx } from '../../src/services/context.ts';
import { buildDeps } from '../../src/services/deps.ts';
import { macOf, makeCode, sealCode } from '../../src/services/otp/codes.ts';
import { verifyOtp } from '../../src/services/otp/verify.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { loadConfig } from '../../src/utils/config.ts';
import { AppError } from '../../src/utils/errors.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { createLogger } from '../../src/utils/logger.ts';
import { cpuMs } from '../gateway/child.ts';
import { makeScratch } from '../gateway/scratch.ts';
import { printTable } from '../gateway/table.ts';
import { loadAverage } from '../measure/loop.ts';
import { quantile } from '../measure/quantile.ts';

const CHECKS = 10_000;
const PARALLEL = 64;
const USER_ID = 1;
const GOAL = 1_000;

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
  const cpuBefore = cpuMs();
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: PARALLEL }, client));
  const cpuMsEach = (cpuMs() - cpuBefore) / checks.length;
  const seconds = (performance.now() - startedMs) / 1000;
  const at = (share: number) => Number(quantile(latencies, share).toFixed(1));
  return {
    right,
    cpuMsEach,
    perSecond: Math.round(checks.length / seconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

/** Prints checks a second on a database of its own; the goal is the one on SQLite. */
export async function benchChecks(): Promise<void> {
  const scratch = await makeScratch();
  const config = loadConfig({
    ...scratch.env,
    NODE_ENV: 'test',
    JWT_SECRET: randomBytes(32).toString('hex'),
    ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    OTP_WRONG_CHECKS_PER_HOUR: '10000000',
  });
  const database = await openDatabase(config.database);
  await migrate(database);
  const { deps, stop } = buildDeps({
    config,
    database,
    logger: createLogger({ ...config.log, level: 'error' }),
    clock: systemClock,
    processId: newId(),
  });
  const ctx: Ctx = {
    ...deps,
    actor: {
      userId: USER_ID,
      personId: USER_ID,
      role: 'user',
      workspaceRole: 'owner',
      via: 'system',
      scopes: null,
      sessionIds: null,
      keyId: null,
    },
    requestId: 'bench',
    ip: null,
    userAgent: null,
  };
  const checks = await makeOtps(ctx, CHECKS / 2);
  const { perSecond, cpuMsEach, right, p50Ms, p99Ms } = await run(ctx, checks);
  printTable(`${CHECKS} checks, ${PARALLEL} at a time (${scratch.title})`, HEAD, [
    [
      'OTP checks',
      `${perSecond} (goal ${GOAL})`,
      cpuMsEach.toFixed(2),
      String(right),
      p50Ms.toFixed(1),
      p99Ms.toFixed(1),
      loadAverage(),
    ],
  ]);
  await stop();
  await database.close();
  await scratch.remove();
}

const HEAD = ['', 'per second', 'CPU ms each', 'right', 'p50 ms', 'p99 ms', 'load average'];
