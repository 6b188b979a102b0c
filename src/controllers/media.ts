/** `/media`: files for later sends, and files that messages came with. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { MediaOutput, openMedia, uploadMedia } from '../services/media/verbs.ts';
import { MAX_URL } from '../services/messages/kinds/fields.ts';
import { type Route, route } from './route.ts';
import { tenantQuery } from './schemas.ts';

const tag = 'Media';

/** The types that a browser may show inside a page; everything else is saved. None of these can run anything. */
const SHOWN = /^(image\/(jpeg|png|webp|gif)|audio\/.+|video\/.+)$/;
/** A file of a stranger opens nothing, runs nothing and loads nothing. */
const SANDBOX = "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox";

export const mediaRoutes: Route[] = [
  route({
    method: 'post',
    path: '/media',
    tag,
    summary: 'Upload a file for later sends and campaigns',
    description:
      'A form with the file in `file`, or JSON with an https or `data:` URL. Any type, at most MAX_MEDIA_SIZE (50 MB).',
    auth: 'credential',
    scope: 'media:write',
    body: z.object({
      file: z.string().min(1, 'must not be empty').max(MAX_URL).describe('an https URL or a data: URL'),
    }),
    files: ['file'],
    status: 201,
    response: z.object({ data: MediaOutput }),
    errors: ['URL_REFUSED', 'FILE_TOO_LARGE', 'QUOTA_EXCEEDED'],
    idempotent: true,
    example: { body: { file: 'data:text/plain;base64,aGVsbG8=' } },
    handler: async ({ ctx, body, files }) => ({
      data: await uploadMedia(ctx, files.get('file') ?? body.file),
    }),
  }),
  route({
    method: 'get',
    path: '/media/:id',
    tag,
    summary: 'The bytes of a file',
    description:
      'As it was received or uploaded. Links in answers and webhooks carry a signature that opens this for a day without a credential.',
    auth: 'browser',
    link: 'media',
    params: z.object({ id: z.string().min(1).max(64) }),
    query: z.object({ userId: tenantQuery.userId }),
    response: null,
    errors: ['NOT_FOUND'],
    example: { params: { id: '0'.repeat(32) } },
    async handler({ ctx, params, query, http }) {
      const { row, stream } = await openMedia(ctx, { ...params, ...query });
      http.header('content-security-policy', SANDBOX);
      http.header('x-content-type-options', 'nosniff');
      http.header('cache-control', 'private, max-age=3600');
      http.header('content-type', row.mimetype);
      http.header('content-length', String(row.size));
      http.header('content-disposition', disposition(SHOWN.test(row.mimetype), row.filename ?? row.id));
      if (http.req.method !== 'HEAD') return http.body(toWeb(stream));
      // It would not be read, and its file not closed.
      stream.destroy();
      return http.body(null);
    },
  }),
];

/** RFC 6266: the name in ASCII for old clients, and as it is. */
function disposition(shown: boolean, name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `${shown ? 'inline' : 'attachment'}; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}

/** Safe because it is the same web stream, which Node's and the DOM's types describe apart. */
function toWeb(stream: Readable): ReadableStream {
  return Readable.toWeb(stream) as ReadableStream;
}
