import { createHash } from 'node:crypto';
import { downloadMediaMessage, generateMessageIDV2, type WAMessage } from '@whiskeysockets/baileys';
import { connectBareClient, until } from './bare-client.ts';

/**
 * Run as a process of its own, because Node reads NODE_EXTRA_CA_CERTS only when it starts: links a
 * device over the control API, sends each kind of media, and downloads one it is sent.
 */
const [controlUrl = '', waUrl = '', phone = '', to = ''] = process.argv.slice(2);

async function post<T>(path: string, body: unknown): Promise<T> {
  const response = await fetch(controlUrl + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${path}: ${text}`);
  }
  return JSON.parse(text) as T; // the caller names what the control API documents
}

const client = await connectBareClient({
  emulator: { waUrl, scan: (input) => post('/scan', input), pair: (input) => post('/pair', input) },
  phone,
});
const inbox: WAMessage[] = [];
client.sock.ev.on('messages.upsert', ({ messages }) => void inbox.push(...messages));

const jid = `${to}@s.whatsapp.net`;
const file = Buffer.alloc(300_000, 'wahub');
const thumbnail = Buffer.from('thumb').toString('base64');
const contents = {
  image: { image: file, caption: 'gambar', jpegThumbnail: thumbnail },
  video: { video: file, caption: 'video', jpegThumbnail: thumbnail },
  document: { document: file, fileName: 'a.pdf', mimetype: 'application/pdf', caption: 'dok' },
  audio: { audio: file, mimetype: 'audio/mpeg', seconds: 1 },
  ptt: { audio: file, mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 1 },
  sticker: { sticker: file },
} as const;
const sent: Record<string, string> = {};
for (const [kind, content] of Object.entries(contents)) {
  const messageId = generateMessageIDV2();
  await client.sock.sendMessage(jid, content, { messageId });
  sent[kind] = messageId;
}

await post('/faults', { kind: 'media_fail', times: 1 });
const failure = await client.sock.sendMessage(jid, { document: file, mimetype: 'text/plain' }).then(
  () => 'sent',
  (error: Error) => error.message,
);

const { ids } = await post<{ ids: string[] }>('/deliver', {
  to: phone,
  from: to,
  kind: 'document',
  data: file.toString('base64'),
  fileName: 'b.pdf',
});
const inbound = await until('the document', () => inbox.find(({ key }) => key.id === ids[0]));
const downloaded = await downloadMediaMessage(inbound, 'buffer', {});
const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
await client.close();
console.log(JSON.stringify({ sent, failure, sha256: hash(file), downloaded: hash(downloaded) }));
process.exit(0);
