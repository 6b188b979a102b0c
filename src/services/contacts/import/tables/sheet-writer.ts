/** Writes the CSV that an import reads, each record on a line of its own choice, so that lines keep their numbers. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

/** More than a million rows of contacts have. */
const MAX_BYTES = 1024 * 1024 * 1024;
const MAX_LINES = 20_000_000;
const FLUSH = 65_536;

export interface SheetWriter {
  /** Writes a record on that line (from 1), or on the next free one. Line breaks in values become spaces. */
  write(line: number, cells: readonly string[]): Promise<void>;
  end(): Promise<void>;
}

export function createSheetWriter(path: string): SheetWriter {
  const file = createWriteStream(path, { mode: 0o600 });
  const failed = new Promise<never>((_, reject) => file.once('error', reject));
  failed.catch(() => undefined);
  let text = '';
  let bytes = 0;
  let at = 1;

  async function flush(): Promise<void> {
    bytes += text.length;
    if (bytes > MAX_BYTES) throw new Error('it holds too much.');
    const isFull = !file.write(text);
    text = '';
    if (isFull) await Promise.race([once(file, 'drain'), failed]);
  }

  return {
    async write(line, cells) {
      if (line > MAX_LINES) throw new Error('it has too many lines.');
      if (line > at) {
        text += '\n'.repeat(line - at);
        at = line;
      }
      text += `${cells.map(cellOf).join(',')}\n`;
      at++;
      if (text.length >= FLUSH) await flush();
    },
    async end() {
      await flush();
      file.end();
      await Promise.race([once(file, 'finish'), failed]);
    },
  };
}

function cellOf(value: string): string {
  const flat = /[\r\n]/.test(value)
    ? value
        .split(/[\r\n]+/)
        .map((line) => line.trim())
        .join(' ')
    : value;
  return /[",]/.test(flat) ? `"${flat.replaceAll('"', '""')}"` : flat;
}
