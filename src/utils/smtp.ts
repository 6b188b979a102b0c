/** Hands mails to an SMTP server. */
import { createTransport } from 'nodemailer';
import type { SmtpConfig } from './config-smtp.ts';

export interface Mail {
  /** the same for each attempt: receivers can tell a repetition */
  id: string;
  to: string;
  subject: string;
  text: string;
}

export interface Mailer {
  /** Resolves when the server has taken the mail. Throws MailFailure. */
  send(mail: Mail): Promise<void>;
  close(): void;
}

/** A failure to send a mail, without addresses, texts or credentials. `final`: the server will never take this recipient. */
export class MailFailure extends Error {
  override name = 'MailFailure';
  readonly final: boolean;

  constructor(message: string, final: boolean) {
    super(message);
    this.final = final;
  }
}

const CONNECT_TIMEOUT_MS = 10_000;
const SOCKET_TIMEOUT_MS = 20_000;
/** For one mail from the name look-up to the server's last answer. */
const SEND_TIMEOUT_MS = 45_000;
const LOCAL = new Set(['localhost', '127.0.0.1', '::1']);

/** Makes the mailer; it connects for each mail. A password goes over TLS only, unless the server is on this machine. */
export function createMailer(smtp: SmtpConfig): Mailer {
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
  return {
    async send({ id, to, subject, text }) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new MailFailure('the SMTP server did not answer in time', false)),
          SEND_TIMEOUT_MS,
        );
      });
      const headers = { 'auto-submitted': 'auto-generated' };
      const messageId = `<${id}@${from.slice(from.lastIndexOf('@') + 1).replace(/[^\w.-]/g, '')}>`;
      const sent = transport.sendMail({
        from,
        to: { name: '', address: to },
        subject,
        text,
        headers,
        messageId,
      });
      try {
        await Promise.race([sent, late]);
      } catch (error) {
        sent.catch(() => undefined);
        throw error instanceof MailFailure ? error : toFailure(error);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => transport.close(),
  };
}

/** The library's own messages repeat what the server said, which may hold the address: only codes are kept. */
function toFailure(error: unknown): MailFailure {
  const { code, responseCode, command } = Object(error) as Record<string, unknown>;
  const status = typeof responseCode === 'number' ? responseCode : null;
  const final = status !== null && status >= 500 && command === 'RCPT TO';
  const words = [typeof code === 'string' ? code : 'unknown', status ?? ''].join(' ').trim();
  return new MailFailure(`the SMTP server did not take it (${words})`, final);
}
