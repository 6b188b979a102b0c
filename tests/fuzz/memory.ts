/** What earlier answers named, so that later requests reach more than "there is no such thing". */

/** A request says `@lists@`; what is sent is the id of a list that there is. */
const PLACE = /@([\w-]+)@/g;
const KEPT_PER_KIND = 8;

export interface Memory {
  /** what to write for the parameter or field of this name; `path` as in the document */
  placeOf(name: string, path: string): string | null;
  fill(text: string): string;
  learn(path: string, answer: unknown): void;
}

/** Field -> what it names. */
const FIELDS: Record<string, string> = {
  messageId: 'messages',
  quotedMessageId: 'messages',
  otpId: 'otps',
  listId: 'lists',
  campaignId: 'campaigns',
  templateId: 'templates',
  importId: 'imports',
  uploadId: 'uploads',
  filename: 'uploads',
};

export function createMemory(): Memory {
  const known = new Map<string, string[]>();

  function keep(kind: string, value: unknown): void {
    if (typeof value !== 'string' || value === '') return;
    const values = known.get(kind) ?? [];
    known.set(kind, [value, ...values.filter((other) => other !== value)].slice(0, KEPT_PER_KIND));
  }

  function learnFrom(value: unknown, kind: string, depth: number): void {
    if (typeof value !== 'object' || value === null || depth > 3) return;
    if (Array.isArray(value)) {
      for (const item of value.slice(0, 5)) learnFrom(item, kind, depth + 1);
      return;
    }
    for (const [name, field] of Object.entries(value)) {
      if (name === 'id') keep(kind, field);
      else if (FIELDS[name] !== undefined) keep(FIELDS[name], field);
      else learnFrom(field, kind, depth + 1);
    }
  }

  return {
    placeOf(name, path) {
      const kind = name === 'id' && path.includes('{id}') ? collectionOf(path) : FIELDS[name];
      return kind === undefined ? null : `@${kind}@`;
    },
    fill: (text) =>
      text.replace(PLACE, (all, kind: string) => {
        const values = known.get(kind);
        return values === undefined ? all : (values[all.length % values.length] ?? all);
      }),
    learn: (path, answer) => learnFrom(answer, collectionOf(path), 0),
  };
}

/** The last word of a path before a parameter: `/otp/templates/{id}` and `/otp/templates` are `templates`. */
function collectionOf(path: string): string {
  const words = path.split('?')[0]?.split('/') ?? [];
  const at = words.findIndex((word, index) => index > 0 && (word === '{id}' || word === '@'));
  const end = at === -1 ? words.length : at;
  return words.slice(0, end).findLast((word) => /^[a-z][a-z-]+$/.test(word)) ?? 'things';
}
