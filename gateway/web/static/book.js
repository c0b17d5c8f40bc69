// A copy of one instrument's price levels, made from the stream's book channel, and the proof that it is right.

import { crc32 } from './crc32.js';
import { toUnits } from './decimal.js';

// provenLevels is how many levels of each side a checksum is over.
const provenLevels = 10;

export class Book {
  // decimals are those of the instrument's prices and quantities.
  constructor(priceDecimals, quantityDecimals) {
    this.priceDecimals = priceDecimals;
    this.quantityDecimals = quantityDecimals;
    this.clear();
  }

  clear() {
    this.bids = []; // best first: {price, key, quantity, units, orders}
    this.asks = [];
    this.sequence = null;
    this.loaded = false;
    this.proven = null; // sequence of the last checksum that was equal
  }

  // apply takes one message. It returns 'gone' where the checksum says that the copy is wrong, else 'ok'.
  apply(m) {
    if (m.type === 'snapshot' && (m.part ?? 1) === 1) this.clear();
    for (const level of m.bids) this.#set(this.bids, level, -1);
    for (const level of m.asks) this.#set(this.asks, level, 1);
    this.sequence = m.sequence;
    if ((m.part ?? 1) === (m.parts ?? 1)) this.loaded = true;
    if (m.checksum === undefined || m.checksum === null) return 'ok';
    if (this.checksum() !== m.checksum) return 'gone';
    this.proven = m.sequence;
    return 'ok';
  }

  // #set puts, changes or removes a level. Direction is 1 where lower prices come first.
  #set(side, [price, quantity, orders], direction) {
    const key = toUnits(price, this.priceDecimals);
    let low = 0, high = side.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const before = direction > 0 ? side[middle].key < key : side[middle].key > key;
      if (before) low = middle + 1; else high = middle;
    }
    const there = low < side.length && side[low].key === key;
    const units = toUnits(quantity, this.quantityDecimals);
    if (units === 0n) {
      if (there) side.splice(low, 1);
      return;
    }
    side.splice(low, there ? 1 : 0, { price, key, quantity, units, orders });
  }

  // checksum is CRC-32 over the best levels, bid and ask in turn.
  checksum() {
    const parts = [];
    for (let i = 0; i < provenLevels; i++) {
      for (const side of [this.bids, this.asks]) {
        if (i < side.length) parts.push(side[i].price, side[i].quantity);
      }
    }
    return crc32(parts.join(':'));
  }
}
