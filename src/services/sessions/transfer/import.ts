/** A link that another program made, taken over: the number need not be linked again. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AppError, type ErrorCode } from '../../../utils/errors.ts';
import { BrokenLink, type LinkFlaw } from '../../../whatsapp/link-check.ts';
import { onlySession, requireScope, requireSession } from '../../access.ts';
import { type Ctx, originOf } from '../../context.ts';
import { claimIdempotency } from '../../idempotency.ts';
import type { ReceivedFile } from '../../media/sources.ts';
import { holdUpload } from '../../quotas.ts';
import { checkProxy } from '../connection.ts';
import type { SessionRecord } from '../find.ts';
import { openSession, waitForPairing } from '../pairing.ts';
import { ProxyUrl, SessionId, SessionOutput } from '../schemas.ts';
import { toSession } from '../view.ts';
import { type ImportedLink, importLink } from './import-link.ts';
import { type LinkSource, openSource, sourceOfJson } from './source.ts';

export const ImportSessionInput = z.object({
  sessionId: SessionId.optional().describe('made when missing; a session without a phone takes the link'),
  file: z.string().optional().meta({
    description:
      'zip, tar or tar.gz of the folder with `creds.json`, or one JSON file, as a part of a form or as a data: URL',
  }),
  creds: z
    .unknown()
    .optional()
    .describe('`creds.json` as JSON or as its text; also the column `creds` of Evolution'),
  keys: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('`{"pre-key-1": …}` or `{"pre-key": {"1": …}}`, when there is no file'),
  proxy: ProxyUrl.optional().describe(
    'its connections, files included, go through this proxy and never past it',
  ),
});
export type ImportSessionInput = z.infer<typeof ImportSessionInput>;

export const ImportedSessionOutput = z.object({
  session: SessionOutput,
  verified: z.array(z.string()).describe('what was checked before anything was stored'),
  keys: z.record(z.string(), z.number()).describe('keys that were taken, by kind'),
  leftOut: z.number().describe('files that are no key, or a damaged one'),
  warning: z.string().describe('the program that the link comes from must be stopped'),
});
export type ImportedSessionOutput = z.infer<typeof ImportedSessionOutput>;

/** A link that `importLink` has checked. */
const VERIFIED = [
  'key pairs belong together',
  'the signed pre-key is signed by the identity key',
  'the phone has signed this device',
  'the device has signed the phone',
];

export const IMPORT_WARNING =
  'Stop the old program for this number, and never start it with these credentials again: one link has one connection, and both would throw each other out.';

/** How long the answer waits for the connection. */
const CONNECT_WAIT_MS = 15_000;

/**
 * Verifies and stores a link, then connects it; waits up to 15 s for that. Nothing is stored of a link that is not
 * whole. Throws VALIDATION_FAILED with `details.flaw`, SESSION_EXISTS, DUPLICATE_PHONE, QUOTA_EXCEEDED, CONFLICT.
 */
export async function importSession(
  ctx: Ctx,
  input: Omit<ImportSessionInput, 'file'> & { file?: ReceivedFile | undefined },
): Promise<ImportedSessionOutput> {
  requireScope(ctx, 'sessions:write');
  const sessionId = input.sessionId ?? onlySession(ctx) ?? `session-${randomBytes(6).toString('hex')}`;
  requireSession(ctx, sessionId);
  const proxy = input.proxy === undefined ? undefined : await checkProxy(ctx, input.proxy);
  const release = await holdUpload(ctx, ctx.actor.userId);
  let imported: ImportedLink;
  try {
    imported = await importLink(ctx, {
      userId: ctx.actor.userId,
      sessionId,
      ...(await sourceOf(input)),
      origin: originOf(ctx),
      proxy,
      owner: ctx.commands.processId,
      onCommit: (tx, row) => claimIdempotency(ctx, tx, { status: 201, body: keptAnswer(ctx, row) }),
    });
  } catch (error) {
    throw error instanceof BrokenLink ? toAppError(error) : error;
  } finally {
    await release();
  }
  return {
    ...toOutput(ctx, await connect(ctx, imported.row)),
    keys: imported.keys,
    leftOut: imported.leftOut,
  };
}

async function sourceOf({
  file,
  creds,
  keys,
}: Parameters<typeof importSession>[1]): Promise<{ source: LinkSource; credentials?: string }> {
  if (!file) {
    if (creds === undefined) {
      throw new AppError('VALIDATION_FAILED', 'Send a file, or the credentials as `creds`.', {
        details: { file: 'is required' },
      });
    }
    return { source: sourceOfJson({ creds, keys }) };
  }
  const source = await openSource(file.path);
  if (creds === undefined) return { source };
  return { source, credentials: typeof creds === 'string' ? creds : JSON.stringify(creds) };
}

/** No owner at the moment is no failure: the owner's next round opens it. */
async function connect(ctx: Ctx, row: SessionRecord): Promise<SessionRecord> {
  try {
    await openSession(ctx, row);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'UNAVAILABLE')) throw error;
    ctx.logger.warn('an imported session waits for its owner', { account: row.id, requestId: ctx.requestId });
  }
  return (await waitForPairing(ctx, row, CONNECT_WAIT_MS)) ?? row;
}

const toOutput = (ctx: Ctx, row: SessionRecord) => ({
  session: toSession(row, ctx.clock.now()),
  verified: VERIFIED,
  warning: IMPORT_WARNING,
});

function keptAnswer(ctx: Ctx, row: SessionRecord): Record<string, unknown> {
  return {
    success: true,
    message: 'The link was imported.',
    data: { ...toOutput(ctx, row), keys: {}, leftOut: 0 },
  };
}

const SENTENCES: Record<LinkFlaw, string> = {
  unreadable: 'This is no folder, archive or JSON of a link, or it is damaged.',
  too_large: 'This holds more than a link has.',
  several_links: 'There are several links in it: send the folder of one.',
  no_credentials: 'There is no creds.json with the credentials of a device.',
  malformed: 'The credentials are not as Baileys writes them.',
  not_linked: 'No phone has linked these credentials, or they were logged out.',
  key_pair_differs: 'A private and a public key of the credentials do not belong together.',
  signature_wrong: 'A signature of the credentials is wrong: they are damaged, or not of one device.',
};

/** A sentence for a person about a link that cannot be imported. */
export function explainFlaw({ flaw, field }: BrokenLink): string {
  return `${SENTENCES[flaw]} (${field})`;
}

function toAppError(broken: BrokenLink): AppError {
  const code: ErrorCode = broken.flaw === 'too_large' ? 'FILE_TOO_LARGE' : 'VALIDATION_FAILED';
  const { flaw, field } = broken;
  return new AppError(code, explainFlaw(broken), { details: { flaw, field } });
}
