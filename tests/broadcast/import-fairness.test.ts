import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runImport, spoolPath } from '../../src/services/contacts/import/job.ts';
import { thisHost } from '../../src/services/contacts/import/resume.ts';
import * as helperProcess from '../../src/utils/helper-process.ts';
import { newId } from '../../src/utils/ids.ts';
import { testConfig } from '../helpers/app.ts';
import { enterAs, openWorld, upload, type World } from './fixture.ts';

const CSV = 'name,number\nBudi,081234567890\n';
const ENDLESS = Buffer.from('504b0304', 'hex');

/** Helper processes that never answer. */
const run: helperProcess.HelperPool['run'] = (_job, { signal }) =>
  new Promise((_, reject) => {
    const stop = () => reject(new helperProcess.HelperFailure('aborted', 'stopped'));
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop);
  });
vi.spyOn(helperProcess, 'createHelperPool').mockReturnValue({ run, close: () => undefined });

let w: World;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-import-'));
  const { files } = testConfig();
  w = await openWorld({ config: { files: { ...files, uploadPath: folder } } });
});
afterAll(async () => {
  await w.close();
  await rm(folder, { recursive: true, force: true });
});

it('many long imports of one tenant keep that of another waiting for none of them', async () => {
  const { deps } = w.t;
  let stop: (reason: Error) => void = () => undefined;
  const never = new Promise<never>((_, reject) => {
    stop = reject;
  });
  /** What these imports write never ends. */
  const db = new Proxy(deps.db, {
    get: (target, name) =>
      name === 'update' ? () => ({ set: () => ({ where: () => never }) }) : Reflect.get(target, name, target),
  });
  const endless = async () => {
    const job = jobOf(w.tenant.id);
    const path = spoolPath(deps, job.id);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, CSV);
    return runImport({ ...deps, db }, job, new AbortController().signal);
  };
  const long = Promise.allSettled([endless(), endless(), endless()]);
  const other = await enterAs(w.t, await w.t.tenant());
  const reply = await upload(other, `/lists/${await other.list()}/contacts/bulk`, CSV);
  expect(reply.body).toMatchObject({ data: { status: 'completed', added: 1 } });
  stop(new Error('enough of it'));
  expect((await long).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});

it('workbooks that take long hold no place of those who send CSV, however many tenants send them', async () => {
  const { deps } = w.t;
  const stopping = new AbortController();
  const tenants = await Promise.all(Array.from({ length: 25 }, () => w.t.tenant()));
  const long = tenants.map(async ({ id }) => {
    const job = jobOf(id);
    const path = spoolPath(deps, job.id);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, ENDLESS);
    return runImport(deps, job, stopping.signal);
  });
  const other = await enterAs(w.t, await w.t.tenant());
  const reply = await upload(other, `/lists/${await other.list()}/contacts/bulk`, CSV);
  expect(reply.body).toMatchObject({ data: { status: 'completed', added: 1 } });
  stopping.abort();
  await Promise.allSettled(long);
});

function jobOf(userId: number): Parameters<typeof runImport>[1] {
  const nothing = {
    listId: null,
    fileName: null,
    format: null,
    options: null,
    encoding: null,
    delimiter: null,
    preview: null,
    warnings: null,
    columns: null,
    totalRows: null,
    errorCode: null,
    errorMessage: null,
    finishedAt: null,
  };
  const counts = { doneRows: 0, added: 0, updated: 0, duplicates: 0, invalid: 0, repaired: 0 };
  const now = Date.now();
  return {
    ...nothing,
    ...counts,
    id: newId(),
    userId,
    kind: 'opt_outs',
    sessionId: 'main',
    status: 'running',
    sizeBytes: CSV.length,
    owner: w.t.deps.background.processId,
    host: thisHost(),
    createdAt: now,
    updatedAt: now,
  };
}
