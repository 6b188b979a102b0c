/** One logger for the service: JSON lines in production, readable ones in development, rotated files. */

import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import winston from 'winston';
import DailyRotateFile from 'winston-daily-rotate-file';
import type { Config } from './config.ts';
import { withFileErrors } from './file-errors.ts';
import { appendLast, batched, type LineWriter } from './log-batch.ts';
import { fieldsOf } from './own.ts';
import { redact } from './redact.ts';

/** A logger, as far as the service needs it. `meta` may hold an `error`; secrets in it are taken out by name. */
export interface Logger {
  error(message: string, meta?: object): void;
  warn(message: string, meta?: object): void;
  info(message: string, meta?: object): void;
  debug(message: string, meta?: object): void;
  /** A logger whose lines all carry `meta`; `{component: 'database'}` also goes to logs/database.log. */
  child(meta: object): Logger;
}

export interface ServiceLogger extends Logger {
  /** Resolves when what was logged is written. The logger is silent afterwards. */
  close(): Promise<void>;
}

/** At most 14 days and 20 MB a file: about 280 MB a kind when every day fills its file once. */
const MAX_FILE_SIZE = '20m';
const MAX_FILES = '14d';
const CLOSE_TIMEOUT_MS = 2000;
/** Numbers and addresses of people are in them: for the service, and a group that ships logs. */
const LOG_MODE = 0o640;
const LOG_DIR_MODE = 0o750;

/**
 * Makes the logger. Files are `app.log` (everything) and `database.log`, links to the newest of each kind. Throws
 * StartError when their folder cannot be written.
 */
export function createLogger(options: Config['log']): ServiceLogger {
  const silent = options.level === 'silent';
  const logger = winston.createLogger({
    level: silent ? 'error' : options.level,
    silent,
    // Made into a line once, for all who write it.
    format: winston.format.combine(winston.format.timestamp(), redaction(), winston.format.json()),
    transports: silent ? [] : transportsOf(options),
  });
  const state = { closed: false };
  const close = () => {
    state.closed = true;
    return closeLogger(logger);
  };
  const writers = options.json ? logger.transports.filter(writesAll) : [];
  return { ...wrap(logger, state, writers), close };
}

/**
 * A line that comes when the logger is closed already, as from a client that hears of its end late, is dropped. `writers`: those
 * who take lines of plain values past winston, which needs five times as long for them.
 */
function wrap(logger: winston.Logger, state: { closed: boolean }, writers: readonly LineWriter[]): Logger {
  const write =
    (level: 'error' | 'warn' | 'info' | 'debug') =>
    (message: string, meta: object = {}): void => {
      if (state.closed || !logger.isLevelEnabled(level)) return;
      const line = writers.length > 0 ? plainLine(level, message, meta) : null;
      if (line === null) logger[level](message, meta);
      else for (const writer of writers) writer.writeLine(level, line);
    };
  return {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    child: (meta) => wrap(logger.child(meta), state, []),
  };
}

/** Who writes every line: what has a format of its own writes some of them, or writes them in another way. */
const writesAll = (transport: winston.transport): transport is LineWriter =>
  'writeLine' in transport && transport.format === undefined;

/** Names that winston sets, joins with others or chooses files by. */
const NAMES_OF_WINSTON: ReadonlySet<string> = new Set([
  'level',
  'message',
  'timestamp',
  'stack',
  'cause',
  'component',
]);

/** How lines of the same words are made: the names that they bring, and all names as winston sorts them. */
interface LineForm {
  given: readonly string[];
  /** each with how it begins in the line */
  sorted: readonly { name: string; text: string }[];
}

const forms = new Map<string, LineForm>();
/** Our own code says far fewer different words. */
const MAX_FORMS = 1_000;

function formOf(message: string, given: readonly string[]): LineForm {
  const known = forms.get(message);
  if (known?.given.length === given.length && given.every((name, at) => name === known.given[at])) {
    return known;
  }
  const sorted = ['level', 'message', 'timestamp', ...given].sort();
  const form = { given, sorted: sorted.map((name) => ({ name, text: `${JSON.stringify(name)}:` })) };
  if (known !== undefined || forms.size < MAX_FORMS) forms.set(message, form);
  return form;
}

/** The line of an entry whose fields are all plain values, as winston makes it; null of every other one. */
function plainLine(level: string, message: string, meta: object): string | null {
  const given = Object.keys(meta);
  const fields = fieldsOf(meta);
  for (const name of given) {
    const value = fields[name];
    const isPlain = value === null || (typeof value !== 'object' && typeof value !== 'function');
    if (!isPlain || NAMES_OF_WINSTON.has(name)) return null;
  }
  let line = '{';
  for (const { name, text } of formOf(message, given).sorted) {
    const value = jsonOf(valueIn(name, level, message, fields));
    if (value !== undefined) line += line === '{' ? text + value : `,${text}${value}`;
  }
  return `${line}}`;
}

/** As `JSON.stringify`, which is dear for a number; undefined for what JSON has no text for, and leaves out. */
function jsonOf(value: unknown): string | undefined {
  if (value === null) return 'null';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  return JSON.stringify(value);
}

function valueIn(name: string, level: string, message: string, fields: Readonly<Record<string, unknown>>) {
  if (name === 'level') return level;
  if (name === 'message') return message;
  return name === 'timestamp' ? new Date().toISOString() : redact(fields[name], name);
}

/** A write to it is done when it returns: pipes and files are written at once. */
function consoleOf(format?: winston.Logform.Format): winston.transport {
  const write = (text: string) => process.stdout.write(text);
  return batched(new winston.transports.Console(format ? { format } : {}), {
    write(text, settled) {
      write(text);
      settled();
    },
    writeLast: write,
  });
}

function transportsOf(options: Config['log']): winston.transport[] {
  const all = [consoleOf(options.json ? undefined : readable)];
  if (options.files) {
    withFileErrors(options.dir, 'LOG_DIR', () => {
      mkdirSync(options.dir, { recursive: true, mode: LOG_DIR_MODE });
      accessSync(options.dir, constants.W_OK | constants.X_OK);
    });
    all.push(rotated(options.dir, 'app'));
    all.push(rotated(options.dir, 'database', onlyDatabase()));
  }
  // A full disk must not end the service: the console still has the line.
  for (const transport of all) transport.on('error', () => {});
  return all;
}

function rotated(dirname: string, name: string, format?: winston.Logform.Format): winston.transport {
  const link = `${name}.log`;
  const file = new DailyRotateFile({
    dirname,
    filename: `${name}-%DATE%.log`,
    auditFile: `${dirname}/.${name}-rotation.json`,
    createSymlink: true,
    symlinkName: link,
    maxSize: MAX_FILE_SIZE,
    maxFiles: MAX_FILES,
    options: { flags: 'a', mode: LOG_MODE },
    ...(format ? { format } : {}),
  });
  // For every write the library works the date out again. It hands its second argument on, and no third one.
  return batched(file, {
    write: (text, settled) => file.logStream.write(text, settled),
    writeLast: (text, given) => appendLast(join(dirname, link), LOG_MODE, text, given),
  });
}

const redaction = winston.format((info) => {
  for (const key of Object.keys(info)) {
    if (key !== 'level' && key !== 'message' && key !== 'timestamp') info[key] = redact(info[key], key);
  }
  return info;
});

const onlyDatabase = winston.format((info) => (info.component === 'database' ? info : false));

const readable = winston.format.combine(
  winston.format.colorize({ level: true }),
  winston.format.printf(({ timestamp, level, message, ...meta }) => {
    const rest = Object.keys(meta).length > 0 ? ` ${JSON.stringify(meta)}` : '';
    return `${String(timestamp)} ${level} ${String(message)}${rest}`;
  }),
);

async function closeLogger(logger: winston.Logger): Promise<void> {
  const files = logger.transports.filter((transport) => transport instanceof DailyRotateFile);
  const written = files.map(async (file) => {
    await new Promise((resolve) => file.once('finish', resolve));
    // The first `finish` says that the transport took everything, the one after `close` that the file did.
    const closed = new Promise((resolve) => file.once('finish', resolve));
    file.close?.();
    await closed;
  });
  logger.end();
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
  });
  await Promise.race([Promise.all(written), bound]);
  clearTimeout(timer);
  logger.silent = true;
}
