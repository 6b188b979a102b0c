/** Inviting people, and joining by the link of an invitation. */
import type { Child } from 'hono/jsx';
import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import { mailFailureWords } from '../../../services/mail/failure-words.ts';
import {
  acceptInvitation,
  type InvitationInfo,
  type InvitationMailFailure,
  inviteMember,
  listInvitations,
  type NewInvitation,
  type OpenInvitation,
  readInvitation,
  revokeInvitation,
} from '../../../services/workspaces/invitations.ts';
import { InvitationFields, InvitationToken } from '../../../services/workspaces/schemas.ts';
import { NewPassword, PersonName } from '../../schemas.ts';
import { ProviderLinks } from '../account/oidc.tsx';
import { secondStepOf } from '../account/sign-in-steps.tsx';
import { keepSignIn } from '../cookies.ts';
import { sessionOptions } from '../developers/keys.tsx';
import { Secret } from '../developers/tabs.tsx';
import { DEVELOPER_TEXTS } from '../developers/texts.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Field, Form, Table, Time } from '../parts.tsx';
import { HERE, RoleSelect, SessionChecks, TickedSessions } from './parts.tsx';
import { TEAM_TEXTS, type TeamTexts, workspaceRoleNames } from './texts.ts';

/** The invitations of a workspace, and the form for another one. */
export async function invitationCards(ctx: Ctx, view: View): Promise<Child> {
  const t = TEAM_TEXTS(view.lang);
  const open = await listInvitations(ctx);
  const sessions = await sessionOptions(ctx);
  return (
    <>
      <section class="card">
        <h2>{t.invite}</h2>
        <p class="muted">
          {t.inviteAbout} {ctx.config.smtp === null ? t.inviteLink : t.inviteMail}
        </p>
        <Form view={view} action={`${HERE}/invitations`} class="stack" target="this">
          <Field label={t.email} name="email" type="email" required autocomplete="off" />
          <RoleSelect view={view} value="operator" />
          <SessionChecks view={view} sessions={sessions} />
          <div>
            <Submit>{t.sendInvitation}</Submit>
          </div>
        </Form>
      </section>
      <section class="card">
        <h2>{t.invitations}</h2>
        {open.length === 0 ? (
          <p class="muted">{t.noInvitations}</p>
        ) : (
          <InvitationTable t={t} view={view} open={open} />
        )}
      </section>
    </>
  );
}

function InvitationTable({ t, view, open }: { t: TeamTexts; view: View; open: readonly InvitationInfo[] }) {
  return (
    <Table label={t.invitations} head={[t.email, t.role, t.session, t.expires, '']}>
      {open.map(({ id, email, role, sessionIds, mailWaiting, mailFailure, expiresAt }) => (
        <tr>
          <td class="wrap">
            {email}
            {mailWaiting && <div class="muted small">{t.mailWaiting}</div>}
            {mailFailure !== null && <MailFailureLines t={t} view={view} failure={mailFailure} />}
          </td>
          <td>{workspaceRoleNames(view.lang)[role]}</td>
          <td class="wrap">{sessionIds?.join(', ') ?? t.allSessions}</td>
          <td>
            <Time at={expiresAt} />
          </td>
          <td>
            {mailFailure !== null && mailFailure.reason !== 'address_refused' && (
              <ActionButton
                view={view}
                action={`${HERE}/invitations`}
                fields={{ email, role, sessionIds: sessionIds ?? [] }}
                target="closest td"
                small
              >
                {t.inviteAgain}
              </ActionButton>
            )}
            <ActionButton
              view={view}
              action={`${HERE}/invitations/${id}/end`}
              confirm={t.endInvitationConfirm(email)}
              tone="danger"
              small
            >
              {t.endInvitation}
            </ActionButton>
          </td>
        </tr>
      ))}
    </Table>
  );
}

interface FailureProps {
  t: TeamTexts;
  view: View;
  failure: InvitationMailFailure;
}

/** That nobody got its mail, why, and what to do. */
function MailFailureLines({ t, view, failure }: FailureProps) {
  const { text, fix } = mailFailureWords(view.lang, failure.reason);
  return (
    <>
      <div class="small">
        {t.mailFailedAt} <Time at={failure.at} />. {text}
      </div>
      <div class="muted small">{fix}</div>
    </>
  );
}

function outcomeOf(t: TeamTexts, { url, mailed }: NewInvitation): string {
  if (url !== null) return t.invitedDone;
  return mailed ? t.mailed : t.mailsSpent;
}

function Invited({ view, made }: { view: View; made: NewInvitation }) {
  const t = TEAM_TEXTS(view.lang);
  return (
    <>
      <p class={made.url === null && !made.mailed ? 'alert alert-warn' : 'alert alert-good'}>
        {outcomeOf(t, made)}
      </p>
      {made.url !== null && <Secret t={DEVELOPER_TEXTS(view.lang)} label={made.email} value={made.url} />}
      <p>
        <a class="button" href={HERE}>
          {t.back}
        </a>
      </p>
    </>
  );
}

export const invitationPages: Page[] = [
  page({
    method: 'post',
    path: `${HERE}/invitations`,
    auth: 'user',
    needs: 'members',
    form: InvitationFields.omit({ sessionId: true }).extend({ sessionIds: TickedSessions }),
    example: { form: { email: 'clerk@example.com', role: 'operator' } },
    async handler({ ctx, view, form }) {
      const made = await inviteMember(ctx, { ...form, language: view.lang });
      return { fragment: <Invited view={view} made={made} /> };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/invitations/:id/end`,
    auth: 'user',
    needs: 'members',
    params: z.object({ id: z.string().max(64) }),
    example: { params: { id: '0'.repeat(32) } },
    async handler({ ctx, view, params }) {
      await revokeInvitation(ctx, params);
      return { redirect: HERE, done: TEAM_TEXTS(view.lang).invitationEnded };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/join',
    auth: 'public',
    query: z.object({ token: InvitationToken }),
    example: { query: { token: 'x' } },
    // A page with a button: programs that follow the links of mails must not use it up.
    async handler({ ctx, view, query }) {
      const t = TEAM_TEXTS(view.lang);
      const invitation = await readInvitation(ctx, query);
      const body = <JoinCard ctx={ctx} t={t} view={view} token={query.token} invitation={invitation} />;
      return { title: t.join, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/join',
    auth: 'public',
    readOnlyMay: true,
    form: z.object({
      token: InvitationToken,
      name: PersonName.optional(),
      password: NewPassword.optional(),
    }),
    example: { form: { token: 'x', name: 'Clerk', password: 'password123' } },
    async handler({ ctx, view, form, http }) {
      try {
        const { token, user } = await acceptInvitation(ctx, form);
        keepSignIn(http, ctx.config, token);
        return { redirect: '/dashboard', done: TEAM_TEXTS(view.lang).welcome(user.workspace.name) };
      } catch (error) {
        const back = `/dashboard/join?token=${encodeURIComponent(form.token)}`;
        const step = secondStepOf(http, ctx, error, back);
        if (step === null) throw error;
        return { redirect: step };
      }
    },
  }),
];

interface JoinProps {
  ctx: Pick<Ctx, 'oidc'>;
  t: TeamTexts;
  view: View;
  token: string;
  invitation: OpenInvitation;
}

function JoinCard({ ctx, t, view, token, invitation }: JoinProps) {
  const here = `/dashboard/join?token=${encodeURIComponent(token)}`;
  const isThem = view.user?.email === invitation.email;
  return (
    <div class="card narrow">
      <h1>{t.join}</h1>
      <p>{t.joinAbout(invitation.workspace)}</p>
      {view.user && <p>{isThem ? t.joinAs(invitation.email) : t.joinOther}</p>}
      {!isThem && <p class="muted">{t.joinNew}</p>}
      <Form view={view} action="/dashboard/join" class="stack">
        <input type="hidden" name="token" value={token} />
        {!isThem && (
          <>
            <Field label={t.yourName} name="name" autocomplete="name" maxlength={120} />
            <Field
              label={t.password}
              name="password"
              type="password"
              autocomplete="current-password"
              required
              minlength={8}
              hint={t.passwordHint}
            />
          </>
        )}
        <Submit>{t.joinNow}</Submit>
      </Form>
      {!isThem && <ProviderLinks ctx={ctx} view={view} next={here} invitation={token} />}
    </div>
  );
}
