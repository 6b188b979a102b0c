/** Importing a CSV file: choosing it, watching it go in, and what was wrong with single lines. */

import { z } from 'zod';
import { NUMBERS_WITHOUT_PLUS } from '../../../services/contacts/import/bare-numbers.ts';
import type { ImportLine, ImportOutput } from '../../../services/contacts/import/store.ts';
import {
  beginImport,
  exportImportErrors,
  getImport,
  listImportLines,
  mapImport,
} from '../../../services/contacts/import/verbs.ts';
import { getList } from '../../../services/lists/lists.ts';
import { csvLimit } from '../../../utils/sizes.ts';
import { answerCsv } from '../../csv-answer.ts';
import { Crumb, Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { Badge, Facts, Form, Live, Select, Stat, Table, Time } from '../parts.tsx';
import { sentenceInIndonesian } from '../reasons.ts';
import { stateTone } from '../tones.ts';
import { IMPORT_TEXTS } from './import-texts.ts';
import { LISTS, ListParams, listExample } from './lists.tsx';
import { BROADCAST, bytes, IdParams, idExample, More, num, PAGE_SIZE, Progress } from './parts.tsx';
import { requireFile, UploadForm } from './upload.tsx';

const KINDS = ['invalid', 'duplicate', 'repaired'] as const;

const place = z.coerce.number().int().min(1).max(200);
const numbers = z.enum(NUMBERS_WITHOUT_PLUS).optional();
const MappingForm = z.object({
  numbers,
  number: place,
  name: z.preprocess((value) => (value === '' ? undefined : value), place.optional()),
  /** ticked: the first line is a contact already */
  header: z.string().max(10).optional(),
});

/** The words about a file that is sent. */
export const ImportForm = z.object({ numbers });

const importPath = (id: string) => `${BROADCAST}/imports/${id}`;
const targetOf = ({ listId }: Pick<ImportOutput, 'listId'>) =>
  listId === null ? `${BROADCAST}/opt-outs` : `${LISTS}/${listId}`;

export const importPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/lists/:listId/import',
    auth: 'user',
    params: ListParams,
    example: { params: listExample },
    async handler({ ctx, view, params }) {
      const t = IMPORT_TEXTS(view.lang);
      const list = await getList(ctx, params);
      const own = `${LISTS}/${list.id}`;
      if (!view.canWrite) return { redirect: own };
      const body = (
        <>
          <Crumb to={own}>{t.backToList}</Crumb>
          <div class="card">
            <h1>{t.title}</h1>
            <p>{t.into(list.name)}</p>
            <CsvForm view={view} action={`${own}/import`} maxBytes={ctx.config.files.maxCsvBytes} />
          </div>
          <div class="card">
            <h2>{t.howTitle}</h2>
            <pre class="wrap">{t.example}</pre>
            <ul>
              {t.how.map((line) => (
                <li>{line}</li>
              ))}
            </ul>
          </div>
        </>
      );
      return { title: t.title, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/lists/:listId/import',
    auth: 'user',
    params: ListParams,
    form: ImportForm,
    files: ['file'],
    fileLimit: csvLimit,
    example: { params: listExample },
    async handler({ ctx, params, form, files }) {
      const { importId } = await beginImport(ctx, { ...params, ...form, file: requireFile(files) });
      return { redirect: importPath(importId) };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/imports/:id',
    auth: 'user',
    params: IdParams,
    query: z.object({
      kind: z.enum(KINDS).optional().catch(undefined),
      cursor: z.coerce.number().int().min(0).max(2_147_483_647).catch(0),
    }),
    example: { params: idExample },
    async handler({ ctx, view, params, query }) {
      const t = IMPORT_TEXTS(view.lang);
      const job = await getImport(ctx, params);
      const told = { ...params, kind: query.kind, after: query.cursor, limit: PAGE_SIZE };
      const lines = job.status === 'running' ? null : await listImportLines(ctx, told);
      const body = (
        <>
          <Crumb to={targetOf(job)}>{job.listId === null ? t.backToOptOuts : t.backToList}</Crumb>
          <h1>{t.importOf(job.fileName ?? t.aFile)}</h1>
          <ImportState view={view} job={job} />
          {job.preview !== null && view.canWrite && <Columns view={view} job={job} preview={job.preview} />}
          {lines !== null && lines.data.length + query.cursor > 0 && (
            <div class="card">
              <h2>{t.linesTitle}</h2>
              <Kinds view={view} job={job} current={query.kind} />
              <Lines view={view} lines={lines.data} />
              <More
                view={view}
                isFirst={query.cursor === 0}
                next={lines.nextAfter === null ? null : String(lines.nextAfter)}
              />
              <p>
                <a class="button small" href={`${importPath(job.id)}/errors`} download>
                  {t.download}
                </a>
              </p>
            </div>
          )}
        </>
      );
      return { title: t.importOf(job.fileName ?? t.aFile), section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/imports/:id/mapping',
    auth: 'user',
    params: IdParams,
    form: MappingForm,
    example: { params: idExample, form: { number: '1' } },
    async handler({ ctx, params, form }) {
      const mapping = {
        number: form.number,
        ...(form.name === undefined ? {} : { name: form.name }),
        header: form.header === undefined,
      };
      await mapImport(ctx, { ...params, mapping, numbers: form.numbers });
      return { redirect: importPath(params.id) };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/imports/:id/live',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      const job = await getImport(ctx, params);
      if (job.status === 'running') return { fragment: <ImportState view={view} job={job} /> };
      // The whole page again, with the lines that were not taken.
      return { redirect: importPath(job.id) };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/imports/:id/errors',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, params, http }) {
      const lines = await exportImportErrors(ctx, params);
      return answerCsv(http, `import-${params.id}-errors.csv`, lines);
    },
  }),
];

/** Asks which column holds the numbers, beside the first lines of the file. */
function Columns({
  view,
  job,
  preview: { columns, sample },
}: {
  view: View;
  job: ImportOutput;
  preview: NonNullable<ImportOutput['preview']>;
}) {
  const t = IMPORT_TEXTS(view.lang);
  const options = columns.map((name, at) => [String(at + 1), `${at + 1}: ${name || '–'}`] as const);
  return (
    <div class="card">
      <h2>{t.mappingTitle}</h2>
      <p>{t.mappingText}</p>
      <Table stack={false} label={t.mappingTitle} head={columns.map((name) => name || '–')}>
        {sample.map((cells) => (
          <tr>
            {columns.map((_, at) => (
              <td>{cells[at] ?? ''}</td>
            ))}
          </tr>
        ))}
      </Table>
      <Form view={view} action={`${importPath(job.id)}/mapping`} class="stack">
        <Select label={t.mappingNumber} name="number" required options={options} />
        <Select label={t.mappingName} name="name" options={[['', '–'], ...options]} />
        <NumbersField view={view} />
        <label>
          <input type="checkbox" name="header" value="none" /> {t.mappingHeader}
        </label>
        <div class="row">
          <Submit>{t.start}</Submit>
        </div>
      </Form>
    </div>
  );
}

/** The form for a CSV file. */
export function CsvForm({ view, action, maxBytes }: { view: View; action: string; maxBytes: number }) {
  const t = IMPORT_TEXTS(view.lang);
  return (
    <UploadForm
      view={view}
      action={action}
      label={t.file}
      hint={t.fileHint(bytes(view, maxBytes))}
      accept=".csv,.txt,.tsv,.xlsx,.vcf,text/csv,text/plain,text/vcard"
      button={t.start}
    >
      <NumbersField view={view} />
    </UploadForm>
  );
}

/** How numbers without + are read. */
function NumbersField({ view }: { view: View }) {
  const t = IMPORT_TEXTS(view.lang);
  return (
    <div class="field">
      <label for="f-numbers">{t.numbersWithoutPlus}</label>
      <select id="f-numbers" name="numbers" aria-describedby="f-numbers-hint">
        {NUMBERS_WITHOUT_PLUS.map((value) => (
          <option value={value}>{t.numbersAre[value]}</option>
        ))}
      </select>
      <span class="hint" id="f-numbers-hint">
        {t.numbersHint}
      </span>
    </div>
  );
}

/** The newest imports of a list, while it is good to know of them. */
export function RecentImports({ view, imports }: { view: View; imports: ImportOutput[] }) {
  const t = IMPORT_TEXTS(view.lang);
  if (imports.length === 0) return null;
  return (
    <details class="card" open={imports.some(({ status }) => status === 'running')}>
      <summary>{t.recent}</summary>
      <ul>
        {imports.map((job) => (
          <li>
            <a href={importPath(job.id)}>{job.fileName ?? t.aFile}</a>{' '}
            <Badge tone={stateTone(job.status)}>{t.states[job.status]}</Badge>{' '}
            <span class="muted small">
              {t.short(num(view, job.added), num(view, job.updated), num(view, job.invalid))}{' '}
              <Time at={job.createdAt} relative />
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function ImportState({ view, job }: { view: View; job: ImportOutput }) {
  const t = IMPORT_TEXTS(view.lang);
  const running = job.status === 'running';
  return (
    <Live
      id="import-state"
      src={`${importPath(job.id)}/live`}
      events="contacts.imported"
      everySeconds={1}
      done={!running}
    >
      <div class="card">
        <p>
          <Badge tone={stateTone(job.status)}>{t.states[job.status]}</Badge>{' '}
          {job.total === null && running ? t.checking : ''}
          {job.total !== null && t.rows(num(view, job.processed), num(view, job.total))}
        </p>
        {running && <Progress label={t.importProgress} percent={job.percent} />}
        {running && <p class="muted small">{t.leave}</p>}
        {job.status === 'failed' && (
          <div class="alert alert-bad" role="alert">
            <p>{failureOf(view, job.errorMessage) ?? t.failed}</p>
            <p>{job.added + job.updated === 0 ? t.nothingChanged : t.partlyIn}</p>
          </div>
        )}
        {tookNothing(job) && (
          <div class="alert alert-bad" role="alert">
            <p>{t.noneTaken(num(view, job.invalid), num(view, job.duplicates), num(view, job.total ?? 0))}</p>
          </div>
        )}
        {job.warnings.map(({ code, message }) => (
          <p role="status">{t.warnings[code]?.(job.encoding ?? '') ?? message}</p>
        ))}
        {!running && <FileFacts view={view} job={job} />}
      </div>
      <div class="cards">
        <Stat name={t.added}>{num(view, job.added)}</Stat>
        <Stat name={t.updated} note={job.kind === 'contacts' ? t.updatedNote : undefined}>
          {num(view, job.updated)}
        </Stat>
        <Stat name={t.kinds.duplicate} note={t.duplicatesNote}>
          {num(view, job.duplicates)}
        </Stat>
        <Stat name={t.kinds.repaired} note={t.repairedNote}>
          {num(view, job.repaired)}
        </Stat>
        <Stat name={t.kinds.invalid} note={t.invalidNote}>
          {num(view, job.invalid)}
        </Stat>
      </div>
    </Live>
  );
}

/** It went through the whole file, and no row of it could be used. */
const tookNothing = ({ status, added, updated }: ImportOutput) =>
  status === 'completed' && added + updated === 0;

function FileFacts({ view, job }: { view: View; job: ImportOutput }) {
  const t = IMPORT_TEXTS(view.lang);
  return (
    <Facts
      facts={[
        [t.size, bytes(view, job.sizeBytes)],
        [t.encoding, job.encoding ?? '–'],
        [t.delimiter, job.delimiter === '\t' ? t.tab : (job.delimiter ?? '–')],
        [t.columns, job.columns.length === 0 ? t.noColumns : job.columns.join(', ')],
        [t.finished, <Time at={job.finishedAt} />],
      ]}
    />
  );
}

function Kinds({
  view,
  job,
  current,
}: {
  view: View;
  job: ImportOutput;
  current: (typeof KINDS)[number] | undefined;
}) {
  const t = IMPORT_TEXTS(view.lang);
  const counts = { invalid: job.invalid, duplicate: job.duplicates, repaired: job.repaired };
  return (
    <nav aria-label={t.linesTitle}>
      <ul class="tabs">
        <li>
          <a href={importPath(job.id)} aria-current={current === undefined ? 'page' : undefined}>
            {t.allLines}
          </a>
        </li>
        {KINDS.filter((kind) => counts[kind] > 0).map((kind) => (
          <li>
            <a
              href={`${importPath(job.id)}?kind=${kind}`}
              aria-current={current === kind ? 'page' : undefined}
            >
              {t.kinds[kind]} ({num(view, counts[kind])})
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function reasonOf(view: View, { code, readings, reason }: ImportLine): string {
  const t = IMPORT_TEXTS(view.lang);
  return readings.length > 1 ? t.readings(readings) : (t.reasons[code] ?? reason);
}

function failureOf({ lang }: View, message: string | null): string | null {
  return message === null || lang === 'en' ? message : sentenceInIndonesian(message);
}

function Lines({ view, lines }: { view: View; lines: ImportLine[] }) {
  const t = IMPORT_TEXTS(view.lang);
  return (
    <Table label={t.linesTitle} head={[t.line, t.what, t.value, t.reason]}>
      {lines.map((line) => (
        <tr>
          <td>{num(view, line.line)}</td>
          <td>
            <Badge tone={stateTone(line.kind)}>{t.kindsOne[line.kind]}</Badge>
          </td>
          <td class="mono">{line.number}</td>
          <td>{reasonOf(view, line)}</td>
        </tr>
      ))}
    </Table>
  );
}
