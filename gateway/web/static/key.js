// Key files (uncross-key-v1), read in the browser. The private half is imported so that no script can take it out again;
// it is kept in memory alone and ends with the page.

const roles = ['trader', 'read-only', 'custodian', 'operator'];

// pkcs8 stands before the 32 bytes of an Ed25519 seed (RFC 8410).
const pkcs8 = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

export function fromBase64(text) {
  const raw = atob(text);
  return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}

export function toBase64(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

// unavailable says why no key can be used here, '' where one can.
export function unavailable() {
  return window.isSecureContext && globalThis.crypto?.subtle ? '' : 'insecure';
}

// readKey reads a key file's text: {id, user, role, sign}. Errors never quote the text: it holds a secret.
export async function readKey(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error('This is not a key file: no JSON object of its form.');
  }
  if (file?.format !== 'uncross-key-v1') throw new Error('This is not a key file of a format that this page reads (uncross-key-v1).');
  if (!Number.isInteger(file.key) || file.key < 1 || file.key > 0xffffffff) throw new Error('The key file has no key number.');
  if (!roles.includes(file.role)) throw new Error('The role is not trader, read-only, custodian or operator.');
  let seed, publicHalf;
  try {
    seed = fromBase64(file.private);
    publicHalf = fromBase64(file.public);
  } catch {
    seed = new Uint8Array();
  }
  if (seed.length !== 32 || publicHalf?.length !== 32) throw new Error('The private key is not 32 bytes in base64.');
  const encoded = new Uint8Array([...pkcs8, ...seed]);
  let own, known;
  try {
    own = await crypto.subtle.importKey('pkcs8', encoded, 'Ed25519', false, ['sign']);
    known = await crypto.subtle.importKey('raw', publicHalf, 'Ed25519', false, ['verify']);
  } catch {
    throw new Error('This browser has no Ed25519 in WebCrypto. Chrome 137, Firefox 130, Safari 17 and what came after them have.');
  } finally {
    encoded.fill(0);
    seed.fill(0);
  }
  const probe = new TextEncoder().encode('uncross');
  if (!(await crypto.subtle.verify('Ed25519', known, await crypto.subtle.sign('Ed25519', own, probe), probe))) {
    throw new Error('The private and the public key do not belong together: the file is damaged.');
  }
  return {
    id: file.key, user: String(file.user), role: file.role,
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign('Ed25519', own, bytes)),
  };
}
