/** What needs a person, first on every page: a strip, the number in the title, a mark on the icon. */

import { type Alarm, alarmsOfReader } from '../../services/alarms/reader.ts';
import { alarmPath, alarmText } from '../../services/alarms/words.ts';
import { assetPath } from './assets.ts';
import { texts } from './i18n.ts';
import * as english from './locales/en/alarms.ts';
import * as indonesian from './locales/id/alarms.ts';
import { type Page, page, type View } from './page.ts';
import { ActionButton, Live } from './parts.tsx';
import { sessionPath } from './sessions/parts.tsx';
import { shownNumber } from './shown-number.ts';

const T = texts({ en: english.alarms, id: indonesian.alarms });

const STRIP = '/dashboard/alarms';
const EVENTS = 'session.status session.restricted session.unrestricted otp.conversion_low usage.warning';
/** More of them are folded. */
const SHOWN = 3;
/** Ends that leave credentials which connect again once the other place has stopped. */
const RESTARTABLE: ReadonlySet<string | null> = new Set(['replaced', 'replaced_after_import']);

/** The title of a page with the number of alarms before it. */
export const titleWith = (alarms: readonly Alarm[], title: string): string =>
  alarms.length === 0 ? title : `(${alarms.length}) ${title}`;

export function AlarmIcon({ alarms }: { alarms: readonly Alarm[] }) {
  const [plain, marked] = [assetPath('mark.svg'), assetPath('mark-alarm.svg')];
  return (
    <link
      rel="icon"
      type="image/svg+xml"
      href={alarms.length > 0 ? marked : plain}
      data-plain={plain}
      data-marked={marked}
    />
  );
}

/** The strip, with what leads on from each alarm. It follows the events of the workspace. */
export function AlarmStrip({ view, alarms }: { view: View; alarms: readonly Alarm[] }) {
  const t = T(view.lang);
  const [first, rest] = [alarms.slice(0, SHOWN), alarms.slice(SHOWN)];
  return (
    <Live id="alarms" src={STRIP} events={EVENTS}>
      <section aria-label={t.label} data-alarms={alarms.length} hidden={alarms.length === 0}>
        <div class="alert alert-bad alarms">
          <AlarmList view={view} alarms={first} />
          {rest.length > 0 && (
            <details>
              <summary>{t.more(rest.length.toLocaleString(view.lang))}</summary>
              <AlarmList view={view} alarms={rest} />
            </details>
          )}
        </div>
      </section>
    </Live>
  );
}

/** The alarms with what leads on from each. */
export function AlarmList({ view, alarms }: { view: View; alarms: readonly Alarm[] }) {
  return (
    <ul>
      {alarms.map((alarm) => (
        <li>
          <span>{alarmText(alarm, view)}</span> <Onward view={view} alarm={alarm} />
        </li>
      ))}
    </ul>
  );
}

/** What to do about it; nothing where the reader is there, or may not. */
function Onward({ view, alarm }: { view: View; alarm: Alarm }) {
  const t = T(view.lang);
  const { kind, sessionId, phoneNumber, paired, reason } = alarm;
  const path = alarmPath(alarm);
  if (view.path.split('?')[0] === path) return null;
  const may = view.may('sessions:write');
  if (kind === 'session_ended' && sessionId !== null && may && paired && RESTARTABLE.has(reason)) {
    return (
      <ActionButton view={view} action={sessionPath(sessionId, '/restart')} small>
        {t.restart}
      </ActionButton>
    );
  }
  // A new link is refused while there are credentials.
  if (kind === 'session_ended' && sessionId !== null && may && paired === false) {
    const phone = phoneNumber === null ? {} : { phoneNumber: shownNumber(phoneNumber) };
    const fields = { pairing: 'qr', ...phone };
    return (
      <ActionButton view={view} action={sessionPath(sessionId, '/link')} fields={fields} small>
        {t.linkAgain}
      </ActionButton>
    );
  }
  return <a href={path}>{kind === 'link_needed' && may ? t.continueLinking : t.open}</a>;
}

/** Of the page that the part is on: what leads there is of no use on it. */
function pathOf(url: string | undefined): string | null {
  return url !== undefined && URL.canParse(url) ? new URL(url).pathname : null;
}

export const alarmPages: Page[] = [
  page({
    method: 'get',
    path: STRIP,
    auth: 'user',
    whileSuspended: true,
    async handler({ ctx, view, http }) {
      const path = pathOf(http.req.header('hx-current-url')) ?? view.path;
      return { fragment: <AlarmStrip view={{ ...view, path }} alarms={await alarmsOfReader(ctx)} /> };
    },
  }),
];
