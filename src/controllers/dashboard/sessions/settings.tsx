/** What the owner of a session calls it, the proxy by which it goes out, and as what the phone lists it. */

import { z } from 'zod';
import { DEVICE_PLATFORMS } from '../../../db/schema.ts';
import {
  BrowserInput,
  ChangeSessionInput,
  CreateSessionInput,
  changeSession,
  getSessionStatus,
  ProxyTestInput,
  type ProxyTestOutput,
  ProxyUrl,
  SessionId,
  type SessionStatusOutput,
  testProxy,
} from '../../../services/sessions/index.ts';
import { MAX_PROXY_URL } from '../../../utils/proxy/address.ts';
import { PROXY_TEST_LIMIT } from '../../session.ts';
import { texts } from '../i18n.ts';
import { Crumb, Submit } from '../kit.tsx';
import * as english from '../locales/en/sessions-settings.ts';
import * as indonesian from '../locales/id/sessions-settings.ts';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Check, Facts, Field, Form, Select, TextArea, Ticked } from '../parts.tsx';
import { sentenceInIndonesian } from '../reasons.ts';
import { count, sessionPath } from './parts.tsx';

const T = texts({ en: english.sessionSettings, id: indonesian.sessionSettings });

const params = z.object({ sessionId: SessionId });
const example = { params: { sessionId: 'main' } };
const PROXY_EXAMPLE = 'socks5://user:password@proxy.example.com:1080';
const BROWSERS = { chrome: 'Chrome', firefox: 'Firefox', edge: 'Edge', safari: 'Safari', opera: 'Opera' };

const settingsPath = (sessionId: string) => sessionPath(sessionId, '/settings');

/** A device without a name of its own is the service's. */
const DeviceForm = BrowserInput.extend({ name: BrowserInput.shape.name.optional() });

/** A box that is not ticked is not sent. */
const HabitsForm = z.object({
  autoRead: Ticked,
  rejectCalls: Ticked,
  receiveStatus: Ticked,
  receiveChannels: Ticked,
  callText: ChangeSessionInput.shape.callText,
});

/** A new session, with the fields of `ConnectionFields`. */
export const NewSessionForm = CreateSessionInput.omit({ browser: true }).extend(DeviceForm.shape);

/** The device of such a form; null: the service's. */
export const deviceOf = ({ name, platform }: z.output<typeof DeviceForm>) =>
  name === undefined ? null : { name, platform };

type Platform = (typeof DEVICE_PLATFORMS)[number];

function platformName({ lang }: Pick<View, 'lang'>, platform: Platform): string {
  return platform === 'desktop' ? T(lang).desktop : BROWSERS[platform];
}

function ProxyWords({ view, proxy }: { view: View; proxy: SessionStatusOutput['proxy'] }) {
  const t = T(view.lang);
  if (proxy === null) return <>{t.none}</>;
  if (proxy.url === null) return <>{t.proxyUnreadable}</>;
  return (
    <>
      <span class="mono wrap">{proxy.url}</span>
      <div class="small muted">{proxy.hasCredentials ? t.withLogin : t.withoutLogin}</div>
    </>
  );
}

/** The settings in short, with the way to change them. */
export function SettingsCard({ view, session }: { view: View; session: SessionStatusOutput }) {
  const t = T(view.lang);
  const { label, proxy, browser, autoRead, rejectCalls, receiveStatus, receiveChannels } = session;
  const device =
    browser === null ? t.deviceDefault : t.deviceValue(browser.name, platformName(view, browser.platform));
  const habits = [
    ...(autoRead ? [t.readsAll] : []),
    ...(rejectCalls ? [t.rejectsCalls] : []),
    ...(receiveStatus ? [t.receivesStatus] : []),
    ...(receiveChannels ? [t.receivesChannels] : []),
  ];
  return (
    <div class="card">
      <h2>{t.title}</h2>
      <Facts
        facts={[
          [t.label, <span class="wrap">{label ?? t.none}</span>],
          [t.proxy, <ProxyWords view={view} proxy={proxy} />],
          [t.device, <span class="wrap">{device}</span>],
          [t.habits, habits.length === 0 ? t.none : habits.join(', ')],
        ]}
      />
      {view.canWrite && (
        <div class="row actions">
          <a class="button" href={settingsPath(session.sessionId)}>
            {t.change}
          </a>
        </div>
      )}
    </div>
  );
}

/** Where a proxy is what keeps the session from connecting: the way to its settings. */
export function ProxyHelp({ view, session }: { view: View; session: SessionStatusOutput }) {
  if (!view.canWrite || session.reason?.startsWith('proxy_') !== true) return null;
  return (
    <p>
      <a class="button small" href={settingsPath(session.sessionId)}>
        {T(view.lang).change}
      </a>
    </p>
  );
}

interface PartProps {
  view: View;
  session: SessionStatusOutput;
}

function LabelPart({ view, session }: PartProps) {
  const t = T(view.lang);
  return (
    <section class="card">
      <h2>{t.label}</h2>
      <Form view={view} action={sessionPath(session.sessionId, '/label')} class="stack">
        <Field
          label={t.label}
          name="label"
          value={session.label ?? undefined}
          maxlength={120}
          hint={t.labelHint}
          autocomplete="off"
        />
        <div class="row">
          <Submit>{t.save}</Submit>
        </div>
      </Form>
    </section>
  );
}

interface DeviceProps {
  view: View;
  browser: SessionStatusOutput['browser'];
}

function DeviceFields({ view, browser }: DeviceProps) {
  const t = T(view.lang);
  const options = DEVICE_PLATFORMS.map((platform) => [platform, platformName(view, platform)] as const);
  return (
    <>
      <Field
        label={t.deviceName}
        name="name"
        value={browser?.name}
        maxlength={50}
        hint={t.deviceNameHint}
        autocomplete="off"
      />
      <Select
        label={t.devicePlatform}
        name="platform"
        value={browser?.platform ?? 'chrome'}
        options={options}
      />
    </>
  );
}

/** The address of a proxy as it is typed; `hint` comes before how it is written. */
export function ProxyField({ view, label, hint }: { view: View; label: string; hint?: string }) {
  return (
    <Field
      label={label}
      name="proxy"
      maxlength={MAX_PROXY_URL}
      placeholder={PROXY_EXAMPLE}
      hint={[hint, T(view.lang).proxyHint].filter(Boolean).join(' ')}
      autocomplete="off"
    />
  );
}

function HabitsPart({ view, session }: PartProps) {
  const t = T(view.lang);
  const { sessionId, rejectCalls, callText, autoRead, receiveStatus, receiveChannels } = session;
  return (
    <section class="card">
      <h2>{t.habits}</h2>
      <Form view={view} action={sessionPath(sessionId, '/habits')} class="stack">
        <Check label={t.autoRead} name="autoRead" checked={autoRead} />
        <p class="muted small">{t.autoReadHint}</p>
        <Check label={t.rejectCalls} name="rejectCalls" checked={rejectCalls} />
        <TextArea label={t.callText} name="callText" rows={2} value={callText ?? ''} hint={t.callTextHint} />
        <Check label={t.receiveStatus} name="receiveStatus" checked={receiveStatus} />
        <Check label={t.receiveChannels} name="receiveChannels" checked={receiveChannels} />
        <p class="muted small">{t.receiveHint}</p>
        <div class="row">
          <Submit>{t.save}</Submit>
        </div>
      </Form>
    </section>
  );
}

/** Of a session that is made: what holds from its first connection on. */
export function ConnectionFields({ view }: { view: View }) {
  const t = T(view.lang);
  return (
    <details>
      <summary>{t.connection}</summary>
      <div class="stack">
        <ProxyField view={view} label={t.proxy} hint={t.proxyFirst} />
        <fieldset class="stack">
          <legend>{t.device}</legend>
          <DeviceFields view={view} browser={null} />
        </fieldset>
      </div>
    </details>
  );
}

function DevicePart({ view, session: { sessionId, browser } }: PartProps) {
  const t = T(view.lang);
  return (
    <section class="card">
      <h2>{t.device}</h2>
      <p class="muted">{t.deviceAbout}</p>
      <Form view={view} action={sessionPath(sessionId, '/device')} class="stack">
        <DeviceFields view={view} browser={browser} />
        <div class="row">
          <Submit>{t.save}</Submit>
        </div>
      </Form>
    </section>
  );
}

function ProxyPart({ view, session, tested }: PartProps & { tested: ProxyTestOutput | undefined }) {
  const t = T(view.lang);
  const { sessionId, proxy } = session;
  return (
    <section class="card">
      <h2>{t.proxy}</h2>
      <p class="muted">{t.proxyAbout}</p>
      {proxy === null ? (
        <p>{t.proxyNone}</p>
      ) : (
        <div class="row between">
          <div>
            <ProxyWords view={view} proxy={proxy} />
          </div>
          <ActionButton
            view={view}
            action={sessionPath(sessionId, '/proxy/remove')}
            tone="danger"
            small
            confirm={t.proxyRemoveConfirm(sessionId)}
          >
            {t.proxyRemove}
          </ActionButton>
        </div>
      )}
      <ProxyForm view={view} session={session} />
      <div id="proxy-answer" aria-live="polite">
        {tested && <TestAnswer view={view} tested={tested} />}
      </div>
    </section>
  );
}

/** Its second button sends the same field to be tried only. */
function ProxyForm({ view, session: { sessionId, proxy } }: PartProps) {
  const t = T(view.lang);
  const test = sessionPath(sessionId, '/proxy/test');
  return (
    <Form view={view} action={sessionPath(sessionId, '/proxy')} class="stack">
      <ProxyField view={view} label={proxy === null ? t.proxySet : t.proxyReplace} />
      <p class="muted small">{t.proxyTestHint}</p>
      <div class="row">
        <Submit>{t.proxySave}</Submit>
        <button
          type="submit"
          formaction={test}
          hx-post={test}
          hx-target="#proxy-answer"
          hx-swap="innerHTML"
          hx-disabled-elt="this"
          hx-indicator="#proxy-busy"
        >
          {t.proxyTest}
        </button>
        <span id="proxy-busy">
          <span class="busy muted">{t.proxyTesting}</span>
        </span>
      </div>
    </Form>
  );
}

function TestAnswer({ view, tested }: { view: View; tested: ProxyTestOutput }) {
  const t = T(view.lang);
  const { reason, message, proxy, latencyMs } = tested;
  const facts = <p class="small mono wrap">{t.testFacts(proxy, count(view, latencyMs))}</p>;
  if (reason === null) {
    return (
      <div class="alert alert-good">
        <p>
          <b>{t.testOk}</b>
        </p>
        {facts}
      </div>
    );
  }
  const detail = view.lang === 'id' ? sentenceInIndonesian(message) : message;
  return (
    <div class="alert alert-bad">
      <p>
        <b>{t.testFailed}</b> {t[reason]} {t[`${reason}Todo`]}
      </p>
      {detail !== null && detail !== t[reason] && <p class="small">{detail}</p>}
      {facts}
    </div>
  );
}

/** The page with all of them; `tested`: what came of trying a proxy. */
function settingsPage({ view, session, tested }: PartProps & { tested?: ProxyTestOutput }) {
  const t = T(view.lang);
  const { sessionId } = session;
  const body = (
    <>
      <Crumb to={sessionPath(sessionId)}>{sessionId}</Crumb>
      <h1>{t.title}</h1>
      <div class="split">
        <ProxyPart view={view} session={session} tested={tested} />
        <div>
          <LabelPart view={view} session={session} />
          <DevicePart view={view} session={session} />
          <HabitsPart view={view} session={session} />
        </div>
      </div>
    </>
  );
  return { title: `${t.title} · ${sessionId}`, section: 'sessions' as const, body };
}

export const settingsPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/sessions/:sessionId/settings',
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      const session = await getSessionStatus(ctx, { sessionId });
      return view.canWrite ? settingsPage({ view, session }) : { redirect: sessionPath(sessionId) };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/label',
    auth: 'user',
    params,
    form: ChangeSessionInput.pick({ label: true }),
    example: { ...example, form: { label: 'Toko' } },
    async handler({ ctx, view, params: { sessionId }, form }) {
      await changeSession(ctx, { sessionId }, { label: form.label ?? null });
      return { redirect: settingsPath(sessionId), done: T(view.lang).labelSaved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/device',
    auth: 'user',
    params,
    form: DeviceForm,
    example: { ...example, form: { name: 'Toko', platform: 'chrome' } },
    async handler({ ctx, view, params: { sessionId }, form }) {
      await changeSession(ctx, { sessionId }, { browser: deviceOf(form) });
      return { redirect: settingsPath(sessionId), done: T(view.lang).deviceSaved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/habits',
    auth: 'user',
    params,
    form: HabitsForm,
    example: {
      ...example,
      form: { autoRead: 'true', rejectCalls: 'true', callText: 'Silakan tulis pesan.' },
    },
    async handler({ ctx, view, params: { sessionId }, form }) {
      const { callText = null, ...ticked } = form;
      await changeSession(ctx, { sessionId }, { ...ticked, callText });
      return { redirect: settingsPath(sessionId), done: T(view.lang).habitsSaved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/proxy',
    auth: 'user',
    params,
    form: z.object({ proxy: ProxyUrl }),
    example: { ...example, form: { proxy: PROXY_EXAMPLE } },
    async handler({ ctx, view, params: { sessionId }, form }) {
      await changeSession(ctx, { sessionId }, form);
      return { redirect: settingsPath(sessionId), done: T(view.lang).proxySaved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/proxy/remove',
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { sessionId } }) {
      await changeSession(ctx, { sessionId }, { proxy: null });
      return { redirect: settingsPath(sessionId), done: T(view.lang).proxyRemoved };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/proxy/test',
    auth: 'user',
    params,
    limit: PROXY_TEST_LIMIT,
    form: ProxyTestInput,
    example: { ...example, form: { proxy: PROXY_EXAMPLE } },
    async handler({ ctx, view, params: { sessionId }, form, http }) {
      const tested = await testProxy(ctx, { sessionId }, form);
      if (http.req.header('hx-request') !== undefined) {
        return { fragment: <TestAnswer view={view} tested={tested} /> };
      }
      return settingsPage({ view, session: await getSessionStatus(ctx, { sessionId }), tested });
    },
  }),
];
