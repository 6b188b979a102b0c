/** The domains of all workspaces, as an administrator sees them: whose people join which workspace. */
import { z } from 'zod';
import {
  type DomainInfo,
  listServiceDomains,
  removeServiceDomain,
  setServiceDomain,
} from '../../../services/workspaces/domains.ts';
import { DomainParams, ServiceDomainFields } from '../../../services/workspaces/schemas.ts';
import { Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Field, Form, Pages, Table } from '../parts.tsx';
import { DomainState } from '../team/domains.tsx';
import { RoleSelect } from '../team/parts.tsx';
import { DOMAIN_TEXTS, type DomainTexts, workspaceRoleNames } from '../team/texts.ts';
import { ADMIN_TEXTS, type AdminTexts } from './texts.ts';
import { AdminTabs } from './users.tsx';

const HERE = '/dashboard/admin/domains';
const WORKSPACES = '/dashboard/admin/workspaces';
const PER_PAGE = 50;

export const serviceDomainPages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'admin',
    query: z.object({ page: z.coerce.number().int().min(1).max(100_000).default(1).catch(1) }),
    async handler({ ctx, view, query }) {
      const t = ADMIN_TEXTS(view.lang);
      const d = DOMAIN_TEXTS(view.lang);
      const { data, totalItems } = await listServiceDomains(ctx, { ...query, limit: PER_PAGE });
      const body = (
        <>
          <AdminTabs t={t} current={HERE} />
          <section class="card">
            <p class="muted">{d.serviceAbout}</p>
            {data.length === 0 ? (
              <p class="muted">{d.none}</p>
            ) : (
              <DomainTable t={t} d={d} view={view} domains={data} />
            )}
            <Pages view={view} page={query.page} totalPages={Math.ceil(totalItems / PER_PAGE)} />
          </section>
          <section class="card">
            <h2>{d.add}</h2>
            <p class="muted">{d.giveAbout}</p>
            <Form view={view} action={HERE} class="stack">
              <Field label={d.workspaceId} name="workspaceId" type="number" required min={1} />
              <Field label={d.domain} name="domain" placeholder="example.com" required maxlength={253} />
              <RoleSelect view={view} value="operator" without="owner" label={d.role} id="f-domain-role" />
              <div>
                <Submit>{d.add}</Submit>
              </div>
            </Form>
          </section>
        </>
      );
      return { title: d.domains, section: 'admin', body };
    },
  }),
  page({
    method: 'post',
    path: HERE,
    auth: 'admin',
    form: ServiceDomainFields,
    example: { form: { workspaceId: '2147483647', domain: 'example.com', role: 'operator' } },
    async handler({ ctx, view, form }) {
      const { domain } = await setServiceDomain(ctx, form);
      return { redirect: HERE, done: DOMAIN_TEXTS(view.lang).given(domain) };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/remove`,
    auth: 'admin',
    params: DomainParams,
    form: z.object({}),
    example: { params: { id: '0'.repeat(32) } },
    async handler({ ctx, view, params }) {
      await removeServiceDomain(ctx, params);
      return { redirect: HERE, done: DOMAIN_TEXTS(view.lang).removed };
    },
  }),
];

interface DomainTableProps {
  t: AdminTexts;
  d: DomainTexts;
  view: View;
  domains: readonly DomainInfo[];
}

function DomainTable({ t, d, view, domains }: DomainTableProps) {
  return (
    <Table label={d.domains} head={[d.domain, d.workspaceId, d.role, t.status, '']}>
      {domains.map(({ id, domain, workspaceId, role, provenBy }) => (
        <tr>
          <td class="wrap">{domain}</td>
          <td>
            <a href={`${WORKSPACES}/${workspaceId}`}>{workspaceId}</a>
          </td>
          <td>{workspaceRoleNames(view.lang)[role]}</td>
          <td>
            <DomainState t={d} provenBy={provenBy} />
          </td>
          <td>
            <ActionButton
              view={view}
              action={`${HERE}/${id}/remove`}
              confirm={d.removeConfirm(domain)}
              tone="danger"
              small
            >
              {d.remove}
            </ActionButton>
          </td>
        </tr>
      ))}
    </Table>
  );
}
