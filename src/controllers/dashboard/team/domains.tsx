/** The domains of a workspace: whoever signs in with an address of one becomes a member. */
import type { Ctx } from '../../../services/context.ts';
import {
  addDomain,
  type DomainInfo,
  listDomains,
  removeDomain,
  updateDomain,
  verifyDomain,
} from '../../../services/workspaces/domains.ts';
import { DomainFields, DomainParams, DomainRoleFields } from '../../../services/workspaces/schemas.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Field, Form } from '../parts.tsx';
import { HERE, RoleSelect } from './parts.tsx';
import { DOMAIN_TEXTS, type DomainTexts } from './texts.ts';

const DOMAINS = `${HERE}/domains`;
const example = { params: { id: '0'.repeat(32) } };

/** The domains, and the form for another one; null where nobody could join by one. */
export async function domainCard(ctx: Ctx, view: View) {
  const domains = await listDomains(ctx);
  if (domains.length === 0 && ctx.oidc.list.length === 0) return null;
  const t = DOMAIN_TEXTS(view.lang);
  return (
    <section class="card">
      <h2>{t.domains}</h2>
      <p class="muted">{t.about}</p>
      {domains.length === 0 && <p class="muted">{t.none}</p>}
      {domains.map((each) => (
        <DomainPart t={t} view={view} domain={each} />
      ))}
      <Form view={view} action={DOMAINS} class="stack">
        <Field label={t.domain} name="domain" placeholder="example.com" required maxlength={253} />
        <RoleSelect view={view} value="operator" without="owner" label={t.role} id="f-domain-role" />
        <div>
          <Submit>{t.add}</Submit>
        </div>
      </Form>
    </section>
  );
}

function DomainPart({ t, view, domain: each }: { t: DomainTexts; view: View; domain: DomainInfo }) {
  const { id, domain, role, provenBy, record } = each;
  return (
    <section class="stack">
      <h3>
        {domain} <DomainState t={t} provenBy={provenBy} />
      </h3>
      {provenBy === null && (
        <>
          <p>{t.recordAbout(record.name)}</p>
          <p class="wrap">
            <code>{record.value}</code>
          </p>
        </>
      )}
      <Form view={view} action={`${DOMAINS}/${id}`} class="stack">
        <RoleSelect view={view} value={role} without="owner" label={t.role} id={`f-role-${id}`} />
        <div>
          <button type="submit">{t.save}</button>
        </div>
      </Form>
      <div class="row">
        {provenBy === null && (
          <ActionButton view={view} action={`${DOMAINS}/${id}/verify`}>
            {t.verify}
          </ActionButton>
        )}
        <ActionButton
          view={view}
          action={`${DOMAINS}/${id}/remove`}
          confirm={t.removeConfirm(domain)}
          tone="danger"
        >
          {t.remove}
        </ActionButton>
      </div>
    </section>
  );
}

/** Whether people join by it, and who says that it is theirs. */
export function DomainState({ t, provenBy }: { t: DomainTexts; provenBy: DomainInfo['provenBy'] }) {
  if (provenBy === null) return <Badge tone="warn">{t.unproven}</Badge>;
  return <Badge tone="good">{provenBy === 'dns' ? t.provenDns : t.provenAdmin}</Badge>;
}

export const domainPages: Page[] = [
  page({
    method: 'post',
    path: DOMAINS,
    auth: 'user',
    needs: 'members',
    form: DomainFields,
    example: { form: { domain: 'example.com', role: 'operator' } },
    async handler({ ctx, view, form }) {
      const { domain } = await addDomain(ctx, form);
      return { redirect: HERE, done: DOMAIN_TEXTS(view.lang).added(domain) };
    },
  }),
  page({
    method: 'post',
    path: `${DOMAINS}/:id`,
    auth: 'user',
    needs: 'members',
    params: DomainParams,
    form: DomainRoleFields,
    example: { ...example, form: { role: 'viewer' } },
    async handler({ ctx, view, params, form }) {
      await updateDomain(ctx, { ...params, ...form });
      return { redirect: HERE, done: DOMAIN_TEXTS(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: `${DOMAINS}/:id/verify`,
    auth: 'user',
    needs: 'members',
    params: DomainParams,
    example,
    async handler({ ctx, view, params }) {
      const { domain } = await verifyDomain(ctx, params);
      return { redirect: HERE, done: DOMAIN_TEXTS(view.lang).verified(domain) };
    },
  }),
  page({
    method: 'post',
    path: `${DOMAINS}/:id/remove`,
    auth: 'user',
    needs: 'members',
    params: DomainParams,
    example,
    async handler({ ctx, view, params }) {
      await removeDomain(ctx, params);
      return { redirect: HERE, done: DOMAIN_TEXTS(view.lang).removed };
    },
  }),
];
