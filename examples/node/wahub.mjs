/** A small client of WaHub's API. Needs nothing but Node's own fetch. */

/** An answer that says no: `code` is for the program, `message` for a person. */
export class WaHubError extends Error {
  constructor(status, body, retryAfterSeconds) {
    super(body?.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = body?.code ?? 'UNKNOWN';
    this.details = body?.details ?? {};
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class WaHub {
  constructor({ url = 'http://localhost:5001', apiKey, attempts = 4 }) {
    this.url = url.replace(/\/$/, '');
    this.apiKey = apiKey;
    this.attempts = attempts;
  }

  /** One request; a network failure, 429 and 5xx are tried again after a growing, random pause. */
  async request(method, path, body, headers = {}) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(method, path, body, headers);
      } catch (error) {
        const passing = !(error instanceof WaHubError) || error.status === 429 || error.status >= 500;
        if (!passing || attempt >= this.attempts) throw error;
        const waitMs = error.retryAfterSeconds ? error.retryAfterSeconds * 1000 : 500 * 2 ** attempt;
        await pause(waitMs * (0.75 + Math.random() / 2));
      }
    }
  }

  async #once(method, path, body, headers) {
    const response = await fetch(this.url + path, {
      method,
      headers: { 'x-api-key': this.apiKey, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(70_000),
    });
    const answer = await response.json();
    if (!response.ok)
      throw new WaHubError(response.status, answer, Number(response.headers.get('retry-after')) || 0);
    return answer;
  }

  /** Makes the session when there is none; `qr` is what has to be scanned, missing when it is linked already. */
  async ensureSession(sessionId) {
    try {
      return (await this.request('POST', '/session/create', { sessionId })).data;
    } catch (error) {
      if (error.code !== 'SESSION_EXISTS') throw error;
    }
    const path = encodeURIComponent(sessionId);
    const { data } = await this.request('GET', `/session/status?session=${path}`);
    return data.user ? data : (await this.request('GET', `/session/qr/${path}`)).data;
  }

  async waitUntilConnected(sessionId, timeoutMs = 120_000) {
    for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await pause(1_000)) {
      const { data } = await this.request('GET', `/session/status?session=${encodeURIComponent(sessionId)}`);
      if (data.isConnected) return data;
      if (['failed', 'logged_out', 'replaced'].includes(data.status))
        throw new Error(`the session is ${data.status}`);
    }
    throw new Error('nobody scanned the QR in time');
  }

  /** `idempotencyKey` makes retries safe: the same key never sends a second message. */
  sendText(session, to, text, { idempotencyKey, ...options } = {}) {
    const headers = idempotencyKey ? { 'idempotency-key': idempotencyKey } : {};
    return this.request('POST', '/message/send-text', { session, to, text, ...options }, headers);
  }

  getMessage(messageId) {
    return this.request('GET', `/message/${encodeURIComponent(messageId)}`);
  }

  sendOtp(session, to, companyName) {
    return this.request('POST', '/otp/send', { session, to, companyName });
  }

  /** True when the code is right; false when it is wrong, too old or tried too often. */
  async checkOtp(otpId, otp) {
    try {
      await this.request('POST', '/otp/verify', { otpId, otp });
      return true;
    } catch (error) {
      if (['OTP_INVALID', 'OTP_EXPIRED', 'OTP_MAX_ATTEMPTS', 'OTP_NOT_FOUND'].includes(error.code))
        return false;
      throw error;
    }
  }
}
