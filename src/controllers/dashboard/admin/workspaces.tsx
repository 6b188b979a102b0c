/** Workspaces, as an administrator sees them: plan, own limits, use, and whether they are suspended. */
import { z } from 'zod';
import { assignPlan, listPlans } from '../../../services/plans.ts';
import { Month, WorkspaceParams } from '../../../services/plans-schemas.ts';
import { readUsage } from '../../../services/quotas.ts';
import {
  exportWorkspaces,
  listWorkspaces,
  readWorkspaceUsage,
  thisMonth,
  type WorkspaceUsage,
} from '../../../services/usage.ts';
import { resumeWorkspace, suspendWorkspace } from '../../../services/workspaces/suspension.ts';
import { AppError } from '../../../utils/errors.ts';
import { answerCsv } from '../../csv-answer.ts';
import { num } from '../broadcast/parts.tsx';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Facts, Field, Form, Pages, Select, Table, Time } from '../parts.tsx';
import { UsageCard } from '../usage.tsx';
import { LimitFields, LimitForm } from './limit-fields.tsx';
import { ADMIN_TEXTS, type AdminTexts } from './texts.ts';
import { AdminTabs } from './users.tsx';

const HERE = '/dashboard/admin/workspaces';
const PER_PAGE = 50;
const example = { params: { workspaceId: '2147483647' } };
const PageNumber = z.coerce.number().int().min(1).max(100_000).default(1).catch(1);

export const workspacePages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'admin',
    query: z.object({
      search: z.string().max(100).optional(),
      month: Month.optional().catch(undefined),
      page: PageNumber,
    }),
    async handler({ ctx, view, query }) {
      const t = ADMIN_TEXTS(view.lang);
      const month = query.month ?? thisMonth(ctx);
      const { data, totalItems } = await listWorkspaces(ctx, { ...query, month, limit: PER_PAGE });
      const body = (
        <>
          <AdminTabs t={t} current={HERE} />
          <section class="card">
            <form class="filter" method="get" action={HERE}>
              <Field
                label={t.workspaceName}
                name="search"
                value={query.search}
                maxlength={100}
                type="search"
              />
              <Field label={t.month} name="month" value={month} type="month" />
              <button type="submit">{t.find}</button>
            </form>
            <Table label={t.workspaces} head={[t.name, t.plan, t.members, t.sessions, t.messagesIn(month)]}>
              {data.map((workspace) => (
                <tr>
                  <td>
                    <a href={`${HERE}/${workspace.id}`}>{workspace.name}</a>{' '}
                    {workspace.suspendedAt !== null && <Badge tone="bad">{t.suspended}</Badge>}
                  </td>
                  <td>{workspace.plan?.name ?? t.noPlan}</td>
                  <td class="num">{num(view, workspace.members)}</td>
                  <td class="num">{num(view, workspace.sessions)}</td>
                  <td class="num">{num(view, workspace.messages)}</td>
                </tr>
              ))}
            </Table>
            <p>
              <a class="button small" href={`${HERE}/export?month=${month}`}>
                {t.download}
              </a>
            </p>
            <Pages view={view} page={query.page} totalPages={Math.ceil(totalItems / PER_PAGE)} />
          </section>
        </>
      );
      return { title: t.workspaces, section: 'admin', body };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/export`,
    auth: 'admin',
    query: z.object({ month: Month.optional().catch(undefined) }),
    handler({ ctx, query, http }) {
      const { fileName, lines } = exportWorkspaces(ctx, { ...query, page: 1, limit: 200 });
      return answerCsv(http, fileName, lines);
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/:workspaceId`,
    auth: 'admin',
    params: WorkspaceParams,
    example,
    async handler({ ctx, view, params }) {
      const t = ADMIN_TEXTS(view.lang);
      const workspace = await readWorkspaceUsage(ctx, params.workspaceId);
      if (!workspace) throw new AppError('NOT_FOUND', 'There is no such workspace.');
      const plans = await listPlans(ctx);
      const usage = await readUsage(ctx, { userId: workspace.id });
      const body = (
        <>
          <p>
            <a href={HERE}>{t.workspaces}</a>
          </p>
          <h1>{workspace.name}</h1>
          <StateCard t={t} view={view} workspace={workspace} />
          <section class="card">
            <h2>{t.plan}</h2>
            <p class="muted">{t.ownLimitsAbout}</p>
            <Form view={view} action={`${HERE}/${workspace.id}/plan`} class="stack">
              <Select
                label={t.plan}
                name="planId"
                value={workspace.plan?.id ?? ''}
                options={[['', t.noPlan], ...plans.map(({ id, name }): [string, string] => [id, name])]}
              />
              <LimitFields view={view} limits={workspace.limits} />
              <div>
                <Submit>{t.save}</Submit>
              </div>
            </Form>
          </section>
          <UsageCard view={view} usage={usage} />
        </>
      );
      return { title: workspace.name, section: 'admin', body };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:workspaceId/plan`,
    auth: 'admin',
    params: WorkspaceParams,
    form: LimitForm.extend({ planId: z.string().max(32).optional() }),
    example: { ...example, form: { sessions: '3' } },
    async handler({ ctx, view, params, form: { planId, ...limits } }) {
      await assignPlan(ctx, { ...params, planId: planId ?? null, limits });
      return { redirect: `${HERE}/${params.workspaceId}`, done: ADMIN_TEXTS(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:workspaceId/suspend`,
    auth: 'admin',
    params: WorkspaceParams,
    form: z.object({ reason: z.string().trim().max(300).optional() }),
    example: { ...example, form: { reason: 'The invoice is open.' } },
    async handler({ ctx, view, params, form }) {
      await suspendWorkspace(ctx, { ...params, ...form });
      return { redirect: `${HERE}/${params.workspaceId}`, done: ADMIN_TEXTS(view.lang).suspendedDone };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:workspaceId/resume`,
    auth: 'admin',
    params: WorkspaceParams,
    form: z.object({}),
    example,
    async handler({ ctx, view, params }) {
      await resumeWorkspace(ctx, params);
      return { redirect: `${HERE}/${params.workspaceId}`, done: ADMIN_TEXTS(view.lang).resumedDone };
    },
  }),
];

function StateCard({ t, view, workspace }: { t: AdminTexts; view: View; workspace: WorkspaceUsage }) {
  const { id, name, members, sessions, month, messages, suspendedAt, suspendReason } = workspace;
  return (
    <section class="card">
      <Facts
        facts={[
          [t.members, num(view, members)],
          [t.sessions, num(view, sessions)],
          [t.messagesIn(month), num(view, messages)],
        ]}
      />
      {suspendedAt === null ? (
        <Form view={view} action={`${HERE}/${id}/suspend`} class="stack" confirm={t.suspendConfirm(name)}>
          <Field label={t.suspendReason} name="reason" maxlength={300} hint={t.suspendAbout} />
          <div>
            <button type="submit" class="danger">
              {t.suspend}
            </button>
          </div>
        </Form>
      ) : (
        <>
          <p>
            <Badge tone="bad">{t.suspended}</Badge> <Time at={suspendedAt} /> {suspendReason}
          </p>
          <ActionButton view={view} action={`${HERE}/${id}/resume`}>
            {t.resume}
          </ActionButton>
        </>
      )}
    </section>
  );
}
