/**
 * A tenant's texts for broadcasts, and how they look for real contacts. All its sessions write from the same ones: a key
 * of one session reads them and changes none.
 */
import { and, asc, count, eq, inArray } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { affected, isUniqueViolation, transact, tryInsert } from '../../db/ops.ts';
import { broadcastContacts, broadcastTemplates } from '../../db/schema.ts';
import { contains } from '../../db/search.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { normalizePhone } from '../../utils/phone.ts';
import { requireWholeTenant } from '../access.ts';
import type { Ctx } from '../context.ts';
import type { PageQuery, SearchQuery } from '../fields.ts';
import { claimIdempotency } from '../idempotency.ts';
import { findList } from '../lists/lists.ts';
import { readNumbers } from '../number-lists.ts';
import { takeRoom } from '../quotas.ts';
import { type BroadcastRef, enterBroadcast } from '../sessions/tenant.ts';
import { recordTemplate } from './record-template.ts';
import { compileTemplate, MAX_RENDERED_LENGTH, type RenderContact, renderTemplate } from './render.ts';

/** Each takes two characters of what is recorded of a recipient. */
const MAX_CHOICES = 50;
/** Placeholders of one text, the same one counted each time it is there. */
const MAX_FILLS = 500;

export interface BroadcastTemplate {
  id: string;
  name: string;
  body: string;
  placeholders: string[];
  createdAt: string;
  updatedAt: string;
}

export interface TemplateRef extends BroadcastRef {
  id: string;
}

type Row = typeof broadcastTemplates.$inferSelect;

/** By name. */
export async function listTemplates(
  ctx: Ctx,
  input: BroadcastRef & PageQuery & SearchQuery,
): Promise<{ data: BroadcastTemplate[]; totalItems: number }> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  const search = input.search?.trim() ?? '';
  const found =
    search === '' ? undefined : contains([broadcastTemplates.name, broadcastTemplates.body], search);
  const where = and(eq(broadcastTemplates.userId, userId), found);
  const rows = await ctx.db
    .select()
    .from(broadcastTemplates)
    .where(where)
    .orderBy(asc(broadcastTemplates.name))
    .limit(input.limit)
    .offset((input.page - 1) * input.limit);
  const [total] = await ctx.db.select({ n: count() }).from(broadcastTemplates).where(where);
  return { data: rows.map(toTemplate), totalItems: Number(total?.n ?? 0) };
}

/** Throws NOT_FOUND. */
export async function getTemplate(ctx: Ctx, ref: TemplateRef): Promise<BroadcastTemplate> {
  const { userId } = await enterBroadcast(ctx, ref, 'read');
  return toTemplate(await findTemplate(ctx.db, userId, ref.id));
}

/** Throws VALIDATION_FAILED, CONFLICT for a name that is taken, QUOTA_EXCEEDED. */
export async function createTemplate(
  ctx: Ctx,
  input: BroadcastRef & { name: string; body: string },
  answer: (template: BroadcastTemplate) => { status: number; body: Record<string, unknown> },
): Promise<BroadcastTemplate> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  requireWholeTenant(ctx);
  checkTemplateText(input.body, 'body');
  const now = ctx.clock.now();
  const { name, body } = input;
  const row: Row = { id: newId(now), userId, name, body, createdAt: now, updatedAt: now };
  await transact(ctx.database, async (tx) => {
    await takeRoom(tx, ctx, userId, 'templates');
    if (!(await tryInsert(tx, broadcastTemplates, row))) throw nameTaken(name);
    await recordTemplate(tx, ctx, 'template.created', { kind: 'broadcast', id: row.id, name });
    await claimIdempotency(ctx, tx, answer(toTemplate(row)));
  });
  return toTemplate(row);
}

/** Changes what is given. Campaigns that were made from it keep their text. Throws as `createTemplate`, NOT_FOUND. */
export async function updateTemplate(
  ctx: Ctx,
  input: TemplateRef & { name?: string | undefined; body?: string | undefined },
): Promise<BroadcastTemplate> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  requireWholeTenant(ctx);
  if (input.body !== undefined) checkTemplateText(input.body, 'body');
  const changes = {
    ...(input.name === undefined ? {} : { name: input.name }),
    ...(input.body === undefined ? {} : { body: input.body }),
    updatedAt: ctx.clock.now(),
  };
  try {
    return await transact(ctx.db, async (tx) => {
      const updated = await tx.update(broadcastTemplates).set(changes).where(isTemplate(userId, input.id));
      if (affected(updated) === 0) throw templateNotFound(input.id);
      const row = await findTemplate(tx, userId, input.id);
      await recordTemplate(tx, ctx, 'template.updated', { kind: 'broadcast', id: row.id, name: row.name });
      return toTemplate(row);
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw nameTaken(input.name ?? '');
    throw error;
  }
}

/** Throws NOT_FOUND. */
export async function deleteTemplate(ctx: Ctx, ref: TemplateRef): Promise<void> {
  const { userId } = await enterBroadcast(ctx, ref, 'broadcast');
  requireWholeTenant(ctx);
  await transact(ctx.db, async (tx) => {
    const { id, name } = await findTemplate(tx, userId, ref.id);
    const deleted = await tx.delete(broadcastTemplates).where(isTemplate(userId, id));
    // Somebody else was first.
    if (affected(deleted) === 0) throw templateNotFound(id);
    await recordTemplate(tx, ctx, 'template.deleted', { kind: 'broadcast', id, name });
  });
}

/** The tenant's template. Throws NOT_FOUND. */
export async function findTemplate(db: Db, userId: number, id: string): Promise<Row> {
  const [row] = await db.select().from(broadcastTemplates).where(isTemplate(userId, id));
  if (!row) throw templateNotFound(id);
  return row;
}

/** Throws VALIDATION_FAILED when a text has more spintax than can be recorded, or more places to fill in than fit. */
export function checkTemplateText(text: string, field: string): void {
  const { choices, fills } = compileTemplate(text);
  if (choices > MAX_CHOICES) throw invalid(field, `must have at most ${MAX_CHOICES} groups of alternatives`);
  if (fills > MAX_FILLS) {
    throw invalid(field, `has ${fills} placeholders; at most ${MAX_FILLS} are possible: write fewer of them`);
  }
}

function invalid(field: string, reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `Not valid: ${field}.`, { details: { [field]: reason } });
}

export interface Preview {
  number: string;
  name: string | null;
  text: string;
  variant: string | null;
  missing: string[];
}

const tooLongFor = ({ phone }: RenderContact) =>
  `is longer than ${MAX_RENDERED_LENGTH} characters for +${phone}, which WhatsApp does not take: shorten it, or the values of its columns`;

/** For a preview without a list. */
const SAMPLE: RenderContact = { phone: '6281234567890', name: 'Budi', fields: {} };

/**
 * How a template or a text looks for contacts of a list: the named ones, or the first. Without a list it is
 * shown for the numbers, without those for a sample contact. Throws NOT_FOUND, INVALID_NUMBER, VALIDATION_FAILED for a text that is too long for one of them.
 */
export async function previewTemplate(
  ctx: Ctx,
  input: BroadcastRef & {
    templateId?: string | undefined;
    text?: string | undefined;
    listId?: string | undefined;
    numbers?: readonly string[] | undefined;
    limit: number;
  },
): Promise<{ placeholders: string[]; previews: Preview[] }> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  const text =
    input.templateId === undefined
      ? (input.text ?? '')
      : (await findTemplate(ctx.db, userId, input.templateId)).body;
  checkTemplateText(text, 'text');
  const template = compileTemplate(text);
  const contacts = await sampleContacts(ctx, userId, input);
  const previews = contacts.map((contact, at) => {
    const { tooLong, ...rendered } = renderTemplate(template, contact, `preview:${at}`);
    if (tooLong) throw invalid('text', tooLongFor(contact));
    return { number: contact.phone, name: contact.name, ...rendered };
  });
  return { placeholders: [...template.placeholders], previews };
}

interface Sampled {
  listId?: string | undefined;
  numbers?: readonly string[] | undefined;
  limit: number;
}

/** The first recipients of a list or of typed numbers, in their order; a made-up one without either. Throws NOT_FOUND. */
export async function sampleContacts(ctx: Ctx, userId: number, input: Sampled): Promise<RenderContact[]> {
  const { listId, numbers, limit } = input;
  if (listId !== undefined) return sampleOf(ctx, userId, { ...input, listId });
  if (numbers === undefined) return [SAMPLE];
  // A campaign leaves out what is no number.
  const phones = numbers
    .slice(0, MAX_SEARCHED)
    .flatMap((text) => phoneOrNone(text, ctx.config.defaultCountry));
  return [...new Set(phones)].slice(0, limit).map((phone) => ({ phone, name: null, fields: {} }));
}

/** Typed numbers that are looked through for the first good ones. */
const MAX_SEARCHED = 50;

function phoneOrNone(text: string, country: string): string[] {
  try {
    return [normalizePhone(text, country)];
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
}

async function sampleOf(
  ctx: Ctx,
  userId: number,
  input: Sampled & { listId: string },
): Promise<RenderContact[]> {
  const list = await findList(ctx.db, userId, input.listId, ctx.actor.sessionIds);
  const { phone, name, fields } = broadcastContacts;
  const { defaultCountry } = ctx.config;
  const phones =
    input.numbers && (await readNumbers(input.numbers, (number) => normalizePhone(number, defaultCountry)));
  return ctx.db
    .select({ phone, name, fields })
    .from(broadcastContacts)
    .where(
      and(eq(broadcastContacts.listId, list.id), phones === undefined ? undefined : inArray(phone, phones)),
    )
    .orderBy(asc(phone))
    .limit(input.limit);
}

const isTemplate = (userId: number, id: string) =>
  and(eq(broadcastTemplates.id, id), eq(broadcastTemplates.userId, userId));

function toTemplate(row: Row): BroadcastTemplate {
  const iso = (at: number) => new Date(at).toISOString();
  return {
    id: row.id,
    name: row.name,
    body: row.body,
    placeholders: [...compileTemplate(row.body).placeholders],
    createdAt: iso(row.createdAt),
    updatedAt: iso(row.updatedAt),
  };
}

function templateNotFound(id: string): AppError {
  return new AppError('NOT_FOUND', `There is no broadcast template ${id}.`);
}

function nameTaken(name: string): AppError {
  return new AppError('CONFLICT', `There is a broadcast template ${name} already.`, {
    details: { name: 'is taken' },
  });
}
