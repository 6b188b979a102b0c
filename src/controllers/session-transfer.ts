/** `/session/import` and `/session/:sessionId/export`: links that come from another program, or go to one. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { RatePolicy } from '../middlewares/http-env.ts';
import {
  ExportSessionQuery,
  exportSession,
  ImportedSessionOutput,
  ImportSessionInput,
  importSession,
  SessionId,
} from '../services/sessions/index.ts';
import { HOUR_MS } from '../utils/durations.ts';
import { type Route, route } from './route.ts';
import { tenantQuery } from './schemas.ts';

const tag = 'Sessions';
/** Each is thousands of keys to check and to seal. */
export const IMPORT_LIMIT: RatePolicy = { name: 'link_imports', max: 30, windowMs: HOUR_MS };
/** The folder of a number with ten thousand chats has less, zipped. */
export const MAX_IMPORT_BYTES = 64 * 1024 ** 2;

export const transferRoutes: Route[] = [
  route({
    method: 'post',
    path: '/session/import',
    tag,
    summary: 'Take over a link that another program made',
    description:
      'A zip or tar of the folder that Baileys’ `useMultiFileAuthState` writes, or the same as JSON: no phone has to scan anything. It is verified before anything is stored, then connected. **Stop the old program first**: one link has one connection. See docs/migration.md.',
    auth: 'credential',
    scope: 'sessions:write',
    idempotent: true,
    limit: IMPORT_LIMIT,
    body: ImportSessionInput,
    files: ['file'],
    fileLimit: () => ({ bytes: MAX_IMPORT_BYTES, setting: null }),
    status: 201,
    response: z.object({ message: z.string(), data: ImportedSessionOutput }),
    errors: ['SESSION_EXISTS', 'DUPLICATE_PHONE', 'QUOTA_EXCEEDED', 'FILE_TOO_LARGE', 'CONFLICT'],
    example: { body: { sessionId: 'my-session', creds: { noiseKey: {} } } },
    handler: async ({ ctx, body, files, http }) => {
      http.header('cache-control', 'no-store');
      const { file: _digest, ...rest } = body;
      const data = await importSession(ctx, { ...rest, file: files.get('file') });
      return { message: `The link was imported. ${data.warning}`, data };
    },
  }),
  route({
    method: 'get',
    path: '/session/:sessionId/export',
    tag,
    summary: 'Take a link to another program',
    description:
      'For a signed-in person. A zip of the folder that Baileys’ `useMultiFileAuthState` reads: whoever has it can write in the name of this number. The session **stops here** (`replaced`, reason `exported`), and the export is recorded.',
    auth: 'jwt',
    scope: 'sessions:write',
    params: z.object({ sessionId: SessionId }),
    query: ExportSessionQuery.extend({ userId: tenantQuery.userId }),
    response: null,
    contentType: 'application/zip',
    errors: ['SESSION_NOT_FOUND', 'CONFLICT', 'UNAVAILABLE'],
    example: { params: { sessionId: 'my-session' }, query: { confirm: 'my-session' } },
    handler: async ({ ctx, params, query }) => answerZip(await exportSession(ctx, { ...params, ...query })),
  }),
];

/** A download that no cache keeps. */
export function answerZip({ filename, stream }: Awaited<ReturnType<typeof exportSession>>): Response {
  return new Response(toWeb(stream), {
    headers: {
      'content-type': 'application/zip',
      'content-disposition': `attachment; filename="${filename}"`,
      'cache-control': 'no-store',
    },
  });
}

/** Safe because it is the same web stream, which Node's and the DOM's types describe apart. */
function toWeb(stream: Readable): ReadableStream {
  return Readable.toWeb(stream) as ReadableStream;
}
