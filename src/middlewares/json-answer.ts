/** Answers in JSON. */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { toJsonText } from '../utils/json.ts';
import type { HttpContext } from './http-env.ts';

/** As Hono's own `c.json`, without halves of characters in it. */
export function answerJson(c: HttpContext, value: unknown, status?: ContentfulStatusCode): Response {
  c.header('content-type', 'application/json');
  return c.body(toJsonText(value), status);
}
