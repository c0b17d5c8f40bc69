// How the connection stands, in the bar at the top and in its dialog.

import { byId, make, setData, setText } from './dom.js';

export class Connection {
  constructor(stream, facts) {
    this.stream = stream;
    this.facts = facts;
    this.dialog = byId('connection-dialog');
    byId('connection').addEventListener('click', () => {
      this.draw();
      this.dialog.showModal();
    });
    byId('connection-close').addEventListener('click', () => this.dialog.close());
    byId('reconnect').addEventListener('click', () => stream.reconnect());
    setInterval(() => this.draw(), 1000);
  }

  draw() {
    const { stream } = this;
    setData(byId('connection'), 'state', stream.state);
    setText(byId('connection-text'), this.#short());
    byId('reconnect').disabled = stream.state !== 'waiting';
    if (!this.dialog.open && document.activeElement !== byId('connection')) return;
    const rows = [['Stream', this.#long()], ...this.facts()];
    byId('connection-facts').replaceChildren(...rows.map(([name, value]) => make('div', '', make('dt', '', name), make('dd', '', value))));
  }

  #short() {
    const { stream } = this;
    if (stream.state === 'live') return stream.delay === null ? 'live' : `live · ${stream.delay} ms`;
    if (stream.state === 'waiting') return `lost · again in ${this.#seconds()} s`;
    return 'connecting';
  }

  #long() {
    const { stream } = this;
    if (stream.state === 'live') return `live${stream.delay === null ? '' : `, a message and its answer take ${stream.delay} ms`}`;
    if (stream.state === 'waiting') return `lost (${stream.why}); what is shown is old. Next attempt in ${this.#seconds()} s`;
    return 'connecting';
  }

  #seconds() {
    return Math.max(0, Math.ceil((this.stream.retryAt - Date.now()) / 1000));
  }
}
