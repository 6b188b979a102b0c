/** One member: what they may do, and the way out. */
import { z } from 'zod';
import { makeMemberResetLink } from '../../../services/auth/password-reset.ts';
import { removeMember, transferOwnership, updateMember } from '../../../services/workspaces/members.ts';
import { MemberParams } from '../../../services/workspaces/schemas.ts';
import { readMember } from '../../../services/workspaces/verbs.ts';
import { WorkspaceRole } from '../../schemas.ts';
import { NewResetLink, ResetLinkForm } from '../account/reset-link.tsx';
import { SECURITY_TEXTS } from '../account/texts.ts';
import { sessionOptions } from '../developers/keys.tsx';
import { Crumb, Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Check, Form, Ticked } from '../parts.tsx';
import { HERE, RoleSelect, SessionChecks, TickedSessions } from './parts.tsx';
import { TEAM_TEXTS, type TeamTexts } from './texts.ts';

const example = { params: { userId: '2147483647' } };

export const memberPages: Page[] = [
  page({
    method: 'get',
    path: `${HERE}/members/:userId`,
    auth: 'user',
    needs: 'members',
    params: MemberParams,
    example,
    async handler({ ctx, view, params }) {
      const t = TEAM_TEXTS(view.lang);
      const member = await readMember(ctx, params);
      const sessions = await sessionOptions(ctx);
      const here = `${HERE}/members/${member.userId}`;
      const mayChange = view.canWrite && (member.role !== 'owner' || view.may('ownership'));
      const body = (
        <>
          <Crumb to={HERE}>{t.back}</Crumb>
          <h1>{member.name}</h1>
          {mayChange && (
            <section class="card">
              <h2>{t.changeMember(member.name)}</h2>
              <Form view={view} action={here} class="stack">
                <RoleSelect view={view} value={member.role} />
                <SessionChecks view={view} sessions={sessions} value={member.sessionIds} />
                <div>
                  <Submit>{t.save}</Submit>
                </div>
              </Form>
            </section>
          )}
          {view.may('ownership') && member.userId !== view.user?.id && (
            <section class="card">
              <h2>{t.transfer}</h2>
              <p class="muted">{t.transferAbout(member.name)}</p>
              <ActionButton view={view} action={`${here}/owner`} confirm={t.transferAbout(member.name)}>
                {t.transfer}
              </ActionButton>
            </section>
          )}
          {mayChange && (
            <section class="card">
              <h2>{SECURITY_TEXTS(view.lang).makeLink}</h2>
              <ResetLinkForm view={view} action={`${here}/reset-link`} />
            </section>
          )}
          {mayChange && (
            <section class="card">
              <h2>{t.remove}</h2>
              <RemoveForm t={t} view={view} action={`${here}/remove`} name={member.name} />
            </section>
          )}
        </>
      );
      return { title: member.name, section: 'team', body };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/members/:userId`,
    auth: 'user',
    needs: 'members',
    params: MemberParams,
    form: z.object({ role: WorkspaceRole, sessionIds: TickedSessions }),
    example: { ...example, form: { role: 'viewer' } },
    async handler({ ctx, view, params, form }) {
      await updateMember(ctx, { ...params, ...form });
      return { redirect: HERE, done: TEAM_TEXTS(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/members/:userId/owner`,
    auth: 'user',
    needs: 'ownership',
    params: MemberParams,
    example,
    async handler({ ctx, view, params }) {
      await transferOwnership(ctx, params);
      return { redirect: HERE, done: TEAM_TEXTS(view.lang).transferred };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/members/:userId/reset-link`,
    auth: 'user',
    needs: 'members',
    params: MemberParams,
    example,
    async handler({ ctx, view, params }) {
      return { fragment: <NewResetLink view={view} link={await makeMemberResetLink(ctx, params)} /> };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/members/:userId/remove`,
    auth: 'user',
    needs: 'members',
    params: MemberParams,
    form: z.object({ revokeKeys: Ticked }),
    example,
    async handler({ ctx, view, params, form }) {
      const { name } = await readMember(ctx, params);
      await removeMember(ctx, { ...params, keys: form.revokeKeys ? 'revoke' : 'keep' });
      return { redirect: HERE, done: TEAM_TEXTS(view.lang).removed(name) };
    },
  }),
];

interface RemoveFormProps {
  t: TeamTexts;
  view: View;
  action: string;
  name: string;
}

function RemoveForm({ t, view, action, name }: RemoveFormProps) {
  return (
    <Form view={view} action={action} class="stack" confirm={t.removeConfirm(name)}>
      <Check name="revokeKeys" label={t.revokeTheirKeys} />
      <p class="muted small">{t.keysAbout}</p>
      <div>
        <button type="submit" class="danger">
          {t.remove}
        </button>
      </div>
    </Form>
  );
}
