/** Texts that campaigns are written from: an editor that shows how they look. */

import { z } from 'zod';
import {
  type BroadcastTemplate,
  createTemplate,
  deleteTemplate,
  getTemplate,
  listTemplates,
  updateTemplate,
} from '../../../services/templates/templates.ts';
import { TemplateBody, TemplateName } from '../../broadcast/parts.ts';
import { texts } from '../i18n.ts';
import { Crumb, TextEditor } from '../kit.tsx';
import * as english from '../locales/en/broadcast-templates.ts';
import * as indonesian from '../locales/id/broadcast-templates.ts';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Table, Time } from '../parts.tsx';
import {
  BROADCAST,
  BroadcastList,
  IdParams,
  idExample,
  PAGE_SIZE,
  page as pageNumber,
  search,
} from './parts.tsx';
import { listOptions, PlaceholderRules, PreviewList, PreviewPane } from './preview.tsx';

const T = texts({ en: english.broadcastTemplates, id: indonesian.broadcastTemplates });

const TEMPLATES = `${BROADCAST}/templates`;
const TemplateForm = z.object({ name: TemplateName, body: TemplateBody });
const example = { name: 'Promo', body: 'Hello {name|friend}' };

export const templatePages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/templates',
    auth: 'user',
    query: z.object({ search, page: pageNumber }),
    async handler({ ctx, view, query }) {
      const t = T(view.lang);
      const { data, totalItems } = await listTemplates(ctx, { ...query, limit: PAGE_SIZE });
      const body = (
        <BroadcastList
          view={view}
          tab="templates"
          texts={t}
          query={query}
          count={data.length}
          totalItems={totalItems}
        >
          <Table label={t.title} head={[t.name, t.text, t.changed]}>
            {data.map((template) => (
              <tr>
                <td class="wrap">
                  <a href={`${TEMPLATES}/${template.id}`}>{template.name}</a>
                </td>
                <td>
                  <span class="clip">{template.body.slice(0, 200)}</span>
                </td>
                <td>
                  <Time at={template.updatedAt} relative />
                </td>
              </tr>
            ))}
          </Table>
        </BroadcastList>
      );
      return { title: t.title, section: 'broadcast', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/templates/new',
    auth: 'user',
    async handler({ ctx, view }) {
      const t = T(view.lang);
      if (!view.canWrite) return { redirect: TEMPLATES };
      const body = (
        <>
          <Crumb to={TEMPLATES}>{t.back}</Crumb>
          <h1>{t.create}</h1>
          <Editor view={view} action={TEMPLATES} lists={await listOptions(ctx)} />
        </>
      );
      return { title: t.create, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/templates',
    auth: 'user',
    form: TemplateForm,
    example: { form: example },
    async handler({ ctx, view, form }) {
      const { name } = await createTemplate(ctx, form, (made) => ({ status: 201, body: { ...made } }));
      return { redirect: TEMPLATES, done: T(view.lang).made(name) };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/templates/:id',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      const t = T(view.lang);
      const template = await getTemplate(ctx, params);
      const own = `${TEMPLATES}/${template.id}`;
      const body = (
        <>
          <Crumb to={TEMPLATES}>{t.back}</Crumb>
          <div class="row between">
            <h1>{template.name}</h1>
            {view.canWrite && (
              <a class="button" href={`${BROADCAST}/new?templateId=${template.id}`}>
                {t.use}
              </a>
            )}
          </div>
          {view.canWrite ? (
            <>
              <Editor view={view} action={own} lists={await listOptions(ctx)} template={template} />
              <ActionButton
                view={view}
                action={`${own}/delete`}
                tone="danger"
                confirm={t.deleteSure(template.name)}
              >
                {t.delete}
              </ActionButton>
            </>
          ) : (
            <p class="card wrap">{template.body}</p>
          )}
        </>
      );
      return { title: template.name, section: 'broadcast', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/templates/:id',
    auth: 'user',
    params: IdParams,
    form: TemplateForm,
    example: { params: idExample, form: example },
    async handler({ ctx, view, params, form }) {
      await updateTemplate(ctx, { ...params, ...form });
      return { redirect: TEMPLATES, done: T(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/templates/:id/delete',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      const { name, body } = await getTemplate(ctx, params);
      await deleteTemplate(ctx, params);
      const undo = { action: TEMPLATES, fields: { name, body } };
      return { redirect: TEMPLATES, done: T(view.lang).deleted, undo };
    },
  }),
];

function Editor({
  view,
  action,
  lists,
  template,
}: {
  view: View;
  action: string;
  lists: [string, string][];
  template?: BroadcastTemplate;
}) {
  const t = T(view.lang);
  return (
    <TextEditor
      view={view}
      action={action}
      texts={t}
      value={template}
      bounds={{ name: 120, body: 10_000, rows: 8 }}
      preview={<PreviewPane view={view} />}
    >
      <PlaceholderRules view={view} />
      <PreviewList view={view} lists={lists} />
    </TextEditor>
  );
}
