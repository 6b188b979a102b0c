/** A tenant's own texts. Whatever is kept can be sent: placeholders are checked when it is saved. */
import { and, asc, eq, or } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { affected, isUniqueViolation, transact, tryInsert } from '../../db/ops.ts';
import { otpTemplates } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { requireScope, requireWholeTenant } from '../access.ts';
import type { Ctx } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { takeRoom } from '../quotas.ts';
import { recordTemplate } from '../templates/record-template.ts';
import { checkTemplate, defaultTemplate, needsCompany, type OtpLanguage } from './template-text.ts';

export interface OtpTemplate {
  id: string;
  name: string;
  body: string;
  createdAt: string;
  updatedAt: string;
}

type Row = typeof otpTemplates.$inferSelect;

/** All of them: the quota bounds how many can be made, and a lower one hides none that are there. */
export async function listOtpTemplates(ctx: Ctx): Promise<OtpTemplate[]> {
  requireScope(ctx, 'otp');
  const rows = await ctx.db
    .select()
    .from(otpTemplates)
    .where(eq(otpTemplates.userId, ctx.actor.userId))
    .orderBy(asc(otpTemplates.name));
  return rows.map(toTemplate);
}

/** Throws NOT_FOUND. */
export async function getOtpTemplate(ctx: Ctx, id: string): Promise<OtpTemplate> {
  requireScope(ctx, 'otp');
  return toTemplate(await readOwn(ctx, ctx.db, id));
}

async function readOwn(ctx: Ctx, db: Db, id: string): Promise<Row> {
  const [row] = await db.select().from(otpTemplates).where(isOwn(ctx, id));
  if (!row) throw templateNotFound(id);
  return row;
}

/** Throws VALIDATION_FAILED for a text that cannot be sent, CONFLICT for a name that is taken, QUOTA_EXCEEDED. */
export async function createOtpTemplate(
  ctx: Ctx,
  input: { name: string; body: string },
  answer: (template: OtpTemplate) => { status: number; body: Record<string, unknown> },
): Promise<OtpTemplate> {
  requireScope(ctx, 'otp');
  requireWholeTenant(ctx);
  checkTemplate(input.body, 'body');
  const now = ctx.clock.now();
  const row: Row = { id: newId(now), userId: ctx.actor.userId, ...input, createdAt: now, updatedAt: now };
  await transact(ctx.database, async (tx) => {
    await takeRoom(tx, ctx, row.userId, 'otpTemplates');
    if (!(await tryInsert(tx, otpTemplates, row))) throw nameTaken(input.name);
    await recordTemplate(tx, ctx, 'template.created', { kind: 'otp', id: row.id, name: row.name });
    await claimIdempotency(ctx, tx, answer(toTemplate(row)));
  });
  return toTemplate(row);
}

/** Changes what is given. OTPs that are on their way keep the text they were sent with. Throws as `create` does. */
export async function updateOtpTemplate(
  ctx: Ctx,
  id: string,
  input: { name?: string | undefined; body?: string | undefined },
): Promise<OtpTemplate> {
  requireScope(ctx, 'otp');
  requireWholeTenant(ctx);
  if (input.body !== undefined) checkTemplate(input.body, 'body');
  const changes = {
    ...(input.name === undefined ? {} : { name: input.name }),
    ...(input.body === undefined ? {} : { body: input.body }),
    updatedAt: ctx.clock.now(),
  };
  try {
    return await transact(ctx.db, async (tx) => {
      const updated = await tx.update(otpTemplates).set(changes).where(isOwn(ctx, id));
      if (affected(updated) === 0) throw templateNotFound(id);
      const row = await readOwn(ctx, tx, id);
      await recordTemplate(tx, ctx, 'template.updated', { kind: 'otp', id, name: row.name });
      return toTemplate(row);
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw nameTaken(input.name ?? '');
    throw error;
  }
}

/** Throws NOT_FOUND. */
export async function deleteOtpTemplate(ctx: Ctx, id: string): Promise<void> {
  requireScope(ctx, 'otp');
  requireWholeTenant(ctx);
  await transact(ctx.db, async (tx) => {
    const { name } = await readOwn(ctx, tx, id);
    // Somebody else was first.
    if (affected(await tx.delete(otpTemplates).where(isOwn(ctx, id))) === 0) throw templateNotFound(id);
    await recordTemplate(tx, ctx, 'template.deleted', { kind: 'otp', id, name });
  });
}

/**
 * The text of a send: the tenant's template of that name or id, the text itself when it has a placeholder, or
 * the default of the language. Throws NOT_FOUND or VALIDATION_FAILED.
 */
export async function resolveTemplate(
  ctx: Ctx,
  input: { template: string | null; language: OtpLanguage; companyName: string | null },
): Promise<string> {
  if (input.template === null) return defaultTemplate(input.language, input.companyName);
  const inline = input.template.includes('{');
  const text = inline ? input.template : await findText(ctx.db, ctx.actor.userId, input.template);
  if (inline) checkTemplate(text, 'template');
  if (needsCompany(text) && input.companyName === null) {
    const details = { companyName: 'is required: the template has {company}' };
    throw new AppError('VALIDATION_FAILED', 'Not valid: companyName.', { details });
  }
  return text;
}

async function findText(db: Db, userId: number, nameOrId: string): Promise<string> {
  const rows = await db
    .select()
    .from(otpTemplates)
    .where(
      and(
        eq(otpTemplates.userId, userId),
        or(eq(otpTemplates.name, nameOrId), eq(otpTemplates.id, nameOrId)),
      ),
    );
  const row = rows.find(({ id }) => id === nameOrId) ?? rows[0];
  if (!row) throw templateNotFound(nameOrId);
  return row.body;
}

const isOwn = (ctx: Ctx, id: string) =>
  and(eq(otpTemplates.id, id), eq(otpTemplates.userId, ctx.actor.userId));

function toTemplate(row: Row): OtpTemplate {
  const { id, name, body } = row;
  const iso = (at: number) => new Date(at).toISOString();
  return { id, name, body, createdAt: iso(row.createdAt), updatedAt: iso(row.updatedAt) };
}

function templateNotFound(id: string): AppError {
  return new AppError('NOT_FOUND', `There is no OTP template ${id}.`);
}

function nameTaken(name: string): AppError {
  return new AppError('CONFLICT', `There is an OTP template ${name} already.`, {
    details: { name: 'is taken' },
  });
}
