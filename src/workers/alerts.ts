/** Watches for alarms, and sends what the channels of workspaces are to be told. */
import { createLoop, type Loop } from '../db/loop.ts';
import type { AlarmDeps } from '../services/alarms/state.ts';
import { sendDueNotices } from '../services/alerts/send.ts';
import { createAlarmPlaces, WATCH_MS, watchAlarms } from '../services/alerts/watch.ts';
import type { Deps } from '../services/context.ts';

const SEND_PERIOD_MS = 2_000;

type AlertDeps = AlarmDeps & Pick<Deps, 'logger' | 'secrets' | 'outgoing' | 'mailer' | 'telegram'>;

/** Makes the two loops as one. Several processes may run them at once. */
export function createAlerts(deps: AlertDeps): Loop {
  const { clock, logger } = deps;
  const places = createAlarmPlaces();
  const loops = [
    createLoop({
      clock,
      logger,
      name: 'watching for alarms',
      periodMs: WATCH_MS,
      round: (signal) => watchAlarms(deps, signal, places),
    }),
    createLoop({
      clock,
      logger,
      name: 'sending alerts',
      periodMs: SEND_PERIOD_MS,
      async round(signal) {
        await sendDueNotices(deps, signal);
      },
    }),
  ];
  return {
    start() {
      for (const loop of loops) loop.start();
    },
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      await Promise.all(places.running);
    },
  };
}
