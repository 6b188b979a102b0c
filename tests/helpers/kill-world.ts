/**
 * The whole pipeline at work while its processes are killed at random moments: texts, images, albums, codes, a group, posts
 * to the status and to an own channel, polls, events, messages that come in, what the owner sends from the phone, labels that the phone makes, webhooks. What was accepted is told apart by its own words, so that nothing can be lost or come twice.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'wa-emulator';
import { type Cluster, startCluster } from './cluster.ts';
import { createKiller, type Moment } from './kill-moments.ts';
import { createRandom } from './random.ts';
import { linkSession, type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';
import { until } from './until.ts';

const SESSION = 'main';
const PHONE = '628111000050';
const MEMBER = '628111000059';
const PERSONS = 8;
/** Each of them gets a new name now and then. */
const LABELS = 100;
/** While anything still arrives there is no hurry, however slow the machine: only standing still is a fault. */
const STANDSTILL_MS = 120_000;
/** Between two of a kind, so that many are under way at each kill while the processor is not busy with nothing else. */
const BETWEEN_MS = 120;
/** One message in so many that come in has a file. */
const FILE_EVERY = 10;
/** One in so many cannot be opened at first. */
const GARBLED_EVERY = 4;
/** One pixel, with a file's own bytes behind it so that each image is another one. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

const FAST = {
  MESSAGE_DELAY_MIN: '0',
  MESSAGE_DELAY_MAX: '0',
  MAX_MESSAGES_PER_MINUTE: '100000',
  MAX_MESSAGES_PER_HOUR: '100000',
  NEW_CONTACTS_PER_DAY: '0',
  MAX_MESSAGES_PER_RECIPIENT: '100000',
  API_RATE_LIMIT_MAX: '1000000',
  RATE_LIMIT_MAX: '1000000',
  WEBHOOK_ALLOW_PRIVATE: 'true',
  LOG_LEVEL: 'warn',
};

/** A code that runs out while everything is down is dropped, and rightly so. */
const VALID_LONG = { expiresInSeconds: 86_400 };

/** `post`: one after the other a post to the status, a post to a channel, a poll and an event. */
const KINDS = ['text', 'image', 'album', 'otp', 'group', 'post', 'inbound', 'phone', 'label'] as const;
/** Images of an album: kills come between them, too. */
const ALBUM_ITEMS = 5;
type Kind = (typeof KINDS)[number];

export interface KillWorld {
  emulator: Emulator;
  processes: readonly SandboxProcess[];
  /** kills so far */
  readonly killed: Readonly<Record<Moment, number>>;
  /** Work goes on until `stop`, which resolves with what was accepted. */
  work(): { stop(): Promise<void> };
  /** Kills processes at random moments and starts them again, `kills` times, while nothing that arrived is wrong. */
  killAtRandom(kills: number): Promise<void>;
  /** Resolves when everything has arrived, and throws with what is wrong. */
  allArrived(): Promise<Outcome>;
  stop(): Promise<void>;
}

/** Counts of what was accepted; all of it has been found once, under its own id. */
export type Outcome = Record<Kind | 'webhooks', number> & { killed: Readonly<Record<Moment, number>> };

/** The seed says when kills come; what a process does at that moment is its own affair. */
export async function startKillWorld(processes: number, seed: number): Promise<KillWorld> {
  const emulator = await startEmulator();
  const hooks = await startReceiver();
  // Whichever process owns the session reads what another one took.
  const files = await mkdtemp(join(tmpdir(), 'wahub-files-'));
  const cluster: Cluster | null =
    processes > 1 ? await startCluster(emulator, processes, { env: { ...FAST, UPLOAD_PATH: files } }) : null;
  const all = cluster?.processes ?? [await startSandboxProcess(emulator, FAST)];
  const [first] = all;
  if (!first) throw new Error('no process was started');
  await linkSession(first, emulator, SESSION, PHONE);
  for (let n = 0; n < all.length - 1; n++)
    await linkSession(first, emulator, `more-${n}`, `62811100005${n + 1}`);
  const group = emulator.createGroup({ subject: 'Keluarga', participants: [PHONE, MEMBER] });
  const channel = emulator.createChannel({ name: 'Kabar', owner: PHONE });
  const events = [
    ...['message.sent', 'message.delivered', 'message.read', 'message.failed'],
    ...['message.received', 'message.undecryptable', 'label.updated'],
  ];
  await first.call('POST', '/webhook', { url: hooks.url, events });

  /** words -> message id; of labels: id -> name */
  const accepted = new Map<Kind, Map<string, string>>(KINDS.map((kind) => [kind, new Map()]));
  const of = (kind: Kind) => accepted.get(kind) ?? new Map<string, string>();
  let made = 0;

  const killer = createKiller({
    processes: all,
    random: createRandom(seed),
    progress: [
      ...OUTBOUND.map((kind) => () => of(kind).size),
      () => emulator.received().length,
      () => confirmedOf(emulator).length,
    ],
    check() {
      checkWords(emulator, of);
      hooks.checkOrder();
    },
  });

  /** The same request with the same key until somebody says what became of it. */
  async function insist(
    path: string,
    body: object,
    key: string,
    goesOn: () => boolean,
  ): Promise<Accept | null> {
    for (let attempt = 0; ; attempt++) {
      const by = all[(made + attempt) % all.length];
      const answer = await by?.call('POST', path, body, { 'idempotency-key': key }).catch(() => undefined);
      if (answer?.status === 202) return answer.body.data ?? answer.body;
      const passes = answer === undefined || answer.status === 503 || answer.status === 409;
      if (!passes) throw new Error(`${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      // Nothing says that it was accepted: after the end it is looked for no more, whatever became of it.
      if (!goesOn() && attempt > 100) return null;
      await pause(200);
    }
  }

  async function one(kind: Kind, n: number, goesOn: () => boolean): Promise<void> {
    const words = `${kind} ${n}`;
    const to = `62812${String(n % PERSONS).padStart(7, '0')}`;
    if (kind === 'inbound') {
      const from = `62813${String(n % PERSONS).padStart(7, '0')}`;
      const data = Buffer.from(`${words} of a file`).toString('base64');
      const content =
        n % FILE_EVERY === 0 ? ({ kind: 'document', caption: words, data } as const) : { text: words };
      const garbled = n % GARBLED_EVERY === 0;
      const { ids } = await emulator.deliver({ to: PHONE, from, garbled, ...content });
      of(kind).set(words, ids[0] ?? '');
      // The emulator is never away, the service is: no flood.
      return pause(800);
    }
    if (kind === 'phone') {
      const { id } = await emulator.sendFromPhone({ phone: PHONE, to, text: words });
      of(kind).set(words, id);
      return pause(800);
    }
    if (kind === 'label') {
      const label = String(1_000 + (n % LABELS));
      await emulator.setLabel({ phone: PHONE, label, name: words });
      of(kind).set(label, words);
      return pause(800);
    }
    const posts = [
      ['/message/send-status', { session: SESSION, recipients: [to, MEMBER], text: words }],
      ['/message/send-text', { session: SESSION, to: channel.id, text: words }],
      ['/message/send-poll', { session: SESSION, to, question: words, options: ['ya', 'tidak'] }],
      ['/message/send-event', { session: SESSION, to, name: words, startsAt: '2030-01-31T16:00:00Z' }],
    ] as const;
    const requests = {
      post: posts[n % posts.length] ?? posts[0],
      text: ['/message/send-text', { session: SESSION, to, text: words }],
      image: ['/message/send-image', { session: SESSION, to, image: imageOf(n), caption: words }],
      album: ['/message/send-album', { session: SESSION, to, items: albumOf(n, words) }],
      group: ['/message/send-text', { session: SESSION, to: group.id, isGroup: true, text: words }],
      // A number has one code at a time, and five in ten minutes.
      otp: ['/otp/send', { session: SESSION, to: `62814${String(n).padStart(7, '0')}`, ...VALID_LONG }],
    } as const;
    const [path, body] = requests[kind];
    const answer = await insist(path, body, `${words} of this run`, goesOn);
    if (answer?.messageId) of(kind).set(words, answer.messageId);
    for (const [part, { messageId }] of partsOf(answer)) of(kind).set(`${words}, ${part}`, messageId);
    // Each is six messages and five uploads.
    if (kind === 'album') await pause(800);
  }

  return {
    emulator,
    processes: all,
    killed: killer.killed,
    work() {
      let goesOn = true;
      const lines = KINDS.map(async (kind) => {
        while (goesOn) {
          await one(kind, made++, () => goesOn);
          await pause(BETWEEN_MS);
        }
      });
      const done = Promise.all(lines);
      done.catch(() => undefined);
      return {
        async stop() {
          goesOn = false;
          await done;
        },
      };
    },
    killAtRandom: (kills) => killer.kill(kills),
    async allArrived() {
      await untilNone(() => countWaiting(first), 'messages still wait');
      await untilArrived(emulator, first, of);
      checkWords(emulator, of);
      checkOutbound(emulator, of);
      const { out, heads } = await checkHistory(first, of);
      const inbound = await checkInbound(emulator, first, of);
      await checkCounts(first, { out, heads, inbound });
      await untilNamed(first, of('label'));
      const webhooks = await hooks.check(
        of('inbound').size,
        [...OUTBOUND, 'phone' as const].flatMap((kind) => [...of(kind).values()]),
      );
      const counts = Object.fromEntries(KINDS.map((kind) => [kind, of(kind).size]));
      return { ...(counts as Record<Kind, number>), webhooks, killed: { ...killer.killed } };
    },
    async stop() {
      await Promise.all(all.map((process) => process.remove()));
      await cluster?.remove();
      await hooks.stop();
      await emulator.stop();
      await rm(files, { recursive: true, force: true });
    },
  };
}

/** Each label has the name that the phone gave it last. */
async function untilNamed(process: SandboxProcess, names: ReadonlyMap<string, string>): Promise<void> {
  await untilNone(async () => {
    const { body } = await process.call('GET', `/session/${SESSION}/labels`);
    const found = new Map(body.data.map(({ label, name }: { label: string; name: string }) => [label, name]));
    return [...names].filter(([label, name]) => found.get(label) !== name).length;
  }, 'labels are not as the phone has them');
}

const imageOf = (n: number) =>
  `data:image/png;base64,${Buffer.concat([Buffer.from(PNG, 'base64'), Buffer.from(`#${n}`)]).toString('base64')}`;

/** Resolves when nothing is left; throws with `what` when nothing has changed for a long time. */
async function untilNone(
  left: () => number | Promise<number>,
  what: string | (() => Promise<string>),
): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  for (let now = await left(); now > 0; now = await left()) {
    if (now >= least) throw new Error(typeof what === 'string' ? `${now}: ${what}` : await what());
    least = now;
    await until(async () => (await left()) < least, STANDSTILL_MS).catch(() => undefined);
  }
}

async function countWaiting(process: SandboxProcess): Promise<number> {
  const answer = await process.call('GET', `/message/queue-status?session=${SESSION}`).catch(() => undefined);
  if (answer?.status !== 200) return Number.MAX_SAFE_INTEGER;
  return answer.body.pending + answer.body.processing;
}

const albumOf = (n: number, words: string) =>
  Array.from({ length: ALBUM_ITEMS }, (_, part) => ({
    image: imageOf(n + part / ALBUM_ITEMS),
    caption: `${words}, ${part}`,
  }));

/** What a 202 says: of a message, or of an album. */
interface Accept {
  messageId?: string;
  album?: { messageId: string };
  items?: { messageId: string }[];
}

/** The parts of an album by the last of their words: its head has none. */
function partsOf(answer: Accept | null): [string | number, { messageId: string }][] {
  if (!answer?.album) return [];
  return [['head', answer.album], ...(answer.items ?? []).map((item, n): [number, typeof item] => [n, item])];
}

type Accepted = (kind: Kind) => ReadonlyMap<string, string>;
const OUTBOUND = ['text', 'image', 'album', 'group', 'post', 'otp'] as const;

const outboundIds = (of: Accepted) => new Set(OUTBOUND.flatMap((kind) => [...of(kind).values()]));
const readable = (emulator: Emulator) =>
  emulator.received().filter((message) => message.from === PHONE && !message.decryptError);

const confirmedOf = (emulator: Emulator) =>
  emulator.inbound({ to: PHONE }).filter(({ receivedAt }) => receivedAt !== undefined);

async function untilArrived(emulator: Emulator, process: SandboxProcess, of: Accepted): Promise<void> {
  const missing = () => {
    const arrived = new Set(readable(emulator).map(({ id }) => id));
    return OUTBOUND.flatMap((kind) => [...of(kind)]).filter(([, id]) => !arrived.has(id));
  };
  await untilNone(
    () => missing().length,
    async () => {
      const ids = new Set(missing().map(([, id]) => id));
      const unreadable = emulator.received().filter(({ id }) => ids.has(id));
      const rows = (await readAll(process, 'out')).filter((row) => ids.has(row.messageId));
      return `accepted and not arrived: ${JSON.stringify({ missing: missing(), unreadable, rows })}`;
    },
  );
  const unconfirmed = () => {
    return Math.max(0, of('inbound').size + of('phone').size - confirmedOf(emulator).length);
  };
  await untilNone(unconfirmed, 'messages that came in are not confirmed');
}

/** What has arrived came under the id that was given for its words. */
function checkWords(emulator: Emulator, of: Accepted): void {
  const idOf = new Map(OUTBOUND.flatMap((kind) => [...of(kind)]));
  for (const { id, text, caption, pollName, event } of readable(emulator)) {
    const words = text ?? caption ?? pollName ?? event?.name ?? '';
    const expected = idOf.get(words) ?? id;
    if (expected !== id) throw new Error(`"${words}" came as ${id}, not as ${expected}`);
  }
}

/** Each once for each recipient, and nothing else. */
function checkOutbound(emulator: Emulator, of: Accepted): void {
  const ids = new Set([...outboundIds(of), ...of('phone').values()]);
  const seen = new Set<string>();
  for (const { id, to } of readable(emulator)) {
    const place = `${id} at ${to}`;
    if (seen.has(place)) throw new Error(`${place} was shown twice`);
    seen.add(place);
    if (!ids.has(id)) throw new Error(`${id} was never accepted`);
  }
  checkAlbums(emulator, of('album'));
}

/** Each item names the head that was accepted with it. */
function checkAlbums(emulator: Emulator, parts: ReadonlyMap<string, string>): void {
  for (const { id, type, caption, album } of readable(emulator)) {
    const head = parts.get(`${caption?.split(',')[0]}, head`);
    if (type === 'image' && album !== head) throw new Error(`${id} names ${album}, not ${head}`);
  }
}

interface Row {
  messageId: string;
  source: 'api' | 'phone' | null;
  type: string;
  status: string;
  content: { text?: string; caption?: string; media?: { state: string } };
}

/** Resolves with how many of them the service has sent, and how many of these are heads of albums. */
async function checkHistory(process: SandboxProcess, of: Accepted): Promise<{ out: number; heads: number }> {
  const rows = await readAll(process, 'out');
  const byId = new Map(rows.map((row) => [row.messageId, row]));
  if (byId.size !== rows.length) throw new Error('a message is in the history twice');
  for (const id of of('phone').values()) {
    if (byId.get(id)?.source !== 'phone') throw new Error(`${id} of the phone is not in the history`);
  }
  for (const id of outboundIds(of)) {
    const status = byId.get(id)?.status;
    if (status === undefined || !['sent', 'delivered', 'read'].includes(status)) {
      throw new Error(`${id} is ${status ?? 'not in the history'}`);
    }
  }
  const sent = rows.filter(({ source }) => source === 'api');
  return { out: sent.length, heads: sent.filter(({ type }) => type === 'album').length };
}

/** What the service counts is what its history holds; of an album its items alone. */
async function checkCounts(
  process: SandboxProcess,
  { out, heads, inbound }: { out: number; heads: number; inbound: number },
): Promise<void> {
  const queue = await process.call('GET', `/message/queue-status?session=${SESSION}`);
  const { pending, processing, completed, failed, expired, canceled } = queue.body;
  const stats = await process.call('GET', `/analytics/sessions/${SESSION}/stats?days=2`);
  const { sent, received, total } = stats.body.data.messages;
  const counted = { pending, processing, completed, failed, expired, canceled, sent, received, total };
  const none = { pending: 0, processing: 0, failed: 0, expired: 0, canceled: 0 };
  const listed = out - heads;
  const expected = {
    ...none,
    completed: out,
    sent: listed,
    received: inbound,
    total: listed + inbound,
  };
  for (const [name, n] of Object.entries(expected)) {
    const found = counted[name as keyof typeof counted];
    if (found !== n) throw new Error(`${name} is ${found}, not ${n}: ${JSON.stringify(counted)}`);
  }
}

async function readAll(process: SandboxProcess, direction: 'in' | 'out'): Promise<Row[]> {
  const rows: Row[] = [];
  for (let cursor = ''; ; ) {
    const query = `session=${SESSION}&direction=${direction}&limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const { body } = await process.call('GET', `/message/list?${query}`);
    rows.push(...body.data);
    if (body.nextCursor === null) return rows;
    cursor = body.nextCursor;
  }
}

async function checkInbound(emulator: Emulator, process: SandboxProcess, of: Accepted): Promise<number> {
  const rows = await readAll(process, 'in');
  const found = new Map(rows.map((row) => [row.messageId, row.content.text ?? row.content.caption]));
  for (const [words, id] of of('inbound')) {
    if (found.get(id) !== words) throw new Error(`"${words}" (${id}) was not stored`);
  }
  if (found.size !== rows.length) throw new Error('a message that came in was stored twice');
  const ids = new Set(of('inbound').values());
  const refused = emulator
    .inbound({ to: PHONE })
    .filter((message) => ids.has(message.id) && message.nack !== undefined);
  if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
  await untilNone(async () => {
    const files = (await readAll(process, 'in')).filter((row) => row.content.media);
    return files.filter((row) => row.content.media?.state !== 'stored').length;
  }, 'files are not stored');
  return rows.length;
}

const RANKS: Readonly<Record<string, number>> = {
  'message.sent': 1,
  'message.delivered': 2,
  'message.read': 3,
};

interface Told {
  type: string;
  data: { messageId?: string; name?: string; seq?: number };
}

/** A receiver of webhooks that notes what it is told. */
async function startReceiver() {
  const told: Told[] = [];
  const ids = new Set<string>();
  const server: Server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      const id = String(request.headers['webhook-id']);
      // One that was answered by a process that died comes again under its id.
      if (!ids.has(id)) told.push(JSON.parse(text));
      ids.add(id);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  function checkOrder(): void {
    const ranks = new Map<string, number>();
    const once = new Set<string>();
    for (const { type, data } of told) {
      const id = data.messageId ?? '';
      if (type === 'message.failed') throw new Error(`${id} failed`);
      if (type === 'label.updated' && once.has(String(data.name)))
        throw new Error(`${data.name} was told twice`);
      if (type === 'label.updated') once.add(String(data.name));
      const isInbound = type === 'message.received' || type === 'message.undecryptable';
      if (isInbound && once.has(`${type} ${id}`)) throw new Error(`${id} was told of twice`);
      if (isInbound) once.add(`${type} ${id}`);
      const rank = RANKS[type] ?? 0;
      if (rank === 0) continue;
      if (rank <= (ranks.get(id) ?? 0)) throw new Error(`${id} went from ${ranks.get(id)} to ${type}`);
      ranks.set(id, rank);
    }
  }
  return {
    url: `http://127.0.0.1:${port}/`,
    checkOrder,
    /** Waits for one event of each that came in and one `sent` of each that went out; statuses never go back. */
    async check(received: number, sent: readonly string[]): Promise<number> {
      const of = (type: string) =>
        new Set(told.flatMap(({ type: t, data }) => (t === type ? [data.messageId] : [])));
      const tellings = () => of('message.received').size + of('message.sent').size;
      await untilNone(() => Math.max(0, received + sent.length - tellings()), 'webhooks have not come');
      checkOrder();
      return told.length;
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
