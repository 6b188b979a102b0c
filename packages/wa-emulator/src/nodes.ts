import type { BinaryNode } from '@whiskeysockets/baileys';

/** A stanza; attributes that are undefined are left out. */
export function node(
  tag: string,
  attrs: Record<string, string | undefined> = {},
  content?: BinaryNode[] | string | Uint8Array,
): BinaryNode {
  const present: Record<string, string> = {};
  for (const [key, value] of Object.entries(attrs)) {
    if (value !== undefined) {
      present[key] = value;
    }
  }
  return content === undefined ? { tag, attrs: present } : { tag, attrs: present, content };
}

/** The child nodes, optionally of one tag. */
export function children(parent: BinaryNode | undefined, tag?: string): BinaryNode[] {
  const content = Array.isArray(parent?.content) ? parent.content : [];
  return tag === undefined ? content : content.filter((child) => child.tag === tag);
}

/** The first child of that tag. */
export function child(parent: BinaryNode | undefined, tag: string): BinaryNode | undefined {
  return Array.isArray(parent?.content) ? parent.content.find((item) => item.tag === tag) : undefined;
}

/** The content as bytes; empty when there is none. */
export function bytesOf(source: BinaryNode | undefined): Buffer {
  const content = source?.content;
  if (typeof content === 'string') {
    return Buffer.from(content, 'utf8');
  }
  return content instanceof Uint8Array ? Buffer.from(content) : Buffer.alloc(0);
}

/** The content as UTF-8 text; empty when there is none. */
export function textOf(source: BinaryNode | undefined): string {
  return bytesOf(source).toString('utf8');
}

/** An unsigned integer as `length` big-endian bytes. */
export function bigEndian(value: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  buffer.writeUIntBE(value, 0, length);
  return buffer;
}

/** Up to 6 big-endian bytes as an unsigned integer. */
export function readBigEndian(bytes: Buffer): number {
  return bytes.length === 0 ? 0 : bytes.readUIntBE(0, bytes.length);
}

/** Now in whole seconds, as stanzas carry it. */
export function unixSeconds(): string {
  return Math.floor(Date.now() / 1000).toString();
}
