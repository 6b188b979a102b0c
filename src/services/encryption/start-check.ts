/** Whether the configured keys open what is in the database, before anything is sealed with them. */
import type { Database } from '../../db/client.ts';
import type { SecretBox } from '../../utils/crypto.ts';
import { StartError } from '../../utils/errors.ts';
import type { Logger } from '../../utils/logger.ts';
import { SEALED_COLUMNS, type SealedValue } from './sealed-columns.ts';

export interface KeyTrouble {
  /** the table */
  place: string;
  /** of the key that is missing */
  keyId: string;
}

/**
 * Opens a value of each kind: throws StartError when those of a kind were sealed with a key that is not configured, so
 * that a wrong ENCRYPTION_KEY harms nothing. Keys in `lost` are known to be gone for good. Values that are damaged, or
 * the few of another key, are logged: what they belong to has a state of its own.
 */
export async function requireReadable(
  { database, secrets, logger }: { database: Database; secrets: SecretBox; logger: Pick<Logger, 'warn'> },
  lost: readonly string[] = [],
): Promise<void> {
  const troubles = await findKeyTrouble(database, secrets, lost, (place, keyId) =>
    logger.warn('some sealed values cannot be opened: npm run doctor tells more', { place, keyId }),
  );
  if (troubles.length === 0) return;
  throw new StartError(wrongKey(secrets.keyId, troubles));
}

/** In one line, which key is missing and what to do. */
export function wrongKey(keyId: string, troubles: readonly KeyTrouble[]): string {
  const ids = [...new Set(troubles.map((trouble) => trouble.keyId))].join(', ');
  const places = troubles.map(({ place }) => place).join(', ');
  return `ENCRYPTION_KEY (id ${keyId}) does not open what is in the database: ${places} are sealed with the key ${ids}. Put that key back into ENCRYPTION_KEY, or into ENCRYPTION_KEYS_EXTRA to change keys (docs/backup.md); nothing was touched. Only if it is lost for good: ENCRYPTION_KEYS_LOST=${ids}`;
}

/** Kinds of which nothing opens for want of a key. `onSome`: a kind of which a part does not open. */
export async function findKeyTrouble(
  database: Database,
  secrets: SecretBox,
  lost: readonly string[],
  onSome: (place: string, keyId: string) => void = () => undefined,
): Promise<KeyTrouble[]> {
  const troubles: KeyTrouble[] = [];
  for (const { name, pages } of SEALED_COLUMNS) {
    const values = ((await pages(database.db).next()).value ?? []).filter(
      (value: SealedValue) => !lost.includes(value.keyId),
    );
    const closed = values.filter((value: SealedValue) => !secrets.keyIds.includes(value.keyId));
    const [first] = closed;
    const opens = values.some((value: SealedValue) => isOpen(value, secrets));
    if (first !== undefined && !opens) troubles.push({ place: name, keyId: first.keyId });
    else if (first !== undefined) onSome(name, first.keyId);
  }
  return troubles;
}

function isOpen(value: SealedValue, secrets: SecretBox): boolean {
  try {
    value.check(secrets);
    return true;
  } catch {
    return false;
  }
}
