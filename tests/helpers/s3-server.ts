/**
 * An S3 server for tests: objects of one bucket in memory, every request's signature and body hash verified as the
 * documentation of AWS says ("Authenticating Requests: Using the Authorization Header"), and trouble on demand.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { S3Options } from '../../src/utils/storage/s3-client.ts';

/** What is to be signed, as it came. */
export interface SignedRequest {
  method: string;
  /** with the query, as on the request line */
  target: string;
  /** names in lower case */
  headers: Record<string, string>;
}

export interface S3Account {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

export interface S3Server {
  /** for a client with the right key */
  options: S3Options;
  objects: Map<string, Buffer>;
  /** method and path of every request that was let in */
  log: string[];
  /** Called for each request that was let in, before it is answered: true when it has answered itself. */
  trouble: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
  /** Ends every connection and listens no more. */
  goDown(): Promise<void>;
  /** Listens again, on the same port; nothing happens when it does. */
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** RFC 3986, and what was encoded already is not encoded again. */
const encode = (text: string) =>
  encodeURIComponent(decodeURIComponent(text)).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** The signature that a request with these signed headers must have. */
export function signatureOf(request: SignedRequest, signedHeaders: string, account: S3Account): string {
  const [path = '/', query = ''] = request.target.split('?');
  const params = query === '' ? [] : query.split('&').map((pair) => pair.split('='));
  const canonical = [
    request.method,
    path.split('/').map(encode).join('/'),
    params
      .map(([name = '', value = '']) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    ...signedHeaders
      .split(';')
      .map((name) => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders,
    request.headers['x-amz-content-sha256'] ?? '',
  ].join('\n');
  const date = request.headers['x-amz-date'] ?? '';
  const scope = `${date.slice(0, 8)}/${account.region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const day = hmac(`AWS4${account.secretAccessKey}`, date.slice(0, 8));
  const key = hmac(hmac(hmac(day, account.region), 's3'), 'aws4_request');
  return hmac(key, toSign).toString('hex');
}

class S3Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
const MAX_SKEW_MS = 15 * 60_000;
/** Without them anybody on the way could change what is asked for. */
const MUST_BE_SIGNED = ['host', 'x-amz-content-sha256', 'x-amz-date'];

/** Throws S3Refusal unless the request was signed with the account's key, lately. */
function verify(request: SignedRequest, account: S3Account): void {
  const [, keyId, , region, signedHeaders = '', signature = ''] =
    AUTHORIZATION.exec(request.headers.authorization ?? '') ?? [];
  if (keyId === undefined) throw new S3Refusal(403, 'AccessDenied');
  if (keyId !== account.accessKeyId) throw new S3Refusal(403, 'InvalidAccessKeyId');
  if (region !== account.region) throw new S3Refusal(400, 'AuthorizationHeaderMalformed');
  const signed = new Set(signedHeaders.split(';'));
  if (MUST_BE_SIGNED.some((name) => !signed.has(name))) throw new S3Refusal(403, 'AccessDenied');
  const [, y, mo, d, h, mi, s] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(request.headers['x-amz-date'] ?? '') ?? [];
  const at = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  if (!(Math.abs(Date.now() - at) < MAX_SKEW_MS)) throw new S3Refusal(403, 'RequestTimeTooSkewed');
  const expected = signatureOf(request, signedHeaders, account);
  if (!timingSafeEqual(Buffer.from(signature, 'hex'), Buffer.from(expected, 'hex'))) {
    throw new S3Refusal(403, 'SignatureDoesNotMatch');
  }
}

const BUCKET = 'wahub-test';
const ACCOUNT: S3Account = {
  region: 'ap-southeast-3',
  accessKeyId: 'AKIATESTTESTTESTTEST',
  secretAccessKey: 'test/secret+key/with=signs0123456789abcd',
};
/** Fewer than a real server gives, so that a list has several pages. */
const PAGE = 3;

export async function startS3Server(): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const sockets = new Set<Socket>();
  const log: string[] = [];
  let server: Server | null = null;
  let port = 0;

  async function listen(): Promise<void> {
    if (server) return;
    const made = createServer((request, response) => {
      answer(request, response).catch(() => response.destroy());
    });
    made.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    made.listen(port, '127.0.0.1');
    await once(made, 'listening');
    port = (made.address() as AddressInfo).port;
    server = made;
  }

  async function goDown(): Promise<void> {
    const closing = server;
    server = null;
    if (!closing) return;
    const closed = once(closing, 'close');
    closing.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: target = '/' } = request;
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    try {
      verify({ method, target, headers }, ACCOUNT);
      log.push(`${method} ${target}`);
      if (running.trouble?.(request, response)) return;
      await serve(request, response, headers);
    } catch (error) {
      if (!(error instanceof S3Refusal)) throw error;
      request.resume();
      response.writeHead(error.status, { 'content-type': 'application/xml' });
      const xml = `<?xml version="1.0"?><Error><Code>${error.code}</Code><Message>No.</Message></Error>`;
      response.end(method === 'HEAD' ? '' : xml);
    }
  }

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    headers: Record<string, string>,
  ): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://s3.invalid');
    const [, bucket, ...rest] = url.pathname.split('/');
    if (bucket !== BUCKET) throw new S3Refusal(404, 'NoSuchBucket');
    const key = rest.join('/');
    if (request.method === 'GET' && key === '') {
      response.writeHead(200, { 'content-type': 'application/xml' }).end(listObjects(url.searchParams));
      return;
    }
    if (request.method === 'PUT') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      if (headers['content-length'] === undefined) throw new S3Refusal(411, 'MissingContentLength');
      if (sha256(body) !== headers['x-amz-content-sha256'])
        throw new S3Refusal(400, 'XAmzContentSHA256Mismatch');
      objects.set(key, body);
      response.writeHead(200, { etag: etagOf(body) }).end();
      return;
    }
    if (request.method === 'DELETE') {
      objects.delete(key);
      response.writeHead(204).end();
      return;
    }
    const body = objects.get(key);
    if (body === undefined) throw new S3Refusal(404, 'NoSuchKey');
    if (headers['if-match'] !== undefined && headers['if-match'] !== etagOf(body)) {
      throw new S3Refusal(412, 'PreconditionFailed');
    }
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? Number.NaN);
    if (from >= body.length) throw new S3Refusal(416, 'InvalidRange');
    const part = Number.isNaN(from) ? body : body.subarray(from);
    response.writeHead(Number.isNaN(from) ? 200 : 206, {
      'content-length': part.length,
      etag: etagOf(body),
      ...(Number.isNaN(from) ? {} : { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }),
    });
    response.end(request.method === 'HEAD' ? undefined : part);
  }

  function listObjects(query: URLSearchParams): string {
    const after = Buffer.from(query.get('continuation-token') ?? '', 'base64').toString();
    const names = [...objects.keys()]
      .filter((name) => name.startsWith(query.get('prefix') ?? '') && name > after)
      .sort();
    const page = names.slice(0, Math.min(PAGE, Number(query.get('max-keys') ?? PAGE)));
    const more = page.length < names.length;
    const last = Buffer.from(page.at(-1) ?? '').toString('base64');
    const contents = page.map(
      (name) =>
        `<Contents><Key>${name}</Key><Size>${objects.get(name)?.length}</Size><ETag>&quot;x&quot;</ETag></Contents>`,
    );
    return [
      '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
      `<IsTruncated>${more}</IsTruncated>`,
      ...(more ? [`<NextContinuationToken>${last.replaceAll('=', '&#61;')}</NextContinuationToken>`] : []),
      ...contents,
      '</ListBucketResult>',
    ].join('');
  }

  await listen();
  const running: S3Server = {
    options: {
      ...ACCOUNT,
      endpoint: `http://127.0.0.1:${port}`,
      bucket: BUCKET,
      pathStyle: true,
      prefix: '',
    },
    objects,
    log,
    trouble: null,
    goDown,
    comeBack: listen,
    close: goDown,
  };
  return running;
}

const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`;
