/** Connections through a proxy. The proxy resolves the names: nothing about them leaves this machine in the clear. */
import { request } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SocksClient } from 'socks';
import { AppError } from '../errors.ts';
import { type ConnectRules, lookupAmong, resolveChecked } from '../guarded-http/connector.ts';
import { HttpFailure } from '../guarded-http/failures.ts';
import type { ProxyAddress } from './address.ts';

/**
 * Why a proxy did not lead through: it cannot be reached; it does not take the user and password; it refused or could not
 * reach the other side; its address is not one that may be used.
 */
export type ProxyFailureKind = 'unreachable' | 'unauthorized' | 'refused' | 'not_allowed';

/** `message` is a sentence without addresses and credentials. It has no cause: those of libraries hold both. */
export class ProxyFailure extends Error {
  override name = 'ProxyFailure';
  readonly kind: ProxyFailureKind;

  constructor(kind: ProxyFailureKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Target {
  host: string;
  port: number;
}

/** For connecting to the proxy and for its answer together. */
const DIAL_TIMEOUT_MS = 10_000;

/**
 * A socket to `target` that goes through the proxy. The proxy's own address is checked by `rules` and used as it was
 * checked. Rejects with ProxyFailure, within 10 s; never connects in any other way.
 */
export async function dialThrough(
  proxy: ProxyAddress,
  target: Target,
  rules: ConnectRules,
  signal: AbortSignal,
): Promise<Socket> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]);
  const line = await openLine(proxy, rules, within);
  const giveUp = () => line.destroy(new ProxyFailure('unreachable', 'The proxy did not answer in time.'));
  within.addEventListener('abort', giveUp, { once: true });
  try {
    if (within.aborted) giveUp();
    const socket = await (proxy.protocol === 'socks5'
      ? bySocks(line, proxy, target)
      : byConnect(line, proxy, target));
    if (socket.destroyed) throw new ProxyFailure('unreachable', 'The proxy closed the connection.');
    return socket;
  } catch (error) {
    line.destroy();
    throw error instanceof ProxyFailure
      ? error
      : new ProxyFailure('unreachable', 'The proxy did not answer as one.');
  } finally {
    within.removeEventListener('abort', giveUp);
  }
}

/** The connection to the proxy itself. */
async function openLine(proxy: ProxyAddress, rules: ConnectRules, signal: AbortSignal): Promise<Socket> {
  const { host, port, protocol } = proxy;
  const addresses = await resolveChecked(host, rules).catch((error: unknown) => {
    throw toProxyFailure(error);
  });
  const tcp = connectTcp({ host, port, lookup: lookupAmong(addresses), noDelay: true, keepAlive: true });
  await opened(tcp, 'connect', signal, 'The proxy cannot be reached.');
  if (protocol !== 'https') return tcp;
  const { ca } = rules;
  const tls = connectTls({
    socket: tcp,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    ALPNProtocols: ['http/1.1'],
  });
  await opened(tls, 'secureConnect', signal, 'The proxy could not prove who it is, or speaks no TLS.');
  return tls;
}

function toProxyFailure(error: unknown): ProxyFailure {
  if (error instanceof AppError) {
    return new ProxyFailure('not_allowed', 'The address of the proxy is not one that may be used.');
  }
  const isName = error instanceof HttpFailure && error.kind === 'dns';
  return new ProxyFailure(
    'unreachable',
    isName ? 'The host name of the proxy could not be resolved.' : 'The proxy cannot be reached.',
  );
}

function opened(socket: Socket, event: string, signal: AbortSignal, message: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => {
      socket.destroy();
      reject(new ProxyFailure('unreachable', message));
    };
    const done = () => {
      signal.removeEventListener('abort', fail);
      socket.off('close', fail);
      resolve();
    };
    // Stays: an error after the handshake is told by `close` to whoever uses the socket.
    socket.on('error', () => undefined);
    socket.once('close', fail);
    socket.once(event, done);
    signal.addEventListener('abort', fail, { once: true });
    if (signal.aborted) fail();
  });
}

/** HTTP's CONNECT. */
function byConnect(line: Socket, { credentials }: ProxyAddress, { host, port }: Target): Promise<Socket> {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const login = credentials && Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64');
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...(login ? { 'proxy-authorization': `Basic ${login}` } : {}) },
      createConnection: () => line,
    });
    asked.once('error', reject);
    asked.once('close', () => reject(new ProxyFailure('unreachable', 'The proxy closed the connection.')));
    asked.once('connect', ({ statusCode = 0 }, _socket, head: Buffer) => {
      if (statusCode < 200 || statusCode > 299) return reject(refusal(statusCode));
      if (head.length > 0) line.unshift(head);
      resolve(line);
    });
    asked.end();
  });
}

function refusal(status: number): ProxyFailure {
  if (status === 407)
    return new ProxyFailure('unauthorized', 'The proxy does not take this user and password.');
  return new ProxyFailure('refused', `The proxy did not lead through (HTTP ${status}).`);
}

/** The words of `socks` about a login that was refused, or that the proxy does not offer. */
const LOGIN_REFUSED = /authentication/i;
const REPLY = /rejected connection - (\w+)/i;

async function bySocks(
  line: Socket,
  { host, port, credentials }: ProxyAddress,
  target: Target,
): Promise<Socket> {
  try {
    const { socket } = await SocksClient.createConnection({
      command: 'connect',
      destination: target,
      proxy: {
        host,
        port,
        type: 5,
        ...(credentials ? { userId: credentials.user, password: credentials.password } : {}),
      },
      existing_socket: line,
      timeout: DIAL_TIMEOUT_MS,
    });
    return socket;
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    if (LOGIN_REFUSED.test(message)) {
      throw new ProxyFailure('unauthorized', 'The proxy does not take this user and password.');
    }
    const [, reply] = REPLY.exec(message) ?? [];
    if (reply) throw new ProxyFailure('refused', `The proxy did not lead through (${reply}).`);
    throw new ProxyFailure('unreachable', 'The proxy did not answer as a SOCKS 5 proxy.');
  }
}
