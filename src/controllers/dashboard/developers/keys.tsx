/** API keys: the own one, and extra ones with scopes. */

import { z } from 'zod';
import {
  type ApiKeyInfo,
  createApiKey,
  listApiKeys,
  regenerateApiKey,
  revokeApiKey,
  showOwnKey,
} from '../../../services/api-keys.ts';
import type { Ctx } from '../../../services/context.ts';
import { grantableScopes, SCOPES, type WorkspaceRole } from '../../../services/roles.ts';
import { listSessions } from '../../../services/sessions/index.ts';
import { own } from '../../../utils/own.ts';
import { SessionId } from '../../schemas.ts';
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
  Select,
  Table,
  Time,
  When,
} from '../parts.tsx';
import { DeveloperTabs, Secret } from './tabs.tsx';
import { DEVELOPER_TEXTS, type DeveloperTexts, KEY_PRESETS, SCOPE_NAMES } from './texts.ts';

const MAX_GRACE_MINUTES = 30 * 24 * 60;
const HERE = '/dashboard/developers';
/** What a rotation proposes: time to deploy the new key. */
const PROPOSED_GRACE_MINUTES = 60;

/** Scopes that belong together, by what a program does. */
const PRESETS = {
  send: ['messages:write', 'media:write'],
  chat: ['messages:write', 'media:write', 'read'],
  otp: ['otp'],
  campaigns: ['broadcast', 'media:write', 'read'],
  read: ['read'],
  all: ['*'],
} as const satisfies Record<string, readonly (typeof SCOPES)[number][]>;
type Preset = keyof typeof PRESETS;
const PRESET_NAMES = ['send', 'chat', 'otp', 'campaigns', 'read', 'all'] as const satisfies readonly Preset[];
const CUSTOM = 'custom';

/** Those that a member of that role may give. */
function presetsOf(role: WorkspaceRole): Preset[] {
  const may = grantableScopes(role);
  return PRESET_NAMES.filter((name) => PRESETS[name].every((scope) => may.includes(scope)));
}

/** The names of the sessions that a form can offer. */
export async function sessionOptions(ctx: Ctx): Promise<string[]> {
  const { data } = await listSessions(ctx, { page: 1, limit: 200 });
  return data.map(({ sessionId }) => sessionId);
}

/** One box or several: the browser sends a text or a list of texts. */
const many = <T extends z.ZodType>(each: T) =>
  z.preprocess((value) => (value === undefined || Array.isArray(value) ? value : [value]), z.array(each));

export const keyPages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'user',
    async handler({ ctx, view }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const keys = await listApiKeys(ctx);
      const body = (
        <>
          <DeveloperTabs t={t} current={HERE} />
          <section class="card">
            <h2>{t.ownKey}</h2>
            <p class="muted">{t.ownKeyAbout}</p>
            <div id="own-key">
              <Form view={view} action={`${HERE}/own-key`} target="#own-key">
                <button type="submit">{t.show}</button>
              </Form>
            </div>
            {view.canWrite && <RenewForm t={t} view={view} />}
          </section>
          <section class="card">
            <h2>{t.extraKeys}</h2>
            <p class="muted">{t.extraKeysAbout}</p>
            <KeyTable t={t} view={view} keys={keys} />
          </section>
          {view.may('keys') && (
            <section class="card" id="new">
              <h2>{t.newKey}</h2>
              <NewKeyForm
                t={t}
                view={view}
                sessions={await sessionOptions(ctx)}
                isBound={ctx.actor.sessionIds !== null}
              />
            </section>
          )}
        </>
      );
      return { title: t.keys, section: 'developers', body };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/own-key`,
    auth: 'user',
    readOnlyMay: true,
    async handler({ ctx, view }) {
      return { fragment: <OwnKey t={DEVELOPER_TEXTS(view.lang)} value={await showOwnKey(ctx)} /> };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/own-key/renew`,
    auth: 'user',
    form: z.object({ graceMinutes: z.coerce.number().int().min(0).max(MAX_GRACE_MINUTES).default(0) }),
    async handler({ ctx, view, form }) {
      const { apiKey } = await regenerateApiKey(ctx, form);
      return { fragment: <OwnKey t={DEVELOPER_TEXTS(view.lang)} value={apiKey} /> };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/keys`,
    auth: 'user',
    needs: 'keys',
    form: z.object({
      name: z.string().trim().min(1).max(100),
      preset: z.enum([...PRESET_NAMES, CUSTOM]).default(CUSTOM),
      scopes: many(z.enum(SCOPES)).optional(),
      sessionId: SessionId.optional(),
      expiresAt: z.iso.date().optional(),
    }),
    example: { form: { name: 'shop', scopes: 'messages:write' } },
    async handler({ ctx, view, form }) {
      const t = DEVELOPER_TEXTS(view.lang);
      const { expiresAt, preset, ...rest } = form;
      const made = await createApiKey(ctx, {
        ...rest,
        scopes: preset === CUSTOM ? (form.scopes ?? []) : [...PRESETS[preset]],
        expiresAt: expiresAt === undefined ? undefined : Date.parse(expiresAt),
      });
      const fragment = (
        <>
          <p class="alert alert-good">{t.keyOnce}</p>
          <Secret t={t} label={made.name} value={made.apiKey} />
          <p>
            <a class="button" href={HERE}>
              {t.back}
            </a>
          </p>
        </>
      );
      return { fragment };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/keys/:id/revoke`,
    auth: 'user',
    needs: 'keys',
    params: z.object({ id: z.string().max(40) }),
    example: { params: { id: '0'.repeat(32) } },
    async handler({ ctx, view, params }) {
      await revokeApiKey(ctx, params);
      return { redirect: HERE, done: DEVELOPER_TEXTS(view.lang).revoked };
    },
  }),
];

function OwnKey({ t, value }: { t: DeveloperTexts; value: string | null }) {
  return value === null ? <p>{t.hidden}</p> : <Secret t={t} label={t.ownKey} value={value} />;
}

function RenewForm({ t, view }: { t: DeveloperTexts; view: View }) {
  return (
    <Form
      view={view}
      action={`${HERE}/own-key/renew`}
      class="stack"
      target="#own-key"
      confirm={t.renewConfirm}
    >
      <Field
        label={t.grace}
        name="graceMinutes"
        type="number"
        min={0}
        max={MAX_GRACE_MINUTES}
        value={PROPOSED_GRACE_MINUTES}
        hint={t.graceHint}
      />
      <div>
        <button type="submit">{t.renew}</button>
      </div>
    </Form>
  );
}

function KeyTable({ t, view, keys }: { t: DeveloperTexts; view: View; keys: readonly ApiKeyInfo[] }) {
  if (keys.length === 0) {
    return (
      <Empty
        view={view}
        title={t.noKeys}
        next={view.may('keys') && <NextLink to="#new">{t.newKey}</NextLink>}
      >
        <p>{t.noKeysAbout}</p>
      </Empty>
    );
  }
  return (
    <Table
      label={t.extraKeys}
      head={[t.name, t.key, t.scopes, t.session, t.madeBy, t.lastUsed, t.expires, '']}
    >
      {keys.map((key) => (
        <tr>
          <td>{key.name}</td>
          <td class="mono">{key.prefix}…</td>
          <td>
            <span class="row">
              {key.scopes.map((scope) => (
                <Badge tone="plain">{own(SCOPE_NAMES(view.lang), scope) ?? scope}</Badge>
              ))}
            </span>
          </td>
          <td>{key.sessionId ?? t.allSessions}</td>
          <td>
            {key.createdBy.name} {key.createdBy.removed && <Badge tone="warn">{t.makerRemoved}</Badge>}
          </td>
          <td>
            <Time at={key.lastUsedAt} relative />
          </td>
          <td>{key.expiresAt === null ? t.never : <Time at={key.expiresAt} />}</td>
          <td>
            {view.may('keys') && (
              <ActionButton
                view={view}
                action={`${HERE}/keys/${key.id}/revoke`}
                confirm={t.revokeConfirm(key.name)}
                tone="danger"
                small
              >
                {t.revoke}
              </ActionButton>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** `isBound`: the reader is a member of some sessions, and so is each key of theirs. */
function NewKeyForm({
  t,
  view,
  sessions,
  isBound,
}: {
  t: DeveloperTexts;
  view: View;
  sessions: readonly string[];
  isBound: boolean;
}) {
  const all = isBound ? [] : [['', t.allSessions] as const];
  return (
    <Form view={view} action={`${HERE}/keys`} class="stack" target="this">
      <Field label={t.name} name="name" required maxlength={100} hint={t.nameHint} />
      <AccessFields t={t} view={view} />
      <Select
        label={t.session}
        name="sessionId"
        options={[...all, ...sessions.map((id) => [id, id] as const)]}
      />
      <Field label={t.expires} name="expiresAt" type="date" hint={t.expiresHint} />
      <div>
        <Submit>{t.create}</Submit>
      </div>
    </Form>
  );
}

/** What the key may do: a choice of presets, or boxes for each scope. */
function AccessFields({ t, view }: { t: DeveloperTexts; view: View }) {
  const role = view.user?.workspace.role ?? 'viewer';
  const presets = presetsOf(role);
  const names = KEY_PRESETS(view.lang);
  return (
    <>
      <fieldset class="field">
        <legend>{t.scopes}</legend>
        {([...presets, CUSTOM] as const).map((name, i) => (
          <label class="check">
            <input type="radio" name="preset" value={name} checked={i === 0} />
            <span>
              <b>{names[name][0]}</b> <span class="muted small">{names[name][1]}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <When name="preset" is={CUSTOM}>
        <fieldset class="field">
          <legend>{t.customScopes}</legend>
          <div class="row">
            {grantableScopes(role).map((scope) => (
              <Check name="scopes" value={scope} label={SCOPE_NAMES(view.lang)[scope]} code={scope} />
            ))}
          </div>
        </fieldset>
      </When>
    </>
  );
}
