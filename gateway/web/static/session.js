// Sessions: a logon that the key signs, and requests under the session's own MAC key, as package gateway/auth says.
//
//   key ── sign(key id, nonce, X25519 public) ──▶ POST /v1/logon ──▶ session, X25519 public of the server, end
//   X25519 secret ── HKDF-SHA256 ──▶ MAC key ── HMAC-SHA256 over each request

import { now, nowNs } from './clock.js';
import { fromBase64, toBase64 } from './key.js';
import { NoAnswer, Refusal, send, synchronise } from './rest.js';

const renewBefore = 3 * 60 * 1000; // ms before a session's end at which the next one is opened
const settlePatience = 60 * 1000; // ms for which a request is repeated until it is answered

const utf8 = new TextEncoder();
const hex = (bytes) => Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, '0')).join('');
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// logon opens one session with a key: {id, expires, mac, seq}.
async function logon(key) {
  const own = await crypto.subtle.generateKey('X25519', false, ['deriveBits']);
  const client = new Uint8Array(await crypto.subtle.exportKey('raw', own.publicKey));
  const nonce = String(nowNs());
  const signature = await key.sign(utf8.encode(`uncross-logon-v1\n${key.id}\n${nonce}\n${hex(client)}`));
  const answer = await send('POST', '/v1/logon', { body: JSON.stringify({
    key: String(key.id), nonce, client_ephemeral: toBase64(client), signature: toBase64(signature),
  }) });
  const server = fromBase64(answer.server_ephemeral);
  const peer = await crypto.subtle.importKey('raw', server, 'X25519', false, []);
  const secret = await crypto.subtle.deriveBits({ name: 'X25519', public: peer }, own.privateKey, 256);
  const id = new Uint8Array(4);
  new DataView(id.buffer).setUint32(0, key.id);
  const info = new Uint8Array([...utf8.encode('uncross-session-v1'), ...client, ...server, ...id]);
  const material = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  const mac = await crypto.subtle.deriveKey({ name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }, material,
    { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, ['sign']);
  return { id: answer.session, expires: answer.expires_ms, mac, seq: 0n };
}

// signed returns the parts that authenticate one request.
async function signed(session, method, at, body) {
  session.seq += 1n;
  const seq = String(session.seq), time = String(now());
  const sum = hex(await crypto.subtle.digest('SHA-256', utf8.encode(body ?? '')));
  const text = `uncross-request-v1\n${method}\n${at}\n${seq}\n${time}\n${sum}`;
  return { session: session.id, seq, time, mac: hex(await crypto.subtle.sign('HMAC', session.mac, utf8.encode(text))) };
}

// Signer acts for one key. It renews its session in time and logs on again where that is gone.
export class Signer {
  #session = null;
  #opening = null;
  #timer = 0;
  #over = false;

  // renewed is called with each new session but the first.
  constructor(key, renewed = () => {}) {
    this.key = key;
    this.renewed = renewed;
  }

  get user() { return this.key.user; }
  get role() { return this.key.role; }
  get expires() { return this.#session?.expires ?? 0; }

  // open logs on for the first time.
  async open() {
    await this.#open(null);
    this.#timer = setInterval(() => this.renewIfDue(), 5000);
  }

  // close ends the session.
  async close() {
    this.#over = true;
    clearInterval(this.#timer);
    const session = this.#session;
    this.#session = null;
    if (session) await this.#end(session);
  }

  // reopen opens another session where the venue does not know the present one any more.
  async reopen() {
    if (!this.#over) await this.#open(this.#session);
  }

  // renewIfDue opens the next session where the present one ends soon.
  async renewIfDue(before = renewBefore) {
    const old = this.#session;
    if (!old || this.#over || old.expires - now() > before) return;
    try {
      await this.#open(old);
      await this.#end(old);
    } catch {
      // The next tick tries again, and a request that needs it says why it cannot be had.
    }
  }

  // #open puts a new session in the place of gone, once for all who ask at the same time.
  async #open(gone) {
    if (this.#session && this.#session !== gone) return;
    this.#opening ??= this.#logon().finally(() => { this.#opening = null; });
    await this.#opening;
  }

  async #logon() {
    const first = this.#session === null;
    for (let attempt = 1; ; attempt++) {
      try {
        const session = await logon(this.key);
        if (this.#over) throw new Error('Signed out.');
        this.#session = session;
        break;
      } catch (err) {
        const again = err instanceof Refusal && (err.reason === 'outside_time_window' || err.temporary);
        if (!again || attempt === 4) throw err;
        await synchronise();
        await wait(200 * attempt);
      }
    }
    if (!first) await this.renewed();
  }

  async #end(session) {
    const { session: id, seq, time, mac } = await signed(session, 'DELETE', '/v1/session');
    await send('DELETE', '/v1/session', { headers: headers(id, seq, time, mac) }).catch(() => {});
  }

  // login returns the members that log a stream on.
  login() {
    return signed(this.#session, 'GET', '/v1/stream');
  }

  // call sends one signed request, and once more where its session is gone.
  async call(method, at, value) {
    const body = value === undefined ? undefined : JSON.stringify(value);
    for (let again = false; ; again = true) {
      const session = this.#session;
      if (!session) throw new Error('Signed out.');
      const s = await signed(session, method, at, body);
      try {
        return await send(method, at, { body, headers: headers(s.session, s.seq, s.time, s.mac) });
      } catch (err) {
        if (!(err instanceof Refusal) || again) throw err;
        if (err.sessionGone) await this.#open(session);
        else if (err.reason === 'outside_time_window') await synchronise();
        else throw err;
      }
    }
  }

  // settle repeats the very same request until it is answered: value carries a client order id and the time of its first
  // sending, so that it is done once. Waiting is told of each repeat. After a minute it throws what came last.
  async settle(method, at, value, waiting = () => {}) {
    const until = Date.now() + settlePatience;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.call(method, at, value);
      } catch (err) {
        if (!(err instanceof NoAnswer || (err instanceof Refusal && err.temporary)) || Date.now() > until || this.#over) throw err;
        if (attempt === 1 && err.leader) throw err; // nothing is open here, and it will not be done here
        waiting(attempt, err);
        await wait(Math.max((err.retryAfter ?? 0) * 1000, Math.min(250 * 2 ** attempt, 4000)));
      }
    }
  }
}

function headers(session, seq, time, mac) {
  return { 'Uncross-Session': session, 'Uncross-Seq': seq, 'Uncross-Time': time, 'Uncross-Mac': mac };
}

// newClientID returns a client order id that nobody has used.
export function newClientID() {
  return 'page-' + hex(crypto.getRandomValues(new Uint8Array(10)));
}
