// The depth ladder: asks above, bids below, a bar for each quantity, own orders marked. A level that is chosen fills the
// order form. Rows are made once and filled anew, so that nothing jumps.

import { fromUnits, ratio, toUnits } from './decimal.js';
import { byId, eachFrame, make, setData, setText } from './dom.js';
import { amount } from './instrument.js';

export class Ladder {
  #rows = { asks: [], bids: [] };

  constructor(choose) {
    this.choose = choose;
    this.box = byId('ladder');
    this.redraw = eachFrame(() => this.#draw());
    this.instrument = null;
    this.book = null;
    this.own = { asks: new Map(), bids: new Map() }; // key of the price → units
    this.stale = true;
    for (const side of ['asks', 'bids']) new ResizeObserver(() => this.#fit(side)).observe(byId(side));
    this.box.addEventListener('keydown', (e) => this.#key(e));
  }

  set(instrument, book) {
    this.instrument = instrument;
    this.book = book;
    this.redraw();
  }

  // setOwn takes the own open orders, of which those of the instrument count.
  setOwn(orders) {
    this.own = { asks: new Map(), bids: new Map() };
    for (const o of orders) {
      if (o.symbol !== this.instrument?.symbol || !o.price) continue;
      const side = o.side === 'buy' ? this.own.bids : this.own.asks;
      const key = toUnits(o.price, this.instrument.priceDecimals);
      side.set(key, (side.get(key) ?? 0n) + toUnits(o.remaining, this.instrument.baseDecimals));
    }
    this.redraw();
  }

  setStale(stale) {
    this.stale = stale;
    this.redraw();
  }

  // #fit makes as many rows as there is room for.
  #fit(side) {
    const box = byId(side), rows = this.#rows[side];
    const height = Number.parseInt(getComputedStyle(box).getPropertyValue('--row'), 10) || 20;
    const count = Math.max(1, Math.floor(box.clientHeight / height));
    while (rows.length < count) rows.push(this.#row(side, rows.length));
    while (rows.length > count) rows.pop().button.remove();
    if (side === 'asks') box.replaceChildren(...rows.map((r) => r.button).reverse());
    else box.replaceChildren(...rows.map((r) => r.button));
    this.redraw();
  }

  #row(side, index) {
    const cells = { price: make('span', 'price'), quantity: make('span'), orders: make('span', 'orders-count'), own: make('span', 'own') };
    const button = make('button', 'level', cells.price, cells.quantity, cells.orders, cells.own);
    button.type = 'button';
    button.tabIndex = -1;
    button.disabled = true;
    button.addEventListener('click', () => {
      const level = this.book?.[side][index];
      if (level) this.choose(level.price, side);
    });
    return { button, ...cells };
  }

  #draw() {
    const { instrument, book } = this;
    if (!instrument) return;
    setData(this.box, 'stale', String(this.stale));
    let most = 0n;
    for (const side of ['asks', 'bids']) {
      for (const level of book[side].slice(0, this.#rows[side].length)) most = level.units > most ? level.units : most;
    }
    for (const side of ['asks', 'bids']) this.#rows[side].forEach((row, i) => this.#fill(row, side, book[side][i], most));
    this.#focusable();
    this.#middle();
  }

  #fill(row, side, level, most) {
    const { button } = row;
    if (button.disabled === Boolean(level)) button.disabled = !level;
    if (!level) {
      for (const cell of [row.price, row.quantity, row.orders, row.own]) setText(cell, '');
      button.classList.remove('has-own');
      return;
    }
    const { instrument } = this;
    const own = this.own[side].get(level.key);
    const price = instrument.price(level.price), quantity = instrument.quantity(level.quantity);
    const mine = own ? amount(fromUnits(own, instrument.baseDecimals)) : '';
    setText(row.price, price);
    setText(row.quantity, quantity);
    setText(row.orders, String(level.orders));
    setText(row.own, mine);
    button.classList.toggle('has-own', Boolean(own));
    const share = String(ratio(level.units, most));
    if (row.share !== share) button.style.setProperty('--share', row.share = share);
    const label = `${side === 'bids' ? 'Bid' : 'Ask'} ${price}, ${quantity} in ${level.orders} orders${own ? `, own ${mine}` : ''}`;
    if (row.label !== label) button.setAttribute('aria-label', row.label = label);
  }

  // #all returns the rows from the top down.
  #all() {
    return [...this.#rows.asks].reverse().concat(this.#rows.bids).map((r) => r.button);
  }

  // #focusable keeps one row in the order of the tabulator.
  #focusable() {
    const all = this.#all();
    const now = all.find((b) => b.tabIndex === 0 && !b.disabled) ?? this.#rows.bids[0]?.button;
    for (const b of all) b.tabIndex = b === now ? 0 : -1;
  }

  #key(e) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[e.key];
    if (!step) return;
    const all = this.#all().filter((b) => !b.disabled);
    const next = all[all.indexOf(document.activeElement) + step];
    if (!next) return;
    e.preventDefault();
    for (const b of this.#all()) b.tabIndex = b === next ? 0 : -1;
    next.focus();
  }

  // #middle shows the last price and the spread between the two sides.
  #middle() {
    const { instrument, book } = this;
    const box = byId('middle');
    if (!box.firstChild) box.append(make('b'), make('span'));
    const [last, spread] = box.children;
    setText(last, instrument.price(instrument.last));
    setData(last, 'moved', instrument.moved);
    const bid = book.bids[0], ask = book.asks[0];
    const away = bid && ask ? ask.key - bid.key : null;
    if (away === null) setText(spread, book.loaded ? '' : 'loading');
    else if (away <= 0n) setText(spread, 'crossed');
    else setText(spread, `spread ${instrument.price(fromUnits(away, instrument.priceDecimals))}`);
  }
}
