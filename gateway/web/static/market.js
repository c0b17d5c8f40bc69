// What the chosen instrument's market is: last price, the last 24 hours, its phase and what that means.

import { compare, fromUnits, percent, toUnits, trim } from './decimal.js';
import { byId, eachFrame, make, setData, setText } from './dom.js';
import { amount, short } from './instrument.js';

const phases = {
  continuous: ['Continuous trading', 'Orders match as they come.'],
  auction: ['Call auction', 'Orders gather and trade at one price when it ends.'],
  halted: ['Trading is halted', 'No order can be entered or changed; cancels are taken.'],
  closed: ['Closed', 'No order can be entered; cancels are taken.'],
};

export class Market {
  constructor() {
    this.redraw = eachFrame(() => this.#draw());
    this.instrument = null;
    this.auction = null;
    this.book = null;
  }

  set(instrument, book) {
    this.instrument = instrument;
    this.book = book;
    this.auction = null;
    setText(byId('symbol'), instrument.symbol);
    setText(byId('book-title'), `Book ${instrument.symbol}`);
    this.redraw();
  }

  setAuction(m) {
    this.auction = m;
    this.redraw();
  }

  #draw() {
    const instrument = this.instrument;
    if (!instrument) return;
    const phase = phases[instrument.phase] ?? [instrument.phase, ''];
    setText(byId('phase'), phase[0]);
    setData(byId('phase'), 'phase', instrument.phase);
    setText(byId('last'), instrument.price(instrument.last));
    setData(byId('last'), 'moved', instrument.moved);
    document.title = instrument.last ? `${instrument.price(instrument.last)} ${instrument.symbol} · Uncross` : `${instrument.symbol} · Uncross`;
    this.#facts();
    this.#situation(phase);
  }

  #facts() {
    const { instrument } = this;
    const s = instrument.statistics;
    const change = byId('fact-change');
    if (s?.open && instrument.last) {
      const from = toUnits(s.open, instrument.priceDecimals), to = toUnits(instrument.last, instrument.priceDecimals);
      const moved = to - from;
      setText(change, `${moved > 0n ? '+' : moved < 0n ? '−' : ''}${instrument.price(fromUnits(moved < 0n ? -moved : moved, instrument.priceDecimals))} ${percent(s.open, instrument.last)}`);
      setData(change, 'sign', ['down', 'same', 'up'][compare(instrument.last, s.open) + 1]);
    } else {
      setText(change, '–');
      setData(change, 'sign', 'same');
    }
    setText(byId('fact-high'), instrument.price(s?.high));
    setText(byId('fact-low'), instrument.price(s?.low));
    setText(byId('fact-volume'), s ? `${short(s.volume)} ${instrument.base}` : '–');
    byId('fact-volume').title = s ? `${amount(s.volume)} ${instrument.base}` : '';
    setText(byId('fact-notional'), s ? `${short(s.notional)} ${instrument.quote}` : '–');
    byId('fact-notional').title = s ? `${amount(s.notional)} ${instrument.quote}` : '';
    setText(byId('fact-trades'), s ? s.trades.toLocaleString('en') : '–');
  }

  #situation([name, meaning]) {
    const { instrument } = this;
    setData(byId('situation'), 'phase', instrument.phase);
    setText(byId('situation-what'), instrument.phase === 'continuous' ? '' : name);
    const more = byId('situation-more');
    if (instrument.phase === 'auction') this.#indication(more);
    else if (instrument.phase === 'continuous') setText(more, this.#spread() || meaning);
    else setText(more, meaning);
  }

  // #indication writes what the auction would come to now.
  #indication(more) {
    const { instrument, auction } = this;
    if (auction?.state !== 'indicative') {
      setText(more, phases.auction[1]);
      return;
    }
    if (!auction.price) {
      setText(more, 'Nothing crosses yet. ' + phases.auction[1]);
      return;
    }
    const surplus = auction.surplus && trim(auction.surplus) !== '0'
      ? [', surplus ', make('b', '', instrument.quantity(auction.surplus)), ` to ${auction.surplus_side}`] : [', no surplus'];
    const parts = ['Indicative price ', make('b', '', instrument.price(auction.price)), ', volume ', make('b', '', instrument.quantity(auction.volume)),
      ` ${instrument.base}`, ...surplus];
    const text = parts.map((p) => p.textContent ?? p).join('');
    if (more.textContent !== text) more.replaceChildren(...parts);
  }

  #spread() {
    const { instrument, book, auction } = this;
    const bid = book?.bids[0], ask = book?.asks[0];
    let text = '';
    if (bid && ask) {
      const spread = instrument.price(fromUnits(ask.key - bid.key, instrument.priceDecimals));
      text = `Bid ${instrument.price(bid.price)}  ·  Ask ${instrument.price(ask.price)}  ·  Spread ${spread}`;
    } else if (bid) text = `Bid ${instrument.price(bid.price)}  ·  nobody sells`;
    else if (ask) text = `Ask ${instrument.price(ask.price)}  ·  nobody buys`;
    if (auction?.state === 'result' && auction.price && !text) text = `The auction came to ${instrument.price(auction.price)}`;
    return text;
  }
}
