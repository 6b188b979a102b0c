/** Takes secrets, codes and message bodies out of what is logged. */

/** Compared in lower case without `-` and `_`; `code` hides OTP codes, so errors name theirs `errorCode`. */
const SECRET_KEYS = new Set([
  'authorization',
  'cookie',
  'setcookie',
  'xapikey',
  'apikey',
  'key',
  'password',
  'currentpassword',
  'newpassword',
  'passwordhash',
  'token',
  'secret',
  'jwtsecret',
  'encryptionkey',
  'webhooksecret',
  'otp',
  'code',
  'pairingcode',
  'qr',
  'qrcode',
  'sig',
  'signature',
  'creds',
  'sealed',
  'proxy',
  'text',
  'body',
  'content',
  'caption',
  'params',
  'query',
]);
/** Names that are compared once: each line of the log has the same few. */
const MAX_KNOWN_NAMES = 1_000;
const MAX_KNOWN_LENGTH = 40;
const MAX_DEPTH = 6;
const MAX_ITEMS = 50;
const MAX_TEXT = 2000;
const HIDDEN = '[redacted]';

const known = new Map<string, boolean>();

/** Whether values of this name are hidden. */
function isSecretName(name: string): boolean {
  const before = known.get(name);
  if (before !== undefined) return before;
  const isSecret = SECRET_KEYS.has(name.toLowerCase().replace(/[-_]/g, ''));
  if (known.size < MAX_KNOWN_NAMES && name.length <= MAX_KNOWN_LENGTH) known.set(name, isSecret);
  return isSecret;
}

/** A copy that may be logged: as `withoutSecrets`, and no text has the values that a failed query names. */
export function redact(value: unknown, name = ''): unknown {
  return shown(value, name, 0, withoutValues);
}

/** A copy bounded in depth, items and length, where values of secret names are hidden. All other words stay. */
export function withoutSecrets(value: unknown): unknown {
  return shown(value, '', 0, (text) => text);
}

function shown(value: unknown, name: string, depth: number, textOf: (text: string) => string): unknown {
  if (value !== null && value !== undefined && isSecretName(name)) return HIDDEN;
  if (typeof value === 'string') return textOf(cut(value));
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return describeError(value, depth);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= MAX_DEPTH) return '[…]';
  if (Array.isArray(value))
    return value.slice(0, MAX_ITEMS).map((item) => shown(item, name, depth + 1, textOf));
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(entries.map(([key, item]) => [key, shown(item, key, depth + 1, textOf)]));
}

const cut = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);

/** How drizzle's errors begin, and where the values begin in them: as texts (`String(error)`) they come by no other way. */
const FAILED_QUERY = 'Failed query: ';
const PARAMETERS = '\nparams: ';

/** What MySQL and MariaDB say before a value, or a piece of a statement with its values. */
const BEFORE_VALUE =
  /(?:Duplicate entry|(?:Incorrect|Truncated incorrect|Invalid) [\w ]{1,40}:|right syntax to use near) '/;

/** A text that may hold the words of a failed query, without its values and all that follows them. */
function withoutValues(text: string): string {
  const query = text.indexOf(FAILED_QUERY);
  const values = query === -1 ? -1 : text.indexOf(PARAMETERS, query);
  const left = values === -1 ? text : text.slice(0, values);
  // Most texts have no quotation mark, and then nothing is looked for.
  const told = left.includes("'") ? BEFORE_VALUE.exec(left) : null;
  return told === null ? left : `${left.slice(0, told.index + told[0].length - 1)}…`;
}

interface DescribedError {
  name: string;
  message: string;
  errorCode?: string | number;
  stack?: string;
  cause?: unknown;
}

/** Name, message, code and stack of an error and its causes; of a failed query the SQL but never its values. */
export function describeError(error: Error, depth = 0): DescribedError {
  const message = safeMessage(error);
  const described: DescribedError = { name: error.name, message };
  const code = codeOf(error);
  if (code !== undefined) described.errorCode = code;
  const frames = error.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12);
  if (frames && frames.length > 0) described.stack = frames.join('\n');
  if (error.cause !== undefined && depth < MAX_DEPTH) {
    described.cause = error.cause instanceof Error ? describeError(error.cause, depth + 1) : HIDDEN;
  }
  return described;
}

/** drizzle puts the parameters into its message, MySQL the clashing value. */
function safeMessage(error: Error): string {
  if ('query' in error && 'params' in error) return `Failed query: ${String(error.query)}`.slice(0, MAX_TEXT);
  if ('sqlMessage' in error) return `database error ${String(codeOf(error) ?? '')}`.trim();
  return withoutValues(error.message.slice(0, MAX_TEXT));
}

function codeOf(error: Error): string | number | undefined {
  for (const name of ['extendedCode', 'code', 'errno'] as const) {
    const value: unknown = name in error ? Reflect.get(error, name) : undefined;
    if (typeof value === 'string' || typeof value === 'number') return value;
  }
  return undefined;
}
