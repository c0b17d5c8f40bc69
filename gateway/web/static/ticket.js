// The order form. Every order has a client order id and the time of its first sending, so that it can be sent again when no
// answer came and is done once. What is wrong with an order the venue says; it is shown at the field that it is about. The page
// itself refuses what is no number or could be two, for which nothing is sent.

import { nowNs } from './clock.js';
import { decimalsOf, fromUnits, multiply, read, toUnits, trim } from './decimal.js';
import { byId, make, setData, setText, words } from './dom.js';
import { amount } from './instrument.js';
import { NoAnswer, Refusal, said } from './rest.js';
import { newClientID } from './session.js';

// fieldOf says which field a reason is about that names none.
const fieldOf = {
  price_out_of_range: 'price', price_off_tick: 'price', quantity_out_of_range: 'quantity', quantity_off_lot: 'quantity',
  notional_too_small: 'quantity', notional_too_large: 'quantity', insufficient_funds: 'quantity', would_trade: 'price',
  invalid_time_in_force: 'time_in_force', not_in_auction: 'time_in_force',
};

const numbers = ['price', 'quantity'];

export class Ticket {
  constructor(account, askToSignIn) {
    this.account = account;
    this.askToSignIn = askToSignIn;
    this.form = byId('order');
    this.instrument = null;
    this.book = null;
    this.busy = false;
    this.form.addEventListener('submit', (e) => {
      e.preventDefault();
      this.#submit();
    });
    this.form.addEventListener('input', (e) => this.#changed(e.target));
    for (const name of numbers) {
      byId(name).addEventListener('keydown', (e) => this.#step(e, name));
      byId(name).addEventListener('change', () => this.#settle(name));
    }
    this.redraw();
  }

  set(instrument, book) {
    const other = this.instrument?.symbol !== instrument.symbol;
    this.instrument = instrument;
    this.book = book;
    if (other) {
      byId('price').value = '';
      byId('quantity').value = '';
      this.#wrong('');
    }
    this.redraw();
  }

  // fill takes the price of a level.
  fill(price) {
    if (this.#value('type') === 'market') this.#choose('type', 'limit');
    byId('price').value = price;
    this.#wrong('');
    this.redraw();
  }

  #value(name) {
    return new FormData(this.form).get(name);
  }

  // #number is what a field says, '' where that is not clear.
  #number(name) {
    return read(byId(name).value).value ?? '';
  }

  // #settle writes a number that was entered as it was read, or says what is not clear about it.
  #settle(name) {
    const { value, wrong = '' } = read(byId(name).value);
    if (value !== undefined) byId(name).value = value;
    this.#mark(this.#field(name), wrong);
    this.redraw();
  }

  #field(name) {
    return this.form.querySelector(`[data-field="${CSS.escape(name)}"]`);
  }

  #choose(name, value) {
    this.form.querySelector(`[name="${name}"][value="${value}"]`).checked = true;
    this.#changed({ name });
  }

  #changed({ name }) {
    if (name === 'type') byId('time-in-force').value = this.#value('type') === 'market' ? 'ioc' : 'gtc';
    const field = this.#field(name);
    if (field) this.#mark(field, '');
    this.redraw();
  }

  // #step moves a number by one tick or lot with the arrow keys, by ten with Shift. One that is between two ticks or lots moves
  // to the next in that direction first.
  #step(e, name) {
    const direction = { ArrowUp: 1n, ArrowDown: -1n }[e.key];
    if (!direction || !this.instrument) return;
    e.preventDefault();
    const { value, wrong } = read(byId(name).value);
    if (wrong) return;
    const { tick, lot, priceDecimals, lotDecimals } = this.instrument;
    const [unit, decimals] = name === 'price' ? [tick, priceDecimals] : [lot, lotDecimals];
    const fine = Math.max(decimals, decimalsOf(value)); // as many decimals as were entered
    const one = toUnits(unit, fine), have = toUnits(value || '0', fine);
    const begin = direction > 0n ? have / one : (have + one - 1n) / one; // on the side that is moved away from
    const next = begin + direction * (e.shiftKey ? 10n : 1n);
    if (next >= 0n) byId(name).value = fromUnits(next * toUnits(unit, decimals), decimals);
    this.redraw();
  }

  // redraw shows what the form says now.
  redraw() {
    const { instrument, account } = this;
    const side = this.#value('side'), market = this.#value('type') === 'market';
    setText(byId('price-label'), market ? 'Protection price, if any' : 'Price');
    const postOnly = byId('post-only');
    if (market) postOnly.checked = false;
    postOnly.disabled = market;
    const submit = byId('submit');
    setData(submit, 'side', side);
    submit.disabled = this.busy || (account.signer !== null && !account.trades);
    setText(submit, this.#label(side, market));
    if (!instrument) return;
    setText(byId('ticket-symbol'), instrument.symbol);
    this.#unit('price', instrument.quote);
    this.#unit('quantity', instrument.base);
    byId('price').placeholder = `tick ${instrument.tick}`;
    byId('quantity').placeholder = `lot ${instrument.lot}`;
    this.#estimate(side, market);
  }

  #label(side, market) {
    const { account, instrument } = this;
    if (account.signer === null) return 'Sign in to trade';
    if (!account.trades) return account.name ? `A ${account.signer.role} key does not trade` : 'No account to trade with';
    if (this.busy) return 'Sent …';
    return `${words(side)}${instrument ? ' ' + instrument.base : ''}${market ? ' at market' : ''}`;
  }

  // #unit shows the unit of a number, and how the number is read where that is not as it is written.
  #unit(name, unit) {
    const box = byId(`${name}-unit`), value = this.#number(name);
    const other = value !== '' && value !== byId(name).value.trim();
    setText(box, other ? `= ${value} ${unit}` : unit);
    setData(box, 'read', String(other));
  }

  // #estimate shows what the order would come to, exactly for a limit order, by the book for a market order.
  #estimate(side, market) {
    const { instrument, account } = this;
    const asset = side === 'buy' ? instrument.quote : instrument.base;
    const balance = account.balances.get(asset);
    setText(byId('available'), balance ? `${amount(balance.available)} ${asset}` : '–');
    const quantity = this.#number('quantity');
    const value = market ? this.#walk(side, quantity) : multiply(this.#number('price'), quantity);
    setText(byId('value'), value === null ? '–' : `${market ? 'about ' : ''}${amount(value)} ${instrument.quote}`);
    setText(byId('fee'), value === null ? '–' : `${amount(this.#fee(value))} ${instrument.quote}`);
  }

  // #fee is the larger of the two fees on a value, rounded up to the quote asset's smallest unit as the venue does.
  #fee(value) {
    const decimals = Math.max(decimalsOf(value), this.instrument.quoteDecimals);
    const scale = 10n ** BigInt(decimals - this.instrument.quoteDecimals) * 10000n;
    const fee = toUnits(value, decimals) * BigInt(this.instrument.feeBps);
    return fromUnits((fee + scale - 1n) / scale, this.instrument.quoteDecimals);
  }

  // #walk values a quantity at the levels that it would take; null where the copy of the book has not enough.
  #walk(side, quantity) {
    const { instrument, book } = this;
    let left = toUnits(quantity, instrument.baseDecimals);
    if (left === null || left === 0n) return null;
    let sum = 0n;
    for (const level of side === 'buy' ? book.asks : book.bids) {
      const take = left < level.units ? left : level.units;
      sum += take * level.key;
      left -= take;
      if (left === 0n) return trim(fromUnits(sum, instrument.baseDecimals + instrument.priceDecimals));
    }
    return null;
  }

  async #submit() {
    if (this.account.signer === null) {
      this.askToSignIn();
      return;
    }
    if (this.busy || !this.instrument) return;
    this.#wrong('');
    if (!this.#clear()) return;
    const order = {
      account: this.account.name, symbol: this.instrument.symbol, side: this.#value('side'), type: this.#value('type'),
      client_order_id: newClientID(), time_in_force: this.#value('time_in_force'), quantity: this.#number('quantity'),
      sent_at_ns: String(nowNs()),
    };
    const price = this.#number('price');
    if (price !== '' || order.type === 'limit') order.price = price;
    if (byId('post-only').checked) order.post_only = true;
    await this.#send(order);
  }

  // #clear tells whether the numbers are there and can be read in one way.
  #clear() {
    for (const name of numbers) {
      const { value, wrong } = read(byId(name).value);
      if (value || (value === '' && name === 'price' && this.#value('type') === 'market')) continue;
      const absent = `The ${name} is absent or empty.`;
      this.#wrong(name, wrong ?? absent);
      this.#outcome('bad', 'Not sent', wrong ? `The ${name} is not clear. ${wrong}` : absent);
      return false;
    }
    return true;
  }

  async #send(order) {
    const { account } = this;
    this.busy = true;
    this.redraw();
    const summary = `${words(order.side)} ${amount(order.quantity)} ${order.symbol} at ${terms(order)}`;
    this.#outcome('wait', 'Sent', summary);
    try {
      const answer = await account.signer.settle('POST', '/v1/orders', order,
        (attempt, err) => this.#outcome('wait', 'No answer yet', `${summary}. ${said(err)} The same order is sent again (${attempt}); it is done once.`));
      this.#answered(answer, summary);
    } catch (err) {
      this.#failed(err, order, summary);
    } finally {
      this.busy = false;
      this.redraw();
      account.refresh();
    }
  }

  #answered(a, summary) {
    const parts = [];
    if (trim(a.filled) !== '0') parts.push(`Traded ${amount(a.filled)}${a.average_price ? ` at ${amount(a.average_price)} on average` : ''}.`);
    if (trim(a.remaining) !== '0') parts.push(`${amount(a.remaining)} rests in the book.`);
    if (a.canceled && trim(a.canceled) !== '0') parts.push(`${amount(a.canceled)} canceled${a.cancel_reason ? ` (${words(a.cancel_reason).toLowerCase()})` : ''}.`);
    if (a.repeat) parts.push('This is the answer of the first sending.');
    const nothing = a.status === 'canceled' && trim(a.filled) === '0';
    const head = { new: 'In the book', partially_filled: 'Traded in part', filled: 'Traded', canceled: nothing ? 'Canceled' : 'Traded in part, the rest canceled' }[a.status];
    this.#outcome(nothing ? 'bad' : 'good', `${head ?? words(a.status)} · order ${a.order_id}`, `${summary}. ${parts.join(' ')}`);
  }

  #failed(err, order, summary) {
    if (err instanceof NoAnswer || (err instanceof Refusal && err.reason === 'outcome_unknown')) {
      const again = make('button', 'small', 'Send the same again');
      again.type = 'button';
      again.addEventListener('click', () => this.#send(order));
      this.#outcome('wait', 'Nobody knows yet', `${summary}. No answer came in a minute. Sending the same again does it once at most. `, again);
      return;
    }
    if (!(err instanceof Refusal)) {
      this.#outcome('bad', 'Not sent', `${summary}. ${said(err)}`);
      return;
    }
    const field = err.field || fieldOf[err.reason] || '';
    this.#wrong(field, said(err));
    this.#outcome('bad', `Refused: ${words(err.reason).toLowerCase()} (${err.code})`, `${summary}. ${said(err)}`);
  }

  // #wrong marks one field, and no other.
  #wrong(name, text = '') {
    for (const field of this.form.querySelectorAll('[data-field]')) this.#mark(field, field.dataset.field === name ? text : '');
    if (text) this.#field(name)?.querySelector('input, select')?.focus();
  }

  #mark(field, text) {
    setData(field, 'wrong', String(text !== ''));
    const error = field.querySelector('.error');
    if (error) setText(error, text);
    field.querySelector('input, select')?.setAttribute('aria-invalid', String(text !== ''));
  }

  #outcome(kind, head, text, ...more) {
    const box = byId('outcome');
    setData(box, 'kind', kind);
    box.replaceChildren(make('strong', '', head), text, ...more);
    box.scrollIntoView({ block: 'nearest' });
  }
}

// terms says at what an order trades. A market order's price is the worst at which it still does.
function terms({ type, side, price }) {
  if (type !== 'market') return amount(price);
  return price ? `market, ${amount(price)} at ${side === 'buy' ? 'most' : 'least'}` : 'market';
}
