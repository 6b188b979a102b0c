/** Signing in with an account of another service, and linking one. */
import { z } from 'zod';
import { makeDeviceMark } from '../../../services/auth/known-devices.ts';
import type { Ctx } from '../../../services/context.ts';
import { beginTrip, TRIP_MS } from '../../../services/oidc/flow.ts';
import {
  beginLink,
  finishLink,
  type IdentityInfo,
  listIdentities,
  readLink,
  unlinkIdentity,
} from '../../../services/oidc/identities.ts';
import { comeBack } from '../../../services/oidc/sign-in.ts';
import { InvitationToken } from '../../../services/workspaces/schemas.ts';
import { forgetTrip, keepDevice, keepSignIn, keepTrip, readTrip } from '../cookies.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Field, Form, Table, Time } from '../parts.tsx';
import { Next, pathAfter } from '../paths.ts';
import { secondStepOf } from './sign-in-steps.tsx';
import { OIDC_TEXTS, type OidcTexts, SECURITY_TEXTS } from './texts.ts';

const ACCOUNT = '/dashboard/account';
const SIGN_IN = '/dashboard/sign-in/oidc';
/** Where the cookie of the way comes along. */
const LINK = '/dashboard/sign-in/link';
const IDENTITIES = `${ACCOUNT}/identities`;
const Provider = z.object({ provider: z.string().max(40) });
const example = { params: { provider: 'nowhere' } };
const TRIP_SECONDS = TRIP_MS / 1000;

export const oidcPages: Page[] = [
  page({
    method: 'get',
    path: `${SIGN_IN}/:provider`,
    auth: 'public',
    params: Provider,
    query: z.object({ next: Next, invitation: InvitationToken.optional() }),
    example,
    async handler({ ctx, http, params, query }) {
      const { next = null, invitation } = query;
      const purpose = { kind: 'sign-in' as const, next, invitation };
      const { url, sealed } = await beginTrip(ctx, { ...params, purpose });
      keepTrip(http, ctx.config, sealed, TRIP_SECONDS);
      return { redirect: url };
    },
  }),
  page({
    method: 'get',
    path: `${SIGN_IN}/:provider/callback`,
    auth: 'public',
    params: Provider,
    example,
    async handler({ ctx, http, params, view }) {
      const t = OIDC_TEXTS(view.lang);
      const query = new URL(http.req.url).search;
      const sealed = readTrip(http);
      const end = await comeBack(ctx, { ...params, query, sealed }).catch((error: unknown) => {
        forgetTrip(http, ctx.config);
        throw error;
      });
      if (end.kind !== 'signed-in') {
        keepTrip(http, ctx.config, end.sealed, TRIP_SECONDS);
        const step = end.kind === 'link' ? LINK : secondStepOf(http, ctx, end.asked, end.next ?? undefined);
        const path = step ?? ACCOUNT;
        const title = end.kind === 'link' ? t.link : t.signedIn;
        return { onward: path, title, body: <Onward t={t} path={path} /> };
      }
      forgetTrip(http, ctx.config);
      keepSignIn(http, ctx.config, end.signedIn.token);
      keepDevice(http, ctx.config, await makeDeviceMark(ctx, end.userId));
      const path = pathAfter(end.next);
      return { onward: path, title: t.signedIn, body: <Onward t={t} path={path} /> };
    },
  }),
  page({
    method: 'post',
    path: `${IDENTITIES}/:provider/link`,
    auth: 'user',
    readOnlyMay: true,
    params: Provider,
    form: z.object({ password: z.string().min(1).max(1024).optional() }),
    example,
    async handler({ ctx, form, http, params, view }) {
      const t = OIDC_TEXTS(view.lang);
      const { url, sealed } = await beginLink(ctx, { ...params, ...form });
      keepTrip(http, ctx.config, sealed, TRIP_SECONDS);
      return { onward: url, title: t.link, body: <Onward t={t} path={url} /> };
    },
  }),
  page({
    method: 'get',
    path: LINK,
    auth: 'user',
    handler({ ctx, http, view }) {
      const sealed = readTrip(http);
      if (sealed === undefined) return { redirect: ACCOUNT };
      const t = OIDC_TEXTS(view.lang);
      const { provider, email } = readLink(ctx, { sealed });
      const label = ctx.oidc.list.find(({ id }) => id === provider)?.label ?? provider;
      const body = (
        <div class="card narrow">
          <h1>{t.link}</h1>
          <p class="wrap">{t.linkAbout(label, email ?? '', view.user?.email ?? '')}</p>
          <Form view={view} action={LINK} class="stack">
            <Submit>{t.linkNow}</Submit>
          </Form>
        </div>
      );
      return { title: t.link, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: LINK,
    auth: 'user',
    readOnlyMay: true,
    async handler({ ctx, http, view }) {
      const sealed = readTrip(http);
      forgetTrip(http, ctx.config);
      await finishLink(ctx, { sealed });
      return { redirect: ACCOUNT, done: OIDC_TEXTS(view.lang).linked };
    },
  }),
  page({
    method: 'post',
    path: `${IDENTITIES}/:id/unlink`,
    auth: 'user',
    readOnlyMay: true,
    params: z.object({ id: z.string().max(64) }),
    example: { params: { id: '0'.repeat(32) } },
    async handler({ ctx, params, view }) {
      await unlinkIdentity(ctx, params);
      return { redirect: ACCOUNT, done: OIDC_TEXTS(view.lang).unlinked };
    },
  }),
];

function Onward({ t, path }: { t: OidcTexts; path: string }) {
  return (
    <div class="card narrow">
      <p>{t.onTheWay}</p>
      <p>
        <a class="button" href={path}>
          {t.goOn}
        </a>
      </p>
    </div>
  );
}

interface ProviderLinksProps {
  ctx: Pick<Ctx, 'oidc'>;
  view: View;
  /** where to go afterwards */
  next: string | undefined;
  /** the token of an invitation, to join by it */
  invitation?: string;
}

/** The other ways to sign in, or to join; nothing where there are none. */
export function ProviderLinks({ ctx, view, next, invitation }: ProviderLinksProps) {
  if (ctx.oidc.list.length === 0) return null;
  const t = OIDC_TEXTS(view.lang);
  const given = {
    ...(next === undefined ? {} : { next }),
    ...(invitation === undefined ? {} : { invitation }),
  };
  const query = Object.keys(given).length === 0 ? '' : `?${new URLSearchParams(given)}`;
  return (
    <div class="stack">
      <p class="muted">{t.or}</p>
      {ctx.oidc.list.map(({ id, label }) => (
        <a class="button" href={`${SIGN_IN}/${id}${query}`}>
          {invitation === undefined ? t.signInWith(label) : t.joinWith(label)}
        </a>
      ))}
    </div>
  );
}

/** The reader's identities; null where there are none and no provider to link. */
export async function identityCard(ctx: Ctx, view: View) {
  const identities = await listIdentities(ctx);
  if (identities.length === 0 && ctx.oidc.list.length === 0) return null;
  const t = OIDC_TEXTS(view.lang);
  const labels = new Map(ctx.oidc.list.map(({ id, label }) => [id, label]));
  return (
    <section class="card">
      <h2>{t.identities}</h2>
      <p class="muted">{t.identitiesAbout}</p>
      {identities.length > 0 && <IdentityTable t={t} view={view} identities={identities} labels={labels} />}
      {ctx.oidc.list.map(({ id, label }) => (
        <LinkForm view={view} id={id} label={label} />
      ))}
    </section>
  );
}

function LinkForm({ view, id, label }: { view: View; id: string; label: string }) {
  const t = SECURITY_TEXTS(view.lang);
  return (
    <Form view={view} action={`${IDENTITIES}/${id}/link`} class="stack">
      <Field
        id={`f-link-${id}`}
        label={t.currentPassword}
        name="password"
        type="password"
        autocomplete="current-password"
        hint={t.passwordLater}
      />
      <button type="submit">{OIDC_TEXTS(view.lang).linkTo(label)}</button>
    </Form>
  );
}

interface IdentityTableProps {
  t: OidcTexts;
  view: View;
  identities: readonly IdentityInfo[];
  /** of the providers, by their names */
  labels: ReadonlyMap<string, string>;
}

function IdentityTable({ t, view, identities, labels }: IdentityTableProps) {
  return (
    <Table label={t.identities} head={[t.provider, t.email, t.linkedAt, t.lastUsed, '']}>
      {identities.map(({ id, provider, email, createdAt, lastUsedAt }) => (
        <tr>
          <td>{labels.get(provider) ?? provider}</td>
          <td class="wrap">{email}</td>
          <td>
            <Time at={createdAt} />
          </td>
          <td>
            <Time at={lastUsedAt} relative />
          </td>
          <td>
            <ActionButton
              view={view}
              action={`${IDENTITIES}/${id}/unlink`}
              confirm={t.unlinkConfirm(labels.get(provider) ?? provider)}
              tone="danger"
              small
            >
              {t.unlink}
            </ActionButton>
          </td>
        </tr>
      ))}
    </Table>
  );
}
