// Signing in and out.

import { byId, setData, setText } from './dom.js';
import { readKey, unavailable } from './key.js';
import { Refusal, synchronise } from './rest.js';
import { Signer } from './session.js';

const largest = 4096; // bytes of a key file

export class SignIn {
  constructor(account, stream) {
    this.account = account;
    this.stream = stream;
    this.dialog = byId('sign-in-dialog');
    byId('sign-in').addEventListener('click', () => this.ask());
    byId('sign-out').addEventListener('click', () => this.signOut());
    byId('sign-in-close').addEventListener('click', () => this.dialog.close());
    byId('sign-in-close-2').addEventListener('click', () => this.dialog.close());
    this.dialog.addEventListener('close', () => this.#forget());
    byId('sign-in-form').addEventListener('submit', (e) => {
      e.preventDefault();
      this.#submit();
    });
    if (unavailable()) this.#explain();
  }

  // #explain tells why no key can be used here and what to do.
  #explain() {
    byId('sign-in-insecure').hidden = false;
    byId('sign-in-only-close').hidden = false;
    byId('sign-in-form').hidden = true;
    const port = location.port || '80';
    setText(byId('forward'), `ssh -L ${port}:127.0.0.1:${port} ${location.hostname}`);
    setText(byId('forwarded'), `http://127.0.0.1:${port}`);
  }

  ask() {
    setText(byId('sign-in-error'), '');
    this.dialog.showModal();
  }

  // #forget empties the form: what was in it is a secret.
  #forget() {
    byId('key-file').value = '';
    byId('key-text').value = '';
    setText(byId('sign-in-error'), '');
  }

  async #submit() {
    const go = byId('sign-in-go');
    go.disabled = true;
    setText(byId('sign-in-error'), '');
    let signer = null;
    try {
      const key = await readKey(await this.#text());
      await synchronise();
      signer = new Signer(key, () => this.stream.login(signer));
      await signer.open();
      await this.account.signIn(signer);
      this.#shown(signer);
      this.dialog.close();
    } catch (err) {
      this.account.signOut();
      signer?.close();
      setText(byId('sign-in-error'), err instanceof Refusal ? `${err.sentence} (${err.code} ${err.reason}).` : err.message);
    } finally {
      go.disabled = false;
    }
  }

  async #text() {
    const file = byId('key-file').files[0];
    const text = file ? (file.size <= largest ? await file.text() : null) : byId('key-text').value.trim();
    if (text === null) throw new Error('That file is too large for a key file.');
    if (!text) throw new Error('Choose a key file, or paste its text.');
    return text;
  }

  #shown(signer) {
    const who = byId('user');
    const name = document.createElement('strong');
    name.textContent = signer.user;
    who.replaceChildren(name, ` · ${signer.role}`);
    who.hidden = false;
    byId('sign-in').hidden = true;
    byId('sign-out').hidden = false;
    byId('sign-out').title = `Signed in as ${signer.user}, ${signer.role}`;
    setData(document.body, 'signed', 'in');
  }

  async signOut() {
    const { signer } = this.account;
    this.account.signOut();
    byId('user').hidden = true;
    byId('sign-in').hidden = false;
    byId('sign-out').hidden = true;
    setData(document.body, 'signed', 'out');
    await signer?.close();
  }
}
