/** Names that the code had once, and the field's word that it has now: none of them may come back. */

/** Whole words, as they are written. */
const GONE: Readonly<Record<string, string>> = {
  PIECE: 'BATCH_SIZE',
  FEW: 'SCAN_LIMIT',
  REACH: 'SCAN_LIMIT',
  breathe: 'yieldAfter',
  deleteInPieces: 'deleteInBatches',
  updateInPieces: 'updateInBatches',
  createTurns: 'createKeyedMutex',
  createLock: 'createMutex',
  patiently: 'retry',
  csvLine: 'csvLines',
  NumberTurn: 'LockedNumber',
  withdrawRows: 'dequeue',
  putRowsBack: 'requeue',
  Speaker: 'Reporter',
  SealedPlace: 'SealedColumn',
  SEALED_PLACES: 'SEALED_COLUMNS',
  createNeighbours: 'createPeers',
  createMailbox: 'createInbox',
  Mailbox: 'Inbox',
  createCommandDesk: 'createCommandRequests',
  createParking: 'createWaiter',
  createLanes: 'createLookahead',
  sleepers: 'deferred',
  Carrier: 'SendingSession',
  fateOf: 'outcomeOf',
  Companion: 'AlsoInTransaction',
  wish: 'request',
  settleCheck: 'recordCheck',
  settleRestored: 'prepareRestored',
  settleOwnersOf: 'stopOrResumeWorkspacesOf',
  settleNewUser: 'placeInWorkspace',
  settleKeys: 'revokeOrNarrowKeys',
  settleWith: 'idleWith',
  SETTLE_MS: 'REST_MS',
  SETTLED_AFTER_MS: 'COMMITTED_AFTER_MS, STABLE_AFTER_MS',
  KEEP_SETTLED_MS: 'KEEP_STABLE_MS',
  ChatHost: 'ChatStore',
  EngineHost: 'EngineCallbacks',
  guardHost: 'guardCallbacks',
  TestHost: 'TestCallbacks',
  createTestHost: 'createTestCallbacks',
  AttemptHost: 'AttemptSession',
  hostRetries: 'storeRetries',
  // In sentences.
  anew: 'again',
  besides: 'in addition to, other than, too',
  'of ours': 'our',
};

/** Words that mean something else where WhatsApp or a standard has them. */
const ALLOWED: readonly { path: RegExp; word: string }[] = [
  // A linked device is a companion in WhatsApp's protocol.
  { path: /passkey/, word: 'Companion' },
];

export interface GoneWord {
  path: string;
  line: number;
  word: string;
  /** what to write instead */
  instead: string;
}

const WORD = new RegExp(`(?<![\\w-])(?:${Object.keys(GONE).join('|')})(?![\\w-])`, 'g');

/** Where a text has words that went. `path` is relative to the project's root. */
export function goneWords(path: string, text: string): GoneWord[] {
  const found: GoneWord[] = [];
  for (const [at, row] of text.split('\n').entries()) {
    for (const [word] of row.matchAll(WORD)) {
      if (ALLOWED.some((one) => one.word === word && one.path.test(path))) continue;
      found.push({ path, line: at + 1, word, instead: GONE[word] ?? '' });
    }
  }
  return found;
}
