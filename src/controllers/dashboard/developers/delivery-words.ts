/** Why an event did not get through to a receiver, and what can be done about it. */
import type { Lang } from '../i18n.ts';
import { sentenceInIndonesian } from '../reasons.ts';
import { DELIVERY_TODOS, DEVELOPER_TEXTS } from './texts.ts';

type Todo = keyof ReturnType<typeof DELIVERY_TODOS>;

/** The first that fits; what fits none is trouble on the way, which ends by itself or where the receiver runs. */
const TODOS: readonly (readonly [RegExp, Todo])[] = [
  [/^The receiver answered with status (?:3\d\d|40[45]|410)\.$/, 'url'],
  [/^The receiver answered with status 40[13]\.$/, 'secret'],
  [/^The receiver answered with status [45]\d\d\.$/, 'program'],
  [/^The host name could not be resolved\.$/, 'url'],
  [/^(?:The URL redirects too often|This URL is refused)/, 'url'],
  [/^The TLS connection failed\.$/, 'certificate'],
  [/^The secrets of the webhook could not be opened\.$/, 'renew'],
  [/^The webhook was disabled\.$/, 'enable'],
  [/^The event is not kept any more\.$/, 'nothing'],
];

/** The error of an attempt or of an event, in the language; a sentence without words says that it was not delivered. */
export function deliveryWords(lang: Lang, error: string): { why: string; todo: string } {
  const todo = TODOS.find(([pattern]) => pattern.test(error))?.[1] ?? 'server';
  const why = lang === 'en' ? error : (sentenceInIndonesian(error) ?? DEVELOPER_TEXTS(lang).notDelivered);
  return { why, todo: DELIVERY_TODOS(lang)[todo] };
}
