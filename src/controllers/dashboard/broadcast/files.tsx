/** Files to send with broadcasts. */

import { z } from 'zod';
import { deleteUpload, listUploads, type UploadEntry, uploadFile } from '../../../services/uploads.ts';
import { uploadLimit } from '../../../utils/sizes.ts';
import { UPLOAD_LIMIT } from '../../broadcast/parts.ts';
import { texts } from '../i18n.ts';
import * as english from '../locales/en/broadcast-files.ts';
import * as indonesian from '../locales/id/broadcast-files.ts';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Empty, NextLink, Pages, Table, Time } from '../parts.tsx';
import { BROADCAST, BroadcastHead, bytes, EXAMPLE_ID, page as pageNumber } from './parts.tsx';
import { requireFile, UploadForm } from './upload.tsx';

const T = texts({ en: english.broadcastFiles, id: indonesian.broadcastFiles });

const FILES = `${BROADCAST}/files`;
/** The files that a browser offers to choose; which are taken depends on the bytes. */
const ACCEPT = '.jpg,.jpeg,.png,.gif,.pdf,.doc,.docx';
/** Each has a small picture. */
const SHOWN = 25;
const FileParams = z.object({ filename: z.string().min(1).max(100) });

export const filePages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/files',
    auth: 'user',
    query: z.object({ page: pageNumber }),
    async handler({ ctx, view, query }) {
      const t = T(view.lang);
      const { data, totalItems } = await listUploads(ctx, { ...query, limit: SHOWN });
      const body = (
        <>
          <BroadcastHead view={view} tab="files" />
          {view.canWrite && (
            <div class="card" id="upload">
              <h2>{t.uploadTitle}</h2>
              <UploadForm
                view={view}
                action={FILES}
                label={t.file}
                hint={t.kinds(bytes(view, ctx.config.files.maxUploadBytes))}
                accept={ACCEPT}
                button={t.upload}
              />
            </div>
          )}
          {data.length === 0 ? (
            <Empty
              view={view}
              title={t.noneTitle}
              next={view.canWrite && <NextLink to="#upload">{t.upload}</NextLink>}
            >
              <p>{t.noneText}</p>
            </Empty>
          ) : (
            <div class="card">
              <Files view={view} files={data} />
              <Pages view={view} page={query.page} totalPages={Math.ceil(totalItems / SHOWN)} />
            </div>
          )}
        </>
      );
      return { title: t.title, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/files',
    auth: 'user',
    form: z.object({}),
    files: ['file'],
    fileLimit: uploadLimit,
    limit: UPLOAD_LIMIT,
    async handler({ ctx, view, files }) {
      const t = T(view.lang);
      const upload = await uploadFile(ctx, { file: requireFile(files) });
      const name = upload.originalName ?? t.nameless;
      return { redirect: FILES, done: upload.scanned ? t.scanned(name) : t.uploaded(name) };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/files/:filename/delete',
    auth: 'user',
    params: FileParams,
    example: { params: { filename: `${EXAMPLE_ID}.jpg` } },
    async handler({ ctx, view, params }) {
      await deleteUpload(ctx, params);
      return { redirect: FILES, done: T(view.lang).deleted };
    },
  }),
];

function Files({ view, files }: { view: View; files: UploadEntry[] }) {
  const t = T(view.lang);
  return (
    <Table label={t.title} head={[t.name, t.type, t.size, t.until, '']}>
      {files.map((file) => {
        const name = file.originalName ?? t.nameless;
        const [mediaId = ''] = file.filename.split('.');
        return (
          <tr>
            <td class="wrap">
              <a href={`/media/${mediaId}`} class="row">
                {file.mimetype.startsWith('image/') && (
                  <img class="thumb" src={`/media/${mediaId}`} alt="" loading="lazy" width="48" height="48" />
                )}
                <span>{name}</span>
              </a>
            </td>
            <td>{file.mimetype.split('/').at(-1)?.slice(0, 20)}</td>
            <td>{bytes(view, file.size)}</td>
            <td>
              <Time at={file.expiresAt} />
            </td>
            <td>
              {view.canWrite && (
                <div class="row end">
                  <a class="button small" href={`${BROADCAST}/new?media=${file.filename}`}>
                    {t.send}
                  </a>
                  <ActionButton
                    view={view}
                    action={`${FILES}/${file.filename}/delete`}
                    tone="danger"
                    small
                    confirm={t.deleteSure(name)}
                  >
                    {t.delete}
                  </ActionButton>
                </div>
              )}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
