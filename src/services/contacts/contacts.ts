/** The contacts of a list, one by one and in pages; files of them are read in import.ts. */

import { and, eq, inArray } from 'drizzle-orm';
import { inBatches, mapInTurns } from '../../db/batches.ts';
import type { Db, Tx } from '../../db/client.ts';
import { transact, tryInsert } from '../../db/ops.ts';
import { broadcastContacts } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { normalizeKept, normalizePhone } from '../../utils/phone.ts';
import { findSubscriber } from '../../whatsapp/subscribers.ts';
import type { Ctx } from '../context.ts';
import type { PageInput, SearchQuery } from '../fields.ts';
import { type Answer, claimIdempotency } from '../idempotency.ts';
import { findList, type ListRef, type ListRow, lockList } from '../lists/lists.ts';
import { isOptedOut } from '../opt-outs/opted-out.ts';
import { enterBroadcast } from '../sessions/tenant.ts';
import { type ContactInput, readContactInput } from './input.ts';
import { mergeContacts, type NewContact, updateListFacts } from './merge.ts';
import { type Counting, readPage, searchPage } from './pages.ts';

export type ContactRow = typeof broadcastContacts.$inferSelect;

export interface Contact {
  /** E.164 digits */
  number: string;
  phone: string;
  name: string | null;
  fields: Record<string, string>;
  /** broadcasts leave it out */
  optedOut: boolean;
  createdAt: string;
  updatedAt: string;
}

export interface AddedContact {
  contact: Contact;
  /** false: its number was on the list already */
  added: boolean;
}

export interface AddedContacts {
  added: number;
  updated: number;
  /** numbers that were in the request more than once */
  duplicates: number;
  invalid: { index: number; number: string; code: string; reason: string }[];
}

/** Contacts in the order of their numbers, or those whose name or number holds `search`. Throws NOT_FOUND. */
export async function listContacts(
  ctx: Ctx,
  input: ListRef & PageInput & SearchQuery & Counting,
): Promise<{ data: Contact[]; totalItems: number | null; nextCursor: string | null }> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  const list = await findList(ctx.db, userId, input.listId, ctx.actor.sessionIds);
  const search = input.search?.trim() ?? '';
  const page =
    search === ''
      ? { ...(await readPage(ctx.database, list.id, input)), totalItems: list.contactCount }
      : await searchPage(ctx.database, list.id, {
          ...input,
          search,
          defaultCountry: ctx.config.defaultCountry,
        });
  const data = await toContacts(ctx.db, userId, page.rows);
  const last = page.rows.length === input.limit ? page.rows.at(-1) : undefined;
  return { data, totalItems: page.totalItems, nextCursor: last?.phone ?? null };
}

/** Throws NOT_FOUND, INVALID_NUMBER. */
export async function getContact(ctx: Ctx, input: ListRef & { number: string }): Promise<Contact> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  const list = await findList(ctx.db, userId, input.listId, ctx.actor.sessionIds);
  return oneContact(ctx.db, list, await namedPhone(ctx, list.id, input.number));
}

/**
 * Adds one contact; a number that is on the list already gets the values that are given. `answer`: what is kept for an
 * Idempotency-Key. Throws NOT_FOUND, INVALID_NUMBER, VALIDATION_FAILED.
 */
export async function addContact(
  ctx: Ctx,
  input: ListRef & { contact: Record<string, unknown> },
  answer?: (made: AddedContact) => Answer,
): Promise<AddedContact> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  const contact = toNewContact(ctx, readContactInput(input.contact));
  return writeContacts(ctx, userId, input.listId, [contact], async (tx, { added }) => {
    const made = {
      contact: await oneContact(tx, { id: input.listId, userId }, contact.phone),
      added: added === 1,
    };
    if (answer) await claimIdempotency(ctx, tx, answer(made));
    return made;
  });
}

/**
 * Adds up to 1,000 contacts; a problem of one of them is reported and does not affect the others. `answer`: what is kept for an
 * Idempotency-Key. Throws NOT_FOUND, and VALIDATION_FAILED when none can be taken.
 */
export async function addContacts(
  ctx: Ctx,
  input: ListRef & { contacts: readonly Record<string, unknown>[] },
  answer: (added: AddedContacts) => Answer,
): Promise<AddedContacts> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  await findList(ctx.db, userId, input.listId, ctx.actor.sessionIds);
  const contacts = new Map<string, NewContact>();
  const invalid: AddedContacts['invalid'] = [];
  let duplicates = 0;
  await mapInTurns(input.contacts, (record, index) => {
    try {
      const contact = toNewContact(ctx, readContactInput(record));
      if (contacts.has(contact.phone)) duplicates++;
      else contacts.set(contact.phone, contact);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const reason =
        Object.values(error.details ?? {}).find((text) => typeof text === 'string') ?? error.message;
      const number = String(readableNumber(record)).slice(0, 80);
      invalid.push({ index, number, code: error.code, reason });
    }
  });
  if (contacts.size === 0) {
    throw new AppError('VALIDATION_FAILED', 'None of the contacts can be taken.', { details: { invalid } });
  }
  return writeContacts(ctx, userId, input.listId, [...contacts.values()], async (tx, written) => {
    const added = { ...written, duplicates, invalid };
    await claimIdempotency(ctx, tx, answer(added));
    return added;
  });
}

/** Changes what is given: a field that is null goes. Throws NOT_FOUND, INVALID_NUMBER, CONFLICT. */
export async function updateContact(
  ctx: Ctx,
  input: ListRef & { number: string; changes: Record<string, unknown> },
): Promise<Contact> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  const country = ctx.config.defaultCountry;
  const phone = await namedPhone(ctx, input.listId, input.number);
  const changes = readContactInput(input.changes);
  const next = changes.number === undefined ? phone : normalizePhone(changes.number, country);
  await transact(ctx.database, async (tx) => {
    const now = ctx.clock.now();
    const list = await lockList(tx, userId, input.listId, now, ctx.actor.sessionIds);
    const row = await findContact(tx, list, phone);
    const kept = changes.number === undefined ? row.phone : next;
    const changed: ContactRow = {
      ...row,
      phone: kept,
      name: changes.name === undefined ? row.name : changes.name,
      fields: withoutNull({ ...row.fields, ...changes.fields }),
      updatedAt: now,
    };
    if (kept !== row.phone && (await isTaken(tx, list, next, row.phone))) throw numberTaken(next);
    await tx.delete(broadcastContacts).where(isContact(list.id, row.phone));
    if (!(await tryInsert(tx, broadcastContacts, changed))) throw numberTaken(next);
    await updateListFacts(tx, ctx, list, { delta: 0, columns: Object.keys(changed.fields) });
  });
  return oneContact(ctx.db, { id: input.listId, userId }, next);
}

/** Throws NOT_FOUND, INVALID_NUMBER. */
export async function deleteContact(
  ctx: Ctx,
  input: ListRef & { number: string },
): Promise<{ number: string }> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  const phone = await namedPhone(ctx, input.listId, input.number);
  await transact(ctx.database, async (tx) => {
    const list = await lockList(tx, userId, input.listId, ctx.clock.now(), ctx.actor.sessionIds);
    const contact = await findContact(tx, list, phone);
    await tx.delete(broadcastContacts).where(isContact(list.id, contact.phone));
    await updateListFacts(tx, ctx, list, { delta: -1, columns: [] });
  });
  return { number: phone };
}

/** As many as one statement takes well. */
const BATCH_SIZE = 500;

/** Resolves with what `finish` makes of the counts, in the same transaction. */
async function writeContacts<R>(
  ctx: Ctx,
  userId: number,
  listId: string,
  contacts: readonly NewContact[],
  finish: (tx: Tx, written: { added: number; updated: number }) => Promise<R>,
): Promise<R> {
  return transact(ctx.database, async (tx) => {
    const now = ctx.clock.now();
    const list = await lockList(tx, userId, listId, now, ctx.actor.sessionIds);
    const total = { added: 0, updated: 0 };
    for await (const batch of inBatches(contacts, BATCH_SIZE)) {
      const { added, updated } = await mergeContacts(tx, list, batch, { now, importId: null });
      total.added += added;
      total.updated += updated;
    }
    const columns = contacts.flatMap(({ fields }) => Object.keys(fields));
    await updateListFacts(tx, ctx, list, { delta: total.added, columns });
    return finish(tx, total);
  });
}

function toNewContact(ctx: Ctx, input: ContactInput): NewContact {
  if (input.number === undefined) {
    throw new AppError('VALIDATION_FAILED', 'Not valid: number.', { details: { number: 'is required' } });
  }
  const phone = normalizePhone(input.number, ctx.config.defaultCountry);
  return { phone, name: input.name ?? null, fields: withoutNull(input.fields) };
}

function withoutNull(fields: Record<string, string | null>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== null) kept[name] = value;
  return kept;
}

/** The number of a refused contact as it was written, for the answer. */
function readableNumber(record: Record<string, unknown>): unknown {
  const value = record.number ?? record.phone ?? record.phoneNumber ?? record.to ?? '';
  return typeof value === 'object' ? '' : value;
}

/** The number of a contact in any spelling, also as answers spell it. Throws INVALID_NUMBER. */
function namedPhone(ctx: Ctx, listId: string, number: string): Promise<string> {
  return normalizeKept(number, ctx.config.defaultCountry, async (phone) => {
    const rows = await ctx.db.select().from(broadcastContacts).where(isContact(listId, phone));
    return rows.length > 0;
  });
}

const isContact = (listId: string, phone: string) =>
  and(eq(broadcastContacts.listId, listId), eq(broadcastContacts.phone, phone));

/** Under any spelling of the number; the one that was asked for comes first. */
async function findContact(db: Db, list: Pick<ListRow, 'id' | 'userId'>, phone: string): Promise<ContactRow> {
  const { spellings } = await findSubscriber(db, list.userId, phone);
  const rows = await db
    .select()
    .from(broadcastContacts)
    .where(and(eq(broadcastContacts.listId, list.id), inArray(broadcastContacts.phone, spellings)));
  const row = rows.find((one) => one.phone === phone) ?? rows[0];
  if (!row) throw contactNotFound(phone);
  return row;
}

/** By a contact other than `own`, under any spelling. */
async function isTaken(
  db: Db,
  list: Pick<ListRow, 'id' | 'userId'>,
  phone: string,
  own: string,
): Promise<boolean> {
  const { spellings } = await findSubscriber(db, list.userId, phone);
  const rows = await db
    .select({ phone: broadcastContacts.phone })
    .from(broadcastContacts)
    .where(and(eq(broadcastContacts.listId, list.id), inArray(broadcastContacts.phone, spellings)));
  return rows.some((row) => row.phone !== own);
}

async function oneContact(db: Db, list: Pick<ListRow, 'id' | 'userId'>, phone: string): Promise<Contact> {
  const [contact] = await toContacts(db, list.userId, [await findContact(db, list, phone)]);
  if (!contact) throw contactNotFound(phone);
  return contact;
}

async function toContacts(db: Db, userId: number, rows: readonly ContactRow[]): Promise<Contact[]> {
  const out = await isOptedOut(
    db,
    userId,
    rows.map(({ phone }) => phone),
  );
  const iso = (at: number) => new Date(at).toISOString();
  return rows.map(({ phone, name, fields, createdAt, updatedAt }) => ({
    number: phone,
    phone,
    name,
    fields,
    optedOut: out.has(phone),
    createdAt: iso(createdAt),
    updatedAt: iso(updatedAt),
  }));
}

function contactNotFound(phone: string): AppError {
  return new AppError('NOT_FOUND', `The list has no contact ${phone}.`);
}

function numberTaken(phone: string): AppError {
  return new AppError('CONFLICT', `The list has a contact ${phone} already.`);
}
