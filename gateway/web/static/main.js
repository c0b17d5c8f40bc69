// The page: who knows whom.
//
//	stream ─┬─ statistics, status (all instruments) ──▶ markets, market
//	        ├─ book ──▶ copy of the book ──▶ ladder, market, ticket
//	        ├─ trades ──▶ tape        candles ──▶ chart        auction ──▶ market
//	        └─ executions, balances (signed in) ──▶ account ──▶ ladder, ticket

import { Account } from './account.js';
import { Book } from './book.js';
import { Chart } from './chart.js';
import { setTime } from './clock.js';
import { Connection } from './connection.js';
import { byId, eachFrame, make, setData, setText } from './dom.js';
import { Instrument } from './instrument.js';
import { Ladder } from './ladder.js';
import { Market } from './market.js';
import { Markets } from './markets.js';
import { get, said, synchronise } from './rest.js';
import { SignIn } from './signin.js';
import { Stream } from './stream.js';
import { Tape } from './tape.js';
import { Ticket } from './ticket.js';

const lookAgain = 30_000; // ms between looks for new instruments

// ready tells whether the node takes commands and its views have caught up.
const ready = () => get('/readyz').then(() => true, () => false);

class Page {
  constructor() {
    this.instruments = new Map();
    this.selected = null;
    this.book = null;
    this.differed = 0; // copies of the book whose checksum was another
    this.own = []; // keys of the subscriptions of the chosen instrument
    this.candles = null;
    this.stream = new Stream(ready, () => this.streamChanged());
    this.account = new Account(this.stream, (symbol) => this.instruments.get(symbol), () => this.accountChanged());
    this.markets = new Markets((symbol) => {
      this.select(symbol);
      this.view('chart');
    });
    this.market = new Market();
    this.chart = new Chart(() => this.followCandles());
    this.ladder = new Ladder((price) => {
      this.ticket.fill(price);
      this.view('trade');
    });
    this.tape = new Tape();
    this.signIn = new SignIn(this.account, this.stream);
    this.ticket = new Ticket(this.account, () => this.signIn.ask());
    this.redrawTicket = eachFrame(() => this.ticket.redraw());
    this.connection = new Connection(this.stream, () => this.facts());
    this.views();
    this.tabs();
  }

  async start() {
    await this.load();
    this.stream.start();
    setInterval(() => setTime(byId('now'), new Date().toISOString(), (i) => new Date(i).toLocaleString('sv')), 1000);
    setInterval(() => this.lookForMore(), lookAgain);
    addEventListener('hashchange', () => this.select(this.wanted()));
  }

  // load reads what does not come by the stream, until it is there.
  async load() {
    for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
      try {
        await synchronise();
        await this.define();
        this.follow();
        byId('notice').hidden = true;
        return;
      } catch (err) {
        setText(byId('notice'), `The venue does not answer yet. ${said(err)}`);
        byId('notice').hidden = false;
        await new Promise((done) => setTimeout(done, wait));
      }
    }
  }

  // define reads instruments and assets. It reports whether there are new ones.
  async define() {
    const [assets, instruments, status] = await Promise.all([get('/v1/assets'), get('/v1/instruments'), get('/v1/status')]);
    const byCode = new Map(assets.items.map((a) => [a.code, a]));
    let fresh = false;
    for (const d of instruments.items) {
      if (this.instruments.has(d.symbol)) continue;
      this.instruments.set(d.symbol, new Instrument(d, byCode));
      fresh = true;
    }
    setText(byId('venue'), status.venue);
    setText(byId('node'), `${status.node || 'node'} ${status.version}`);
    this.where(status);
    this.markets.set(this.instruments);
    if (!this.selected && this.instruments.size > 0) this.select(this.wanted());
    return fresh;
  }

  // where says so when the node takes no orders, and where they are taken.
  where(status) {
    const box = byId('follower');
    const at = status.leader_at;
    const away = !status.leader && status.leader_age_ms !== undefined;
    box.hidden = !away && !at;
    if (box.hidden) return;
    const text = `${status.node} follows and takes no orders. `;
    const known = at && /^https?:\/\//.test(at.http ?? '');
    const rest = known ? 'Trade at ' : at ? `Trade at ${at.node}.` : 'The nodes are choosing a leader.';
    if (box.textContent === text + rest + (known ? at.http : '')) return;
    box.replaceChildren(text + rest);
    if (!known) return;
    const link = make('a', '', at.http);
    link.href = at.http;
    link.rel = 'noreferrer';
    box.append(link);
  }

  async lookForMore() {
    try {
      if (!(await this.define())) return;
      for (const key of this.all) this.stream.unsubscribe(key);
      this.follow();
    } catch {
      // The next look will do.
    }
  }

  // follow subscribes to what concerns all instruments.
  follow() {
    const one = (m) => this.instruments.get(m.symbol);
    this.all = [
      this.stream.subscribe({ channel: 'statistics', symbol: '*' }, (m) => this.changed(one(m), (i) => {
        i.statistics = m;
        if (m.last) i.traded(m.last, i.moved);
      })),
      this.stream.subscribe({ channel: 'status', symbol: '*' }, (m) => this.changed(one(m), (i) => { i.phase = m.phase; })),
    ];
  }

  changed(instrument, change) {
    if (!instrument) return;
    change(instrument);
    this.markets.redraw();
    if (instrument === this.selected) {
      this.market.redraw();
      this.ladder.redraw();
    }
  }

  // wanted is the symbol that the address names, or the first one.
  wanted() {
    let symbol = '';
    try {
      symbol = decodeURIComponent(location.hash.slice(1));
    } catch {
      // Not ours.
    }
    return this.instruments.has(symbol) ? symbol : this.instruments.keys().next().value;
  }

  select(symbol) {
    const instrument = this.instruments.get(symbol);
    if (!instrument || instrument === this.selected) return;
    for (const key of this.own) this.stream.unsubscribe(key);
    this.selected = instrument;
    history.replaceState(null, '', '#' + encodeURIComponent(symbol));
    this.book = new Book(instrument.priceDecimals, instrument.baseDecimals);
    this.markets.select(symbol);
    this.market.set(instrument, this.book);
    this.ladder.set(instrument, this.book);
    this.tape.set(instrument);
    this.ticket.set(instrument, this.book);
    this.account.select(symbol);
    this.accountChanged();
    this.proof('none');
    this.own = [
      this.stream.subscribe({ channel: 'book', symbol }, (m) => this.bookMessage(m)),
      this.stream.subscribe({ channel: 'trades', symbol }, (m) => this.tradesMessage(m)),
      this.stream.subscribe({ channel: 'auction', symbol }, (m) => this.market.setAuction(m)),
    ];
    this.followCandles();
  }

  followCandles() {
    if (this.candles) this.stream.unsubscribe(this.candles);
    this.chart.set(this.selected);
    const { symbol } = this.selected;
    this.candles = this.stream.subscribe({ channel: 'candles', symbol, interval: this.chart.interval }, (m) => this.chart.apply(m));
  }

  // bookMessage reports false where the copy turned out wrong, so that it is loaded anew.
  bookMessage(m) {
    const result = this.book.apply(m);
    if (result === 'gone') {
      this.differed++;
      this.book.clear();
      this.proof('differs');
    } else if (this.book.proven !== null) this.proof('proven');
    this.ladder.setStale(!this.book.loaded);
    this.market.redraw();
    this.redrawTicket();
    return result !== 'gone';
  }

  tradesMessage(m) {
    this.tape.apply(m);
    const latest = m.trades.at(-1);
    if (!latest) return;
    this.changed(this.selected, (i) => i.traded(latest.price, latest.taker_side === 'sell' ? 'down' : latest.taker_side === 'buy' ? 'up' : ''));
  }

  // proof tells whether the copy of the book is known to be right.
  proof(state) {
    const e = byId('proof');
    setData(e, 'state', state);
    setText(e, { proven: '✓ proven', differs: 'differed, loading anew', none: '' }[state]);
    e.title = state === 'proven'
      ? `This copy of the book had the venue's checksum (CRC-32) at command ${this.book.proven}; it is now at ${this.book.sequence}.` : '';
  }

  streamChanged() {
    this.connection?.draw();
    if (this.stream.state !== 'live') {
      this.ladder?.setStale(true);
      this.proof('none');
    }
  }

  accountChanged() {
    this.ladder?.setOwn(this.account.orders);
    this.ticket?.redraw();
  }

  facts() {
    const rows = [['Book', this.book?.sequence ? `at command ${this.book.sequence}, proven at ${this.book.proven ?? 'none yet'}` : 'not loaded'],
      ['Loaded anew', `${this.stream.healed} channels after a gap, ${this.differed} of them books whose checksum differed`]];
    const { signer } = this.account;
    if (signer) rows.push(['Session', `${signer.user}, until ${new Date(signer.expires).toLocaleTimeString('sv')}; it is renewed before`]);
    return rows;
  }

  // views are the tabs of a telephone.
  views() {
    for (const button of document.querySelectorAll('.views button')) button.addEventListener('click', () => this.view(button.dataset.to));
  }

  view(name) {
    setData(document.body, 'view', name);
    for (const button of document.querySelectorAll('.views button')) {
      if (button.dataset.to === name) button.setAttribute('aria-current', 'page');
      else button.removeAttribute('aria-current');
    }
  }

  // tabs are the two lists of the account.
  tabs() {
    const all = [...document.querySelectorAll('.tabs [role="tab"]')];
    const choose = (tab) => {
      for (const t of all) {
        t.setAttribute('aria-selected', String(t === tab));
        t.tabIndex = t === tab ? 0 : -1;
        byId(t.getAttribute('aria-controls')).hidden = t !== tab;
      }
    };
    all.forEach((tab, i) => {
      tab.addEventListener('click', () => choose(tab));
      tab.addEventListener('keydown', (e) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
        if (!step) return;
        const next = all[(i + step + all.length) % all.length];
        choose(next);
        next.focus();
      });
    });
  }
}

new Page().start();
