// The tape: the latest trades of the instrument, newest first.

import { setTime } from './clock.js';
import { byId, eachFrame, make, setData, setText } from './dom.js';

const kept = 80;

export class Tape {
  #rows = [];

  constructor() {
    this.list = byId('trades');
    this.trades = []; // newest first
    this.instrument = null;
    this.redraw = eachFrame(() => this.#draw());
  }

  set(instrument) {
    this.instrument = instrument;
    this.trades = [];
    this.redraw();
  }

  // apply takes a message of the trades channel.
  apply(m) {
    if (m.type === 'snapshot') this.trades = [];
    this.trades = [...m.trades].reverse().concat(this.trades).slice(0, kept);
    this.redraw();
  }

  #draw() {
    const { instrument, trades } = this;
    while (this.#rows.length < trades.length) {
      const cells = { price: make('span', 'price'), quantity: make('span'), time: make('time') };
      const row = make('li', 'trade', cells.price, cells.quantity, cells.time);
      this.#rows.push({ row, ...cells });
      this.list.append(row);
    }
    this.#rows.forEach((r, i) => {
      const t = trades[i];
      r.row.hidden = !t;
      if (!t) return;
      setData(r.row, 'side', t.taker_side);
      setText(r.price, instrument.price(t.price));
      setText(r.quantity, instrument.quantity(t.quantity));
      setTime(r.time, t.time);
      const title = `Trade ${t.trade_id}: ${t.taker_side === 'none' ? 'auction' : `${t.taker_side} order took`}`;
      if (r.row.title !== title) r.row.title = title;
    });
  }
}
