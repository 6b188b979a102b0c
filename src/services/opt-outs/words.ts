/** Which messages mean "no more of this", and what becomes of them. */

import { inArray } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { padded, placeholders, preparedFor, transact, upsert, valuesAt } from '../../db/ops.ts';
import { optOutSettings } from '../../db/schema.ts';
import { type Fact, record } from '../../events/record.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { InboundContent } from '../../whatsapp/inbound-content.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import { requireWholeTenant } from '../access.ts';
import { type Ctx, type Deps, originOf } from '../context.ts';
import { type BroadcastRef, enterBroadcast } from '../sessions/tenant.ts';
import { lidKey, showKey } from './ledger-keys.ts';
import { insertNewOptOuts, type NewOptOut, withoutOptedOut } from './opted-out.ts';

/** Always in force; a tenant adds its own. */
export const BUILT_IN_WORDS: readonly string[] = ['STOP', 'BERHENTI', 'UNSUBSCRIBE'];
export const MAX_WORD_LENGTH = 60;

/** A stored inbound message, as far as it can be an opt-out. */
export interface Written {
  account: AccountRef;
  /** messages.id */
  id: string;
  /** null for groups, and for a LID that is not known */
  phone: string | null;
  /** null for groups */
  lid: string | null;
  content: InboundContent;
}

/**
 * Puts the senders into their tenants' ledgers whose whole message is one of the words; in the transaction that stores the
 * messages, so that neither is there without the other. A LID without a known number is there itself. Who is in the
 * ledger already stays as they are. Resolves with the facts, which are to be recorded.
 */
export async function noteOptOuts(
  tx: Tx,
  deps: Pick<Deps, 'clock'>,
  written: readonly Written[],
): Promise<Fact[]> {
  const candidates = written
    .map((message) => ({ message, said: saidIn(message.content) }))
    .filter(({ message, said }) => said.length > 0 && (message.phone !== null || message.lid !== null));
  if (candidates.length === 0) return [];
  const userIds = [...new Set(candidates.map(({ message }) => message.account.userId))].sort((a, b) => a - b);
  const own = await readWordsOf(tx, userIds);
  const facts: Fact[] = [];
  // In one order, as all who write several rows at once.
  for (const userId of userIds) {
    const words = foldAll([...BUILT_IN_WORDS, ...(own.get(userId) ?? [])]);
    const leaving = candidates.flatMap(({ message, said }) => {
      const word = message.account.userId === userId ? firstOf(words, said) : undefined;
      return word === undefined ? [] : [{ ...message, word }];
    });
    if (leaving.length > 0) facts.push(...(await optOut(tx, deps, userId, leaving)));
  }
  return facts;
}

/** Words by what is left of them without case and punctuation, in their order. */
function foldAll(words: readonly string[]): Map<string, { word: string; at: number }> {
  const folded = new Map<string, { word: string; at: number }>();
  for (const [at, word] of words.entries()) {
    const key = foldWord(word);
    if (!folded.has(key)) folded.set(key, { word, at });
  }
  return folded;
}

function firstOf(words: ReturnType<typeof foldAll>, said: readonly string[]): string | undefined {
  const found = said.flatMap((text) => words.get(text) ?? []);
  return found.sort((a, b) => a.at - b.at)[0]?.word;
}

interface Leaving extends Written {
  word: string;
}

/** Those of one tenant, in as few statements as one of them takes. */
async function optOut(
  tx: Tx,
  { clock }: Pick<Deps, 'clock'>,
  userId: number,
  leaving: readonly Leaving[],
): Promise<Fact[]> {
  const lids = leaving.flatMap(({ phone, lid }) => (phone === null && lid !== null ? [lid] : []));
  const pairs = lids.length === 0 ? [] : await findLidPairs(tx, { userId }, 'lid', [...new Set(lids)]);
  const byPhone = new Map<string, Leaving>();
  for (const one of leaving) {
    const { account, lid } = one;
    const known = pairs.find((pair) => pair.lid === lid && pair.accountId === account.id);
    const phone = one.phone ?? known?.phone ?? lidKey(lid ?? '');
    if (!byPhone.has(phone)) byPhone.set(phone, one);
  }
  const fresh = (await withoutOptedOut(tx, userId, [...byPhone.keys()])).sort();
  const rows = fresh.flatMap((phone) => {
    const one = byPhone.get(phone);
    return one ? [rowOf(userId, phone, one, clock.now())] : [];
  });
  return (await insertNewOptOuts(tx, rows)).flatMap(({ phone, word }): Fact[] => {
    const session = byPhone.get(phone)?.account;
    const data = { source: 'message', word };
    return session ? [{ userId, session, event: 'opt_out.added', subject: showKey(phone), data }] : [];
  });
}

function rowOf(userId: number, phone: string, { account, id, word }: Leaving, createdAt: number): NewOptOut {
  const { sessionId } = account;
  return { userId, phone, source: 'message', word, sessionId, messageRowId: id, createdAt };
}

/** The texts that may be the message as a whole: its text, or the button that was tapped. */
function saidIn(content: InboundContent): string[] {
  const texts = [
    content.type === 'text' ? content.text : undefined,
    content.selected?.text,
    content.selected?.id,
    content.reply?.text,
  ];
  return texts
    .filter((text) => text !== undefined && text.length <= 2 * MAX_WORD_LENGTH)
    .map(foldWord)
    .filter((text) => text !== '');
}

const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;

/** Without case, and without what people put around a word. */
function foldWord(text: string | undefined): string {
  const characters = [...(text ?? '').normalize('NFKC').toLocaleUpperCase('en')];
  const counts = (character: string) => LETTER_OR_DIGIT.test(character);
  const first = characters.findIndex(counts);
  if (first < 0) return '';
  return characters
    .slice(first, characters.findLastIndex(counts) + 1)
    .join('')
    .replace(/\s+/g, ' ');
}

async function readOwnWords(db: Db, userId: number): Promise<string[]> {
  return (await readWordsOf(db, [userId])).get(userId) ?? [];
}

/** Tenants of one transaction that stores messages. */
const USUAL_TENANTS = 20;

const wordsOfUsers = preparedFor((db, named, count) => {
  const { userId, words } = optOutSettings;
  return db
    .select({ userId, words })
    .from(optOutSettings)
    .where(inArray(userId, placeholders(named, 'user', count)))
    .prepare();
});

/** The words that each of these tenants has added. */
async function readWordsOf(db: Db, userIds: number[]): Promise<Map<number, string[]>> {
  const users = padded(userIds, USUAL_TENANTS);
  const rows = await wordsOfUsers(db, users.length).execute(valuesAt(users.map((user) => ({ user }))));
  return new Map(rows.map((row) => [row.userId, row.words]));
}

export interface OptOutWords {
  builtIn: readonly string[];
  words: string[];
}

/** The words that opt out. */
export async function getOptOutWords(ctx: Ctx, ref: BroadcastRef): Promise<OptOutWords> {
  const { userId } = await enterBroadcast(ctx, ref, 'read');
  return { builtIn: BUILT_IN_WORDS, words: await readOwnWords(ctx.db, userId) };
}

/** Replaces the tenant's own words; the built-in ones stay in force. Throws FORBIDDEN for a key of one session. */
export async function putOptOutWords(
  ctx: Ctx,
  input: BroadcastRef & { words: readonly string[] },
): Promise<OptOutWords> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  requireWholeTenant(ctx);
  const known = new Set(BUILT_IN_WORDS);
  const words: string[] = [];
  for (const given of input.words) {
    const word = foldWord(given);
    if (known.has(word)) continue;
    known.add(word);
    words.push(word);
  }
  const updatedAt = ctx.clock.now();
  const row = { userId, words, updatedAt };
  await transact(ctx.db, async (tx) => {
    await upsert(tx, optOutSettings, row, [optOutSettings.userId], { words, updatedAt });
    const fact = { userId, event: 'settings.updated' as const, subject: 'opt_out_words' };
    await record(tx, ctx, [{ ...fact, data: { words: words.length }, origin: originOf(ctx) }]);
  });
  return { builtIn: BUILT_IN_WORDS, words };
}

/** Whether anything is left of a word when case and punctuation are gone. */
export function isWord(text: string): boolean {
  return foldWord(text) !== '';
}
