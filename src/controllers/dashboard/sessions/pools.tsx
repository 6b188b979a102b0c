/** Sender pools: sessions that send together. */

import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import {
  createPool,
  deletePool,
  getPool,
  listPools,
  PoolInput,
  type PoolOutput,
  updatePool,
} from '../../../services/pools.ts';
import { listSessions } from '../../../services/sessions/index.ts';
import { Crumb, NewSessionLink, Submit } from '../kit.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Check, Empty, Field, Form, Table, Time } from '../parts.tsx';
import { StateBadge, sessionChoices, sessionPath } from './parts.tsx';
import { isStatus } from './reasons.ts';
import { MAX_CHOICES, POOL_TEXTS, poolChoice } from './sender.tsx';
import { SESSION_TEXTS } from './texts.ts';

const POOLS = '/dashboard/pools';
const params = z.object({ poolId: z.string().min(1).max(120) });
const example = { params: { poolId: '01997c2f5b7a7d3e8a4b6c1d2e3f4a5b' } };
const form = { name: 'shops', sessions: 'main' };
const poolPath = (id: string, rest = '') => `${POOLS}/${encodeURIComponent(id)}${rest}`;

export const poolPages: Page[] = [
  page({
    method: 'get',
    path: POOLS,
    auth: 'user',
    async handler({ ctx, view }) {
      const t = POOL_TEXTS(view.lang);
      const pools = await listPools(ctx);
      const body = (
        <>
          <Crumb to="/dashboard/sessions">{SESSION_TEXTS(view.lang).backToAll}</Crumb>
          <div class="row between head">
            <h1>{t.title}</h1>
            {view.canWrite && pools.length > 0 && <NewPool view={view} />}
          </div>
          <p class="muted">{t.about}</p>
          <div class="card">
            {pools.length === 0 ? (
              <Empty view={view} title={t.emptyTitle} next={view.canWrite && <NewPool view={view} />}>
                <p>{view.canWrite ? t.emptyText : t.emptyReader}</p>
              </Empty>
            ) : (
              <List view={view} pools={pools} />
            )}
          </div>
        </>
      );
      return { title: t.title, section: 'sessions', body };
    },
  }),
  page({
    method: 'get',
    path: `${POOLS}/new`,
    auth: 'user',
    async handler({ ctx, view }) {
      const t = POOL_TEXTS(view.lang);
      if (!view.canWrite) return { redirect: POOLS };
      const choices = await readChoices(ctx, view);
      const body = (
        <>
          <Crumb to={POOLS}>{t.all}</Crumb>
          <h1>{t.create}</h1>
          {choices.length === 0 ? (
            <Empty view={view} title={t.noSession} next={<NewSessionLink>{t.addSession}</NewSessionLink>} />
          ) : (
            <Editor view={view} action={POOLS} choices={choices} />
          )}
        </>
      );
      return { title: t.create, section: 'sessions', body };
    },
  }),
  page({
    method: 'post',
    path: POOLS,
    auth: 'user',
    form: PoolInput,
    example: { form },
    async handler({ ctx, view, form }) {
      const { name } = await createPool(ctx, form, (made) => ({ status: 201, body: { ...made } }));
      return { redirect: POOLS, done: POOL_TEXTS(view.lang).created(name) };
    },
  }),
  page({
    method: 'get',
    path: `${POOLS}/:poolId`,
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { poolId } }) {
      const t = POOL_TEXTS(view.lang);
      if (!view.canWrite) return { redirect: POOLS };
      const pool = await getPool(ctx, poolId);
      const choices = await readChoices(ctx, view, pool);
      const body = (
        <>
          <Crumb to={POOLS}>{t.all}</Crumb>
          <h1 class="wrap">{pool.name}</h1>
          <Editor view={view} action={poolPath(pool.id)} choices={choices} pool={pool} />
          <RemovePart view={view} pool={pool} />
        </>
      );
      return { title: pool.name, section: 'sessions', body };
    },
  }),
  page({
    method: 'post',
    path: `${POOLS}/:poolId`,
    auth: 'user',
    params,
    form: PoolInput,
    example: { ...example, form },
    async handler({ ctx, view, params: { poolId }, form }) {
      const { name } = await updatePool(ctx, poolId, form);
      return { redirect: POOLS, done: POOL_TEXTS(view.lang).saved(name) };
    },
  }),
  page({
    method: 'post',
    path: `${POOLS}/:poolId/delete`,
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { poolId } }) {
      const { id, name, sessions } = await getPool(ctx, poolId);
      await deletePool(ctx, id);
      const left = sessions.filter(({ status }) => status !== null).map(({ sessionId }) => sessionId);
      const undo = { action: POOLS, fields: { name, sessions: left } };
      return {
        redirect: POOLS,
        done: POOL_TEXTS(view.lang).removed(name),
        ...(left.length === 0 ? {} : { undo }),
      };
    },
  }),
];

function NewPool({ view }: { view: View }) {
  return (
    <a class="button primary" href={`${POOLS}/new`}>
      {POOL_TEXTS(view.lang).create}
    </a>
  );
}

function List({ view, pools }: { view: View; pools: PoolOutput[] }) {
  const t = POOL_TEXTS(view.lang);
  const maySend = view.may('messages:write');
  const mayBroadcast = view.may('broadcast');
  const hasActions = maySend || mayBroadcast;
  const actions = <span class="visually-hidden">{SESSION_TEXTS(view.lang).actions}</span>;
  return (
    <Table stack label={t.list} head={[t.name, t.sessions, t.changed, ...(hasActions ? [actions] : [])]}>
      {pools.map((pool) => (
        <tr>
          <th scope="row" class="wrap">
            {view.canWrite ? <a href={poolPath(pool.id)}>{pool.name}</a> : pool.name}
          </th>
          <td>
            {pool.sessions.map((member) => (
              <Member view={view} member={member} />
            ))}
          </td>
          <td>
            <Time at={pool.updatedAt} relative />
          </td>
          {hasActions && (
            <td>
              {maySend && (
                <a
                  class="button small"
                  href={`/dashboard/messages/new?session=${encodeURIComponent(poolChoice(pool.id))}`}
                >
                  {t.compose}
                </a>
              )}{' '}
              {mayBroadcast && (
                <a
                  class="button small"
                  href={`/dashboard/broadcast/new?session=${encodeURIComponent(poolChoice(pool.id))}`}
                >
                  {t.campaign}
                </a>
              )}
            </td>
          )}
        </tr>
      ))}
    </Table>
  );
}

type PoolMember = PoolOutput['sessions'][number];

function Member({ view, member: { sessionId, status } }: { view: View; member: PoolMember }) {
  if (!isStatus(status)) {
    return (
      <div class="wrap">
        {sessionId} <Badge tone="plain">{POOL_TEXTS(view.lang).gone}</Badge>
      </div>
    );
  }
  return (
    <div class="wrap">
      <a href={sessionPath(sessionId)}>{sessionId}</a>{' '}
      <StateBadge view={view} session={{ status, reason: null }} />
    </div>
  );
}

type Choice = readonly [sessionId: string, text: string];

/** The sessions to choose from; those of the pool are among them, however many there are. */
async function readChoices(ctx: Ctx, view: View, pool?: PoolOutput): Promise<Choice[]> {
  const { data } = await listSessions(ctx, { page: 1, limit: MAX_CHOICES });
  const { options } = sessionChoices(view, data);
  const listed = new Set(data.map(({ sessionId }) => sessionId));
  const further = (pool?.sessions ?? []).filter(
    ({ sessionId, status }) => status !== null && !listed.has(sessionId),
  );
  return [...further.map(({ sessionId }) => [sessionId, sessionId] as const), ...options];
}

interface EditorProps {
  view: View;
  action: string;
  choices: readonly Choice[];
  pool?: PoolOutput;
}

function Editor({ view, action, choices, pool }: EditorProps) {
  const t = POOL_TEXTS(view.lang);
  const members = new Set(pool?.sessions.map(({ sessionId }) => sessionId));
  const gone = (pool?.sessions ?? []).filter(({ status }) => status === null);
  return (
    <div class="card narrow">
      {gone.length > 0 && (
        <div class="alert alert-warn" role="note">
          <b>{t.goneTitle}</b>
          <p>{t.goneText(gone.map(({ sessionId }) => sessionId).join(', '))}</p>
        </div>
      )}
      <Form view={view} action={action} class="stack">
        <Field
          label={t.name}
          name="name"
          value={pool?.name}
          required
          maxlength={120}
          hint={t.nameHint}
          autocomplete="off"
        />
        <fieldset class="field wrap">
          <legend>{t.sessions}</legend>
          {choices.map(([sessionId, text]) => (
            <Check label={text} name="sessions" value={sessionId} checked={members.has(sessionId)} />
          ))}
          <span class="hint">{t.sessionsHint}</span>
        </fieldset>
        <div class="row">
          <Submit>{t.save}</Submit>
        </div>
      </Form>
    </div>
  );
}

function RemovePart({ view, pool }: { view: View; pool: PoolOutput }) {
  const t = POOL_TEXTS(view.lang);
  return (
    <div class="card narrow">
      <ActionButton
        view={view}
        action={poolPath(pool.id, '/delete')}
        tone="danger"
        confirm={t.removeConfirm(pool.name)}
      >
        {t.remove}
      </ActionButton>
      <p class="muted small">{t.removeHint}</p>
    </div>
  );
}
