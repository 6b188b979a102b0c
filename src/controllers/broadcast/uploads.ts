/** `…/broadcast/upload`: files to send with broadcasts. */
import { z } from 'zod';
import { deleteUpload, listUploads, uploadFile } from '../../services/uploads.ts';
import { AppError } from '../../utils/errors.ts';
import { uploadLimit } from '../../utils/sizes.ts';
import { type Route, route } from '../route.ts';
import { Pagination, pageQuery, paginationOf, Timestamp } from '../schemas.ts';
import { broadcastPath, ownerQuery, SessionParams, sessionParams, TAG, UPLOAD_LIMIT } from './parts.ts';

/** A GIF of one pixel. */
const EXAMPLE_FILE = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7';

const Upload = z
  .object({
    filename: z.string().describe('to send or delete it by'),
    url: z.string().describe('opens without a credential for a day'),
    mimetype: z.string().describe('as the bytes say'),
    size: z.int().describe('bytes'),
    originalName: z.string().nullable(),
    width: z.int().nullable().describe('pixels, of pictures'),
    height: z.int().nullable(),
    scanned: z.boolean().describe('whether a virus scanner has seen it'),
  })
  .meta({ id: 'BroadcastUpload' });

const KeptUpload = Upload.pick({
  filename: true,
  url: true,
  mimetype: true,
  size: true,
  originalName: true,
}).extend({
  createdAt: Timestamp,
  expiresAt: Timestamp.describe('it goes then, unless something is sent with it before'),
});

const upload = route({
  method: 'post',
  ...broadcastPath('/upload'),
  tag: TAG,
  summary: 'Upload a file for broadcasts',
  description:
    'jpg, jpeg, png, gif, pdf, doc, docx (told by the bytes), at most MAX_FILE_SIZE (10 MB), scanned when a scanner is configured. At most 5 a minute.',
  auth: 'credential',
  scope: 'broadcast',
  status: 201,
  idempotent: true,
  limit: UPLOAD_LIMIT,
  params: SessionParams,
  body: z.object({
    file: z.string().optional().meta({ description: 'The file, as a part of a form or as a data: URL.' }),
  }),
  files: ['file'],
  fileLimit: uploadLimit,
  response: z.object({ message: z.string(), data: Upload }),
  errors: ['SESSION_NOT_FOUND', 'FILE_TOO_LARGE', 'UNSUPPORTED_MEDIA', 'FILE_INFECTED', 'QUOTA_EXCEEDED'],
  example: { params: { sessionId: 'main' }, body: { file: EXAMPLE_FILE } },
  handler: async ({ ctx, params, files }) => {
    const file = files.get('file');
    if (!file) {
      throw new AppError('VALIDATION_FAILED', 'Not valid: file.', { details: { file: 'is required' } });
    }
    return { message: 'File uploaded', data: { ...(await uploadFile(ctx, { ...params, file })) } };
  },
});

const list = route({
  method: 'get',
  ...broadcastPath('/upload'),
  tag: TAG,
  summary: 'Files that can be sent, newest first',
  description: 'Also those that came by POST /media.',
  auth: 'credential',
  params: SessionParams,
  query: z.object({ ...pageQuery, ...ownerQuery }),
  response: z.object({ data: z.array(KeptUpload), pagination: Pagination }),
  errors: ['SESSION_NOT_FOUND'],
  example: { params: { sessionId: 'main' } },
  handler: async ({ ctx, params, query }) => {
    const { data, totalItems } = await listUploads(ctx, { ...params, ...query });
    return { data, pagination: paginationOf(query, totalItems) };
  },
});

const remove = route({
  method: 'delete',
  ...broadcastPath('/upload/:filename'),
  tag: TAG,
  summary: 'Delete an uploaded file',
  description: 'Messages that carry it and have not been sent yet fail.',
  auth: 'credential',
  scope: 'broadcast',
  params: z.object({ ...sessionParams, filename: z.string().min(1).max(100) }),
  response: z.object({ message: z.string(), data: z.object({ filename: z.string() }) }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params: { sessionId: 'main', filename: `${'0'.repeat(32)}.jpg` } },
  handler: async ({ ctx, params }) => {
    await deleteUpload(ctx, params);
    return { message: 'File deleted', data: { filename: params.filename } };
  },
});

export const uploadRoutes: readonly Route[] = [upload, list, remove];
