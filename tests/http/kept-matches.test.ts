import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { KeptMatches } from '../../src/middlewares/kept-matches.ts';

const build = () =>
  new Hono({ router: new KeptMatches() })
    .use(async (c, next) => {
      await next();
      c.res.headers.append('seen', 'yes');
    })
    .get('/message/:id', (c) => c.text(`id ${c.req.param('id')}`))
    .get('/message/all', (c) => c.text('all'))
    .post('/message/send', (c) => c.text('sent'))
    .get('/message/:id/{name}', (c) => c.text('braces'));

const ask = async (app: Hono, method: string, path: string) => {
  const response = await app.request(path, { method });
  return `${response.status} ${await response.text()} ${response.headers.get('seen')}`;
};

describe('what is kept of the addresses', () => {
  it('is the same at each time, with the steps before it and by the method', async () => {
    const app = build();
    for (let time = 0; time < 3; time++) {
      expect(await ask(app, 'POST', '/message/send')).toBe('200 sent yes');
      expect(await ask(app, 'GET', '/message/send')).toBe('200 id send yes');
      expect(await ask(app, 'PUT', '/message/send')).toBe('404 404 Not Found yes');
      // The first route that fits answers, as without.
      expect(await ask(app, 'GET', '/message/all')).toBe('200 id all yes');
      expect(await ask(app, 'GET', `/message/m${time}`)).toBe(`200 id m${time} yes`);
    }
  });
});
