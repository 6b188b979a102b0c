/** The people of a workspace, and the workspaces of a person. */
import { z } from 'zod';
import { seesPeople } from '../../../services/access.ts';
import type { Ctx } from '../../../services/context.ts';
import { leaveWorkspace } from '../../../services/workspaces/members.ts';
import type { MembershipInfo } from '../../../services/workspaces/membership.ts';
import { SwitchFields, WorkspaceFields } from '../../../services/workspaces/schemas.ts';
import {
  createWorkspace,
  listMembers,
  type MemberInfo,
  readWorkspace,
  switchWorkspace,
  updateSecurity,
  updateWorkspace,
} from '../../../services/workspaces/verbs.ts';
import { SECURITY_TEXTS } from '../account/texts.ts';
import { forgetSignIn, keepSignIn } from '../cookies.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Field, Form, Pages, Table, Time } from '../parts.tsx';
import { auditPages } from './audit.tsx';
import { domainCard, domainPages } from './domains.tsx';
import { invitationCards, invitationPages } from './invitations.tsx';
import { memberPages } from './member.tsx';
import { HERE, managesTeam } from './parts.tsx';
import { TEAM_TEXTS, type TeamTexts, workspaceRoleNames, workspaceRoleUses } from './texts.ts';

const PER_PAGE = 50;

export const teamPages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'user',
    query: z.object({ page: z.coerce.number().int().min(1).max(100_000).default(1).catch(1) }),
    async handler({ ctx, view, query }) {
      const t = TEAM_TEXTS(view.lang);
      const { data, totalItems } = await listMembers(ctx, { ...query, limit: PER_PAGE });
      const workspace = await readWorkspace(ctx);
      const body = (
        <>
          <h1>{workspace.name}</h1>
          <section class="card">
            <h2>{t.members}</h2>
            <p class="muted">{t.membersAbout}</p>
            <MemberTable
              t={t}
              view={view}
              members={data}
              linked={managesTeam(ctx, view)}
              withSignIns={seesPeople(ctx)}
            />
            <Pages view={view} page={query.page} totalPages={Math.ceil(totalItems / PER_PAGE)} />
          </section>
          {managesTeam(ctx, view) && (
            <>
              <p>
                <a class="button" href={`${HERE}/audit`}>
                  {t.audit}
                </a>
              </p>
              {await invitationCards(ctx, view)}
              {await domainCard(ctx, view)}
            </>
          )}
          {view.may('settings') && ctx.actor.sessionIds === null && (
            <NameCard t={t} view={view} name={workspace.name} />
          )}
          {view.may('settings') && ctx.actor.sessionIds === null && (
            <SecurityCard view={view} isOn={workspace.requireSecondFactor} />
          )}
          <section class="card">
            <h2>{t.workspaces}</h2>
            <p class="muted">{t.workspacesAbout}</p>
            <WorkspaceTable t={t} view={view} here={workspace.id} workspaces={workspace.workspaces} />
            <ActionButton
              view={view}
              action={`${HERE}/leave`}
              confirm={t.leaveConfirm(workspace.name)}
              tone="danger"
              small
            >
              {t.leave}
            </ActionButton>
          </section>
          {mayCreate(ctx) && <NewWorkspaceCard t={t} view={view} />}
        </>
      );
      return { title: t.team, section: 'team', body };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/name`,
    auth: 'user',
    needs: 'settings',
    form: WorkspaceFields,
    example: { form: { name: 'Toko Maju' } },
    async handler({ ctx, view, form }) {
      await updateWorkspace(ctx, form);
      return { redirect: HERE, done: TEAM_TEXTS(view.lang).renamed };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/security`,
    auth: 'user',
    needs: 'settings',
    form: z.object({ requireSecondFactor: z.enum(['true', 'false']) }),
    example: { form: { requireSecondFactor: 'false' } },
    async handler({ ctx, view, form }) {
      await updateSecurity(ctx, { requireSecondFactor: form.requireSecondFactor === 'true' });
      return { redirect: HERE, done: SECURITY_TEXTS(view.lang).requireSaved };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/workspaces`,
    auth: 'user',
    readOnlyMay: true,
    form: WorkspaceFields,
    example: { form: { name: 'Toko Maju' } },
    async handler({ ctx, view, form, http }) {
      const made = await createWorkspace(ctx, form);
      const { token } = await switchWorkspace(ctx, { workspaceId: made.id });
      keepSignIn(http, ctx.config, token);
      return { redirect: HERE, done: TEAM_TEXTS(view.lang).created(made.name) };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/leave`,
    auth: 'user',
    readOnlyMay: true,
    async handler({ ctx, view, http }) {
      await leaveWorkspace(ctx);
      forgetSignIn(http, ctx.config);
      return { redirect: '/dashboard/sign-in', done: TEAM_TEXTS(view.lang).left };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/switch`,
    auth: 'user',
    beforeSecondFactor: true,
    whileSuspended: true,
    readOnlyMay: true,
    form: SwitchFields,
    example: { form: { workspaceId: '2147483647' } },
    async handler({ ctx, view, form, http }) {
      const { token, workspace } = await switchWorkspace(ctx, form);
      keepSignIn(http, ctx.config, token);
      return { redirect: '/dashboard', done: TEAM_TEXTS(view.lang).switched(workspace.name) };
    },
  }),
  ...invitationPages,
  ...memberPages,
  ...auditPages,
  ...domainPages,
];

function mayCreate({ actor, config }: Ctx): boolean {
  return actor.role === 'admin' || (config.allowRegistration && actor.role !== 'readonly');
}

function NameCard({ t, view, name }: { t: TeamTexts; view: View; name: string }) {
  return (
    <section class="card narrow">
      <Form view={view} action={`${HERE}/name`} class="stack">
        <Field label={t.rename} name="name" value={name} required maxlength={120} />
        <div>
          <button type="submit">{t.save}</button>
        </div>
      </Form>
    </section>
  );
}

function SecurityCard({ view, isOn }: { view: View; isOn: boolean }) {
  const t = SECURITY_TEXTS(view.lang);
  return (
    <section class="card narrow">
      <h2>{t.requireTitle}</h2>
      <p class="muted">{t.requireAbout}</p>
      <ActionButton
        view={view}
        action={`${HERE}/security`}
        fields={{ requireSecondFactor: isOn ? 'false' : 'true' }}
        small
      >
        {isOn ? t.requireOff : t.requireOn}
      </ActionButton>
    </section>
  );
}

function NewWorkspaceCard({ t, view }: { t: TeamTexts; view: View }) {
  return (
    <section class="card narrow">
      <h2>{t.newWorkspace}</h2>
      <p class="muted">{t.newWorkspaceAbout}</p>
      <Form view={view} action={`${HERE}/workspaces`} class="stack">
        <Field label={t.name} name="name" id="f-new-name" required maxlength={120} />
        <div>
          <Submit>{t.create}</Submit>
        </div>
      </Form>
    </section>
  );
}

interface MemberTableProps {
  t: TeamTexts;
  view: View;
  members: readonly MemberInfo[];
  /** each name leads to its page */
  linked: boolean;
  /** with e-mail addresses and last sign-ins */
  withSignIns: boolean;
}

function MemberTable({ t, view, members, linked, withSignIns }: MemberTableProps) {
  const head = withSignIns
    ? [t.name, t.email, t.role, t.session, t.lastSignIn, t.joined]
    : [t.name, t.role, t.session, t.joined];
  return (
    <Table label={t.members} head={head}>
      {members.map((member) => (
        <tr>
          <td>
            {linked ? <a href={`${HERE}/members/${member.userId}`}>{member.name}</a> : member.name}{' '}
            {member.userId === view.user?.id && <Badge tone="plain">{t.you}</Badge>}{' '}
            {member.status === 'disabled' && <Badge tone="warn">{t.disabled}</Badge>}
          </td>
          {withSignIns && <td class="wrap">{member.email}</td>}
          <td title={workspaceRoleUses(view.lang)[member.role]}>
            {workspaceRoleNames(view.lang)[member.role]}
          </td>
          <td class="wrap">{member.sessionIds?.join(', ') ?? t.allSessions}</td>
          {withSignIns && (
            <td>
              <Time at={member.lastLoginAt} relative />
            </td>
          )}
          <td>
            <Time at={member.joinedAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

interface WorkspaceTableProps {
  t: TeamTexts;
  view: View;
  here: number;
  workspaces: readonly MembershipInfo[];
}

function WorkspaceTable({ t, view, here, workspaces }: WorkspaceTableProps) {
  return (
    <Table label={t.workspaces} head={[t.name, t.role, '']}>
      {workspaces.map(({ id, name, role }) => (
        <tr>
          <td>{name}</td>
          <td>{workspaceRoleNames(view.lang)[role]}</td>
          <td>
            {id === here ? (
              <Badge tone="good">{t.here}</Badge>
            ) : (
              <ActionButton view={view} action={`${HERE}/switch`} fields={{ workspaceId: String(id) }} small>
                {t.open}
              </ActionButton>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}
