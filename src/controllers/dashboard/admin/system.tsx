/** How the service itself is. */
import { readSystem } from '../../../services/system.ts';
import { num } from '../broadcast/parts.tsx';
import { type Page, page, type View } from '../page.ts';
import { Badge, Facts, Table } from '../parts.tsx';
import { statusName } from '../sessions/reasons.ts';
import { ADMIN_TEXTS } from './texts.ts';
import { AdminTabs } from './users.tsx';

const HERE = '/dashboard/admin/system';

export const systemPages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'admin',
    async handler({ ctx, view }) {
      const t = ADMIN_TEXTS(view.lang);
      const system = await readSystem(ctx);
      const body = (
        <>
          <AdminTabs t={t} current={HERE} />
          <section class="card">
            <State view={view} system={system} />
          </section>
          <section class="card">
            <h2>{t.sessionsBy}</h2>
            <Table label={t.sessionsBy} head={[t.status, '']}>
              {Object.entries(system.health.engine.sessions ?? {}).map(([status, n]) => (
                <tr>
                  <td>{statusName(view.lang, status)}</td>
                  <td class="num">{num(view, n)}</td>
                </tr>
              ))}
            </Table>
          </section>
          <p class="muted">{t.metrics}</p>
        </>
      );
      return { title: t.system, section: 'admin', body };
    },
  }),
];

function State({ view, system }: { view: View; system: Awaited<ReturnType<typeof readSystem>> }) {
  const t = ADMIN_TEXTS(view.lang);
  const { database, engine, clock } = system.health;
  return (
    <Facts
      facts={[
        [t.version, system.version],
        [t.node, system.node],
        [t.uptime, t.minutes(Math.floor(system.uptimeSeconds / 60))],
        [t.phase, t.phases(system.health.phase)],
        [
          t.database,
          <>
            {database.type}{' '}
            <Badge tone={database.writable ? 'good' : 'bad'}>
              {database.latencyMs === null
                ? t.down
                : database.writable
                  ? t.up(database.latencyMs)
                  : t.notWritable}
            </Badge>
          </>,
        ],
        [
          t.clock,
          <Badge tone={clock.status === 'ok' ? 'good' : 'bad'}>
            {clock.skewMs === null ? t.unknown : t.skew(clock.skewMs)}
          </Badge>,
        ],
        [t.engine, engine.name],
        ...(engine.unreadable ? [[t.unreadable, num(view, engine.unreadable)] as const] : []),
        [t.processes, num(view, system.processes)],
        [t.storage, system.scansUploads ? t.scanner : t.noScanner],
      ]}
    />
  );
}
