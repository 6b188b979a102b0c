/** The first page: how everything is, at a glance. */
import { readDashboard } from '../../../services/analytics/dashboard.ts';
import { texts } from '../i18n.ts';
import { type Page, page } from '../page.ts';
import { Stat } from '../parts.tsx';

const T = texts({
  en: {
    title: 'Overview',
    sessions: 'Sessions',
    connected: (n: number) => `${n} connected`,
    today: 'Messages today',
  },
  id: {
    title: 'Ringkasan',
    sessions: 'Sesi',
    connected: (n: number) => `${n} terhubung`,
    today: 'Pesan hari ini',
  },
});

export const overviewPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard',
    auth: 'user',
    async handler({ ctx, view }) {
      const t = T(view.lang);
      const now = await readDashboard(ctx, {});
      const body = (
        <>
          <h1>{t.title}</h1>
          <div class="cards">
            <Stat name={t.sessions} note={t.connected(now.sessions.active)}>
              {now.sessions.total}
            </Stat>
            <Stat name={t.today}>{now.messages.today}</Stat>
          </div>
        </>
      );
      return { title: t.title, section: 'overview', body };
    },
  }),
];
