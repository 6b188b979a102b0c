/** Sends mails that wait, and forgets registrations that were not confirmed. */

import { createLoop, type Loop } from '../db/loop.ts';
import { MAIL_KINDS } from '../db/schema.ts';
import type { Deps } from '../services/context.ts';
import { createMailPlaces, forgetUnconfirmed, sendDueMails } from '../services/mail/outbox.ts';
import type { MailKind } from '../services/mail/texts.ts';
import { HOUR_MS } from '../utils/durations.ts';
import type { Mailer } from '../utils/smtp.ts';

const PERIOD_MS = 2_000;
/** How often what is over is forgotten. */
const FORGET_PERIOD_MS = HOUR_MS;

/** What workspaces send to strangers, and what strangers ask for without an account: each may take a server long. */
const INVITATIONS: readonly MailKind[] = ['invitation', 'invitation_failed'];
const REGISTRATIONS: readonly MailKind[] = ['verify_email', 'email_taken'];
/** About the accounts of people who wait for it. */
const ACCOUNTS = MAIL_KINDS.filter((kind) => ![...INVITATIONS, ...REGISTRATIONS].includes(kind));

/**
 * Makes the sender. Several processes may run it at once. A few mails of one lane go out at once, each up to 40 s: those of the
 * other lanes do not wait for them, and all of them wait while the server takes no mail.
 */
export function createMailSender(
  deps: Pick<Deps, 'config' | 'db' | 'clock' | 'logger' | 'secrets' | 'stream' | 'mailer'>,
): Loop {
  const { clock, logger, mailer } = deps;
  const loops = [
    ...(mailer === null
      ? []
      : [ACCOUNTS, INVITATIONS, REGISTRATIONS].map((kinds) => createLane(deps, mailer, kinds))),
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
    },
  };
}

function createLane(
  deps: Pick<Deps, 'config' | 'db' | 'clock' | 'logger' | 'secrets' | 'stream'>,
  mailer: Mailer,
  kinds: readonly MailKind[],
): Loop {
  const { clock, logger } = deps;
  const places = createMailPlaces();
  const loop = createLoop({
    clock,
    logger,
    name: 'sending mails',
    periodMs: PERIOD_MS,
    async round(signal) {
      await sendDueMails(deps, mailer, { kinds, signal, places });
    },
  });
  return {
    start: loop.start,
    async stop() {
      await loop.stop();
      await Promise.all(places.running);
    },
  };
}
