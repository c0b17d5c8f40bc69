// The stream: one WebSocket with everything that is subscribed, carried over losses.
//
//   closed ─▶ connecting ─▶ live ─▶ (lost) ─▶ waiting ─▶ connecting …
//
// Each update names the message that it continues. One that does not fit means that something was missed: the channel is
// subscribed anew and starts from a snapshot. Nothing is delivered in between.

const protocol = 'uncross.json.v1';
const pingEvery = 10_000; // ms
const silence = 25_000; // ms without a message after which the connection counts as lost
const stable = 10_000; // ms after which the waits start from the shortest again
const reopenAfter = 1000; // ms until another session is opened where the venue has ended one
const shortest = 500, longest = 15_000; // ms between attempts

const askAgain = 1000; // ms until what was refused for now is asked for again
const passing = new Set(['not_ready', 'busy', 'not_leader', 'too_many_requests']);

const privateChannels = new Set(['executions', 'balances']);

// keyOf names a subscription or what a message belongs to.
const keyOf = (s, subject = s.symbol ?? s.account) => [s.channel, subject, s.interval ?? ''].join('\n');

export class Stream {
  #socket = null;
  #subscriptions = new Map(); // key → {subscription, deliver, after}
  #chains = new Map(); // key of a subject → {sequence, broken}
  #signer = null;
  #private = false; // logged in on this connection
  #requests = new Map(); // id → told of the answer
  #lastID = 0;
  #attempt = 0;
  #timer = 0;
  #beat = 0;
  #heard = 0;
  #pinged = 0;
  #relogin = 0;

  // ready tells, in time, whether the node is; changed is called when something of the connection's state has changed.
  constructor(ready, changed) {
    this.ready = ready;
    this.changed = changed;
    this.state = 'connecting';
    this.retryAt = 0; // ms, where the state is waiting
    this.why = ''; // what ended the last connection
    this.delay = null; // ms of the last ping
    this.healed = 0; // channels that were subscribed anew after a gap
  }

  start() {
    this.#connect();
    addEventListener('online', () => this.reconnect());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && this.state === 'waiting') this.reconnect();
    });
  }

  // reconnect does not wait any longer.
  reconnect() {
    if (this.state === 'waiting') this.#connect();
  }

  // subscribe keeps a subscription over reconnects. Deliver gets its messages; failed is told of a refusal.
  subscribe(subscription, deliver, failed = () => {}) {
    const key = keyOf(subscription);
    this.#subscriptions.set(key, { subscription, deliver, failed, after: null });
    this.#ask('subscribe', [key]);
    return key;
  }

  unsubscribe(key) {
    const entry = this.#subscriptions.get(key);
    if (!entry) return;
    this.#ask('unsubscribe', [key]);
    this.#subscriptions.delete(key);
    this.#chains.delete(key);
  }

  // renew starts a subscription again from a snapshot.
  renew(key) {
    if (!this.#subscriptions.has(key)) return;
    this.healed++;
    this.#ask('unsubscribe', [key]);
    this.#forget(key);
    this.#ask('subscribe', [key]);
    this.changed();
  }

  // login carries private subscriptions under a signer; null ends them.
  async login(signer) {
    this.#signer = signer;
    if (!signer) {
      if (this.#private) this.#send({ op: 'logout' });
      this.#private = false;
      for (const key of [...this.#subscriptions.keys()]) {
        if (this.#isPrivate(key)) this.#subscriptions.delete(key);
      }
      return;
    }
    if (this.state === 'live') await this.#login();
  }

  async #login() {
    const signer = this.#signer;
    const parts = await signer.login();
    if (signer !== this.#signer) return;
    this.#send({ op: 'login', ...parts }, (m) => {
      if (m.type !== 'logged_in') {
        this.#loggedOut();
        return;
      }
      const first = !this.#private;
      this.#private = true;
      if (first) this.#ask('subscribe', [...this.#subscriptions.keys()].filter((k) => this.#isPrivate(k)));
    });
  }

  // #loggedOut is told that the session is not good here any more. A new one carries on; without one, nothing does.
  #loggedOut() {
    this.#private = false;
    const signer = this.#signer;
    clearTimeout(this.#relogin);
    this.#relogin = setTimeout(() => {
      if (signer && signer === this.#signer) signer.reopen().catch(() => {});
    }, reopenAfter);
  }

  #isPrivate(key) {
    return privateChannels.has(key.split('\n')[0]);
  }

  #connect() {
    clearTimeout(this.#timer);
    this.state = 'connecting';
    this.changed();
    const at = new URL('/v1/stream', location.href);
    at.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(at, protocol);
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (e) => this.#receive(JSON.parse(e.data));
    socket.onclose = (e) => {
      if (this.#socket === socket) this.#lost(e);
    };
  }

  // #opened begins when the node is ready: until then it may not know all instruments yet.
  async #opened() {
    const socket = this.#socket;
    this.#heard = Date.now();
    this.#chains.clear();
    this.#timer = setTimeout(() => { this.#attempt = 0; }, stable);
    this.#beat = setInterval(() => this.#check(), pingEvery);
    while (!(await this.ready()) && socket === this.#socket) await new Promise((done) => setTimeout(done, askAgain));
    if (socket !== this.#socket) return;
    this.state = 'live';
    this.why = '';
    this.#check();
    this.#ask('subscribe', [...this.#subscriptions.keys()].filter((k) => !this.#isPrivate(k)));
    if (this.#signer) this.#login().catch(() => {});
    this.changed();
  }

  #check() {
    if (Date.now() - this.#heard > silence) {
      this.#socket.close();
      this.#lost({ code: 0, reason: 'nothing heard' });
      return;
    }
    this.#pinged = performance.now();
    this.#send({ op: 'ping' }, () => {
      this.delay = Math.round(performance.now() - this.#pinged);
      this.changed();
    });
  }

  #lost({ code, reason }) {
    clearInterval(this.#beat);
    clearTimeout(this.#timer);
    this.#socket = null;
    this.#private = false;
    this.#requests.clear();
    this.delay = null;
    this.why = reason || reasons[code] || `closed with code ${code}`;
    const wait = Math.min(shortest * 2 ** this.#attempt++, longest) * (0.5 + Math.random() / 2);
    this.state = 'waiting';
    this.retryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.changed();
  }

  // #ask subscribes or unsubscribes, where that can be done now. Private ones wait for the login.
  #ask(op, keys) {
    keys = keys.filter((k) => !this.#isPrivate(k) || this.#private);
    if (this.state !== 'live' || keys.length === 0) return;
    const subscriptions = keys.map((k) => {
      const { subscription, after } = this.#subscriptions.get(k);
      return op === 'subscribe' && after ? { ...subscription, after } : subscription;
    });
    const socket = this.#socket;
    this.#send({ op, subscriptions }, (m) => {
      if (m.type !== 'error' || op !== 'subscribe') return;
      if (passing.has(m.error.reason)) {
        setTimeout(() => {
          if (socket === this.#socket) this.#ask(op, keys.filter((k) => this.#subscriptions.has(k)));
        }, askAgain);
        return;
      }
      for (const k of keys) this.#subscriptions.get(k)?.failed(m.error);
    });
  }

  #send(message, answered) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const id = String(++this.#lastID);
    if (answered) this.#requests.set(id, answered);
    this.#socket.send(JSON.stringify({ ...message, id }));
  }

  #forget(key) {
    const [channel, subject, interval] = key.split('\n');
    for (const k of [...this.#chains.keys()]) {
      const [c, , i] = k.split('\n');
      if (k === key || (subject === '*' && c === channel && i === interval)) this.#chains.delete(k);
    }
  }

  #receive(m) {
    this.#heard = Date.now();
    if (!m.channel) {
      const answered = this.#requests.get(m.id);
      this.#requests.delete(m.id);
      if (answered) answered(m);
      else if (m.type === 'error' && this.#private) this.#loggedOut();
      return;
    }
    if (m.account !== undefined) this.#receivePrivate(m);
    else this.#receivePublic(m);
  }

  #receivePrivate(m) {
    const entry = this.#subscriptions.get(keyOf(m));
    if (!entry) return;
    if (m.event) entry.after = m.event;
    entry.deliver(m);
  }

  #receivePublic(m) {
    const subject = keyOf(m);
    const key = this.#subscriptions.has(subject) ? subject : keyOf(m, '*');
    const entry = this.#subscriptions.get(key);
    if (!entry) return; // an unsubscription is under way
    let chain = this.#chains.get(subject);
    if (m.type === 'snapshot') {
      chain = { sequence: m.sequence };
      this.#chains.set(subject, chain);
    } else if (!chain) {
      return; // behind a gap, or from before a new subscription
    } else if (chain.sequence !== m.previous) {
      this.renew(key);
      return;
    }
    chain.sequence = m.sequence;
    if (entry.deliver(m) === false) this.renew(key);
  }
}

const reasons = {
  0: 'nothing heard', 1001: 'the node stops', 1006: 'connection lost', 1008: 'too many requests', 4000: 'no answer to a ping',
  4001: 'this browser was too slow',
};
