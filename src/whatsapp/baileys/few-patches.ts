/** Answers of WhatsApp about how a phone keeps its chats, in pieces that Baileys reads without holding the event loop. */
import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren, proto } from '@whiskeysockets/baileys';

/**
 * What Baileys may do with patches of one answer without a pause, counted in entries that it copies: some 15 ms. With each patch it
 * copies all that it knows of the collection, and what is in a patch is opened and checked.
 */
const MAX_COPIED = 20_000;
/** Opening one change takes as long as copying so many entries. */
const COPIES_OF_CHANGE = 100;
/** A change has at least so many bytes, sealed. */
const CHANGE_BYTES = 200;
/** A patch that names a file has nothing else in it, or little. */
const MAX_NAMING_BYTES = 4_096;

/** By the name of a collection, how many entries Baileys keeps of it. */
export type Entries = Map<string, number>;

/** The node that holds the patches of a collection. */
export const patchesIn = (collection: BinaryNode): BinaryNode =>
  getBinaryNodeChild(collection, 'patches') ?? collection;

/**
 * Leaves the first patches in an answer of WhatsApp, and says that there are more, as WhatsApp does: Baileys asks for them, and the
 * event loop turns in between. A phone that has changed much would hold it for seconds. One patch always stays, whatever its size, and
 * all that comes with a snapshot: app-state-pauses.ts sees to it that the event loop turns while those are opened.
 */
export function keepPatchesFew(stanza: BinaryNode, entries: Entries): void {
  for (const collection of getBinaryNodeChildren(getBinaryNodeChild(stanza, 'sync'), 'collection')) {
    if (getBinaryNodeChild(collection, 'snapshot')) continue;
    const { name = '' } = collection.attrs;
    const holder = patchesIn(collection);
    const patches = getBinaryNodeChildren(holder, 'patch');
    let known = entries.get(name) ?? 0;
    let left = MAX_COPIED;
    const tooMuch = patches.findIndex((patch) => {
      if (left <= 0) return true;
      const changes = changesOf(patch);
      known += changes;
      left -= known + COPIES_OF_CHANGE * changes;
      return false;
    });
    entries.set(name, known);
    if (tooMuch < 0) continue;
    // The list itself: Baileys remembers which children a node has once it has looked.
    patches.splice(tooMuch);
    holder.content = patches;
    collection.attrs.has_more_patches = 'true';
  }
}

/** At most so many changes are in a patch and in the file that it names; one at least. */
function changesOf({ content }: BinaryNode): number {
  if (!(content instanceof Uint8Array)) return 1;
  const bytes = content.length > MAX_NAMING_BYTES ? content.length : content.length + fileBytesOf(content);
  return Math.max(1, Math.ceil(bytes / CHANGE_BYTES));
}

/** How long the file with its changes is, as the patch says; 0 where they are in the patch. */
function fileBytesOf(patch: Uint8Array): number {
  try {
    const { externalMutations } = proto.SyncdPatch.decode(patch);
    return Math.max(0, Number(externalMutations?.fileSizeBytes ?? 0));
  } catch {
    return 0;
  }
}

/** What Baileys keeps of a collection, one for each thing that was ever set. */
export function countEntries(state: unknown): number {
  return Object.keys(Object(Reflect.get(Object(state), 'indexValueMap'))).length;
}
