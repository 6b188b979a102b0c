/** How a text looks for real people, while it is being written. */

import { z } from 'zod';
import { timeZoneOf } from '../../../services/auth/settings.ts';
import { type Audience, lookThroughList } from '../../../services/campaigns/audience.ts';
import type { Ctx } from '../../../services/context.ts';
import { getList, listLists } from '../../../services/lists/lists.ts';
import { type Preview, previewTemplate } from '../../../services/templates/templates.ts';
import { countEach } from '../../../utils/count-each.ts';
import { minuteText } from '../../../utils/time-zone.ts';
import { texts } from '../i18n.ts';
import { LivePreview } from '../kit.tsx';
import * as english from '../locales/en/broadcast-preview.ts';
import * as indonesian from '../locales/id/broadcast-preview.ts';
import { Formatted } from '../messages/formatted.tsx';
import { type Page, page, type View } from '../page.ts';
import { Badge, Select } from '../parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { BROADCAST, id, num, piecesOf } from './parts.tsx';

const T = texts({ en: english.broadcastPreview, id: indonesian.broadcastPreview });

/** People that a preview is shown for. */
const SHOWN = 3;
/** Lists that can be chosen from. */
const MAX_LISTS = 200;
/** Fields of a list that are offered as placeholders. */
const MAX_CHIPS = 20;

/** Fields of a form with a text in it. */
const PreviewForm = z.object({
  /** which of the others is meant; the text when missing */
  kind: z.string().optional(),
  body: z.string().max(65_536).optional(),
  caption: z.string().max(10_000).optional(),
  /** the text of a campaign that may stay as it is */
  kept: z.string().max(65_536).optional(),
  templateId: id.optional(),
  listId: id.optional(),
  /** recipients that are typed in, where there is no list */
  numbers: z.string().max(262_144).optional(),
});

export const previewPages: Page[] = [
  page({
    method: 'post',
    path: '/dashboard/broadcast/preview',
    auth: 'user',
    readOnlyMay: true,
    form: PreviewForm,
    example: { form: { body: 'Hello {name|friend}' } },
    async handler({ ctx, view, form }) {
      const { kind, listId } = form;
      const saved = kind === 'template' ? form.templateId : undefined;
      const text = (kind === 'media' ? form.caption : kind === 'keep' ? form.kept : form.body) ?? '';
      const said = saved === undefined ? { text } : { templateId: saved };
      const { previews } = await previewTemplate(ctx, {
        ...said,
        listId,
        numbers: numbersIn(form),
        limit: SHOWN,
      });
      const counted = listId === undefined ? null : await lookThroughList(ctx, { ...said, listId });
      const columns = listId === undefined ? [] : (await getList(ctx, { listId })).columns;
      const fragment = (
        <>
          {kind !== 'template' && kind !== 'keep' && (
            <Chips view={view} into={kind === 'media' ? 'f-caption' : 'f-body'} columns={columns} />
          )}
          <Handset view={view} previews={previews} />
          {counted !== null && <EmptyNote view={view} counted={counted} />}
        </>
      );
      return { fragment };
    },
  }),
];

/** The lists that a form lets choose from: value and name, newest first. Those of one name tell when they were made. */
export async function listOptions(ctx: Ctx): Promise<[value: string, text: string][]> {
  const { data } = await listLists(ctx, { page: 1, limit: MAX_LISTS });
  const named = countEach(data.map(({ name }) => name));
  const timeZone = await timeZoneOf(ctx, ctx.actor.userId);
  return data.map(({ id: value, name, contactCount, createdAt }) => {
    const isAlone = named.get(name) === 1;
    const made = isAlone ? '' : `, ${minuteText(timeZone, Date.parse(createdAt))}`;
    return [value, `${name} (${contactCount}${made})`];
  });
}

/** Stands in the form whose text it shows, and follows what is typed there. */
export function PreviewPane({ view }: { view: View }) {
  const t = T(view.lang);
  return (
    <LivePreview
      title={t.title}
      empty={t.empty}
      src={`${BROADCAST}/preview`}
      trigger="load, input from:closest form delay:400ms, change from:closest form"
    />
  );
}

/** Whose contacts a preview shows. */
export function PreviewList({ view, lists }: { view: View; lists: [string, string][] }) {
  const t = T(view.lang);
  return <Select label={t.showFor} name="listId" options={[['', t.sample], ...lists]} />;
}

/** Placeholders at a click. */
function Chips({ view, into, columns }: { view: View; into: string; columns: readonly string[] }) {
  const t = T(view.lang);
  const names = ['name', 'number', ...columns.slice(0, MAX_CHIPS)];
  return (
    <p class="row small">
      <span class="muted">{t.insert}</span>
      {names.map((name) => (
        <button
          type="button"
          class="small"
          data-insert={`{${name}}`}
          data-into={into}
          aria-label={t.insertOne(`{${name}}`)}
        >
          {`{${name}}`}
        </button>
      ))}
    </p>
  );
}

/** Numbers of a form that has no list; undefined without any. */
function numbersIn({ listId, numbers }: { listId?: string | undefined; numbers?: string | undefined }) {
  if (listId !== undefined || numbers === undefined) return undefined;
  return piecesOf(numbers);
}

/** How many of the list have nothing to fill in. */
function EmptyNote({ view, counted }: { view: View; counted: Audience }) {
  const t = T(view.lang);
  if (counted.missing.length === 0) return null;
  return (
    <ul class="small">
      {counted.missing.map(({ placeholder, contacts }) => (
        <li>{t.emptyFor(`{${placeholder}}`, num(view, contacts), num(view, counted.looked))}</li>
      ))}
    </ul>
  );
}

/** The message as the phones of these people show it. */
export function Handset({ view, previews }: { view: View; previews: Preview[] }) {
  const t = T(view.lang);
  if (previews.length === 0) return <p class="muted">{t.nobody}</p>;
  if (previews.every(({ text }) => text === '')) return <p class="muted">{t.empty}</p>;
  return (
    <>
      <ul class="handset">
        {previews.map(({ number, name, text, missing }) => (
          <li>
            <div class="muted small">
              {name === null ? shownNumber(number) : `${name} · ${shownNumber(number)}`}
            </div>
            <div class="bubble wrap">
              <Formatted text={text} />
            </div>
            {missing.length > 0 && (
              <div class="small">
                <Badge tone="warn">!</Badge> {t.missing(missing.map((one) => `{${one}}`).join(', '))}
              </div>
            )}
          </li>
        ))}
      </ul>
      {previews.some(({ variant }) => variant !== null) && <p class="muted small">{t.choices}</p>}
    </>
  );
}

/** How placeholders are written, for who does not know. */
export function PlaceholderRules({ view }: { view: View }) {
  const t = T(view.lang);
  const rules = [
    ['{name}', t.name],
    [view.lang === 'id' ? '{name|Kak}' : '{name|friend}', t.fallback],
    [view.lang === 'id' ? '{kota}' : '{city}', t.column],
    [view.lang === 'id' ? '{{Halo|Hai}}' : '{{Hello|Hi}}', t.spintax],
  ] as const;
  return (
    <details>
      <summary>{t.rules}</summary>
      <dl class="facts">
        {rules.map(([code, meaning]) => (
          <>
            <dt class="mono">{code}</dt>
            <dd>{meaning}</dd>
          </>
        ))}
      </dl>
    </details>
  );
}
