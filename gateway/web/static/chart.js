// The candle chart: history from the REST interface, then the stream. Prices become floats here, for drawing alone.

import { CandlestickSeries, createChart, HistogramSeries } from './lightweight-charts.standalone.production.mjs';
import { utc } from './clock.js';
import { decimalsOf } from './decimal.js';
import { byId, eachFrame, make } from './dom.js';
import { amount } from './instrument.js';
import { get } from './rest.js';

const intervals = ['1s', '5s', '15s', '1m', '5m', '15m', '30m', '1h', '4h', '1d'];
const page = 500; // candles asked for at a time
const near = 30; // candles from the left edge at which older ones are fetched
const shown = 90; // candles in view at first

const two = (n) => String(n).padStart(2, '0');

export class Chart {
  #candles = new Map(); // start in seconds → candle
  #changed = new Set(); // starts of candles that have changed since they were drawn
  #older = null; // cursor of the page before, null at the beginning of history
  #fetching = false;
  #generation = 0;

  // intervalChanged is told of a choice.
  constructor(intervalChanged) {
    this.interval = '1m';
    this.instrument = null;
    this.box = byId('chart');
    this.chart = createChart(this.box, { autoSize: true, layout: { attributionLogo: false } });
    this.price = this.chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: '', priceFormat: { type: 'volume' }, lastValueVisible: false, priceLineVisible: false });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.price.priceScale().applyOptions({ scaleMargins: { top: 0.13, bottom: 0.22 } });
    this.#dress();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#dress();
      this.#drawAll();
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range && range.from < near) this.#fetchOlder();
    });
    this.chart.subscribeCrosshairMove((p) => this.#legend(p.time ? this.#candles.get(p.time) : null));
    this.#choices(intervalChanged);
    this.redraw = eachFrame(() => this.#drawAll());
    this.redrawLatest = eachFrame(() => this.#drawLatest());
  }

  #choices(changed) {
    for (const interval of intervals) {
      const input = make('input');
      Object.assign(input, { type: 'radio', name: 'interval', value: interval, checked: interval === this.interval });
      input.setAttribute('aria-label', interval);
      input.addEventListener('change', () => {
        this.interval = interval;
        changed(interval);
      });
      byId('intervals').append(make('label', '', input, make('span', '', interval)));
    }
  }

  // #dress takes the page's colours.
  #dress() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.up = colour('--buy');
    this.down = colour('--sell');
    this.upBar = colour('--buy-bar');
    this.downBar = colour('--sell-bar');
    const line = colour('--line');
    this.chart.applyOptions({
      layout: { background: { color: colour('--panel') }, textColor: colour('--dim'), fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11 },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      rightPriceScale: { borderColor: line },
      timeScale: { borderColor: line, timeVisible: true, rightOffset: 4, tickMarkFormatter: (t, kind) => this.#tick(t, kind) },
      localization: { timeFormatter: (t) => this.#moment(t), priceFormatter: (p) => this.#number(p) },
    });
    this.price.applyOptions({ upColor: this.up, downColor: this.down, wickUpColor: this.up, wickDownColor: this.down });
  }

  #number(p) {
    const decimals = this.instrument?.priceDecimals ?? 2;
    return p.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  }

  // #tick writes a mark of the time axis, local. Kinds: 0 year, 1 month, 2 day, 3 time, 4 time with seconds.
  #tick(seconds, kind) {
    const d = new Date(seconds * 1000);
    if (kind === 0) return String(d.getFullYear());
    if (kind === 1) return d.toLocaleString('en', { month: 'short' });
    if (kind === 2) return `${d.getDate()} ${d.toLocaleString('en', { month: 'short' })}`;
    return `${two(d.getHours())}:${two(d.getMinutes())}${kind === 4 ? ':' + two(d.getSeconds()) : ''}`;
  }

  #moment(seconds) {
    const d = new Date(seconds * 1000);
    const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
    return this.interval === '1d' ? day : `${day} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  }

  // set begins with another instrument or interval.
  set(instrument) {
    this.instrument = instrument;
    this.#generation++;
    this.#candles.clear();
    this.#changed.clear();
    this.#older = null;
    this.#fetching = false;
    this.fresh = true;
    this.price.applyOptions({ priceFormat: { type: 'custom', minMove: 10 ** -decimalsOf(instrument.tick), formatter: (p) => this.#number(p) } });
    this.chart.applyOptions({ timeScale: { secondsVisible: this.interval.endsWith('s') } });
    this.redraw();
    this.#fetch();
  }

  // apply takes a message of the candles channel.
  apply(m) {
    for (const c of m.candles) {
      this.#take(c);
      this.#changed.add(Date.parse(c.start) / 1000);
    }
    if (m.type === 'update' && !this.fresh) this.redrawLatest();
    else this.redraw();
  }

  // #take keeps a candle unless a fuller one of the same start is here.
  #take(c) {
    const time = Date.parse(c.start) / 1000;
    const have = this.#candles.get(time);
    if (have && have.trades > c.trades) return;
    this.#candles.set(time, { ...c, time });
  }

  async #fetch() {
    if (this.#fetching) return;
    this.#fetching = true;
    const generation = this.#generation;
    try {
      const path = `/v1/instruments/${encodeURIComponent(this.instrument.symbol)}/candles`;
      const answer = await get(path, { interval: this.interval, limit: page, cursor: this.#older ?? '' });
      if (generation !== this.#generation) return;
      for (const c of answer.items) this.#take(c);
      this.#older = answer.more ? answer.next : null;
      this.redraw();
    } catch {
      // The stream has the latest ones; the next scroll to the left asks again.
    } finally {
      if (generation === this.#generation) this.#fetching = false;
    }
  }

  #fetchOlder() {
    if (this.#older) this.#fetch();
  }

  #bar(c) {
    return { time: c.time, open: Number(c.open), high: Number(c.high), low: Number(c.low), close: Number(c.close) };
  }

  #column(c) {
    return { time: c.time, value: Number(c.volume), color: Number(c.close) >= Number(c.open) ? this.upBar : this.downBar };
  }

  // #drawLatest draws what has changed since the last time, where that is at the right edge.
  #drawLatest() {
    const latest = this.price.data().at(-1)?.time ?? 0;
    const times = [...this.#changed].sort((a, b) => a - b);
    this.#changed.clear();
    if (times.length === 0 || times[0] < latest) {
      this.#drawAll();
      return;
    }
    for (const time of times) {
      const c = this.#candles.get(time);
      this.price.update(this.#bar(c));
      this.volume.update(this.#column(c));
    }
    this.#legend(null);
  }

  #drawAll() {
    if (!this.instrument) return;
    this.#changed.clear();
    const all = [...this.#candles.values()].sort((a, b) => a.time - b.time);
    this.price.setData(all.map((c) => this.#bar(c)));
    this.volume.setData(all.map((c) => this.#column(c)));
    if (this.fresh && all.length > 0) {
      this.fresh = false;
      this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(all.length - shown, -shown / 3), to: Math.max(all.length, shown / 3) + 4 });
    }
    this.#legend(null);
  }

  // #legend writes the numbers of a candle, the latest where none is pointed at.
  #legend(c) {
    const box = byId('legend');
    c ??= this.#candles.get(this.price.data().at(-1)?.time) ?? null;
    if (!c) {
      box.replaceChildren('No trades in this time yet');
      return;
    }
    const { instrument } = this;
    const cell = (name, value) => make('span', '', name + ' ', make('b', '', value));
    box.replaceChildren(make('span', '', this.#moment(c.time)), cell('O', instrument.price(c.open)), cell('H', instrument.price(c.high)),
      cell('L', instrument.price(c.low)), cell('C', instrument.price(c.close)), cell('V', amount(c.volume)));
    box.title = utc(c.start);
  }
}
