/** Opt-outs: the ledger, adding, removing, files, and the words that count. */

import { z } from 'zod';
import { beginImport, listImports } from '../../../services/contacts/import/verbs.ts';
import {
  addOptOuts,
  exportOptOuts,
  getOptOut,
  listOptOuts,
  type OptOut,
  removeOptOut,
} from '../../../services/opt-outs/opt-outs.ts';
import { restoreOptOut, sealOptOut } from '../../../services/opt-outs/restore.ts';
import {
  getOptOutWords,
  isWord,
  MAX_WORD_LENGTH,
  type OptOutWords,
  putOptOutWords,
} from '../../../services/opt-outs/words.ts';
import { csvLimit } from '../../../utils/sizes.ts';
import { MAX_WORDS, number } from '../../broadcast/parts.ts';
import { answerCsv } from '../../csv-answer.ts';
import { texts } from '../i18n.ts';
import { Submit } from '../kit.tsx';
import * as english from '../locales/en/broadcast-opt-outs.ts';
import * as indonesian from '../locales/id/broadcast-opt-outs.ts';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Empty, Field, Form, NextLink, Pages, Table, TextArea, Time } from '../parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { CsvForm, ImportForm, RecentImports } from './imports.tsx';
import {
  BROADCAST,
  BroadcastHead,
  NothingFound,
  PAGE_SIZE,
  page as pageNumber,
  piecesOf,
  SearchForm,
  search,
} from './parts.tsx';
import { requireFile } from './upload.tsx';

const T = texts({ en: english.broadcastOptOuts, id: indonesian.broadcastOptOuts });

const OPT_OUTS = `${BROADCAST}/opt-outs`;
const NumberParams = z.object({ number });

/** A text of several lines -> what is on them. */
const lines = z.string().transform(piecesOf);
const Word = z.string().max(MAX_WORD_LENGTH).refine(isWord, 'must hold letters or digits');

export const optOutPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/opt-outs',
    auth: 'user',
    query: z.object({ search, page: pageNumber }),
    async handler({ ctx, view, query }) {
      const t = T(view.lang);
      const [{ data, totalItems }, words, imports] = await Promise.all([
        listOptOuts(ctx, { ...query, limit: PAGE_SIZE }),
        getOptOutWords(ctx, {}),
        listImports(ctx, { kind: 'opt_outs', limit: 3 }),
      ]);
      const isEmpty = data.length === 0 && query.page === 1;
      const body = (
        <>
          <BroadcastHead view={view} tab="optOuts" />
          <p>{t.about}</p>
          <RecentImports view={view} imports={imports} />
          {view.canWrite && (
            <AddForms
              view={view}
              maxBytes={ctx.config.files.maxCsvBytes}
              isFirst={isEmpty && query.search === undefined}
            />
          )}
          <Words view={view} words={words} />
          {(!isEmpty || query.search !== undefined) && (
            <SearchForm view={view} action={OPT_OUTS} label={t.search} value={query.search} />
          )}
          {isEmpty && query.search !== undefined && <NothingFound view={view} />}
          {isEmpty && query.search === undefined && (
            <Empty
              view={view}
              title={t.noneTitle}
              next={view.canWrite && <NextLink to="#add">{t.addTitle}</NextLink>}
            >
              <p>{t.noneText}</p>
            </Empty>
          )}
          {!isEmpty && (
            <div class="card">
              <Ledger view={view} rows={data} />
              <Pages
                view={view}
                page={query.page}
                totalPages={totalItems === null ? null : Math.ceil(totalItems / PAGE_SIZE)}
              />
              <p>
                <a class="button small" href={`${OPT_OUTS}/export`} download>
                  {t.export}
                </a>
              </p>
            </div>
          )}
        </>
      );
      return { title: t.title, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/opt-outs',
    auth: 'user',
    form: z.object({
      numbers: lines.pipe(z.array(number).min(1, 'must hold a number').max(1000, 'are more than 1,000')),
      note: z.string().trim().max(300).optional(),
    }),
    example: { form: { numbers: '081234567890' } },
    async handler({ ctx, view, form }) {
      const { added, existing } = await addOptOuts(ctx, form);
      return { redirect: OPT_OUTS, done: T(view.lang).added(added, existing) };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/opt-outs/import',
    auth: 'user',
    form: ImportForm,
    files: ['file'],
    fileLimit: csvLimit,
    async handler({ ctx, form, files }) {
      const { importId } = await beginImport(ctx, { ...form, file: requireFile(files) });
      return { redirect: `${BROADCAST}/imports/${importId}` };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/opt-outs/export',
    auth: 'user',
    async handler({ ctx, http }) {
      const { fileName, lines: text } = await exportOptOuts(ctx, {});
      return answerCsv(http, fileName, text);
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/opt-outs/words',
    auth: 'user',
    form: z.object({ words: lines.pipe(z.array(Word).max(MAX_WORDS)).default([]) }),
    example: { form: { words: 'CUKUP' } },
    async handler({ ctx, view, form }) {
      await putOptOutWords(ctx, form);
      return { redirect: OPT_OUTS, done: T(view.lang).wordsSaved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/opt-outs/:number/delete',
    auth: 'user',
    params: NumberParams,
    example: { params: { number: '6281234567890' } },
    async handler({ ctx, view, params }) {
      const optOut = await getOptOut(ctx, params);
      const { number: removed } = await removeOptOut(ctx, params);
      const undo = { action: `${OPT_OUTS}/restore`, fields: { sealed: sealOptOut(ctx, optOut) } };
      return { redirect: OPT_OUTS, done: T(view.lang).removed(removed), undo };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/opt-outs/restore',
    auth: 'user',
    form: z.object({ sealed: z.string().min(1).max(4_000) }),
    example: { form: { sealed: 'from-the-button' } },
    async handler({ ctx, view, form }) {
      const { number: restored } = await restoreOptOut(ctx, form);
      return { redirect: OPT_OUTS, done: T(view.lang).restored(restored) };
    },
  }),
];

function Ledger({ view, rows }: { view: View; rows: OptOut[] }) {
  const t = T(view.lang);
  return (
    <Table label={t.title} head={[t.number, t.why, t.note, t.since, '']}>
      {rows.map((row) => (
        <tr>
          <td class="mono">{shownNumber(row.number)}</td>
          <td>{row.source === 'message' ? t.wrote(row.word ?? '') : t[row.source]}</td>
          <td>
            <span class="clip">{row.note ?? ''}</span>
          </td>
          <td>
            <Time at={row.createdAt} relative />
          </td>
          <td>
            {view.canWrite && (
              <ActionButton
                view={view}
                action={`${OPT_OUTS}/${row.number}/delete`}
                small
                confirm={t.removeSure(row.number)}
              >
                {t.remove}
              </ActionButton>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function AddForms({ view, maxBytes, isFirst }: { view: View; maxBytes: number; isFirst: boolean }) {
  const t = T(view.lang);
  return (
    <>
      <details class="card" id="add" open={isFirst}>
        <summary>{t.addTitle}</summary>
        <Form view={view} action={OPT_OUTS} class="stack">
          <TextArea label={t.numbers} name="numbers" required rows={3} hint={t.numbersHint} />
          <Field label={t.note} name="note" maxlength={300} autocomplete="off" />
          <div class="row">
            <Submit>{t.add}</Submit>
          </div>
        </Form>
      </details>
      <details class="card">
        <summary>{t.importTitle}</summary>
        <p>{t.importText}</p>
        <CsvForm view={view} action={`${OPT_OUTS}/import`} maxBytes={maxBytes} />
      </details>
    </>
  );
}

function Words({ view, words }: { view: View; words: OptOutWords }) {
  const t = T(view.lang);
  return (
    <details class="card">
      <summary>{t.wordsTitle}</summary>
      <p>{t.wordsText(words.builtIn.join(', '))}</p>
      {view.canWrite ? (
        <Form view={view} action={`${OPT_OUTS}/words`} class="stack">
          <TextArea
            label={t.ownWords}
            name="words"
            value={words.words.join('\n')}
            rows={3}
            hint={t.wordsHint}
          />
          <div class="row">
            <Submit>{t.save}</Submit>
          </div>
        </Form>
      ) : (
        <p>
          {t.ownWords}: {words.words.join(', ') || t.noWords}
        </p>
      )}
    </details>
  );
}
