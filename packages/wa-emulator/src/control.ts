import type { AddressInfo } from 'node:net';
import { createAdaptorServer, type ServerType } from '@hono/node-server';
import { zValidator } from '@hono/zod-validator';
import { type Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';
import type { Actions } from './actions.ts';
import { hostAndPort } from './address.ts';
import { ControlError } from './control-error.ts';
import {
  ActivityQuery,
  AliasBody,
  AssignLabelBody,
  CallBody,
  ChannelBody,
  ChatBody,
  ChatsQuery,
  DeliverBody,
  ExpireBody,
  FaultBody,
  GroupActBody,
  GroupBody,
  HistoryBody,
  IdentityBody,
  InboundQuery,
  LabelBody,
  MessagesQuery,
  OwnBody,
  PairBody,
  PasskeyKeyQuery,
  PasskeyQuery,
  PersonBody,
  PictureBody,
  PresenceBody,
  ReadBody,
  RemoveChannelBody,
  RemoveGroupBody,
  ResetBody,
  RuleBody,
  ScanBody,
  SettingsBody,
  SignBody,
  StandingBody,
  StandingQuery,
  StanzasQuery,
  StarBody,
} from './control-schemas.ts';

const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/** The HTTP side of the control API. */
export interface ControlServer {
  url: string;
  close(): Promise<void>;
}

/** Serves the control API. Rejects when the port is taken. */
export async function startControlServer(
  actions: Actions,
  host: string,
  port: number,
): Promise<ControlServer> {
  const server: ServerType = createAdaptorServer({ fetch: createControlApp(actions, host).fetch });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    url: `http://${hostAndPort(host, (server.address() as AddressInfo).port)}`,
    async close() {
      if ('closeAllConnections' in server) {
        server.closeAllConnections();
      }
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The control API as a Hono app; every answer is JSON, bad input is 400 with `error` and `details`. */
export function createControlApp(actions: Actions, host: string): Hono {
  const app = new Hono();
  const ownName = hostAndPort(host, 0).replace(/:0$/, '');
  app.use(async (c, next) => {
    // A web page must not reach it through a name that resolves to this machine.
    const asked = c.req.header('host') ?? '';
    const isOurs = LOOPBACK_HOST.test(asked) || asked.replace(/:\d+$/, '') === ownName;
    if (!isOurs || c.req.header('origin') !== undefined) {
      return c.json({ error: 'only for local programs' }, 403);
    }
    return next();
  });
  app.onError(answerError);
  app.notFound((c) => c.json({ error: `no ${c.req.method} ${c.req.path}` }, 404));

  app.get('/health', (c) => c.json(actions.health()));
  app.post('/scan', body(ScanBody), async (c) => c.json(await actions.scan(c.req.valid('json'))));
  app.post('/pair', body(PairBody), async (c) => c.json(await actions.pair(c.req.valid('json'))));
  app.get('/messages', query(MessagesQuery), (c) => c.json(actions.messages(c.req.valid('query'))));
  app.get('/stanzas', query(StanzasQuery), (c) => c.json(actions.stanzas(c.req.valid('query'))));
  app.get('/inbound', query(InboundQuery), (c) => c.json(actions.inbound(c.req.valid('query'))));
  app.get('/activity', query(ActivityQuery), (c) => c.json(actions.activity(c.req.valid('query'))));
  app.post('/deliver', body(DeliverBody), async (c) => {
    const input = c.req.valid('json');
    const ids: string[] = [];
    for (const message of 'messages' in input ? input.messages : [input]) {
      ids.push(...(await actions.deliver(message)).ids);
    }
    return c.json({ ids });
  });
  app.post('/own', body(OwnBody), async (c) => c.json(await actions.sendFromPhone(c.req.valid('json')), 201));
  app.post('/read', body(ReadBody), (c) => c.json(actions.read(c.req.valid('json'))));
  app.post('/media/expire', body(ExpireBody), (c) => c.json(actions.expireFile(c.req.valid('json'))));
  app.get('/rules', (c) => c.json(actions.rules()));
  app.post('/rules', body(RuleBody), (c) => {
    const rule = c.req.valid('json');
    return c.json('passkey' in rule ? actions.setPasskey(rule) : actions.setRule(rule));
  });
  app.get('/standing', query(StandingQuery), (c) => c.json(actions.standing(c.req.valid('query'))));
  app.post('/standing', body(StandingBody), (c) => c.json(actions.setStanding(c.req.valid('json'))));
  app.get('/passkey', query(PasskeyQuery), (c) => c.json(actions.passkey(c.req.valid('query'))));
  app.get('/passkey/key', query(PasskeyKeyQuery), (c) => c.json(actions.passkeyKey(c.req.valid('query'))));
  app.post('/passkey/sign', body(SignBody), (c) => c.json(actions.signPasskey(c.req.valid('json'))));
  app.post('/aliases', body(AliasBody), (c) => c.json(actions.setAlias(c.req.valid('json'))));
  app.post('/history', body(HistoryBody), (c) => c.json(actions.setHistory(c.req.valid('json'))));
  app.post('/identity', body(IdentityBody), (c) => c.json(actions.changeIdentity(c.req.valid('json'))));
  app.post('/groups/remove', body(RemoveGroupBody), (c) => c.json(actions.removeGroup(c.req.valid('json'))));
  app.post('/groups/act', body(GroupActBody), (c) => c.json(actions.actInGroup(c.req.valid('json'))));
  app.post('/people', body(PersonBody), (c) => c.json(actions.setPerson(c.req.valid('json'))));
  app.post('/presence', body(PresenceBody), (c) => c.json(actions.showPresence(c.req.valid('json'))));
  app.post('/call', body(CallBody), (c) => c.json(actions.call(c.req.valid('json'))));
  app.get('/chats', query(ChatsQuery), async (c) => c.json(await actions.chats(c.req.valid('query'))));
  app.post('/chats', body(ChatBody), async (c) => c.json(await actions.setChat(c.req.valid('json'))));
  app.get('/labels', query(ChatsQuery), async (c) => c.json(await actions.labels(c.req.valid('query'))));
  app.post('/labels', body(LabelBody), async (c) => c.json(await actions.setLabel(c.req.valid('json'))));
  app.post('/labels/assign', body(AssignLabelBody), async (c) =>
    c.json(await actions.assignLabel(c.req.valid('json'))),
  );
  app.get('/stars', query(ChatsQuery), async (c) => c.json(await actions.stars(c.req.valid('query'))));
  app.post('/stars', body(StarBody), async (c) => c.json(await actions.setStar(c.req.valid('json'))));
  app.get('/blocked', query(ChatsQuery), (c) => c.json(actions.blocked(c.req.valid('query'))));
  app.post('/pictures', body(PictureBody), (c) => c.json(actions.setPicture(c.req.valid('json'))));
  app.post('/faults', body(FaultBody), async (c) => c.json(await actions.fault(c.req.valid('json'))));
  app.get('/errors', (c) => c.json(actions.errors()));
  app.get('/sessions', (c) => c.json(actions.sessions()));
  app.get('/groups', (c) => c.json(actions.groups()));
  app.post('/groups', body(GroupBody), (c) => c.json(actions.createGroup(c.req.valid('json')), 201));
  app.get('/channels', (c) => c.json(actions.channels()));
  app.post('/channels', body(ChannelBody), (c) => c.json(actions.createChannel(c.req.valid('json')), 201));
  app.post('/channels/remove', body(RemoveChannelBody), (c) =>
    c.json(actions.removeChannel(c.req.valid('json'))),
  );
  app.post('/settings', body(SettingsBody), (c) => c.json(actions.settings(c.req.valid('json'))));
  app.post('/reset', body(ResetBody), async (c) => {
    await actions.reset(c.req.valid('json'));
    return c.json({ ok: true });
  });
  return app;
}

function body<T extends z.ZodType>(schema: T) {
  return zValidator('json', schema, (result, c) => {
    return result.success ? undefined : refuse(c, result.error);
  });
}

function query<T extends z.ZodType>(schema: T) {
  return zValidator('query', schema, (result, c) => {
    return result.success ? undefined : refuse(c, result.error);
  });
}

function refuse(c: Context, error: { issues: ReadonlyArray<{ path: PropertyKey[]; message: string }> }) {
  const details = error.issues.map(({ path, message }) => ({ field: path.map(String).join('.'), message }));
  const [first] = details;
  return c.json(
    { error: first ? [first.field, first.message].filter(Boolean).join(': ') : 'bad input', details },
    400,
  );
}

function answerError(error: Error, c: Context) {
  if (error instanceof ControlError) {
    return c.json({ error: error.message }, error.status);
  }
  if (error instanceof HTTPException) {
    return c.json({ error: error.message }, error.status);
  }
  return c.json({ error: error.message }, 500);
}
