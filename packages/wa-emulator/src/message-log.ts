import type { Activity, Inbound, Received, Stanza } from './types.ts';

const MAX_MESSAGES = 200_000;
const MAX_STANZAS = 200_000;
const MAX_INBOUND = 50_000;
const MAX_ACTIVITIES = 20_000;
const DEFAULT_LIMIT = 10_000;

/** Which messages to list; every field narrows the answer. */
export interface MessageFilter {
  to?: string | undefined;
  from?: string | undefined;
  id?: string | undefined;
  group?: string | undefined;
  /** At most this many, the newest; 10,000 when not given. */
  limit?: number | undefined;
}

/** The messages that recipients received: one entry per sender, recipient and message id. */
interface MessageLog {
  /** The entry of a message, made by `create` when it is the first copy. */
  open(from: string, to: string, id: string, create: () => Received): { entry: Received; isNew: boolean };
  byId(id: string): Received[];
  /** Leaves an entry out of `list` until `show`: its file is still being downloaded. */
  hide(entry: Received): void;
  show(entry: Received): void;
  list(filter: MessageFilter): Received[];
  count(): number;
  reset(): void;
}

const INDEXED = ['id', 'to', 'from'] as const;

/** Entries by one of their fields, in the order they came. */
type FieldIndex = Map<string, Set<Received>>;

/** A log of at most 200,000 messages; the oldest go first. */
function createMessageLog(): MessageLog {
  const entries = new Map<string, Received>();
  const hidden = new WeakSet<Received>();
  const indexes: Record<(typeof INDEXED)[number], FieldIndex> = {
    id: new Map(),
    to: new Map(),
    from: new Map(),
  };
  const keyOf = (from: string, to: string, id: string) => `${from}|${to}|${id}`;
  const evictOldest = () => {
    const [oldest] = entries;
    if (oldest) {
      entries.delete(oldest[0]);
      for (const field of INDEXED) {
        removeFrom(indexes[field], field, oldest[1]);
      }
    }
  };
  const candidates = (filter: MessageFilter): Iterable<Received> => {
    const field = INDEXED.find((name) => filter[name] !== undefined);
    return field ? (indexes[field].get(filter[field] ?? '') ?? []) : entries.values();
  };
  return {
    open(from, to, id, create) {
      const known = entries.get(keyOf(from, to, id));
      if (known) {
        return { entry: known, isNew: false };
      }
      const entry = create();
      entries.set(keyOf(from, to, id), entry);
      for (const field of INDEXED) {
        addTo(indexes[field], field, entry);
      }
      if (entries.size > MAX_MESSAGES) {
        evictOldest();
      }
      return { entry, isNew: true };
    },
    hide: (entry) => void hidden.add(entry),
    show: (entry) => void hidden.delete(entry),
    byId: (id) => [...(indexes.id.get(id) ?? [])],
    list: (filter) =>
      [...candidates(filter)]
        .filter((entry) => !hidden.has(entry) && matches(entry, filter))
        .slice(-(filter.limit ?? DEFAULT_LIMIT)),
    count: () => entries.size,
    reset() {
      entries.clear();
      for (const field of INDEXED) {
        indexes[field].clear();
      }
    },
  };
}

function addTo(index: FieldIndex, field: (typeof INDEXED)[number], entry: Received): void {
  const bucket = index.get(entry[field]);
  if (bucket) {
    bucket.add(entry);
  } else {
    index.set(entry[field], new Set([entry]));
  }
}

function removeFrom(index: FieldIndex, field: (typeof INDEXED)[number], entry: Received): void {
  const bucket = index.get(entry[field]);
  bucket?.delete(entry);
  if (bucket?.size === 0) {
    index.delete(entry[field]);
  }
}

function matches(entry: Received, { id, to, from, group }: MessageFilter): boolean {
  return (
    (id === undefined || entry.id === id) &&
    (to === undefined || entry.to === to) &&
    (from === undefined || entry.from === from) &&
    (group === undefined || entry.group === group)
  );
}

/** The last so many items, with how many there ever were. */
interface RecentLog<T> {
  add(item: T): void;
  list(keep: (item: T) => boolean, limit?: number): T[];
  total(): number;
  reset(): void;
}

function createRecentLog<T>(capacity: number): RecentLog<T> {
  let items: T[] = [];
  let total = 0;
  return {
    add(item) {
      items.push(item);
      total += 1;
      if (items.length > capacity + capacity / 10) {
        items = items.slice(-capacity);
      }
    },
    list: (keep, limit = DEFAULT_LIMIT) => items.filter(keep).slice(-limit),
    total: () => total,
    reset() {
      items = [];
      total = 0;
    },
  };
}

/** Everything the emulator remembers about the traffic. */
export interface TrafficLog {
  messages: MessageLog;
  stanzas: RecentLog<Stanza>;
  activities: RecentLog<Activity>;
  inbound: InboundLog;
  reset(): void;
}

/** Messages that simulated persons sent, by id and session. */
interface InboundLog {
  add(entry: Inbound): void;
  find(to: string, id: string): Inbound | undefined;
  list(filter: { to?: string | undefined; from?: string | undefined; id?: string | undefined }): Inbound[];
  reset(): void;
}

function createInboundLog(): InboundLog {
  const entries = new Map<string, Inbound>();
  return {
    add(entry) {
      entries.set(`${entry.to}|${entry.id}`, entry);
      const [oldest] = entries.keys();
      if (entries.size > MAX_INBOUND && oldest !== undefined) {
        entries.delete(oldest);
      }
    },
    find: (to, id) => entries.get(`${to}|${id}`),
    list: ({ to, from, id }) => {
      const known = to === undefined || id === undefined ? undefined : entries.get(`${to}|${id}`);
      return (known ? [known] : [...entries.values()])
        .filter(
          (entry) =>
            (to === undefined || entry.to === to) &&
            (from === undefined || entry.from === from) &&
            (id === undefined || entry.id === id),
        )
        .slice(-DEFAULT_LIMIT);
    },
    reset: () => entries.clear(),
  };
}

/** Empty logs. */
export function createTrafficLog(): TrafficLog {
  const logs = {
    messages: createMessageLog(),
    stanzas: createRecentLog<Stanza>(MAX_STANZAS),
    activities: createRecentLog<Activity>(MAX_ACTIVITIES),
    inbound: createInboundLog(),
  };
  return {
    ...logs,
    reset() {
      for (const log of Object.values(logs)) {
        log.reset();
      }
    },
  };
}
