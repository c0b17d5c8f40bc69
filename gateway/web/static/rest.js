// The REST interface: one request and its answer.

import { setServerTime } from './clock.js';

const patience = 8000; // ms until a request counts as not answered

// Refusal is an answer that says no.
export class Refusal extends Error {
  constructor(status, error, retryAfter) {
    super(error.message ?? `the server answered with status ${status}`);
    this.status = status;
    this.code = error.code ?? 0;
    this.reason = error.reason ?? 'no_reason';
    this.detail = error.detail ?? '';
    this.field = error.field ?? '';
    this.leader = error.leader; // of not_leader, where it is known
    this.repeat = error.repeat ?? false;
    this.retryAfter = retryAfter;
  }

  // temporary tells that the same request may be answered otherwise a little later.
  get temporary() {
    return ['busy', 'not_ready', 'not_leader', 'shutting_down', 'not_applied', 'outcome_unknown', 'behind', 'too_many_requests',
      'too_many_connections', 'too_many_sessions', 'request_timeout', 'stale_nonce'].includes(this.reason);
  }

  // sessionGone tells that a new logon helps.
  get sessionGone() {
    return this.reason === 'unknown_session' || this.reason === 'session_expired';
  }

  // sentence says it in one line, without a full stop. A field is named where nothing else tells which one it is.
  get sentence() {
    const s = this.message.charAt(0).toUpperCase() + this.message.slice(1);
    const more = this.leader ? `trade at ${this.leader.http ?? this.leader.node}` : this.detail || this.field;
    return more ? `${s}: ${more}` : s;
  }
}

// NoAnswer tells that nobody knows what became of a request.
export class NoAnswer extends Error {
  constructor() {
    super('The server did not answer.');
    this.temporary = true;
  }
}

// said tells why a request came to nothing, in a whole sentence.
export function said(err) {
  return err instanceof Refusal ? `${err.sentence}.` : err.message;
}

// target returns an address as it will be on the request line, which is what is signed.
export function target(path, query = {}) {
  const u = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') u.searchParams.set(name, value);
  }
  return u.pathname + u.search;
}

// send sends one request and returns its answer. It throws a Refusal or NoAnswer.
export async function send(method, at, { body, headers = {} } = {}) {
  let status, text, retryAfter;
  try {
    const answer = await fetch(at, {
      method, body, signal: AbortSignal.timeout(patience), cache: 'no-store', credentials: 'omit', redirect: 'error',
      headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
    });
    status = answer.status;
    retryAfter = Number(answer.headers.get('Retry-After') ?? 0);
    text = await answer.text();
  } catch {
    throw new NoAnswer();
  }
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new NoAnswer(); // something in between has answered
  }
  if (status !== 200) throw new Refusal(status, value.error ?? {}, retryAfter);
  return value;
}

// get asks for something public.
export function get(path, query) {
  return send('GET', target(path, query));
}

// synchronise reads the server's clock.
export async function synchronise() {
  const before = Date.now();
  const answer = await get('/v1/time');
  setServerTime(answer.time_ns, before, Date.now());
}
