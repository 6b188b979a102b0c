/** A CPU profile by the phases of a message: what a sample is for tells the frame that is nearest to it and has an owner. */

export interface Frame {
  functionName: string;
  url: string;
  lineNumber: number;
}

export interface Sampled {
  nodes: { id: number; callFrame: Frame; children?: number[] | undefined }[];
  samples?: number[] | undefined;
  timeDeltas?: number[] | undefined;
}

/** What no frame above it can tell. */
const LEAVES: readonly (readonly [RegExp, string])[] = [
  [/^\(garbage collector\)/, 'garbage collection'],
  [/async_hooks|promise_hooks|utils\/async-context/, 'async contexts'],
  [/^\(program\)/, 'outside of JavaScript'],
];

/** By `function place`, the first that fits. Files that serve everybody (db/, utils/, node:) are in none. */
const OWNERS: readonly (readonly [RegExp, string])[] = [
  [
    / (node_modules\/ws\/lib\/sender|.*WABinary\/encode)|^(encodeFrame|sendRawMessage|sendNode) /,
    'stanza out: encode, encrypt, write',
  ],
  [
    / (node_modules\/ws\/lib\/receiver|.*WABinary\/decode)|^(decodeFrame|processData|onMessageReceived) /,
    'stanza in: read, decrypt, decode',
  ],
  [/ node_modules\/(libsignal|curve25519)| .*baileys\/lib\/Signal\/|libsignal-fixes/, 'seal: Signal'],
  [
    / .*dist\/whatsapp\/(credential|baileys\/(transactions|held-keys|auth-state))/,
    'keys: transactions and store',
  ],
  [
    / .*dist\/whatsapp\/baileys\/(prepare|devices|device-cache|session-look|encode|lids|chats)/,
    'prepare: ours',
  ],
  [/ .*dist\/whatsapp\/baileys\/(receipts|arrivals|guard|receive|ack-book|gather-writes)/, 'stanza in: ours'],
  [/ .*dist\/whatsapp\//, 'engine: ours'],
  [/ .*baileys\/lib\/Socket\/messages-send/, 'relay: Baileys'],
  [/ .*baileys\/(lib|WAProto)\//, 'Baileys, other'],
  [/ node_modules\/protobufjs/, 'Baileys, other'],
  [
    / .*dist\/workers\/dispatcher\/|dist\/queue\/(claim|look-ahead|limits|account-state|pace|session-state|recipient-hold)/,
    'line: choose, claim, look',
  ],
  [/ .*dist\/queue\/enqueue|dist\/services\/messages/, 'enqueue'],
  [/ .*dist\/queue\/settle|dist\/queue\/(usage|marks|standing|recent-messages)/, 'settle and receipts'],
  [/ .*dist\/queue\//, 'queue, other'],
  [/ .*dist\/events\//, 'activity and outbox'],
  [/ .*dist\/(middlewares|controllers|app|http-server)/, 'HTTP: ours'],
  [/ node_modules\/(hono|@hono|zod)/, 'HTTP: Hono and zod'],
  [/ node:(_http|internal\/http)/, 'HTTP: Node'],
  [/ .*dist\/services\//, 'services, other'],
  [/ .*dist\/workers\//, 'workers, other'],
  [/ node_modules\/(winston|logform|readable-stream|triple-beam)|dist\/utils\/logger/, 'logging'],
  [/ .*dist\/db\/(batcher|group)/, 'database: groups'],
  [/ .*dist\/db\/| node_modules\/(drizzle-orm|libsql|mysql2)/, 'database, no owner'],
  [/ .*(packages\/wa-emulator|bench)\//, 'the benchmark'],
];

const IDLE: ReadonlySet<string> = new Set(['(idle)', '(root)']);

export interface Phases {
  /** milliseconds of the whole profile by phase */
  phases: Map<string, number>;
  /** the same by the nearest function that has an owner */
  owners: Map<string, number>;
}

/** `placeOf` shortens the address of a file. */
export function phasesOf(profile: Sampled, placeOf: (url: string) => string): Phases {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const { id, children = [] } of profile.nodes) for (const child of children) parents.set(child, id);
  const known = new Map<number, readonly [string, string] | null>();
  const textOf = ({ functionName, url }: Frame) => `${functionName} ${url === '' ? '' : placeOf(url)}`;

  function classify(id: number): readonly [string, string] | null {
    const frame = nodes.get(id)?.callFrame;
    if (frame === undefined || IDLE.has(frame.functionName)) return null;
    const leaf = textOf(frame);
    const alone = LEAVES.find(([pattern]) => pattern.test(leaf));
    if (alone) return [alone[1], alone[1]];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const above = nodes.get(at)?.callFrame;
      if (above === undefined) break;
      const text = textOf(above);
      const owner = OWNERS.find(([pattern]) => pattern.test(text));
      if (owner) return [owner[1], `${text}:${above.lineNumber + 1}`];
    }
    return ['Node and libraries', leaf];
  }

  const result: Phases = { phases: new Map(), owners: new Map() };
  for (const [at, id] of (profile.samples ?? []).entries()) {
    if (!known.has(id)) known.set(id, classify(id));
    const found = known.get(id);
    if (!found) continue;
    const ms = (profile.timeDeltas?.[at] ?? 0) / 1_000;
    result.phases.set(found[0], (result.phases.get(found[0]) ?? 0) + ms);
    result.owners.set(found[1], (result.owners.get(found[1]) ?? 0) + ms);
  }
  return result;
}
