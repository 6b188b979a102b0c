/** Own texts for the message with the code. */

import { z } from 'zod';
import { checkTemplate, fillTemplate } from '../../../services/otp/template-text.ts';
import {
  createOtpTemplate,
  deleteOtpTemplate,
  getOtpTemplate,
  listOtpTemplates,
  type OtpTemplate,
  updateOtpTemplate,
} from '../../../services/otp/templates.ts';
import { OtpTemplateBody, OtpTemplateName } from '../../otp-templates.ts';
import { Crumb, LivePreview, TextEditor } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Empty, Table, Time } from '../parts.tsx';
import { OTP, OtpHead } from './parts.tsx';
import { OTP_TEXTS } from './texts.ts';

const TEMPLATES = `${OTP}/templates`;
const IdParams = z.object({ id: z.string().min(1).max(64) });
const idExample = { id: '01997c2f5b7a7d3e8a4b6c1d2e3f4a5b' };
const TemplateForm = z.object({ name: OtpTemplateName, body: OtpTemplateBody });
const example = { name: 'login', body: 'Your code is {otp}.' };
/** Values that a preview puts in place of the placeholders; not a real code. */
const SAMPLE = { otp: '123456', company: 'PT. Contoh', remainingMs: 300_000 };

export const templatePages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/otp/templates',
    auth: 'user',
    async handler({ ctx, view }) {
      const t = OTP_TEXTS(view.lang);
      if (!view.canWrite) return { redirect: OTP };
      const templates = await listOtpTemplates(ctx);
      const create = (
        <a class="button primary" href={`${TEMPLATES}/new`}>
          {t.newTemplate}
        </a>
      );
      const body = (
        <>
          <OtpHead view={view} current="/templates" />
          {templates.length === 0 ? (
            <Empty view={view} title={t.noTemplates} next={create}>
              <p>{t.noTemplatesText}</p>
            </Empty>
          ) : (
            <section class="card">
              <div class="row between">
                <p>{t.templatesAbout}</p>
                {create}
              </div>
              <Table label={t.templates} head={[t.name, t.text, t.changed]}>
                {templates.map((template) => (
                  <tr>
                    <td class="wrap">
                      <a href={`${TEMPLATES}/${template.id}`}>{template.name}</a>
                    </td>
                    <td>
                      <span class="clip">{template.body}</span>
                    </td>
                    <td>
                      <Time at={template.updatedAt} relative />
                    </td>
                  </tr>
                ))}
              </Table>
            </section>
          )}
        </>
      );
      return { title: t.templates, section: 'otp', body };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/otp/templates/new',
    auth: 'user',
    handler({ view }) {
      const t = OTP_TEXTS(view.lang);
      if (!view.canWrite) return { redirect: OTP };
      const body = (
        <>
          <Crumb to={TEMPLATES}>{t.allTemplates}</Crumb>
          <h1>{t.newTemplate}</h1>
          <Editor view={view} action={TEMPLATES} />
        </>
      );
      return { title: t.newTemplate, section: 'otp', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/otp/templates',
    auth: 'user',
    form: TemplateForm,
    example: { form: example },
    async handler({ ctx, view, form }) {
      await createOtpTemplate(ctx, form, (made) => ({ status: 201, body: { ...made } }));
      return { redirect: TEMPLATES, done: OTP_TEXTS(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/otp/templates/preview',
    auth: 'user',
    readOnlyMay: true,
    form: z.object({ body: OtpTemplateBody.optional() }),
    example: { form: { body: example.body } },
    handler({ view, form }) {
      const t = OTP_TEXTS(view.lang);
      if (form.body === undefined) return { fragment: <p class="muted">{t.previewEmpty}</p> };
      checkTemplate(form.body, 'body');
      const fragment = (
        <ul class="bubbles">
          <li class="bubble out wrap">{fillTemplate(form.body, SAMPLE)}</li>
        </ul>
      );
      return { fragment };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/otp/templates/:id',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      const t = OTP_TEXTS(view.lang);
      if (!view.canWrite) return { redirect: OTP };
      const template = await getOtpTemplate(ctx, params.id);
      const own = `${TEMPLATES}/${template.id}`;
      const body = (
        <>
          <Crumb to={TEMPLATES}>{t.allTemplates}</Crumb>
          <h1>{template.name}</h1>
          <Editor view={view} action={own} template={template} />
          <ActionButton
            view={view}
            action={`${own}/delete`}
            tone="danger"
            confirm={t.deleteSure(template.name)}
          >
            {t.delete}
          </ActionButton>
        </>
      );
      return { title: template.name, section: 'otp', body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/otp/templates/:id',
    auth: 'user',
    params: IdParams,
    form: TemplateForm,
    example: { params: idExample, form: example },
    async handler({ ctx, view, params, form }) {
      await updateOtpTemplate(ctx, params.id, form);
      return { redirect: TEMPLATES, done: OTP_TEXTS(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/otp/templates/:id/delete',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      const { name, body } = await getOtpTemplate(ctx, params.id);
      await deleteOtpTemplate(ctx, params.id);
      const undo = { action: TEMPLATES, fields: { name, body } };
      return { redirect: TEMPLATES, done: OTP_TEXTS(view.lang).deleted, undo };
    },
  }),
];

function Editor({ view, action, template }: { view: View; action: string; template?: OtpTemplate }) {
  const t = OTP_TEXTS(view.lang);
  return (
    <TextEditor
      view={view}
      action={action}
      texts={t}
      value={template}
      bounds={{ name: 64, body: 1000, rows: 6 }}
      preview={
        <LivePreview
          title={t.preview}
          empty={t.previewEmpty}
          src={`${TEMPLATES}/preview`}
          trigger="load, input from:closest form delay:600ms"
        />
      }
    >
      <p class="row small">
        {['{otp}', '{company}', '{minutes}'].map((placeholder) => (
          <button type="button" class="small" data-insert={placeholder} data-into="f-body">
            {placeholder}
          </button>
        ))}
      </p>
    </TextEditor>
  );
}
