import type { Mailer } from '../../src/utils/smtp.ts';
import type { TestApp } from './app.ts';

/** The one that the app sends its mails by; the app is configured with a server. */
export function mailerOf({ deps }: Pick<TestApp, 'deps'>): Mailer {
  if (deps.mailer === null) throw new Error('the app has no SMTP server');
  return deps.mailer;
}
