/** A client as people write them against the OTP API: no library, the envelope's fields and nothing else. */
import { setTimeout as pause } from 'node:timers/promises';

export interface Sent {
  sessionId: string;
  to: string;
  messageId: string;
  timestamp: string;
  status: string;
  /** only from a service that gives codes away */
  otp?: string;
}

interface Envelope<T> {
  success: boolean;
  message: string;
  code?: string;
  data: T;
}

export interface BatchResult {
  phoneNumber: string;
  success: boolean;
  otp: string | null;
  error: string | null;
}

export interface OtpClient {
  createSession(sessionId: string): Promise<{ sessionId: string; qrCode?: string; qr?: string }>;
  isConnected(sessionId: string): Promise<boolean>;
  /** asks every `everyMs` until the phone is linked */
  waitForConnection(
    sessionId: string,
    options: { everyMs: number; timeoutMs: number; onLook?(looks: number): void },
  ): Promise<void>;
  sessions(): Promise<Record<string, { isConnected: boolean }>>;
  sendOtp(sessionId: string, to: string, companyName?: string): Promise<Sent>;
  /** tries again on every failure, and waits twice as long each time */
  sendOtpWithRetry(sessionId: string, to: string, options: { tries: number; delayMs: number }): Promise<Sent>;
  /** one after the other, with a pause between them; a failure is a result */
  sendBatch(sessionId: string, numbers: readonly string[], pauseMs: number): Promise<BatchResult[]>;
  /** a code of the service's making, in a text of the client's own */
  sendCustom(sessionId: string, to: string, template: string): Promise<{ otp: string; messageId: string }>;
  verify(phoneNumber: string, otp: string): Promise<boolean>;
}

export function createOtpClient(baseUrl: string, credential: Record<string, string>): OtpClient {
  async function ask<T>(method: string, path: string, body?: object): Promise<Envelope<T>> {
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', ...credential },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return toEnvelope<T>(await response.json());
  }

  async function dataOf<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await ask<T>(method, path, body);
    if (!answer.success) throw new Error(answer.message);
    return answer.data;
  }

  const client: OtpClient = {
    createSession: (sessionId) => dataOf('POST', '/sessions/create', { sessionId }),
    async isConnected(sessionId) {
      return (await dataOf<{ isConnected: boolean }>('GET', `/sessions/${sessionId}/status`)).isConnected;
    },
    async waitForConnection(sessionId, { everyMs, timeoutMs, onLook }) {
      const deadline = performance.now() + timeoutMs;
      for (let looks = 1; performance.now() < deadline; looks++) {
        if (await client.isConnected(sessionId)) return;
        onLook?.(looks);
        await pause(everyMs);
      }
      throw new Error('the phone was not linked in time');
    },
    async sessions() {
      return (await dataOf<{ sessions: Record<string, { isConnected: boolean }> }>('GET', '/sessions'))
        .sessions;
    },
    sendOtp: (sessionId, to, companyName = 'PT. Contoh') =>
      dataOf('POST', `/messages/${sessionId}/otp`, { to, companyName }),
    async sendOtpWithRetry(sessionId, to, { tries, delayMs }) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await client.sendOtp(sessionId, to);
        } catch (error) {
          if (attempt >= tries) throw error;
          await pause(delayMs * 2 ** (attempt - 1));
        }
      }
    },
    async sendBatch(sessionId, numbers, pauseMs) {
      const results: BatchResult[] = [];
      for (const to of numbers) {
        const answer = await ask<Sent>('POST', `/messages/${sessionId}/otp`, {
          to,
          companyName: 'PT. Contoh',
        });
        results.push({
          phoneNumber: to,
          success: answer.success,
          otp: answer.success ? (answer.data.otp ?? null) : null,
          error: answer.success ? null : answer.message,
        });
        await pause(pauseMs);
      }
      return results;
    },
    async sendCustom(sessionId, to, template) {
      const { otp } = await dataOf<{ otp: string }>('GET', `/messages/${sessionId}/generate-otp?length=6`);
      const message = template.replace('{OTP}', otp);
      const { messageId } = await dataOf<Sent>('POST', `/messages/${sessionId}/text`, { to, message });
      return { otp, messageId };
    },
    async verify(phoneNumber, otp) {
      return (await ask('POST', '/otp/verify', { phoneNumber, otp })).success;
    },
  };
  return client;
}

/** Safe as far as any client knows: this is what the documents promise. */
function toEnvelope<T>(value: unknown): Envelope<T> {
  return value as Envelope<T>;
}
