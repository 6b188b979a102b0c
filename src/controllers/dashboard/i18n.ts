/** English and Indonesian. The texts of each feature are in locales/<language>/; the compiler sees that none is missing. */
export const LANGS = ['en', 'id'] as const;
export type Lang = (typeof LANGS)[number];

type Text = string | ((...args: never[]) => string);
/** The same keys, with the same parameters: what another language must say. */
export type Texts<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => string ? (...args: A) => string : string;
};

/** `texts({en: {…}, id: {…}})` -> a function from language to texts. English decides which there are. */
export function texts<T extends Record<string, Text>>(all: {
  en: T;
  id: Texts<NoInfer<T>>;
}): (lang: Lang) => T {
  // Safe because both have the same keys with the same parameters.
  return (lang) => (lang === 'id' ? (all.id as unknown as T) : all.en);
}

/** The reader's choice, else the first language of the browser that is ours, else `fallback`. */
export function chooseLang(
  chosen: string | undefined,
  acceptLanguage: string | undefined,
  fallback: Lang = 'en',
): Lang {
  const asked = [chosen ?? '', ...(acceptLanguage ?? '').split(',')];
  for (const tag of asked) {
    const name = tag.trim().slice(0, 2).toLowerCase();
    if (name === 'en' || name === 'id') return name;
    // The old code of Indonesian, which some browsers still send.
    if (name === 'in') return 'id';
  }
  return fallback;
}
