/** Alerts: what needs a person now, and who is told of it. */
import { z } from 'zod';
import { ALARM_KINDS, ALERT_CHANNEL_TYPES } from '../../../db/schema.ts';
import { alarmsOfReader } from '../../../services/alarms/reader.ts';
import {
  createChannel,
  deleteChannel,
  listChannels,
  rotateChannelSecret,
  testChannel,
  updateChannel,
} from '../../../services/alerts/channels.ts';
import {
  type AlertChannel,
  ChannelChanges,
  ChannelFields,
  ChannelParams,
} from '../../../services/alerts/schemas.ts';
import { own } from '../../../utils/own.ts';
import { AlarmList } from '../alarm-strip.tsx';
import { SecretOnce } from '../developers/tabs.tsx';
import { type Lang, texts } from '../i18n.ts';
import { Submit } from '../kit.tsx';
import * as english from '../locales/en/alerts.ts';
import * as indonesian from '../locales/id/alerts.ts';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Check, Empty, Field, Form, Select, Time, When } from '../parts.tsx';
import { sentenceInIndonesian } from '../reasons.ts';

const T = texts({ en: english.alerts, id: indonesian.alerts });
type Texts = ReturnType<typeof T>;

const KINDS: Record<Lang, Record<string, string>> = { en: english.kinds, id: indonesian.kinds };
const HERE = '/dashboard/alerts';
const LANGUAGES = [
  ['en', 'English'],
  ['id', 'Bahasa Indonesia'],
] as const;

const example = { params: { id: '0'.repeat(32) } };
/** None ticked is everything. */
const Kinds = z
  .union([
    z.enum(ALARM_KINDS).transform((kind) => [kind]),
    z.array(z.enum(ALARM_KINDS)).max(ALARM_KINDS.length),
  ])
  .optional()
  .transform((kinds): (typeof ALARM_KINDS)[number][] | ['*'] =>
    kinds === undefined || kinds.length === 0 ? ['*'] : kinds,
  );

export const alertPages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'user',
    needs: 'settings',
    async handler({ ctx, view }) {
      const t = T(view.lang);
      const channels = await listChannels(ctx);
      const alarms = await alarmsOfReader(ctx);
      const body = (
        <>
          <h1>{t.title}</h1>
          <p class="muted">{t.about}</p>
          <section class="card">
            <h2>{t.now}</h2>
            {alarms.length === 0 ? <p>{t.none}</p> : <AlarmList view={view} alarms={alarms} />}
          </section>
          <section class="card">
            <h2>{t.channels}</h2>
            <p class="muted small">{t.limit}</p>
            {channels.length === 0 && (
              <Empty view={view} title={t.empty} next={<a href="#add-channel">{t.add}</a>}>
                <p>{t.emptyAbout}</p>
              </Empty>
            )}
            {channels.map((channel) => (
              <Channel t={t} view={view} channel={channel} />
            ))}
          </section>
          <NewChannel t={t} view={view} />
        </>
      );
      return { title: t.title, section: null, body };
    },
  }),
  page({
    method: 'post',
    path: HERE,
    auth: 'user',
    needs: 'settings',
    form: ChannelFields.extend({ kinds: Kinds }),
    example: { form: { name: 'On call', type: 'webhook', target: 'https://hooks.example.com/alarms' } },
    async handler({ ctx, view, form }) {
      const t = T(view.lang);
      const { secret, name } = await createChannel(ctx, form);
      if (secret === null) return { redirect: HERE, done: t.created };
      // In no cookie, and not for a moment only.
      return { fragment: <SecretOnce view={view} label={name} secret={secret} back={HERE} /> };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id`,
    auth: 'user',
    needs: 'settings',
    params: ChannelParams,
    form: ChannelChanges.omit({ status: true }).extend({ kinds: Kinds }),
    example: { ...example, form: { name: 'On call' } },
    async handler({ ctx, view, params, form }) {
      await updateChannel(ctx, { ...params, ...form });
      return { redirect: HERE, done: T(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/status`,
    auth: 'user',
    needs: 'settings',
    params: ChannelParams,
    form: z.object({ status: z.enum(['active', 'disabled']) }),
    example: { ...example, form: { status: 'disabled' } },
    async handler({ ctx, view, params, form }) {
      await updateChannel(ctx, { ...params, ...form });
      return { redirect: HERE, done: T(view.lang).saved };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/rotate`,
    auth: 'user',
    needs: 'settings',
    params: ChannelParams,
    example,
    async handler({ ctx, view, params }) {
      const { secret, name } = await rotateChannelSecret(ctx, params);
      return { fragment: <SecretOnce view={view} label={name} secret={secret ?? ''} back={HERE} /> };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/test`,
    auth: 'user',
    needs: 'settings',
    params: ChannelParams,
    example,
    async handler({ ctx, view, params }) {
      const t = T(view.lang);
      const { error } = await testChannel(ctx, params);
      const fragment = (
        <p role="status" class={error === null ? 'alert alert-good' : 'alert alert-bad'}>
          {error === null ? t.testSent : t.testFailed(failureIn(view.lang, error))}
        </p>
      );
      return { fragment };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/:id/delete`,
    auth: 'user',
    needs: 'settings',
    params: ChannelParams,
    example,
    async handler({ ctx, view, params }) {
      await deleteChannel(ctx, params);
      return { redirect: HERE, done: T(view.lang).deleted };
    },
  }),
];

function failureIn(lang: Lang, failure: string): string {
  if (lang === 'en') return failure;
  return own(indonesian.failures, failure) ?? sentenceInIndonesian(failure) ?? indonesian.alerts.failing;
}

function Channel({ t, view, channel }: { t: Texts; view: View; channel: AlertChannel }) {
  const { id, name, type, target, status, failure } = channel;
  const at = `${HERE}/${id}`;
  const next = status === 'active' ? 'disabled' : 'active';
  return (
    <article class="stack">
      <h3>
        {name}{' '}
        {status === 'disabled' ? (
          <Badge tone="plain">{t.off}</Badge>
        ) : (
          <Badge tone={failure === null ? 'good' : 'bad'}>{failure === null ? t.on : t.failing}</Badge>
        )}
      </h3>
      <p class="wrap">{`${t[type]}: ${target}`}</p>
      <p class="muted small">{toldOf(t, view, channel)}</p>
      {failure !== null && <p class="alert alert-bad">{failureIn(view.lang, failure)}</p>}
      <p class="small">
        {t.lastSent}: <Time at={channel.lastSentAt} />
      </p>
      <div class="row">
        <ActionButton view={view} action={`${at}/test`} target={`#test-${id}`} small>
          {t.test}
        </ActionButton>
        <ActionButton view={view} action={`${at}/status`} fields={{ status: next }} small>
          {status === 'active' ? t.turnOff : t.turnOn}
        </ActionButton>
        {type === 'webhook' && (
          <ActionButton
            view={view}
            action={`${at}/rotate`}
            confirm={t.rotateSure(name)}
            target={`#test-${id}`}
            small
          >
            {t.rotate}
          </ActionButton>
        )}
        <ActionButton view={view} action={`${at}/delete`} confirm={t.deleteSure(name)} tone="danger" small>
          {t.delete}
        </ActionButton>
      </div>
      <div id={`test-${id}`} />
      <details>
        <summary>{t.change}</summary>
        <Form view={view} action={at} class="stack">
          <Field label={t.name} name="name" value={name} required maxlength={120} id={`f-name-${id}`} />
          <Field label={t.target} name="target" value={target} required id={`f-target-${id}`} />
          {type === 'telegram' && (
            <Field label={t.token} name="token" hint={t.tokenKept} autocomplete="off" id={`f-token-${id}`} />
          )}
          <Select
            label={t.language}
            name="language"
            value={channel.language}
            options={LANGUAGES}
            id={`f-language-${id}`}
          />
          <KindBoxes t={t} view={view} chosen={channel.kinds} />
          <div>
            <Submit>{t.save}</Submit>
          </div>
        </Form>
      </details>
    </article>
  );
}

const toldOf = (t: Texts, view: View, { kinds }: AlertChannel): string =>
  kinds.includes('*') ? t.everything : kinds.map((kind) => own(KINDS[view.lang], kind) ?? kind).join(' · ');

function NewChannel({ t, view }: { t: Texts; view: View }) {
  return (
    <section class="card">
      <h2 id="add-channel">{t.add}</h2>
      <Form view={view} action={HERE} class="stack" target="this">
        <Field label={t.name} name="name" required maxlength={120} />
        <Select
          label={t.type}
          name="type"
          value="email"
          options={ALERT_CHANNEL_TYPES.map((type) => [type, t[type]] as const)}
        />
        <Field label={t.target} name="target" hint={t.targetHint} required autocomplete="off" />
        <When name="type" is="telegram">
          <Field label={t.token} name="token" hint={t.tokenHint} autocomplete="off" />
        </When>
        <Select label={t.language} name="language" value={view.lang} options={LANGUAGES} />
        <KindBoxes t={t} view={view} chosen={[]} />
        <div>
          <Submit>{t.create}</Submit>
        </div>
      </Form>
    </section>
  );
}

/** None ticked is everything. */
function KindBoxes({ t, view, chosen }: { t: Texts; view: View; chosen: readonly string[] }) {
  return (
    <fieldset class="field">
      <legend>{t.kinds}</legend>
      {ALARM_KINDS.map((kind) => (
        <Check
          name="kinds"
          value={kind}
          checked={chosen.includes(kind)}
          label={own(KINDS[view.lang], kind) ?? kind}
        />
      ))}
      <span class="hint">{t.kindsHint}</span>
    </fieldset>
  );
}
