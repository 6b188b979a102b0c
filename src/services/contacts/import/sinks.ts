/** Where the rows of a file go: a list of contacts, or the ledger of opt-outs. */
import type { Tx } from '../../../db/client.ts';
import { insertMany } from '../../../db/ops.ts';
import { optOuts } from '../../../db/schema.ts';
import { own } from '../../../utils/own.ts';

import { lockList } from '../../lists/lists.ts';
import { withoutOptedOut } from '../../opt-outs/opted-out.ts';
import type { QuotaDeps } from '../../quotas.ts';
import type { ColumnPlan } from '../columns.ts';
import { type Merged, mergeContacts, type NewContact, updateListFacts } from '../merge.ts';
import type { ImportRow } from './store.ts';

/** Writes one batch, in the transaction that counts it. */
export type Sink = (
  tx: Tx,
  deps: QuotaDeps,
  job: ImportRow,
  plan: ColumnPlan,
  contacts: readonly NewContact[],
  now: number,
) => Promise<Merged>;

const toList: Sink = async (tx, deps, job, plan, contacts, now) => {
  const list = await lockList(tx, job.userId, job.listId ?? '', now);
  const merged = await mergeContacts(tx, list, contacts, { now, importId: job.id });
  await updateListFacts(tx, deps, list, {
    delta: merged.added,
    columns: plan.fields.map(({ name }) => name),
  });
  return merged;
};

const NOTE_COLUMNS = ['note', 'notes', 'reason', 'catatan', 'alasan'];
const MAX_NOTE = 300;

/** A number that is in the ledger already stays as it is, and counts as a duplicate. */
const toLedger: Sink = async (tx, _deps, job, plan, contacts, now) => {
  const phones = contacts.map(({ phone }) => phone);
  const fresh = new Set(await withoutOptedOut(tx, job.userId, phones));
  const seen = new Set(phones.filter((phone) => !fresh.has(phone)));
  const column = plan.fields.find(({ name }) => NOTE_COLUMNS.includes(name.toLowerCase()))?.name;
  const rows = contacts
    .filter(({ phone }) => fresh.has(phone))
    .map(({ phone, fields }) => ({
      userId: job.userId,
      phone,
      source: 'import' as const,
      note: (column === undefined ? undefined : own(fields, column)?.slice(0, MAX_NOTE)) ?? null,
      sessionId: job.sessionId,
      importId: job.id,
      createdAt: now,
    }));
  await insertMany(tx, optOuts, rows);
  return { added: rows.length, updated: 0, seen };
};

export const SINKS: Record<ImportRow['kind'], Sink> = { contacts: toList, opt_outs: toLedger };
