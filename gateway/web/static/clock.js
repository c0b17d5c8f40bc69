// Times: the server's clock, against which requests are judged, and how times are shown.

let offset = 0; // server's clock less this machine's, ms
let last = 0n;

// setServerTime takes the server's clock, in nanoseconds as text, as read between two moments of this machine's.
export function setServerTime(timeNs, before, after) {
  offset = Number(BigInt(timeNs) / 1000000n) - (before + after) / 2;
}

// now returns the server's time in whole milliseconds.
export function now() {
  return Math.round(Date.now() + offset);
}

// nowNs returns the server's time in nanoseconds, each time a greater number.
export function nowNs() {
  const fresh = BigInt(now()) * 1000000n;
  last = fresh > last ? fresh : last + 1n;
  return last;
}

const two = (n) => String(n).padStart(2, '0');

// clockTime shows an instant of the venue (RFC 3339) as local time of day.
export function clockTime(instant) {
  const d = new Date(instant);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

// dayTime shows it with the day unless that is today.
export function dayTime(instant) {
  const d = new Date(instant);
  const today = new Date().toDateString() === d.toDateString();
  return (today ? '' : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} `) + clockTime(instant);
}

// utc shows an instant in UTC, whole.
export function utc(instant) {
  return String(instant).replace('T', ' ').replace(/(\.[0-9]*?)0*Z$/, '$1').replace(/\.$/, '').replace(/Z$/, '') + ' UTC';
}

// setTime writes an instant into a time element: local, and UTC on hover.
export function setTime(element, instant, show = clockTime) {
  const text = instant ? show(instant) : '';
  if (element.textContent !== text) element.textContent = text;
  if (element.dateTime !== (instant ?? '')) {
    element.dateTime = instant ?? '';
    element.title = instant ? utc(instant) : '';
  }
}
