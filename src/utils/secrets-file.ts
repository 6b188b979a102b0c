/** Development only: the secrets that a fresh checkout has not got are made once and kept in `.env`. */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { parse } from 'dotenv';
import { isPlaceholder } from './config-env.ts';

const NAMES = ['JWT_SECRET', 'ENCRYPTION_KEY'] as const;

/**
 * Sets JWT_SECRET and ENCRYPTION_KEY in `env` when they are missing or example values: from the file, or made
 * now and written to it (whole or not at all, readable by its owner only, other lines untouched).
 * Does nothing in production. Tells which it made.
 */
export function ensureDevelopmentSecrets(envPath: string, env: NodeJS.ProcessEnv): string[] {
  if (/^prod(uction)?$/i.test(env.NODE_ENV?.trim() ?? '')) return [];
  const missing = NAMES.filter((name) => !isSet(env[name]));
  if (missing.length === 0) return [];
  const text = existsSync(envPath) ? readFileSync(envPath, 'utf8') : '';
  const kept = parse(text);
  const made: Record<string, string> = {};
  for (const name of missing) {
    const earlier = kept[name];
    const value = isSet(earlier) ? earlier : randomBytes(32).toString('hex');
    if (value !== earlier) made[name] = value;
    env[name] = value;
  }
  if (Object.keys(made).length > 0) writeWhole(envPath, withValues(text, made));
  return Object.keys(made);
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.trim() !== '' && !isPlaceholder(value);
}

const ASSIGNMENT = /^\s*(?:export\s+)?(\w+)\s*=/;

/** Replaces the line of each name, or appends it. */
function withValues(text: string, values: Record<string, string>): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  for (const [name, value] of Object.entries(values)) {
    const line = `${name}=${value}`;
    const at = lines.findIndex((existing) => ASSIGNMENT.exec(existing)?.[1] === name);
    if (at >= 0) lines[at] = line;
    else lines.push(line);
  }
  return `${lines.join('\n')}\n`;
}

function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
