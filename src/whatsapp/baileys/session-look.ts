/** Whether there is a Signal session with a device, told without making the session of what is stored of it. */
import type { DEFAULT_CONNECTION_CONFIG, SignalKeyStoreWithTransaction } from '@whiskeysockets/baileys';

type Repository = ReturnType<typeof DEFAULT_CONNECTION_CONFIG.makeSignalRepository>;

/**
 * Replaces Baileys' own look, which each message takes several times for each device. What is not as libsignal 6 stores it, and
 * whoever is not named by a LID, is left to that.
 */
export function lookAtStoredSessions(
  repository: Repository,
  keys: Pick<SignalKeyStoreWithTransaction, 'get'>,
): void {
  const { validateSession } = repository;
  const look = async (jid: string): Promise<boolean | null> => {
    if (!jid.endsWith('@lid')) return null;
    const address = repository.jidToSignalProtocolAddress(jid);
    const { [address]: stored } = await keys.get('session', [address]);
    return stored ? isOpen(stored) : false;
  };
  repository.validateSession = async (jid) => {
    const exists = await look(jid).catch(() => null);
    if (exists === null) return validateSession.call(repository, jid);
    return exists ? { exists } : { exists, reason: 'no open session' };
  };
}

/** The version of records that libsignal 6 writes; the number that stands for "not closed" there. */
const VERSION = 'v1';
const NOT_CLOSED = -1;

/** Null for a record that is to be looked at by libsignal itself. */
function isOpen(record: object): boolean | null {
  const { version, _sessions: sessions } = asRecord(record);
  if (version !== VERSION || sessions === undefined) return null;
  const open = Object.values(sessions).find(({ indexInfo }) => indexInfo.closed === NOT_CLOSED);
  return open !== undefined && typeof open.registrationId === 'number';
}

interface StoredRecord {
  version?: string;
  _sessions?: Record<string, { registrationId?: number; indexInfo: { closed: number } }>;
}

/** Safe because what is stored as a session is what libsignal's record was serialized to. */
function asRecord(record: object): StoredRecord {
  return record as StoredRecord;
}
