/**
 * Campaigns that are being written: the fields of the form, kept for the person who fills it in. A draft goes in the
 * transaction that makes its campaign, with its person, and when nobody has touched it for a month.
 */
import { isDeepStrictEqual } from 'node:util';
import { and, count, desc, eq, sql } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { affected, jsonText, transact, tryInsert } from '../../db/ops.ts';
import { campaignDrafts } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';

/** Drafts of one person in a workspace. */
export const MAX_DRAFTS = 20;
/** As the form that it comes from: 256 kB. */
const MAX_LENGTH = 256 * 1024;

export type DraftData = Readonly<Record<string, string | string[]>>;

export interface CampaignDraft {
  id: string;
  data: DraftData;
  /** goes back with the next save; 0: it was never saved */
  version: number;
  /** ISO 8601 */
  updatedAt: string;
}

export interface DraftSave {
  id: string;
  /** the version that the page has read */
  version: number;
  /** the page that saves: 32 hex digits */
  savedBy: string;
  /** the version that another page has written and that may go: somebody was asked */
  replacing?: number | undefined;
  /** these fields take the place of those that the draft had of the same step */
  fields: DraftData;
  /** every field of the step */
  names: readonly string[];
}

type Row = typeof campaignDrafts.$inferSelect;

/** What a list shows of a draft. */
export interface DraftLine {
  id: string;
  name: string | null;
  /** how its text begins */
  text: string | null;
  /** ISO 8601 */
  updatedAt: string;
}

const SHOWN_NAME = 190;
const SHOWN_TEXT = 60;

/** The person's drafts in this workspace, the newest first. Throws FORBIDDEN. */
export async function listDrafts(ctx: Ctx): Promise<DraftLine[]> {
  requireScope(ctx, 'read');
  const { id, data, updatedAt } = campaignDrafts;
  const rows = await ctx.db
    .select({
      id,
      name: jsonText(data, 'campaignName', SHOWN_NAME),
      text: jsonText(data, 'body', SHOWN_TEXT),
      updatedAt,
    })
    .from(campaignDrafts)
    .where(isOwn(ctx))
    .orderBy(desc(campaignDrafts.updatedAt), desc(campaignDrafts.id))
    .limit(MAX_DRAFTS);
  return rows.map((row) => ({ ...row, updatedAt: new Date(row.updatedAt).toISOString() }));
}

/** Throws FORBIDDEN, NOT_FOUND: also for a draft of somebody else. */
export async function getDraft(ctx: Ctx, id: string): Promise<CampaignDraft> {
  requireScope(ctx, 'read');
  const [row] = await ctx.db.select().from(campaignDrafts).where(isDraft(ctx, id));
  if (!row) throw draftNotFound();
  return toDraft(row);
}

/**
 * Keeps the fields of one step; the first save of an id makes the draft. Throws FORBIDDEN, NOT_FOUND (it is somebody
 * else's, or its campaign was made), CONFLICT when another page has saved it since, with `details.version`, or when there
 * are too many drafts, with `details.drafts`, and VALIDATION_FAILED when it is too long.
 */
export async function saveDraft(ctx: Ctx, save: DraftSave): Promise<CampaignDraft> {
  requireScope(ctx, 'broadcast');
  for (let tries = 1; ; tries++) {
    try {
      return await writeDraft(ctx, save);
    } catch (error) {
      if (!(error instanceof SavedMeanwhileError)) throw error;
      if (tries >= MAX_TRIES) throw error.answer;
    }
  }
}

const MAX_TRIES = 5;

/** Another save was quicker: perhaps one of the same page, which knows what it wrote. `answer`: what is said if that goes on. */
class SavedMeanwhileError extends Error {
  override name = 'SavedMeanwhileError';
  readonly answer: AppError;
  constructor(answer: AppError) {
    super('a draft was saved twice at once');
    this.answer = answer;
  }
}

function writeDraft(ctx: Ctx, save: DraftSave): Promise<CampaignDraft> {
  const now = ctx.clock.now();
  return transact(ctx.database, async (tx) => {
    const [row] = await tx.select().from(campaignDrafts).where(isDraft(ctx, save.id));
    if (!row) return insertDraft(tx, ctx, save, now);
    requireNewest(row, save);
    const changes = {
      data: merged(row.data, save),
      version: row.version + 1,
      savedBy: save.savedBy,
      updatedAt: Math.max(now, row.updatedAt),
    };
    const same = and(isDraft(ctx, save.id), eq(campaignDrafts.version, row.version));
    const written = await tx.update(campaignDrafts).set(changes).where(same);
    if (affected(written) === 0) throw new SavedMeanwhileError(changedElsewhere(row.version + 1));
    return toDraft({ ...row, ...changes });
  });
}

/** How many drafts the person has in this workspace. Throws FORBIDDEN. */
export async function countDrafts(ctx: Ctx): Promise<number> {
  requireScope(ctx, 'read');
  return countOwn(ctx.db, ctx);
}

/** Throws FORBIDDEN, NOT_FOUND. */
export async function deleteDraft(ctx: Ctx, id: string): Promise<void> {
  requireScope(ctx, 'broadcast');
  const deleted = await ctx.db.delete(campaignDrafts).where(isDraft(ctx, id));
  if (affected(deleted) === 0) throw draftNotFound();
}

/**
 * Ends the draft in the transaction that makes its campaign: a second click makes no second one. Throws CONFLICT when it
 * is gone, or not what `draft` was; what the same page, `savedBy`, has saved since without a change does not count.
 */
export async function takeDraft(
  tx: Tx,
  ctx: Ctx,
  { id, version, data }: Pick<CampaignDraft, 'id' | 'version' | 'data'>,
  savedBy: string,
): Promise<void> {
  const own = isDraft(ctx, id);
  // Locks the row, and sees it as it is by now.
  await tx
    .update(campaignDrafts)
    .set({ version: sql`${campaignDrafts.version} + 1` })
    .where(own);
  const [row] = await tx.select().from(campaignDrafts).where(own);
  const isSame =
    row?.version === version + 1 || (row?.savedBy === savedBy && isDeepStrictEqual(row.data, data));
  if (isSame) {
    await tx.delete(campaignDrafts).where(own);
    return;
  }
  throw new AppError('CONFLICT', 'This draft was started or changed elsewhere. Nothing was sent from here.');
}

async function insertDraft(tx: Tx, ctx: Ctx, save: DraftSave, now: number): Promise<CampaignDraft> {
  if (save.version !== 0) throw draftNotFound();
  const row: Row = {
    id: save.id,
    userId: ctx.actor.userId,
    personId: ctx.actor.personId,
    data: merged({}, save),
    version: 1,
    savedBy: save.savedBy,
    createdAt: now,
    updatedAt: now,
  };
  if ((await countOwn(tx, ctx)) >= MAX_DRAFTS) throw tooMany();
  if (!(await tryInsert(tx, campaignDrafts, row))) throw new SavedMeanwhileError(draftNotFound());
  return toDraft(row);
}

/** Throws CONFLICT unless the page knows what is there: it has read it, has written it, or was asked to replace it. */
function requireNewest(row: Row, { version, savedBy, replacing }: DraftSave): void {
  const known = row.version === version || row.savedBy === savedBy || row.version === replacing;
  if (!known) throw changedElsewhere(row.version);
}

function merged(before: DraftData, { names, fields }: DraftSave): Record<string, string | string[]> {
  const kept = Object.entries(before).filter(([name]) => !names.includes(name));
  const given = names.flatMap((name) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return value === undefined ? [] : [[name, value] as const];
  });
  const data = Object.fromEntries([...kept, ...given]);
  if (JSON.stringify(data).length <= MAX_LENGTH) return data;
  throw new AppError('VALIDATION_FAILED', 'The draft is too long. Put the numbers on a list.');
}

async function countOwn(db: Db, ctx: Ctx): Promise<number> {
  const [row] = await db.select({ n: count() }).from(campaignDrafts).where(isOwn(ctx));
  return Number(row?.n ?? 0);
}

const isOwn = ({ actor }: Ctx) =>
  and(eq(campaignDrafts.userId, actor.userId), eq(campaignDrafts.personId, actor.personId));

const isDraft = (ctx: Ctx, id: string) => and(eq(campaignDrafts.id, id), isOwn(ctx));

function toDraft({ id, data, version, updatedAt }: Row): CampaignDraft {
  return { id, data, version, updatedAt: new Date(updatedAt).toISOString() };
}

const draftNotFound = () =>
  new AppError('NOT_FOUND', 'There is no such draft. Its campaign may have started.');

const tooMany = () =>
  new AppError('CONFLICT', `There are ${MAX_DRAFTS} drafts already: delete one first.`, {
    details: { drafts: MAX_DRAFTS },
  });

const changedElsewhere = (version: number) =>
  new AppError('CONFLICT', 'This draft was changed in another tab.', { details: { version } });
