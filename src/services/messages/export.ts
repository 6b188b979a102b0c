/** The messages of a search as CSV, written as they are read. */
import { csvLines } from '../../utils/csv.ts';
import type { Ctx } from '../context.ts';
import type { MessageOutput } from './schemas.ts';
import { type SearchInput, searchMessages } from './search.ts';

/** Messages of one piece. */
const BATCH_SIZE = 200;
/** Messages of one file; the export of the log has no end. */
const MAX_ROWS = 50_000;
/** Pieces that are looked through for them: where few match, most of them are empty. */
const MAX_PIECES = 1_000;

const COLUMNS = [
  'createdAt',
  'session',
  'direction',
  'number',
  'name',
  'type',
  'status',
  'errorCode',
  'errorMessage',
  'attempts',
  'messageId',
  'scheduledAt',
  'sentAt',
  'deliveredAt',
  'readAt',
  'failedAt',
] as const;

/**
 * The text of the file, newest message first, at most 50,000; never a content. Cells that a spreadsheet would take for a
 * formula begin with `'`. Throws as `searchMessages` does before the first piece is asked for.
 */
export async function exportMessages(
  ctx: Ctx,
  input: Omit<SearchInput, 'limit' | 'cursor'>,
): Promise<AsyncGenerator<string>> {
  const first = await searchMessages(ctx, { ...input, limit: BATCH_SIZE });
  return write(ctx, input, first);
}

async function* write(
  ctx: Ctx,
  input: Omit<SearchInput, 'limit' | 'cursor'>,
  first: Awaited<ReturnType<typeof searchMessages>>,
): AsyncGenerator<string> {
  yield csvLines([COLUMNS]);
  let found = first;
  let rows = 0;
  for (let piece = 1; ; piece++) {
    const data = found.data.slice(0, MAX_ROWS - rows);
    rows += data.length;
    if (data.length > 0) yield csvLines(data.map(toCells));
    if (found.nextCursor === null || rows >= MAX_ROWS || piece >= MAX_PIECES) return;
    await ctx.loopShare.turn(ctx.actor.userId);
    found = await searchMessages(ctx, { ...input, limit: BATCH_SIZE, cursor: found.nextCursor });
  }
}

function toCells(message: MessageOutput): (string | number | null)[] {
  const number = (message.direction === 'out' ? message.to : message.from) ?? message.chat;
  const line = { ...message, number };
  return COLUMNS.map((name) => line[name]);
}
