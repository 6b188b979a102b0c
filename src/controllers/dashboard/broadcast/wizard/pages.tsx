/** Making a campaign, step by step. Each step is an address; what is filled in is kept as a draft of who fills it in. */
import { z } from 'zod';
import {
  countDrafts,
  deleteDraft,
  getDraft,
  MAX_DRAFTS,
  saveDraft,
  takeDraft,
} from '../../../../services/campaigns/drafts.ts';
import { scheduleCampaign, sendCampaign } from '../../../../services/campaigns/start.ts';
import { sendCampaignTest } from '../../../../services/campaigns/test-send.ts';
import type { Ctx } from '../../../../services/context.ts';
import { listUploads, uploadFile } from '../../../../services/uploads.ts';
import { AppError } from '../../../../utils/errors.ts';
import { newId } from '../../../../utils/ids.ts';
import { uploadLimit } from '../../../../utils/sizes.ts';
import { CAMPAIGN_LIMIT, UPLOAD_LIMIT } from '../../../broadcast/parts.ts';
import { CodeBlocks, givenFields } from '../../code-part.tsx';
import { Crumb, NewSessionLink } from '../../kit.tsx';
import { type Page, page, type View } from '../../page.ts';
import { Empty } from '../../parts.tsx';
import { readSenders } from '../../sessions/sender.tsx';
import { choicesOf, MediaChoice, UploadTarget } from '../campaign-form.tsx';
import { bodyOf, inputOf, senderIn } from '../campaign-input.ts';
import { FORM_TEXTS } from '../form-texts.ts';
import { BROADCAST, EXAMPLE_ID, IdParams, id, idExample } from '../parts.tsx';
import { listOptions } from '../preview.tsx';
import { requireFile } from '../upload.tsx';
import { Pace, Times, What, Who } from './fields.tsx';
import { DraftState, Elsewhere, Frame, type Writing } from './frame.tsx';
import { Review, reviewOf } from './review.tsx';
import {
  draftPath,
  fieldsOf,
  formOf,
  namesOf,
  requireComplete,
  STEPS,
  type Step,
  StepForm,
  stepAfter,
  withPace,
} from './steps.ts';

const StepParams = IdParams.extend({ step: z.enum(STEPS) });
const example = { params: idExample, form: { step: 'who', savedBy: EXAMPLE_ID, session: 'main' } };

/** Choices that a link to a new campaign may hold. */
const Chosen = z.object({
  session: z.string().max(160).optional().catch(undefined),
  listId: id.optional().catch(undefined),
  templateId: id.optional().catch(undefined),
  media: z.string().max(100).optional().catch(undefined),
});

export const wizardPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/broadcast/new',
    auth: 'user',
    query: Chosen,
    async handler({ ctx, view, query }) {
      if (!view.canWrite) return { redirect: BROADCAST };
      const kind =
        query.templateId !== undefined ? 'template' : query.media !== undefined ? 'media' : undefined;
      const data = givenTexts({ ...query, kind });
      return stepPage(ctx, view, { id: newId(view.now), data, version: 0 }, 'who');
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/new/file',
    auth: 'user',
    form: z.object({}),
    files: ['file'],
    fileLimit: uploadLimit,
    limit: UPLOAD_LIMIT,
    async handler({ ctx, view, files }) {
      const { filename } = await uploadFile(ctx, { file: requireFile(files) });
      const { data } = await listUploads(ctx, { page: 1, limit: 200 });
      const note = FORM_TEXTS(view.lang).uploaded;
      return { fragment: <MediaChoice view={view} files={data} chosen={filename} note={note} /> };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/broadcast/drafts/:id/:step',
    auth: 'user',
    params: StepParams,
    example: { params: { ...idExample, step: 'what' } },
    async handler({ ctx, view, params }) {
      if (!view.canWrite) return { redirect: BROADCAST };
      return stepPage(ctx, view, await getDraft(ctx, params.id), params.step);
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/drafts/:id/save',
    auth: 'user',
    params: IdParams,
    form: StepForm,
    example,
    async handler({ ctx, view, params, form, http }) {
      http.set('quiet', true);
      return { fragment: await saved(ctx, view, params.id, form) };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/drafts/:id/delete',
    auth: 'user',
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params }) {
      await deleteDraft(ctx, params.id);
      return { redirect: BROADCAST, done: FORM_TEXTS(view.lang).draftDeleted };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/drafts/:id/test',
    auth: 'user',
    params: IdParams,
    form: z.object({ testTo: z.string().trim().min(1, 'is required').max(80) }),
    example: { params: idExample, form: { testTo: '+6281234567890' } },
    async handler({ ctx, view, params, form, http }) {
      const t = FORM_TEXTS(view.lang);
      const draft = await getDraft(ctx, params.id);
      const campaign = formOf(ctx, draft.data);
      const { sessionId } = await senderIn(ctx, campaign);
      const sent = await sendCampaignTest(ctx, { sessionId }, inputOf(campaign, {}), form.testTo);
      const path = `/dashboard/messages/${encodeURIComponent(sent.messageId)}?direction=out`;
      const said = t.testSent(sent.to);
      if (http.req.header('hx-request') === undefined) return { redirect: path, done: said };
      const fragment = (
        <p>
          {said} <a href={path}>{t.testFollow}</a>
        </p>
      );
      return { fragment };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/drafts/:id/code',
    auth: 'user',
    readOnlyMay: true,
    params: IdParams,
    example: { params: idExample },
    async handler({ ctx, view, params, http }) {
      http.set('quiet', true);
      const form = formOf(ctx, (await getDraft(ctx, params.id)).data);
      const { sessionId, input } = await senderIn(ctx, form);
      // What the API would refuse is named at its field here, too.
      inputOf(form, input);
      const verb = form.when === 'now' ? 'send' : 'schedule';
      const url = `${ctx.config.publicUrl}/session/${encodeURIComponent(sessionId)}/broadcast/${verb}`;
      const body = givenFields(bodyOf(form, input));
      return { fragment: <CodeBlocks view={view} request={{ method: 'POST', url, body }} /> };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/drafts/:id/start',
    auth: 'user',
    params: IdParams,
    form: StepForm,
    limit: CAMPAIGN_LIMIT,
    example,
    async handler({ ctx, view, params, form }) {
      const t = FORM_TEXTS(view.lang);
      const draft = await saveStep(ctx, params.id, form);
      for (const step of STEPS) await requireComplete(ctx, step, draft.data);
      const campaign = formOf(ctx, draft.data);
      const sender = await senderIn(ctx, campaign);
      const make = campaign.when === 'now' ? sendCampaign : scheduleCampaign;
      const made = await make(
        ctx,
        { sessionId: sender.sessionId },
        inputOf(campaign, sender.input),
        (answer) => ({ status: 202, body: { ...answer } }),
        (tx) => takeDraft(tx, ctx, draft, form.savedBy),
      );
      const done = campaign.when === 'now' ? t.started(made.name) : t.scheduled(made.name);
      return { redirect: `${BROADCAST}/campaigns/${made.id}`, done };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/broadcast/drafts/:id/:step',
    auth: 'user',
    params: StepParams,
    form: StepForm,
    example: { ...example, params: { ...idExample, step: 'who' } },
    async handler({ ctx, params, form }) {
      const draft = await saveStep(ctx, params.id, form);
      if (form.replacing !== undefined) return { redirect: draftPath(draft.id, form.step) };
      if (form.go !== 'next') return { redirect: draftPath(draft.id, form.go) };
      await requireComplete(ctx, form.step, draft.data);
      return { redirect: draftPath(draft.id, stepAfter(form.step)) };
    },
  }),
];

function saveStep(ctx: Ctx, draftId: string, form: StepForm) {
  const { version, savedBy, replacing } = form;
  const names = namesOf(form.step);
  return saveDraft(ctx, { id: draftId, version, savedBy, replacing, names, fields: fieldsOf(form) });
}

/** The line below the form after a save by itself. What another tab has done is told there, and stops no typing. */
async function saved(ctx: Ctx, view: View, draftId: string, form: StepForm) {
  try {
    const draft = await saveStep(ctx, draftId, form);
    return (
      <>
        <DraftState view={view} version={draft.version} savedAt={draft.updatedAt} />
        <span data-address={draftPath(draftId, form.step)}></span>
      </>
    );
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const known = { id: draftId, version: form.version };
    const version = Number(error.details?.version);
    if (error.code === 'CONFLICT' && version > 0) {
      return <Elsewhere view={view} draft={known} step={form.step} version={version} />;
    }
    if (error.details?.drafts !== undefined) return <TooMany view={view} />;
    if (error.code !== 'NOT_FOUND') throw error;
    return <p class="alert alert-warn">{FORM_TEXTS(view.lang).goneDraft}</p>;
  }
}

/** The first save of one draft more: what is typed stays on the page until there is room. */
function TooMany({ view }: { view: View }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <p class="alert alert-warn">
      <input type="hidden" name="version" value={0} />
      {t.tooManyDrafts(MAX_DRAFTS)} <a href={BROADCAST}>{t.drafts}</a>
    </p>
  );
}

async function stepPage(ctx: Ctx, view: View, draft: Writing, step: Step) {
  const t = FORM_TEXTS(view.lang);
  const senders = await readSenders(ctx);
  if (senders.sessions.length === 0) {
    return { title: t.title, section: 'broadcast' as const, body: <LinkFirst view={view} /> };
  }
  const others = draft.version === 0 ? await countDrafts(ctx) : 0;
  const body = (
    <>
      {others > 0 && (
        <p class="alert">
          {t.openDrafts(others)} <a href={BROADCAST}>{t.drafts}</a>
        </p>
      )}
      {step === 'what' && <UploadTarget action={`${BROADCAST}/new/file`} />}
      <Frame view={view} draft={draft} step={step}>
        {await fieldsIn(ctx, view, draft, step, senders)}
      </Frame>
    </>
  );
  return { title: `${t.title}: ${t[step]}`, section: 'broadcast' as const, body };
}

async function fieldsIn(
  ctx: Ctx,
  view: View,
  draft: Writing,
  step: Step,
  senders: Awaited<ReturnType<typeof readSenders>>,
) {
  const { data } = draft;
  switch (step) {
    case 'who':
      return <Who view={view} data={data} senders={senders} lists={await listOptions(ctx)} />;
    case 'what':
      return <What view={view} data={data} choices={await choicesOf(ctx)} />;
    case 'when':
      return <Times view={view} data={data} zone={view.zone} />;
    case 'pace':
      return <Pace view={view} data={withPace(ctx, data)} />;
    case 'review': {
      const outcome = await reviewOf(ctx, draft);
      return <Review view={view} draft={draft} outcome={outcome} ownNumber={ownNumberIn(senders, draft)} />;
    }
  }
}

/** The number that sends it: a message to oneself arrives on the same phone. */
function ownNumberIn(
  { sessions }: Awaited<ReturnType<typeof readSenders>>,
  { data }: Writing,
): string | null {
  const named = sessions.find(({ sessionId }) => sessionId === data.session);
  return (named ?? sessions.find(({ status }) => status === 'connected'))?.phoneNumber ?? null;
}

function givenTexts(fields: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Without a session there is nothing to send from. */
function LinkFirst({ view }: { view: View }) {
  const t = FORM_TEXTS(view.lang);
  return (
    <>
      <Crumb to={BROADCAST}>{t.back}</Crumb>
      <h1>{t.title}</h1>
      <Empty
        view={view}
        title={t.linkFirst}
        next={view.may('sessions:write') && <NewSessionLink>{t.link}</NewSessionLink>}
      >
        <p>{t.linkText}</p>
      </Empty>
    </>
  );
}
