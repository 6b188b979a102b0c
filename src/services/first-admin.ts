/** The first admin: from the environment, never from a password that is built in. */
import { and, asc, eq } from 'drizzle-orm';
import { isUniqueViolation, transact, upsert } from '../db/ops.ts';
import { apiKeys, settings, users } from '../db/schema.ts';
import { record } from '../events/record.ts';
import { AppError } from '../utils/errors.ts';
import { setOwnKey } from './api-keys.ts';
import { keyHash, newApiKey } from './auth/keys.ts';
import { hashPassword } from './auth/passwords.ts';
import type { Deps } from './context.ts';
import { insertUser } from './users.ts';
import { readMembership } from './workspaces/membership.ts';
import { firstWorkspaceOf } from './workspaces/own.ts';

export type FirstAdminDeps = Pick<
  Deps,
  'config' | 'db' | 'clock' | 'secrets' | 'stream' | 'logger' | 'credentials'
>;

export interface FirstAdmin {
  userId: number;
  email: string;
  /** made by this call */
  created: boolean;
}

/** Name of the setting that holds the hash of the KEY that was installed last. */
const INSTALLED_KEY = 'admin_key';

/**
 * Makes the admin of ADMIN_EMAIL and ADMIN_PASSWORD when there is no admin yet, and gives KEY, when set, to the
 * first admin. A KEY that was installed once and replaced by its owner since is not installed again.
 * Safe in several processes at once. Null when there is no admin and none can be made.
 */
export async function ensureFirstAdmin(deps: FirstAdminDeps): Promise<FirstAdmin | null> {
  const { config, logger } = deps;
  const existing = await findFirstAdmin(deps);
  const admin = existing ?? (await createFirstAdmin(deps));
  if (!admin) {
    const others = config.allowRegistration
      ? ''
      : '; until then no user can sign in (ALLOW_REGISTRATION is off)';
    const key = config.adminKey === null ? '' : ', and KEY opens nothing';
    logger.warn(
      `there is no admin${key}: set ADMIN_EMAIL and ADMIN_PASSWORD and start again, or run npm run db:seed -- you@example.com${others}`,
    );
    return null;
  }
  if (config.adminKey !== null) await installKey(deps, admin.userId, config.adminKey);
  return admin;
}

/** Whether anybody can administer the service. */
export async function hasAdmin(deps: Pick<FirstAdminDeps, 'db'>): Promise<boolean> {
  return (await findFirstAdmin(deps)) !== null;
}

async function findFirstAdmin({ db }: Pick<FirstAdminDeps, 'db'>): Promise<FirstAdmin | null> {
  const [row] = await db
    .select({ userId: users.id, email: users.email })
    .from(users)
    .where(and(eq(users.role, 'admin'), eq(users.status, 'active')))
    .orderBy(asc(users.id))
    .limit(1);
  return row ? { ...row, created: false } : null;
}

async function createFirstAdmin(deps: FirstAdminDeps): Promise<FirstAdmin | null> {
  const { adminEmail, adminPassword } = deps.config;
  if (adminEmail === null || adminPassword === null) return null;
  const passwordHash = await hashPassword(adminPassword);
  const input = {
    email: adminEmail,
    name: 'Admin',
    role: 'admin' as const,
    passwordHash,
    apiKey: newApiKey(),
  };
  try {
    return await transact(deps.db, async (tx) => {
      const row = await insertUser(tx, deps, input);
      await record(tx, deps, [{ userId: row.id, event: 'user.created', subject: String(row.id) }]);
      return { userId: row.id, email: row.email, created: true };
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'CONFLICT') throw error;
    // Another process made it meanwhile; or the address belongs to a user, who is not promoted silently.
    const admin = await findFirstAdmin(deps);
    if (!admin) deps.logger.error('ADMIN_EMAIL belongs to a user who is not an active admin');
    return admin;
  }
}

async function installKey(deps: FirstAdminDeps, userId: number, key: string): Promise<void> {
  const hash = keyHash(key);
  const now = deps.clock.now();
  try {
    await transact(deps.db, async (tx) => {
      const [installed] = await tx
        .select({ value: settings.value })
        .from(settings)
        .where(eq(settings.name, INSTALLED_KEY));
      if (installed?.value === hash) return;
      const [known] = await tx.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.hash, hash));
      if (!known) {
        // In the own workspace it is an administrator's key, in no other.
        const own = await readMembership(tx, { workspaceId: userId, personId: userId });
        const workspaceId = own?.id ?? (await firstWorkspaceOf(tx, userId));
        await setOwnKey(tx, deps, { owner: { workspaceId, personId: userId }, key, now, oldUntil: now });
      }
      const row = { name: INSTALLED_KEY, value: hash, updatedAt: now };
      await upsert(tx, settings, row, [settings.name], { value: hash, updatedAt: now });
      tx.afterCommitAsked(() => deps.credentials.forget(userId));
    });
  } catch (error) {
    // Another process installed it at the same moment.
    if (!isUniqueViolation(error)) throw error;
  }
}
