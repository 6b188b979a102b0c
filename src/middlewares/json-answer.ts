/** Answers in JSON. */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { toJsonText } from '../utils/json.ts';
import { AnswerHeaders, asHeaders } from './answer-headers.ts';
import type { HttpContext } from './http-env.ts';

/** Where an answer keeps what it was made of. */
const PARTS = Symbol('parts');

interface Parts {
  text: string;
  headers: AnswerHeaders;
}

/** As Hono's own `c.json`, without halves of characters in it, and with headers that are cheap to add to. */
export function answerJson(c: HttpContext, value: unknown, status?: ContentfulStatusCode): Response {
  const text = toJsonText(value);
  const headers = new AnswerHeaders();
  // Hono takes them as they are where none was set before.
  const made = c.body(text, status, asRecord(headers));
  if (made.headers !== asHeaders(headers)) return merged(text, made);
  headers.set(...TYPE);
  return Object.assign(made, { [PARTS]: { text, headers } satisfies Parts });
}

/** The answer with the headers that were set before. */
function merged(text: string, { headers: before, status }: Response): Response {
  const headers = new AnswerHeaders(before);
  headers.set(...TYPE);
  const answer = new Response(text, { status, headers: asHeaders(headers) });
  return Object.assign(answer, { [PARTS]: { text, headers } satisfies Parts });
}

const TYPE = ['content-type', 'application/json'] as const;

/**
 * The same answer, with headers that Node writes as they are: the server would look at each of the twenty, put them into
 * another object, and Node would look at that. For the last step: nothing can be added to them.
 */
export function forNode(answer: Response): Response {
  const parts = partsOf(answer);
  if (parts === undefined) return answer;
  const { text, headers } = parts;
  return new Response(text, { status: answer.status, headers: asInit(headers.toNode()) });
}

/** Safe because Hono looks at the fields of a record alone, and these have none. */
function asRecord(headers: AnswerHeaders): Record<string, string> {
  return headers as unknown as Record<string, string>;
}

/** Safe because only `answerJson` sets it: an answer that was made of another one has none. */
function partsOf(answer: Response): Parts | undefined {
  return (answer as { [PARTS]?: Parts })[PARTS];
}

/** Safe because the server hands a plain object on to Node, which takes lists of cookies too. */
function asInit(headers: Record<string, string | string[]>): Record<string, string> {
  return headers as Record<string, string>;
}
