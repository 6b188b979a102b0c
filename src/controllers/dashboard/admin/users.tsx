/** Users, as an administrator sees them. */

import { z } from 'zod';
import { makeResetLink } from '../../../services/auth/password-reset.ts';
import { clearFactors } from '../../../services/auth/second-factor/clear.ts';
import { readUsage } from '../../../services/quotas.ts';
import {
  createUser,
  disableUser,
  listUsers,
  readUser,
  type UserInfo,
  updateUser,
} from '../../../services/users.ts';
import { type AuditEntry, auditUser } from '../../../services/users-audit.ts';
import { Email, NewPassword, PersonName, Role, UserIdParams } from '../../schemas.ts';
import { NewResetLink, ResetLinkForm } from '../account/reset-link.tsx';
import { roleNames, SECURITY_TEXTS } from '../account/texts.ts';
import { eventName, resultName } from '../event-names.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import {
  ActionButton,
  Badge,
  Check,
  Empty,
  Field,
  Form,
  NextLink,
  Pages,
  Select,
  Table,
  Tabs,
  Ticked,
  Time,
} from '../parts.tsx';
import { UsageCard } from '../usage.tsx';
import { ADMIN_TEXTS, type AdminTexts } from './texts.ts';

const HERE = '/dashboard/admin';
const PER_PAGE = 50;
const example = { params: { id: '2147483647' } };

/** The heading and the second level of this section. */
export function AdminTabs({ t, current }: { t: AdminTexts; current: string }) {
  return (
    <>
      <h1>{t.title}</h1>
      <Tabs
        label={t.title}
        current={current}
        tabs={[
          [HERE, t.users],
          [`${HERE}/workspaces`, t.workspaces],
          [`${HERE}/domains`, t.domains],
          [`${HERE}/plans`, t.plans],
          [`${HERE}/system`, t.system],
        ]}
      />
    </>
  );
}

export const userPages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'admin',
    query: z.object({
      search: z.string().max(255).optional(),
      page: z.coerce.number().int().min(1).max(100_000).default(1).catch(1),
    }),
    async handler({ ctx, view, query }) {
      const t = ADMIN_TEXTS(view.lang);
      const { data, totalItems } = await listUsers(ctx, { ...query, limit: PER_PAGE });
      const body = (
        <>
          <AdminTabs t={t} current={HERE} />
          <section class="card">
            <form class="filter" method="get" action={HERE}>
              <Field label={t.search} name="search" value={query.search} maxlength={255} type="search" />
              <button type="submit">{t.find}</button>
            </form>
            {data.length === 0 ? (
              <Empty view={view} title={t.nobody} next={<NextLink to={HERE}>{t.users}</NextLink>}>
                <p>{t.nobodyAbout}</p>
              </Empty>
            ) : (
              <UserTable t={t} view={view} users={data} />
            )}
            <Pages view={view} page={query.page} totalPages={Math.ceil(totalItems / PER_PAGE)} />
          </section>
          <section class="card">
            <h2>{t.newUser}</h2>
            <Form view={view} action={`${HERE}/users`} class="stack">
              <Field label={t.name} name="name" required maxlength={100} autocomplete="off" />
              <Field label={t.email} name="email" type="email" required autocomplete="off" />
              <Field
                label={t.password}
                name="password"
                type="password"
                required
                minlength={8}
                autocomplete="new-password"
                hint={t.passwordHint}
              />
              <RoleSelect t={t} view={view} value="user" />
              <div>
                <Submit>{t.create}</Submit>
              </div>
            </Form>
          </section>
        </>
      );
      return { title: t.users, section: 'admin', body };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/users`,
    auth: 'admin',
    form: z.object({ email: Email, password: NewPassword, name: PersonName, role: Role }),
    example: { form: { email: 'clerk@example.com', password: 'password123', name: 'Clerk', role: 'user' } },
    async handler({ ctx, view, form }) {
      const user = await createUser(ctx, form);
      return { redirect: `${HERE}/users/${user.id}`, done: ADMIN_TEXTS(view.lang).createdDone(user.name) };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/users/:id`,
    auth: 'admin',
    params: UserIdParams,
    query: z.object({ cursor: z.string().max(100).optional() }),
    example,
    async handler({ ctx, view, params, query }) {
      const t = ADMIN_TEXTS(view.lang);
      const user = await readUser(ctx, params);
      const usage = await readUsage(ctx, { userId: params.id });
      const audit = await auditUser(ctx, { ...params, ...query, page: 1, limit: PER_PAGE });
      const here = `${HERE}/users/${user.id}`;
      const body = (
        <>
          <p>
            <a href={HERE}>{t.users}</a>
          </p>
          <h1>{user.name}</h1>
          <section class="card">
            <p class="row">
              <UserStatus t={t} user={user} /> <span class="muted">{user.email}</span>
            </p>
            <UserForm t={t} view={view} user={user} action={here} />
            <UserSwitch t={t} view={view} user={user} />
          </section>
          <section class="card">
            <h2>{SECURITY_TEXTS(view.lang).title}</h2>
            <ResetLinkForm view={view} action={`${here}/reset-link`} />
            <ActionButton
              view={view}
              action={`${here}/clear-factors`}
              confirm={SECURITY_TEXTS(view.lang).clearConfirm(user.name)}
              tone="danger"
            >
              {SECURITY_TEXTS(view.lang).clear}
            </ActionButton>
          </section>
          <UsageCard view={view} usage={usage} />
          <section class="card">
            <h2>{t.audit}</h2>
            <Audit view={view} userId={user.id} entries={audit.data} />
            {audit.nextCursor !== null && (
              <p class="pages">
                <a class="button small" href={`${here}?cursor=${encodeURIComponent(audit.nextCursor)}`}>
                  {t.older}
                </a>
              </p>
            )}
          </section>
        </>
      );
      return { title: user.name, section: 'admin', body };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/users/:id`,
    auth: 'admin',
    params: UserIdParams,
    form: z.object({
      name: PersonName,
      email: Email,
      role: Role,
      password: NewPassword.optional(),
      revokeApiKeys: Ticked,
    }),
    example: { ...example, form: { name: 'Clerk', email: 'clerk@example.com', role: 'user' } },
    async handler({ ctx, view, params, form }) {
      await updateUser(ctx, { ...form, ...params });
      return { redirect: `${HERE}/users/${params.id}`, done: ADMIN_TEXTS(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/users/:id/reset-link`,
    auth: 'admin',
    params: UserIdParams,
    example,
    async handler({ ctx, view, params }) {
      return { fragment: <NewResetLink view={view} link={await makeResetLink(ctx, params)} /> };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/users/:id/clear-factors`,
    auth: 'admin',
    params: UserIdParams,
    example,
    async handler({ ctx, view, params }) {
      await clearFactors(ctx, params);
      return { redirect: `${HERE}/users/${params.id}`, done: SECURITY_TEXTS(view.lang).cleared };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/users/:id/status`,
    auth: 'admin',
    params: UserIdParams,
    form: z.object({ status: z.enum(['active', 'disabled']) }),
    example: { ...example, form: { status: 'disabled' } },
    async handler({ ctx, view, params, form }) {
      const t = ADMIN_TEXTS(view.lang);
      if (form.status === 'disabled') await disableUser(ctx, params);
      else await updateUser(ctx, { ...params, status: 'active' });
      const done = form.status === 'disabled' ? t.disabledDone : t.saved;
      return { redirect: `${HERE}/users/${params.id}`, done };
    },
  }),
];

function RoleSelect({ t, view, value }: { t: AdminTexts; view: View; value: UserInfo['role'] }) {
  return <Select label={t.role} name="role" value={value} options={Object.entries(roleNames(view.lang))} />;
}

function UserStatus({ t, user }: { t: AdminTexts; user: UserInfo }) {
  return <Badge tone={user.status === 'active' ? 'good' : 'plain'}>{t[user.status]}</Badge>;
}

interface UserFormProps {
  t: AdminTexts;
  view: View;
  user: UserInfo;
  action: string;
}

function UserForm({ t, view, user, action }: UserFormProps) {
  return (
    <Form view={view} action={action} class="stack">
      <Field label={t.name} name="name" value={user.name} required maxlength={100} autocomplete="off" />
      <Field label={t.email} name="email" type="email" value={user.email} required autocomplete="off" />
      <RoleSelect t={t} view={view} value={user.role} />
      <Field
        label={t.password}
        name="password"
        type="password"
        minlength={8}
        autocomplete="new-password"
        hint={t.keepPassword}
      />
      <Check name="revokeApiKeys" value="true" label={t.revokeKeys} />
      <div>
        <Submit>{t.save}</Submit>
      </div>
    </Form>
  );
}

function UserSwitch({ t, view, user }: { t: AdminTexts; view: View; user: UserInfo }) {
  const action = `${HERE}/users/${user.id}/status`;
  if (user.status === 'disabled') {
    return (
      <ActionButton view={view} action={action} fields={{ status: 'active' }}>
        {t.enable}
      </ActionButton>
    );
  }
  return (
    <ActionButton
      view={view}
      action={action}
      fields={{ status: 'disabled' }}
      confirm={t.disableConfirm(user.name)}
      tone="danger"
    >
      {t.disable}
    </ActionButton>
  );
}

function UserTable({ t, view, users }: { t: AdminTexts; view: View; users: readonly UserInfo[] }) {
  return (
    <Table label={t.users} head={[t.name, t.email, t.role, t.status, t.lastSignIn, t.created]}>
      {users.map((user) => (
        <tr>
          <td>
            <a href={`${HERE}/users/${user.id}`}>{user.name}</a>
          </td>
          <td class="wrap">{user.email}</td>
          <td>{roleNames(view.lang)[user.role]}</td>
          <td>
            <UserStatus t={t} user={user} />
          </td>
          <td>
            <Time at={user.lastLoginAt} relative />
          </td>
          <td>
            <Time at={user.createdAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Audit({ view, userId, entries }: { view: View; userId: number; entries: readonly AuditEntry[] }) {
  const t = ADMIN_TEXTS(view.lang);
  if (entries.length === 0) return <p class="muted">{t.noAudit}</p>;
  const who = (id: number | null) => (id === null ? t.service : id === userId ? t.self : t.userNumber(id));
  return (
    <Table label={t.audit} head={[t.at, t.event, t.status, t.by, t.from]}>
      {entries.map((entry) => (
        <tr>
          <td>
            <Time at={entry.at} />
          </td>
          <td>{eventName(view.lang, entry.event)}</td>
          <td>
            <Badge tone={entry.status === 'success' ? 'good' : 'bad'}>
              {resultName(view.lang, entry.status)}
            </Badge>
          </td>
          <td>{who(entry.actorId)}</td>
          <td class="wrap">
            {entry.ip ?? ''} <span class="muted small">{entry.userAgent ?? ''}</span>
          </td>
        </tr>
      ))}
    </Table>
  );
}
