// One instrument: its definition and how its numbers are shown.

import { decimalsOf, group, pad, trim } from './decimal.js';

export class Instrument {
  // definition is an item of /v1/instruments, assets are those of /v1/assets by code.
  constructor(definition, assets) {
    Object.assign(this, {
      symbol: definition.symbol, base: definition.base, quote: definition.quote, tick: definition.tick, lot: definition.lot,
      feeBps: Math.max(definition.maker_fee_bps, definition.taker_fee_bps),
      priceDecimals: decimalsOf(definition.tick), lotDecimals: decimalsOf(definition.lot),
      baseDecimals: assets.get(definition.base)?.decimals ?? decimalsOf(definition.lot),
      quoteDecimals: assets.get(definition.quote)?.decimals ?? decimalsOf(definition.tick),
    });
    this.phase = definition.phase;
    this.last = definition.last_price ?? null;
    this.moved = '';
    this.statistics = null;
  }

  // price and quantity show numbers in columns: as many decimals as the tick and the lot have.
  price(text) { return text ? group(pad(text, this.priceDecimals)) : '–'; }
  quantity(text) { return text ? group(pad(text, this.lotDecimals)) : '–'; }

  // traded takes a last price.
  traded(price, direction) {
    if (this.last !== null && this.last !== price) this.moved = direction;
    this.last = price;
  }
}

// amount shows an amount of money without the zeros that say nothing.
export function amount(text) {
  return text ? group(trim(text)) : '–';
}

// fitted shows an amount in so many characters where it is longer, cut at the end of its decimals, which "…" says. Those who
// use it show the whole of it on hover.
export function fitted(text, characters) {
  const whole = amount(text);
  const point = whole.indexOf('.');
  return point < 0 || whole.length <= characters ? whole : whole.slice(0, Math.max(characters - 1, point + 3)) + '…';
}

// short shows a large amount in few digits, for reading: "1.25 M".
export function short(text) {
  const whole = text.split('.')[0];
  for (const [digits, unit] of [[12, 'T'], [9, 'B'], [6, 'M']]) {
    if (whole.length > digits) {
      return group(whole.slice(0, -digits)) + '.' + whole.slice(-digits, 2 - digits) + ' ' + unit;
    }
  }
  return group(trim(text));
}
