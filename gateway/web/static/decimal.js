// Decimals as the venue writes them: text, or whole units of the last decimal as BigInt. Money never becomes a float;
// ratio alone gives one, for widths and colours.

const pattern = /^([0-9]+)(?:\.([0-9]+))?$/;

// decimalsOf returns how many digits stand behind the point.
export function decimalsOf(text) {
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

// toUnits returns text as whole units of 10^-decimals, and null where it is no decimal or has more decimals than that.
export function toUnits(text, decimals) {
  const m = pattern.exec(text);
  if (!m) return null;
  const fraction = (m[2] ?? '').replace(/0+$/, '');
  if (fraction.length > decimals) return null;
  return BigInt(m[1] + fraction.padEnd(decimals, '0'));
}

// fromUnits writes units with exactly the given decimals.
export function fromUnits(units, decimals) {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  return sign + whole + (decimals ? '.' + digits.slice(digits.length - decimals) : '');
}

// trim takes the zeros at the end away that say nothing.
export function trim(text) {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

// pad adds zeros until there are that many decimals.
export function pad(text, decimals) {
  const have = decimalsOf(text);
  if (have >= decimals) return text;
  return (have ? text : text + '.') + '0'.repeat(decimals - have);
}

// group puts a comma between thousands, for reading only.
export function group(text) {
  const point = text.indexOf('.');
  const whole = point < 0 ? text : text.slice(0, point);
  return whole.replace(/\B(?=([0-9]{3})+$)/g, ',') + (point < 0 ? '' : text.slice(point));
}

// read takes what a person has written as a number: {value} as the venue writes it, or {wrong} with what to write instead.
//
// Half of the world writes 1,234 for what the other half writes as 1.234, and on many telephones the comma is all that the
// keyboard has. So a comma is never dropped for being one. One alone counts as a point, but where three digits stand behind it
// and more than a 0 before it: it can be one between thousands then, also in 1234,567 where the other may have been forgotten,
// and neither is chosen. Commas count as nothing where all thousands have theirs, and a point behind them or a second comma
// shows what they are.
export function read(text) {
  const t = text.trim();
  if (t === '' || /^(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(t)) return { value: t };
  if (/^0[0-9]/.test(t)) return { wrong: `${t} begins with 0: is the point missing? Write 0.5, or 5.` };
  const pointed = t.replace(',', '.'), ungrouped = t.replaceAll(',', '');
  if (/^[1-9][0-9]*,[0-9]{3}$/.test(t)) return { wrong: `${t} can be ${ungrouped} or ${pointed}. Write ${ungrouped}, ${pointed} or ${t}0.` };
  if (/^[0-9]+,[0-9]+$/.test(t)) return { value: pointed };
  if (/^[1-9][0-9]{0,2}((,[0-9]{3})+\.[0-9]+|(,[0-9]{3}){2,})$/.test(t)) return { value: ungrouped };
  return { wrong: 'Write digits, and one point or comma before the decimals: 0.5 or 1234.56.' };
}

// compare orders two decimals.
export function compare(a, b) {
  const d = Math.max(decimalsOf(a), decimalsOf(b));
  const x = toUnits(a, d), y = toUnits(b, d);
  return x < y ? -1 : x > y ? 1 : 0;
}

// add sums two decimals.
export function add(a, b) {
  const d = Math.max(decimalsOf(a), decimalsOf(b));
  return fromUnits(toUnits(a, d) + toUnits(b, d), d);
}

// multiply is exact. It returns null where one of the two is no decimal.
export function multiply(a, b) {
  const x = toUnits(a, decimalsOf(a)), y = toUnits(b, decimalsOf(b));
  if (x === null || y === null) return null;
  return fromUnits(x * y, decimalsOf(a) + decimalsOf(b));
}

// percent returns how far a price has moved, in hundredths of a percent rounded towards zero, as "+1.25%".
export function percent(from, to) {
  const d = Math.max(decimalsOf(from), decimalsOf(to));
  const x = toUnits(from, d), y = toUnits(to, d);
  if (!x) return '';
  const moved = ((y - x) * 10000n) / x;
  return (moved > 0n ? '+' : moved < 0n ? '−' : '') + fromUnits(moved < 0n ? -moved : moved, 2) + '%';
}

// ratio returns a/b for drawing, as a float between 0 and 1.
export function ratio(a, b) {
  return b > 0n ? Number((a * 10000n) / b) / 10000 : 0;
}
