/** `/auth/oidc`, `/auth/identities`: signing in with accounts of other services; `…/domains`: who joins by them. */
import { z } from 'zod';
import { listIdentities, unlinkIdentity } from '../services/oidc/identities.ts';
import {
  addDomain,
  listDomains,
  listServiceDomains,
  removeDomain,
  removeServiceDomain,
  setServiceDomain,
  updateDomain,
  verifyDomain,
} from '../services/workspaces/domains.ts';
import {
  DomainFields,
  DomainParams,
  DomainRoleFields,
  ServiceDomainFields,
} from '../services/workspaces/schemas.ts';
import { type Route, route } from './route.ts';
import { Message, Pagination, pageQuery, paginationOf, Timestamp, WorkspaceRole } from './schemas.ts';

const NOBODYS = { id: '019316f5a1b27c3d8e4f5a6b7c8d9e0f' };

const Provider = z
  .object({
    id: z.string(),
    label: z.string(),
    url: z.string().describe('opened in a browser, it signs in to the dashboard'),
  })
  .meta({ id: 'SignInProvider' });

const Identity = z
  .object({
    id: z.string(),
    provider: z.string(),
    email: z.string().describe('as the provider said it last'),
    createdAt: Timestamp,
    lastUsedAt: Timestamp,
  })
  .meta({ id: 'Identity' });

const Domain = z
  .object({
    id: z.string(),
    workspaceId: z.int(),
    domain: z.string(),
    role: WorkspaceRole.describe('what people of the domain become'),
    provenBy: z.enum(['dns', 'admin']).nullable().describe('null: nobody joins by it yet'),
    record: z.object({ name: z.string(), value: z.string() }).describe('the TXT record that proves it'),
    createdAt: Timestamp,
    checkedAt: Timestamp.nullable(),
  })
  .meta({ id: 'WorkspaceDomain' });

const signInRoutes: Route[] = [
  route({
    method: 'get',
    path: '/auth/oidc',
    tag: 'Auth',
    summary: 'Where people can sign in with an account of another service',
    description: 'The OpenID providers that the service has set up. A person opens `url` in a browser.',
    auth: 'public',
    response: z.object({ data: z.array(Provider) }),
    handler: ({ ctx }) => {
      const url = (id: string) => `${ctx.config.publicUrl}/dashboard/sign-in/oidc/${id}`;
      return { data: ctx.oidc.list.map(({ id, label }) => ({ id, label, url: url(id) })) };
    },
  }),
  route({
    method: 'get',
    path: '/auth/identities',
    tag: 'Auth',
    summary: 'List the own identities at OpenID providers',
    description: 'They are linked on the account page of the dashboard.',
    auth: 'jwt',
    response: z.object({ data: z.array(Identity) }),
    handler: async ({ ctx }) => ({ data: await listIdentities(ctx) }),
  }),
  route({
    method: 'delete',
    path: '/auth/identities/:id',
    tag: 'Auth',
    summary: 'Unlink an own identity',
    description: 'The last one of an account without a password stays.',
    auth: 'jwt',
    params: DomainParams,
    response: Message,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: NOBODYS },
    handler: async ({ ctx, params }) => {
      await unlinkIdentity(ctx, params);
      return { message: 'The identity was unlinked.' };
    },
  }),
];

const ofWorkspace = { tag: 'Workspace', auth: 'jwt', permission: 'members' } as const;

const domainRoutes: Route[] = [
  route({
    ...ofWorkspace,
    method: 'get',
    path: '/workspace/domains',
    summary: 'List the domains of the workspace',
    description:
      'Whoever signs in with an e-mail address of a verified domain joins this workspace. Each entry says which record proves it.',
    response: z.object({ data: z.array(Domain) }),
    handler: async ({ ctx }) => ({ data: await listDomains(ctx) }),
  }),
  route({
    ...ofWorkspace,
    method: 'post',
    path: '/workspace/domains',
    summary: 'Add a domain',
    description:
      'Whoever signs in with an OpenID provider that confirms an address of the domain becomes a member with `role`, once the domain is proven: set the TXT record `record`, then `POST /workspace/domains/:id/verify`.',
    writes: true,
    idempotent: true,
    body: DomainFields,
    status: 201,
    response: z.object({ data: Domain }),
    errors: ['CONFLICT'],
    example: { body: { domain: 'example.com', role: 'operator' } },
    handler: async ({ ctx, body }) => ({ data: await addDomain(ctx, body) }),
  }),
  route({
    ...ofWorkspace,
    method: 'put',
    path: '/workspace/domains/:id',
    summary: 'Change what people of a domain become',
    description: 'Members stay what they are.',
    writes: true,
    params: DomainParams,
    body: DomainRoleFields,
    response: z.object({ data: Domain }),
    errors: ['NOT_FOUND'],
    example: { params: NOBODYS, body: { role: 'viewer' } },
    handler: async ({ ctx, params, body }) => ({ data: await updateDomain(ctx, { ...params, ...body }) }),
  }),
  route({
    ...ofWorkspace,
    method: 'post',
    path: '/workspace/domains/:id/verify',
    summary: 'Look the TXT record of a domain up',
    description: 'At most 60 times an hour. Another workspace that has proven the domain keeps it.',
    writes: true,
    params: DomainParams,
    response: z.object({ data: Domain }),
    errors: ['NOT_FOUND', 'CONFLICT', 'UNAVAILABLE'],
    example: { params: NOBODYS },
    handler: async ({ ctx, params }) => ({ data: await verifyDomain(ctx, params) }),
  }),
  route({
    ...ofWorkspace,
    method: 'delete',
    path: '/workspace/domains/:id',
    summary: 'Take a domain away',
    description: 'Members stay.',
    writes: true,
    params: DomainParams,
    response: Message,
    errors: ['NOT_FOUND'],
    example: { params: NOBODYS },
    handler: async ({ ctx, params }) => {
      await removeDomain(ctx, params);
      return { message: 'The domain was removed.' };
    },
  }),
];

const ofService = { tag: 'Users', auth: 'jwt', role: 'admin' } as const;

const serviceRoutes: Route[] = [
  route({
    ...ofService,
    method: 'get',
    path: '/user/domains',
    summary: 'List the domains of all workspaces',
    description: 'Of every workspace, verified or not, with the role that new members get.',
    query: z.object(pageQuery),
    response: z.object({ data: z.array(Domain), pagination: Pagination }),
    handler: async ({ ctx, query }) => {
      const { data, totalItems } = await listServiceDomains(ctx, query);
      return { data, pagination: paginationOf(query, totalItems) };
    },
  }),
  route({
    ...ofService,
    method: 'post',
    path: '/user/domains',
    summary: 'Give a workspace a domain without a record',
    description: 'For operators who know to whom a domain belongs: it counts as verified at once.',
    writes: true,
    idempotent: true,
    body: ServiceDomainFields,
    status: 201,
    response: z.object({ data: Domain }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { body: { workspaceId: 2_147_483_647, domain: 'example.com', role: 'operator' } },
    handler: async ({ ctx, body }) => ({ data: await setServiceDomain(ctx, body) }),
  }),
  route({
    ...ofService,
    method: 'delete',
    path: '/user/domains/:id',
    summary: 'Take a domain away from its workspace',
    description: 'Nobody joins by it any more. Who has joined stays.',
    writes: true,
    params: DomainParams,
    response: Message,
    errors: ['NOT_FOUND'],
    example: { params: NOBODYS },
    handler: async ({ ctx, params }) => {
      await removeServiceDomain(ctx, params);
      return { message: 'The domain was removed.' };
    },
  }),
];

export const oidcRoutes: Route[] = [...signInRoutes, ...domainRoutes, ...serviceRoutes];
