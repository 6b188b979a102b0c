/** Sends mails that wait, and forgets registrations that were not confirmed. */

import { createLoop, type Loop } from '../db/loop.ts';
import type { Deps } from '../services/context.ts';
import { forgetUnconfirmed, sendDueMails } from '../services/mail/outbox.ts';
import { HOUR_MS } from '../utils/durations.ts';
import { createMailer } from '../utils/smtp.ts';

const PERIOD_MS = 2_000;
/** Without a server there is only something to forget. */
const FORGET_PERIOD_MS = HOUR_MS;

/** Makes the sender. Several processes may run it at once. */
export function createMailSender(deps: Pick<Deps, 'config' | 'db' | 'clock' | 'logger' | 'secrets'>): Loop {
  const { clock, logger } = deps;
  const { smtp } = deps.config;
  const mailer = smtp === null ? null : createMailer(smtp);
  let forgotten = 0;
  const loop = createLoop({
    clock,
    logger,
    name: 'sending mails',
    periodMs: mailer === null ? FORGET_PERIOD_MS : PERIOD_MS,
    async round(signal) {
      if (mailer !== null) await sendDueMails(deps, mailer, signal);
      if (Math.abs(clock.now() - forgotten) < FORGET_PERIOD_MS) return;
      await forgetUnconfirmed(deps);
      forgotten = clock.now();
    },
  });
  return {
    ...loop,
    async stop() {
      await loop.stop();
      mailer?.close();
    },
  };
}
