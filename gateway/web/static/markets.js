// The list of instruments with last price, change and phase.

import { compare, percent } from './decimal.js';
import { byId, eachFrame, make, setData, setText } from './dom.js';

const filterFrom = 12; // instruments from which on the list can be searched

export class Markets {
  #rows = new Map(); // symbol → elements

  constructor(choose) {
    this.choose = choose;
    this.list = byId('instruments');
    this.filter = byId('filter');
    this.filter.addEventListener('input', () => this.#filter());
    this.instruments = new Map();
    this.redraw = eachFrame(() => this.#draw());
  }

  set(instruments) {
    this.instruments = instruments;
    for (const symbol of instruments.keys()) {
      if (!this.#rows.has(symbol)) this.#add(symbol);
    }
    this.filter.hidden = instruments.size < filterFrom;
    this.redraw();
  }

  select(symbol) {
    for (const [s, row] of this.#rows) row.button.setAttribute('aria-current', String(s === symbol));
  }

  #add(symbol) {
    const mark = make('span', 'mark');
    const last = make('span', 'last-price'), change = make('span', 'change');
    const button = make('button', 'instrument', make('span', 'name', make('span', '', symbol), mark), last, change);
    button.type = 'button';
    button.title = symbol;
    button.addEventListener('click', () => this.choose(symbol));
    const item = make('li', '', button);
    this.#rows.set(symbol, { item, button, mark, last, change });
    this.list.append(item);
  }

  #filter() {
    const wanted = this.filter.value.trim().toUpperCase();
    for (const [symbol, row] of this.#rows) row.item.hidden = !symbol.toUpperCase().includes(wanted);
  }

  #draw() {
    for (const [symbol, row] of this.#rows) {
      const instrument = this.instruments.get(symbol);
      const open = instrument.statistics?.open;
      setText(row.last, instrument.price(instrument.last));
      setText(row.change, open && instrument.last ? percent(open, instrument.last) : '');
      setData(row.change, 'sign', open && instrument.last ? ['down', 'same', 'up'][compare(instrument.last, open) + 1] : 'same');
      setData(row.mark, 'phase', instrument.phase);
      setText(row.mark, instrument.phase === 'continuous' ? '' : instrument.phase);
      row.mark.hidden = instrument.phase === 'continuous';
    }
  }
}
