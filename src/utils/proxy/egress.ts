/** All ways out through one proxy: for `ws` and Node's HTTP, and for undici and fetch. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions as HttpsRequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { buildConnector, Agent as Dispatcher } from 'undici';
import type { ConnectRules } from '../guarded-http/connector.ts';
import type { ProxyAddress } from './address.ts';
import { dialThrough } from './dial.ts';

export interface Egress {
  /** for `ws:` and `http:` */
  plainAgent: HttpAgent;
  /** for `wss:` and `https:` */
  agent: HttpsAgent;
  dispatcher: Dispatcher;
  /** for an undici client of one's own */
  connector: buildConnector.connector;
  /** Ends what is idle or being opened; nothing can be opened any more. May be called twice. */
  close(): void;
}

export interface EgressOptions {
  /** how the proxy itself may be reached */
  rules: ConnectRules;
  /** certificates (PEM) to trust on the other side, instead of the system's */
  ca?: string | undefined;
  /** of what is fetched by `dispatcher`: times in milliseconds, a size in bytes */
  limits?: Pick<Dispatcher.Options, 'headersTimeout' | 'bodyTimeout' | 'maxResponseSize'>;
}

/** Whatever is opened by it goes through the proxy, and fails with ProxyFailure when the proxy does not lead through. */
export function createEgress(proxy: ProxyAddress, { rules, ca, limits = {} }: EgressOptions): Egress {
  const closed = new AbortController();
  const dial = (host: string, port: number) => dialThrough(proxy, { host, port }, rules, closed.signal);
  const tls = ca === undefined ? {} : { ca };
  const secure = buildConnector({ ...tls, maxCachedSessions: 0 });
  const connector: buildConnector.connector = (options, callback) => {
    const isSecure = options.protocol === 'https:';
    const host = options.hostname.replace(/^\[|\]$/g, '');
    dial(host, Number(options.port) || (isSecure ? 443 : 80)).then(
      (socket) => (isSecure ? secure({ ...options, httpSocket: socket }, callback) : callback(null, socket)),
      (error: Error) => callback(error, null),
    );
  };
  const plainAgent = new HttpAgent();
  plainAgent.createConnection = (options, callback) => {
    dial(options.host ?? 'localhost', Number(options.port ?? 80)).then(
      (socket) => callback?.(null, socket),
      (error: Error) => callback?.(error, NO_STREAM),
    );
    return undefined;
  };
  const agent = new HttpsAgent({ ...tls, keepAlive: true });
  agent.createConnection = (options, callback) => {
    dial(options.host ?? 'localhost', Number(options.port ?? 443)).then(
      (socket) => callback?.(null, connectTls({ ...tls, socket, ...nameOf(options) })),
      (error: Error) => callback?.(error, NO_STREAM),
    );
    return undefined;
  };
  const dispatcher = new Dispatcher({ ...limits, connect: connector });
  return {
    plainAgent,
    agent,
    dispatcher,
    connector,
    close() {
      closed.abort();
      plainAgent.destroy();
      agent.destroy();
      dispatcher.destroy().catch(() => undefined);
    },
  };
}

/** Whom the certificate must be of. */
function nameOf({ host, servername }: HttpsRequestOptions): { host: string; servername?: string } {
  return { host: host ?? 'localhost', ...(servername ? { servername } : {}) };
}

/** Node looks at the error first. */
const NO_STREAM = undefined as unknown as Duplex;
