/** Getting the files of inbound messages: the part of the port that needs no session. */
import type { Readable } from 'node:stream';
import type { MediaSource } from './inbound-content.ts';

/** Why a file cannot be had. Only `unavailable` is worth another attempt. */
export type MediaFailureKind = 'gone' | 'corrupt' | 'too_large' | 'unavailable';

export class MediaFailure extends Error {
  readonly kind: MediaFailureKind;

  constructor(kind: MediaFailureKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'MediaFailure';
    this.kind = kind;
  }
}

export interface FetchOptions {
  /** whatsapp_accounts.id: it comes by that session's proxy, where it has one */
  accountId: string;
  /** of the plain file */
  maxBytes: number;
  /** for all of it */
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * The plain bytes of a file, as they come. Rejects with MediaFailure; so does the stream, also at its very end, when
 * what came turns out not to be what was sent: nothing of it may be used before it ended.
 */
export type FetchMedia = (source: MediaSource, options: FetchOptions) => Promise<Readable>;
