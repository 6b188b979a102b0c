/** The smallest files that are what they say, and a server to download them from. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
/** Just enough of a JPEG to say that it is 5 x 7. */
export const JPEG = Buffer.from(
  'ffd8ffe000104a46494600010100000100010000ffc0000b080007000501011100ffd9',
  'hex',
);
export const PDF = Buffer.from(
  '%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n',
);
/** An ISO media file of the brand mp42 without tracks. */
export const MP4 = Buffer.from(
  '0000001866747970' + '6d703432000000006d7034326d703431' + '000000086d646174',
  'hex',
);
/** The first page of an Ogg Opus stream. */
export const OGG = Buffer.concat([
  Buffer.from('4f676753000200000000000000000100000000000000000000000113', 'hex'),
  Buffer.from('OpusHead'),
  Buffer.from('01013801803e0000000000', 'hex'),
]);

const FILES: Record<string, { type: string; bytes: Buffer }> = {
  '/image.png': { type: 'image/png', bytes: PNG },
  '/file.pdf': { type: 'application/pdf', bytes: PDF },
  '/video.mp4': { type: 'video/mp4', bytes: MP4 },
  '/voice.ogg': { type: 'audio/ogg', bytes: OGG },
};

export interface FileServer {
  url: string;
  stop(): Promise<void>;
}

export async function startFileServer(): Promise<FileServer> {
  const server: Server = createServer((request, response) => {
    const file = FILES[request.url ?? ''];
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': file.type }).end(file.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Safe because a server that listens on TCP has such an address. */
const portOf = (server: Server) => (server.address() as AddressInfo).port;
