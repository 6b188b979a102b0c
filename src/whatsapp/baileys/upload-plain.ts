/** Files of channels: everybody may follow, so that they are not sealed, and they go to a place of their own. */
import type { Agent } from 'node:https';
import { DEFAULT_ORIGIN, uploadWithNodeHttp, type WASocket } from '@whiskeysockets/baileys';

/** What an upload goes by. */
export interface PlainUploadSocket {
  sock: Pick<WASocket, 'refreshMediaConn'>;
  /** that of the session's other uploads; undefined: Node's own */
  uploadAgent: Agent | undefined;
}

interface PlainUpload {
  path: string;
  /** SHA-256 of the file */
  hash: Uint8Array;
  kind: string;
  /** without a byte; then the next host is tried */
  timeoutMs: number;
  /** ends it */
  signal: AbortSignal;
}

/** Where the file is; `handle`: what WhatsApp calls it, by which the post names it. */
interface Placed {
  mediaUrl: string;
  directPath: string;
  handle?: string;
}

const HEADERS = { 'Content-Type': 'application/octet-stream', Origin: DEFAULT_ORIGIN };

/**
 * Uploads it to the first host that takes it, as whatsmeow (`UploadNewsletter`) does; with new credentials once more. Rejects
 * when none takes it, with the last failure as its cause.
 */
export async function uploadPlain(by: PlainUploadSocket, file: PlainUpload): Promise<Placed> {
  const token = Buffer.from(file.hash).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  let cause: unknown;
  for (const force of [false, true]) {
    const { hosts, auth } = await by.sock.refreshMediaConn(force);
    const query = new URLSearchParams({ auth, token });
    for (const { hostname } of hosts) {
      file.signal.throwIfAborted();
      const placed = await uploadWithNodeHttp({
        url: `https://${hostname}/newsletter/newsletter-${file.kind}/${token}?${query}`,
        filePath: file.path,
        headers: HEADERS,
        timeoutMs: file.timeoutMs,
        ...(by.uploadAgent ? { agent: by.uploadAgent } : {}),
      }).then(readPlaced, (error: unknown) => {
        cause = error;
        return null;
      });
      if (placed) return placed;
    }
  }
  throw new Error('no media server has taken the file', { cause });
}

function readPlaced(told: unknown): Placed | null {
  const { url, direct_path: directPath, handle } = Object(told);
  if (typeof url !== 'string' || typeof directPath !== 'string') return null;
  return { mediaUrl: url, directPath, ...(typeof handle === 'string' ? { handle } : {}) };
}
