/** Files in a bucket of any service that speaks S3's protocol. */
import { createReadStream } from 'node:fs';
import type { Clock } from '../clock.ts';
import { readOn } from './s3-body.ts';
import { createS3Client, type S3Answer, type S3Client, type S3Options } from './s3-client.ts';
import { type FileStorage, StorageError, type StoredFile } from './storage.ts';

const NOT_FOUND = [404];
/** Where files lie, beside the object that shows that files can be kept. */
const FOLDER = 'media/';
const CHECK_KEY = 'storage-check';
const CHECK_BODY = Buffer.from('This object shows WaHub that it may write here.\n');
/** `CHECK_BODY` */
const CHECK_SHA256 = 'e88ddd8be2c8ba777aa4007142cbb4aaf464e0dff1dcda4d235bd790137cf2fb';

/**
 * Keeps files in a bucket. Their size and hash are known when they are kept, so each is one PUT, which S3 takes whole or
 * not at all. Nothing is held in memory but what is on its way.
 */
export function createS3Storage(options: S3Options, clock: Clock): FileStorage {
  const client = createS3Client(options, clock);
  let wasWritten = false;
  return {
    type: 's3',
    async put(key, { path, size, sha256 }) {
      const body = { open: () => createReadStream(path), size, sha256 };
      const headers = { 'content-type': 'application/octet-stream' };
      await drop(await client.send({ method: 'PUT', key: FOLDER + key, headers, body }));
    },
    async open(key) {
      const answer = await client.send({ method: 'GET', key: FOLDER + key, accept: NOT_FOUND });
      if (answer.statusCode === 404) return null;
      const size = Number(headerOf(answer, 'content-length') || Number.NaN);
      if (Number.isNaN(size)) throw new StorageError('refused', 'S3 does not tell how long its files are');
      const etag = headerOf(answer, 'etag');
      const reopen = async (at: number) => {
        // Only the rest of the very same bytes will do.
        const headers = { range: `bytes=${at}-`, ...(etag === '' ? {} : { 'if-match': etag }) };
        const rest = await client.send({
          method: 'GET',
          key: FOLDER + key,
          headers,
          accept: [404, 412, 416],
        });
        if (rest.statusCode === 206) return rest.body;
        throw new StorageError('away', 'a file was replaced or removed while it was read');
      };
      return readOn({ first: answer.body, size, reopen }, clock);
    },
    async has(key) {
      const answer = await client.send({ method: 'HEAD', key: FOLDER + key, accept: NOT_FOUND });
      await drop(answer);
      return answer.statusCode !== 404;
    },
    async remove(key) {
      await drop(await client.send({ method: 'DELETE', key: FOLDER + key, accept: NOT_FOUND }));
    },
    list: (prefix) => listObjects(client, options.prefix + FOLDER, prefix),
    async check() {
      // Without the right to list, S3 would not tell a file that is gone from one that may not be read.
      const query = { 'list-type': '2', 'max-keys': '1', prefix: options.prefix + FOLDER };
      await drop(await client.send({ method: 'GET', query }));
      if (wasWritten) return;
      const body = { open: () => CHECK_BODY, size: CHECK_BODY.length, sha256: CHECK_SHA256 };
      await drop(await client.send({ method: 'PUT', key: CHECK_KEY, body }));
      wasWritten = true;
    },
    close: () => client.close(),
  };
}

/** `folder` is the beginning of the names in the bucket that is not part of our keys. */
async function* listObjects(client: S3Client, folder: string, prefix: string): AsyncGenerator<StoredFile> {
  for (let token: string | null = null; ; ) {
    const query: Record<string, string> = { 'list-type': '2', prefix: folder + prefix };
    if (token !== null) query['continuation-token'] = token;
    const answer = await client.send({ method: 'GET', query });
    const page = await answer.body.text().catch(() => {
      throw new StorageError('away', 'S3 broke off in the middle of a list');
    });
    for (const object of page.split('<Contents>').slice(1)) {
      const name = tagOf(object, 'Key') ?? '';
      if (name.startsWith(folder))
        yield { key: name.slice(folder.length), size: Number(tagOf(object, 'Size')) };
    }
    if (tagOf(page, 'IsTruncated') !== 'true') return;
    token = tagOf(page, 'NextContinuationToken');
    if (token === null) return;
  }
}

/** The text of the first such element; S3 nests none of them. */
function tagOf(xml: string, tag: string): string | null {
  const open = xml.indexOf(`<${tag}>`);
  if (open < 0) return null;
  const begin = open + tag.length + 2;
  const end = xml.indexOf('<', begin);
  if (!xml.startsWith(`</${tag}>`, end)) return null;
  return xml.slice(begin, end).replace(/&(#x?[0-9a-f]+|\w+);/gi, decodeEntity);
}

const ENTITIES: Record<string, string | undefined> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntity(whole: string, name: string): string {
  if (!name.startsWith('#')) return ENTITIES[name] ?? whole;
  return String.fromCodePoint(/^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1)));
}

function headerOf({ headers }: S3Answer, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** Frees the connection of an answer whose body is not wanted. */
async function drop({ body }: S3Answer): Promise<void> {
  await body.dump().catch(() => undefined);
}
