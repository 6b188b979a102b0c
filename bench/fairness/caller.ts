/** Calls of one tenant, through connections that all share. */
import { type Agent, request } from 'undici';

export interface Tenant {
  apiKey: string;
  token: string;
  email: string;
  session: string;
}

export interface Answer {
  status: number;
  text: string;
}

export type Caller = (
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object | Buffer,
  headers?: Record<string, string>,
) => Promise<Answer>;

/** Never throws for a status; does when there is no answer. */
export function createCaller(url: string, agent: Agent, own: Record<string, string>): Caller {
  return async (method, path, body, headers = {}) => {
    const isJson = body !== undefined && !Buffer.isBuffer(body);
    const answer = await request(`${url}${path}`, {
      method,
      dispatcher: agent,
      headers: { ...own, ...(isJson ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(body === undefined ? {} : { body: Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
}
