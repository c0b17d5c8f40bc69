// The own account: open orders and trades from the REST interface, asked for anew when the stream tells of an execution;
// balances from the stream.

import { dayTime, nowNs, setTime } from './clock.js';
import { byId, make, setData, setText, settled, words } from './dom.js';
import { amount, fitted } from './instrument.js';
import { Refusal, said, target } from './rest.js';
import { newClientID } from './session.js';

const roomOfBalance = 14; // characters
const listed = 200; // orders and trades that are shown
const pause = 120; // ms between an execution and the question for what has changed

export class Account {
  #orderRows = new Map();
  #fillRows = new Map();

  // changed is called when orders or balances are others; instrument tells how a symbol's numbers are shown.
  constructor(stream, instrument, changed) {
    this.stream = stream;
    this.instrument = instrument;
    this.changed = changed;
    this.symbol = '';
    this.#clear();
    this.refresh = settled(() => this.#refresh(), pause);
    byId('account').addEventListener('change', (e) => this.#choose(e.target.value));
    byId('this-market').addEventListener('change', () => this.#draw());
    byId('cancel-all').addEventListener('click', () => this.#askCancelAll());
    byId('cancel-all-no').addEventListener('click', () => byId('cancel-all-dialog').close());
    byId('cancel-all-yes').addEventListener('click', () => this.#cancelAll());
  }

  #clear() {
    this.signer = null;
    this.name = '';
    this.orders = [];
    this.fills = [];
    this.more = false; // there are more open orders than are listed
    this.balances = new Map(); // asset → {available, held}
    this.subscriptions = [];
  }

  // trades tells whether orders can be entered.
  get trades() {
    return this.signer?.role === 'trader' && this.name !== '';
  }

  async signIn(signer) {
    const answer = await signer.call('GET', target('/v1/accounts'));
    this.signer = signer;
    const names = answer.items.map((a) => a.name);
    byId('account').replaceChildren(...names.map((n) => make('option', '', n)));
    byId('account-choice').hidden = names.length < 2;
    this.#choose(names[0] ?? '');
    await this.stream.login(signer);
  }

  signOut() {
    this.stream.login(null);
    this.#clear();
    this.#draw();
    this.changed();
  }

  #choose(name) {
    for (const key of this.subscriptions) this.stream.unsubscribe(key);
    this.subscriptions = [];
    this.name = name;
    this.orders = [];
    this.fills = [];
    this.balances = new Map();
    this.#draw();
    this.changed();
    if (!name) return;
    if (this.signer.role !== 'custodian') {
      this.subscriptions.push(this.stream.subscribe({ channel: 'executions', account: name }, () => this.refresh()));
    }
    this.subscriptions.push(this.stream.subscribe({ channel: 'balances', account: name }, (m) => this.#balances(m)));
    this.refresh();
  }

  // select is told of the instrument in view.
  select(symbol) {
    this.symbol = symbol;
    this.#draw();
  }

  #balances(m) {
    if (m.type === 'snapshot') this.balances = new Map();
    for (const b of m.balances) this.balances.set(b.asset, { available: b.available, held: b.held });
    this.#drawBalances();
    this.changed();
  }

  async #refresh() {
    const { signer, name } = this;
    if (!signer || !name || signer.role === 'custodian') return;
    try {
      const [orders, fills] = await Promise.all([
        signer.call('GET', target('/v1/orders', { account: name, limit: String(listed) })),
        signer.call('GET', target('/v1/fills', { account: name, limit: String(listed) })),
      ]);
      if (name !== this.name) return;
      this.orders = orders.items;
      this.more = orders.more;
      this.fills = fills.items;
      this.#draw();
      this.changed();
    } catch (err) {
      setText(byId('orders-empty'), `Your orders could not be read. ${said(err)}`);
      if (!(err instanceof Refusal) || err.temporary) setTimeout(this.refresh, 2000);
    }
  }

  #draw() {
    const alone = byId('this-market').checked;
    const fits = (item) => !alone || item.symbol === this.symbol;
    const orders = this.orders.filter(fits).reverse(), fills = this.fills.filter(fits);
    keyed(byId('orders'), this.#orderRows, orders, (o) => o.order_id, () => this.#orderRow(), (row, o) => this.#fillOrder(row, o));
    keyed(byId('fills'), this.#fillRows, fills, (f) => `${f.trade_id} ${f.side}`, fillRow, (row, f) => this.#fillFill(row, f));
    setText(byId('orders-count'), this.orders.length ? String(this.orders.length) + (this.more ? '+' : '') : '');
    byId('orders-empty').hidden = orders.length > 0;
    byId('fills-empty').hidden = fills.length > 0;
    const where = alone ? ` in ${this.symbol}.` : '.';
    setText(byId('orders-empty'), this.#nothing('No open orders' + where, 'orders'));
    setText(byId('fills-empty'), this.#nothing('No trades' + where, 'trades'));
    byId('cancel-all').disabled = !this.trades || orders.length === 0;
    this.#drawBalances();
  }

  #nothing(text, what) {
    if (!this.signer) return `Sign in to see your ${what}.`;
    return this.name ? text : 'The user of this key has no account.';
  }

  #orderRow() {
    const cells = { time: make('time'), symbol: make('td'), side: make('td'), price: make('td', 'n'), left: make('td', 'n'), quantity: make('td', 'n hide-narrow'), force: make('td', 'hide-narrow') };
    const cancel = make('button', 'danger', 'Cancel');
    cancel.type = 'button';
    const row = make('tr', '', make('td', '', cells.time), cells.symbol, cells.side, cells.price, cells.left, cells.quantity, cells.force, make('td', 'n', cancel));
    const entry = { row, cancel, ...cells };
    cancel.addEventListener('click', () => this.#cancel(entry));
    return entry;
  }

  #fillOrder(r, o) {
    const instrument = this.instrument(o.symbol);
    r.order = o;
    setTime(r.time, o.entered, dayTime);
    setText(r.symbol, o.symbol);
    setText(r.side, words(o.side));
    setData(r.side, 'side', o.side);
    setText(r.price, o.price ? (instrument?.price(o.price) ?? o.price) : 'market');
    setText(r.left, amount(o.remaining));
    setText(r.quantity, amount(o.quantity));
    setText(r.force, o.time_in_force.toUpperCase() + (o.post_only ? ' post' : ''));
    r.row.title = `Order ${o.order_id}${o.client_order_id ? `, client order id ${o.client_order_id}` : ''}`;
    r.cancel.setAttribute('aria-label', `Cancel order ${o.order_id}`);
    r.cancel.hidden = !this.trades;
  }

  #fillFill(r, f) {
    const instrument = this.instrument(f.symbol);
    setTime(r.time, f.time, dayTime);
    setText(r.symbol, f.symbol);
    setText(r.side, words(f.side));
    setData(r.side, 'side', f.side);
    setText(r.price, instrument?.price(f.price) ?? f.price);
    setText(r.quantity, amount(f.quantity));
    setText(r.fee, amount(f.fee) + (instrument ? ' ' + instrument.quote : ''));
    setText(r.part, f.liquidity);
    r.row.title = `Trade ${f.trade_id}, order ${f.order_id}`;
  }

  #drawBalances() {
    const cell = (text) => {
      const td = make('td', 'n', fitted(text, roomOfBalance));
      td.title = amount(text);
      return td;
    };
    const rows = [...this.balances.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([asset, b]) => {
      const row = make('tr', '', make('td', '', asset), cell(b.available), cell(b.held));
      row.dataset.asset = asset;
      return row;
    });
    byId('balances').replaceChildren(...rows);
    byId('balances-empty').hidden = rows.length > 0;
    setText(byId('balances-empty'), this.#nothing('Nothing here yet.', 'balances'));
  }

  // #cancel repeats until it is answered: the cancel has its own client order id.
  async #cancel(entry) {
    const { order, row, cancel } = entry;
    cancel.disabled = true;
    setData(row, 'busy', 'true');
    try {
      await this.signer.settle('DELETE', target(`/v1/orders/${order.order_id}`,
        { account: order.account, client_order_id: newClientID(), sent_at_ns: String(nowNs()) }));
    } catch (err) {
      row.title = said(err);
      setText(cancel, 'Again');
    } finally {
      cancel.disabled = false;
      setData(row, 'busy', 'false');
      this.refresh();
    }
  }

  #askCancelAll() {
    const where = byId('this-market').checked ? `in ${this.symbol}` : 'in all instruments';
    setText(byId('cancel-all-what'), `Every open order of account ${this.name} ${where}, also those that are not listed here.`);
    byId('cancel-all-dialog').showModal();
  }

  async #cancelAll() {
    byId('cancel-all-dialog').close();
    byId('cancel-all').disabled = true;
    try {
      await this.signer.settle('DELETE', target('/v1/orders', { account: this.name, symbol: byId('this-market').checked ? this.symbol : '' }));
    } catch (err) {
      setText(byId('orders-empty'), said(err));
    } finally {
      this.refresh();
      byId('cancel-all').disabled = false;
    }
  }
}

function fillRow() {
  const cells = { time: make('time'), symbol: make('td'), side: make('td'), price: make('td', 'n'), quantity: make('td', 'n'), fee: make('td', 'n'), part: make('td', 'hide-narrow') };
  return { row: make('tr', '', make('td', '', cells.time), cells.symbol, cells.side, cells.price, cells.quantity, cells.fee, cells.part), ...cells };
}

// keyed keeps the rows of a table by the keys of its items, in their order. A row that stays is not touched, so that it
// keeps the focus.
function keyed(body, rows, items, keyOf, fresh, fill) {
  const keys = new Set(items.map(keyOf));
  for (const [key, r] of rows) {
    if (!keys.has(key)) {
      r.row.remove();
      rows.delete(key);
    }
  }
  let at = body.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let r = rows.get(key);
    if (!r) rows.set(key, r = fresh());
    fill(r, item);
    if (r.row === at) at = at.nextElementSibling;
    else body.insertBefore(r.row, at);
  }
}
