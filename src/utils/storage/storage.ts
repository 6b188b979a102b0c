/** Where the bytes of files lie: one port for a folder and for a bucket. Every process of a service shares it. */
import type { Readable } from 'node:stream';
import { AppError } from '../errors.ts';

/** A file on this machine's disk, whole. */
export interface WholeFile {
  path: string;
  /** hex */
  sha256: string;
  /** bytes */
  size: number;
}

export interface StoredFile {
  key: string;
  /** bytes */
  size: number;
}

/**
 * Files by key. A key is ours, made of lower-case letters, digits, `-` and `/`: nothing in it comes from a client.
 * Everything throws StorageError while the storage cannot be used.
 */
export interface FileStorage {
  readonly type: 'local' | 's3';
  /**
   * Gives a file its key for good, all of it or nothing, in the place of what had it before. Afterwards the file may be
   * gone from its path.
   */
  put(key: string, file: WholeFile): Promise<void>;
  /** The bytes behind a key; null when there are none. Destroy it if it is not read to its end. */
  open(key: string): Promise<Readable | null>;
  has(key: string): Promise<boolean>;
  /** Nothing happens when there is no such key. */
  remove(key: string): Promise<void>;
  /** Every file whose key begins with `prefix`, in no order; those that come or go meanwhile may be missing. */
  list(prefix: string): AsyncIterable<StoredFile>;
  /** Makes sure that files can be kept. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Why: it cannot be reached (which passes), or it says no (somebody has to change a setting). */
export type StorageTrouble = 'away' | 'refused';

const RETRY_AFTER_SECONDS = 15;

/** The storage cannot be used now. The caller is told that much; `reason` is for the operator and holds no secret. */
export class StorageError extends AppError {
  readonly trouble: StorageTrouble;
  readonly reason: string;

  constructor(trouble: StorageTrouble, reason: string) {
    super('UNAVAILABLE', 'The storage of files cannot be used at the moment. Nothing was lost; try again.', {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
    this.name = 'StorageError';
    this.trouble = trouble;
    this.reason = reason;
  }
}
