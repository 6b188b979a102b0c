/** Hands mails to an SMTP server. */
import { createTransport } from 'nodemailer';
import type { Clock } from './clock.ts';
import type { SmtpConfig } from './config-smtp.ts';
import { MINUTE_MS } from './durations.ts';
import type { Logger } from './logger.ts';
import { createPeerPause } from './peer-pause.ts';

export interface Mail {
  /** the same for each attempt: receivers can tell a repetition */
  id: string;
  to: string;
  subject: string;
  text: string;
}

export interface Mailer {
  /** Resolves when the server has taken the mail. Throws MailFailure; at once while the server is left alone. */
  send(mail: Mail): Promise<void>;
  /** Milliseconds for which the server is left alone, since it took no mail of anybody; 0: it may be asked. */
  waitMs(): number;
  close(): void;
}

/**
 * `final`: the server will never take this recipient. `refused`: it did not take this mail now, which says nothing about
 * others. `away`: it takes no mail at all now.
 */
export type MailFailureKind = 'final' | 'refused' | 'away';

/** A failure to send a mail, without addresses, texts or credentials. */
export class MailFailure extends Error {
  override name = 'MailFailure';
  readonly kind: MailFailureKind;

  constructor(message: string, kind: MailFailureKind) {
    super(message);
    this.kind = kind;
  }
}

const CONNECT_TIMEOUT_MS = 10_000;
const SOCKET_TIMEOUT_MS = 20_000;
/** For one mail from the name look-up to the server's last answer. */
const SEND_TIMEOUT_MS = 40_000;
/** For the question whether the server is there for anybody, after a mail that it did not answer. */
const ASK_TIMEOUT_MS = 15_000;
const PAUSE = { firstMs: 10_000, maxMs: 5 * MINUTE_MS };
/** RFC 5321: the server closes the connection, whatever it was asked. */
const CLOSING = 421;
const LOCAL = new Set(['localhost', '127.0.0.1', '::1']);

interface MailerParts {
  smtp: SmtpConfig;
  clock: Clock;
  logger: Logger;
}

/**
 * Makes the mailer; it connects for each mail. A password goes over TLS only, unless the server is on this machine. Share one
 * in the process: a server that is away for one mail is away for all of them, and is asked again after a pause, by one.
 */
export function createMailer({ smtp, clock, logger }: MailerParts): Mailer {
  const { host, port, secure, user, password, from } = smtp;
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: !secure && user !== null && !LOCAL.has(host),
    ...(user === null ? {} : { auth: { user, pass: password ?? '' } }),
    dnsTimeout: CONNECT_TIMEOUT_MS,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const pause = createPeerPause({ clock, range: PAUSE, trialMs: SEND_TIMEOUT_MS + ASK_TIMEOUT_MS });
  const sender = from.slice(from.lastIndexOf('@') + 1).replace(/[^\w.-]/g, '');

  const sendOnce = ({ id, to, subject, text }: Mail) =>
    within(
      SEND_TIMEOUT_MS,
      transport.sendMail({
        from,
        to: { name: '', address: to },
        subject,
        text,
        headers: { 'auto-submitted': 'auto-generated' },
        messageId: `<${id}@${sender}>`,
      }),
    );

  /** A server that is asked for nothing but its greeting tells whether it was the mail. */
  async function whichOf(error: unknown): Promise<MailFailureKind> {
    const kind = kindOf(error);
    if (kind !== null) return kind;
    return within(ASK_TIMEOUT_MS, transport.verify()).then(
      () => 'refused' as const,
      () => 'away' as const,
    );
  }

  return {
    async send(mail) {
      if (pause.waitMs() > 0) throw new MailFailure('the SMTP server took no mail a moment ago', 'away');
      pause.asked();
      try {
        await sendOnce(mail);
      } catch (error) {
        const kind = await whichOf(error);
        const reason = reasonOf(error);
        if (kind === 'away') {
          const pauseMs = pause.failed();
          const about = { pauseMs, reason };
          if (pauseMs !== null)
            logger.warn('the SMTP server takes no mail, and is left alone for a while', about);
        } else pause.answered();
        throw new MailFailure(reason, kind);
      }
      pause.answered();
    },
    waitMs: pause.waitMs,
    close: () => transport.close(),
  };
}

/** Rejects with TimeoutError when it takes longer; what it does then goes on, to no avail. */
async function within<R>(ms: number, work: Promise<R>): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError()), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

class TimeoutError extends Error {
  override name = 'TimeoutError';
}

/** What an error of the library says about other mails; null: nothing. */
function kindOf(error: unknown): MailFailureKind | null {
  const { code, command, responseCode, syscall, timeoutType } = Object(error) as Record<string, unknown>;
  if (typeof responseCode === 'number' && responseCode >= 400) {
    if (responseCode === CLOSING) return 'away';
    if (command === 'RCPT TO') return responseCode >= 500 ? 'final' : 'refused';
    // To others: the greeting, the password, the sender, which are the same for all mails.
    return command === 'DATA' ? 'refused' : 'away';
  }
  if (code === 'EENVELOPE' || code === 'EMESSAGE') return 'refused';
  if (code === 'EDNS' || syscall === 'connect') return 'away';
  return code === 'ETIMEDOUT' && timeoutType !== 'SOCKET_TIMEOUT' ? 'away' : null;
}

/** The library's own messages repeat what the server said, which may hold the address: only codes are kept. */
function reasonOf(error: unknown): string {
  if (error instanceof TimeoutError) return 'the SMTP server did not answer in time';
  const { code, responseCode } = Object(error) as Record<string, unknown>;
  const status = typeof responseCode === 'number' ? responseCode : '';
  const words = [typeof code === 'string' ? code : 'unknown', status].join(' ').trim();
  return `the SMTP server did not take it (${words})`;
}
