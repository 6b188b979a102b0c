/** The XML files inside of a workbook, read piece by piece and never more of them than agreed. */
import { SaxesParser } from 'saxes';
import yauzl, { type Entry, type ZipFile } from 'yauzl';

/** A workbook has a few dozen files. */
const MAX_ENTRIES = 5_000;
/** Of one file when it is unpacked: a million rows of 20 columns have less. */
const MAX_BYTES = 2 * 1024 * 1024 * 1024;

/** Elements inside of one another: a worksheet has about 10. The parser keeps each of them until its end. */
const MAX_DEPTH = 100;

export interface XmlEvents {
  open?(name: string, attributes: Record<string, string>): void;
  text?(text: string): void;
  close?(name: string): void;
  /** after each piece */
  pause?(): Promise<void>;
}

export interface Archive {
  has(name: string): boolean;
  /** Reads a file of the archive; nothing happens when there is none of that name. Throws for what is damaged. */
  read(name: string, events: XmlEvents): Promise<void>;
  close(): void;
}

export async function openArchive(path: string): Promise<Archive> {
  const zip = await new Promise<ZipFile>((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true }, (error, opened) =>
      opened ? resolve(opened) : reject(error),
    );
  });
  const entries = await listEntries(zip);
  return {
    has: (name) => entries.has(name),
    async read(name, events) {
      const entry = entries.get(name);
      if (entry) await parse(zip, entry, events);
    },
    close: () => zip.close(),
  };
}

function listEntries(zip: ZipFile): Promise<Map<string, Entry>> {
  return new Promise((resolve, reject) => {
    const entries = new Map<string, Entry>();
    if (zip.entryCount > MAX_ENTRIES) return reject(new Error('it holds too many files.'));
    zip.on('entry', (entry: Entry) => {
      entries.set(entry.fileName.replace(/^\//, ''), entry);
      zip.readEntry();
    });
    zip.once('end', () => resolve(entries));
    zip.once('error', reject);
    zip.readEntry();
  });
}

async function parse(zip: ZipFile, entry: Entry, events: XmlEvents): Promise<void> {
  if (entry.uncompressedSize > MAX_BYTES) throw new Error('it is too large when it is unpacked.');
  const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    zip.openReadStream(entry, (error, opened) => (opened ? resolve(opened) : reject(error)));
  });
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw new Error(`it is damaged (${error.message.slice(0, 100)}).`);
  });
  let depth = 0;
  parser.on('opentag', ({ name, attributes }) => {
    if (++depth > MAX_DEPTH) throw new Error('it is damaged (its elements lie too deep).');
    events.open?.(plainName(name), attributesOf(attributes));
  });
  parser.on('text', (text) => events.text?.(text));
  parser.on('closetag', ({ name }) => {
    depth--;
    events.close?.(plainName(name));
  });
  const decoder = new TextDecoder();
  for await (const piece of stream) {
    parser.write(typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }));
    await events.pause?.();
  }
  parser.close();
}

const plainName = (name: string) => name.slice(name.indexOf(':') + 1);

/** Safe because namespaces are not resolved: every attribute is a text. */
function attributesOf(attributes: unknown): Record<string, string> {
  return attributes as Record<string, string>;
}
