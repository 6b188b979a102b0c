/** Counts what this process asks of its database, at the drivers: whatever builds a statement, none is missed. */
import { tracingChannel } from 'node:diagnostics_channel';
import Driver from 'libsql';
import { LRUCache } from 'lru-cache';

export interface StatementCount {
  /** BEGIN, COMMIT and savepoints included, the settings of connections not */
  statements: number;
  /** explicit transactions that were committed */
  transactions: number;
  /** how often each text was sent, alone or with others; lists and numbers of rows do not make another text */
  texts: Map<string, number>;
}

export interface StatementCounter {
  /** What was counted since the start or the last call. */
  take(): StatementCount;
  stop(): void;
}

/**
 * Starts to count in this process, whichever engine it uses: before the database is opened. One at a time. `hasTexts` false
 * costs next to nothing: what was sent together counts as one, and no text is kept.
 */
export function countStatements({ hasTexts = true } = {}): StatementCounter {
  let count = nothing();
  const shortened = new LRUCache<string, string>({ max: MAX_TEXTS });
  const shorten = (text: string) => {
    const known = shortened.get(text) ?? withoutLists(text);
    shortened.set(text, known);
    return known;
  };
  const note = (text: string) => {
    if (OF_CONNECTION.test(text)) return;
    count.statements++;
    for (const part of hasTexts ? partsOf(shorten(text)) : [text]) {
      if (/^commit$/i.test(part)) count.transactions++;
      if (hasTexts) count.texts.set(part, (count.texts.get(part) ?? 0) + 1);
    }
  };
  const stops = [watchMysql(note), watchSqlite(note)];
  return {
    take() {
      const taken = count;
      count = nothing();
      return taken;
    },
    stop() {
      for (const stop of stops) stop();
    },
  };
}

/** What a new connection is asked first, and whether its statements commit by themselves: when one is made is chance. */
const OF_CONNECTION = /^(show session variables|set session|set autocommit)\b/i;

/** Texts with placeholders come again and again; those with values in them do not. */
const MAX_TEXTS = 1_000;

const nothing = (): StatementCount => ({ statements: 0, transactions: 0, texts: new Map() });

/** The statements that were sent in one, without what the server is told to look at between them. */
function partsOf(text: string): string[] {
  const [, several] = /^begin not atomic (.*); end$/s.exec(text) ?? [];
  if (several === undefined) return [text];
  return several.split('; ').filter((part) => !/^(if row_count|end if|select row_count)/.test(part));
}

/** Longer ones hold large values: a pattern that meets megabytes of one runs out of stack. */
const MAX_LENGTH = 100_000;
const BEGINNING = 100;

/** Values become `?`; `(?, ?, ?)` and `(?, ?), (?, ?)` become one. Of a very long text the beginning stays. */
function withoutLists(text: string): string {
  if (text.length > MAX_LENGTH) return `${text.slice(0, BEGINNING)}…`;
  return text
    .replace(/'(?:[^'\\]|\\.)*'/g, '?')
    .replace(/\b\d+\b/g, '?')
    .replace(/\?(, ?\?)+/g, '?…')
    .replace(/\((\?…?)\)(, ?\(\1\))+/g, '($1)…')
    .replace(/(when \? then \? )+/g, 'when ? then ? … ');
}

/** The driver tells of each statement on a channel of its own. */
function watchMysql(note: (text: string) => void): () => void {
  const channels = ['mysql2:query', 'mysql2:execute'].map((name) => tracingChannel(name).start);
  const listen = (message: unknown) => note(String(Object(message).query));
  for (const channel of channels) channel.subscribe(listen);
  return () => {
    for (const channel of channels) channel.unsubscribe(listen);
  };
}

interface Prepared {
  run(...args: unknown[]): unknown;
  all(...args: unknown[]): unknown;
}
interface Methods {
  prepare(text: string): Prepared;
  exec(text: string): unknown;
}

function watchSqlite(note: (text: string) => void): () => void {
  // Safe because the driver is a class with these two methods.
  const driver = Driver.prototype as unknown as Methods;
  const { prepare, exec } = driver;
  driver.prepare = function (text) {
    const statement = prepare.call(this, text);
    const { run, all } = statement;
    statement.run = function (...args) {
      noteIfWatching(text);
      return run.apply(this, args);
    };
    statement.all = function (...args) {
      noteIfWatching(text);
      return all.apply(this, args);
    };
    return statement;
  };
  driver.exec = function (text) {
    note(text);
    return exec.call(this, text);
  };
  // Statements that were prepared meanwhile outlive the count.
  let watching = true;
  const noteIfWatching = (text: string) => {
    if (watching) note(text);
  };
  return () => {
    watching = false;
    Object.assign(driver, { prepare, exec });
  };
}
