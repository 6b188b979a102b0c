/** Sends mails that wait, and forgets registrations that were not confirmed. */

import { createLoop, type Loop } from '../db/loop.ts';
import { MAIL_KINDS } from '../db/schema.ts';
import type { Deps } from '../services/context.ts';
import { forgetUnconfirmed, sendDueMails } from '../services/mail/outbox.ts';
import type { MailKind } from '../services/mail/texts.ts';
import { HOUR_MS } from '../utils/durations.ts';
import { createMailer, type Mailer } from '../utils/smtp.ts';

const PERIOD_MS = 2_000;
/** How often what is over is forgotten. */
const FORGET_PERIOD_MS = HOUR_MS;

/** What workspaces send to strangers, and what strangers ask for without an account: each may take a server long. */
const INVITATIONS: readonly MailKind[] = ['invitation'];
const REGISTRATIONS: readonly MailKind[] = ['verify_email', 'email_taken'];
/** About the accounts of people who wait for it. */
const ACCOUNTS = MAIL_KINDS.filter((kind) => ![...INVITATIONS, ...REGISTRATIONS].includes(kind));

/**
 * Makes the sender. Several processes may run it at once. Mails of one lane go out one after the other, each up to 45 s: those
 * of the other lanes do not wait for them.
 */
export function createMailSender(
  deps: Pick<Deps, 'config' | 'db' | 'clock' | 'logger' | 'secrets'>,
  mailer: Mailer | null = deps.config.smtp && createMailer(deps.config.smtp),
): Loop {
  const { clock, logger } = deps;
  const sending = (mails: Mailer) =>
    [ACCOUNTS, INVITATIONS, REGISTRATIONS].map((kinds) =>
      createLoop({
        clock,
        logger,
        name: 'sending mails',
        periodMs: PERIOD_MS,
        async round(signal) {
          await sendDueMails(deps, mails, { kinds, signal });
        },
      }),
    );
  const loops = [
    ...(mailer === null ? [] : sending(mailer)),
    createLoop({
      clock,
      logger,
      name: 'forgetting registrations and mails',
      periodMs: FORGET_PERIOD_MS,
      atOnce: true,
      round: () => forgetUnconfirmed(deps),
    }),
  ];
  return {
    start() {
      for (const loop of loops) loop.start();
    },
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      mailer?.close();
    },
  };
}
