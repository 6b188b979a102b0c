/** Where mails go, as the environment says: SMTP_URL, or SMTP_HOST and its kin. */
import type { EnvValues } from './config-env.ts';

/** Where mails are handed over. */
export interface SmtpConfig {
  host: string;
  port: number;
  /** TLS from the first byte; else STARTTLS, which is demanded when there is a password */
  secure: boolean;
  user: string | null;
  password: string | null;
  /** `WaHub <hub@example.com>` or the address alone */
  from: string;
}

type SmtpValues = Pick<
  EnvValues,
  'SMTP_URL' | 'SMTP_HOST' | 'SMTP_PORT' | 'SMTP_USER' | 'SMTP_PASSWORD' | 'SMTP_FROM' | 'SMTP_SECURE'
>;

/** RFC 8314: submission over TLS, and over STARTTLS. */
const TLS_PORT = 465;
const STARTTLS_PORT = 587;

/** Null when neither SMTP_URL nor SMTP_HOST is set. What is in the URL counts before the other names. */
export function smtpOf(env: SmtpValues): SmtpConfig | null {
  const url = env.SMTP_URL === undefined ? null : new URL(env.SMTP_URL);
  const host = url?.hostname || env.SMTP_HOST;
  if (host === undefined) return null;
  const port = Number(url?.port || env.SMTP_PORT || 0);
  const secure = url?.protocol === 'smtps:' || (env.SMTP_SECURE ?? port === TLS_PORT);
  const user = decoded(url?.username) || env.SMTP_USER || null;
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: port || (secure ? TLS_PORT : STARTTLS_PORT),
    secure,
    user,
    password: decoded(url?.password) || env.SMTP_PASSWORD || null,
    from: env.SMTP_FROM ?? user ?? '',
  };
}

/** Settings that are missing or do not go together. */
export function smtpProblems(env: SmtpValues): string[] {
  const smtp = smtpOf(env);
  if (smtp === null) {
    const { SMTP_USER, SMTP_PASSWORD, SMTP_FROM } = env;
    const alone = [SMTP_USER, SMTP_PASSWORD, SMTP_FROM].some((value) => value !== undefined);
    return alone ? ['SMTP_HOST is missing: the other SMTP settings need it (or SMTP_URL)'] : [];
  }
  const lines: string[] = [];
  if (!/^[^@\r\n]*[^@\s<]@[^@\s<>]+>?$/.test(smtp.from)) {
    lines.push('SMTP_FROM must be the sender of mails, such as WaHub <hub@example.com>');
  }
  if ((smtp.user === null) !== (smtp.password === null)) {
    lines.push('SMTP_USER and SMTP_PASSWORD must be set together');
  }
  return lines;
}

function decoded(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? '');
  } catch {
    return text ?? '';
  }
}
