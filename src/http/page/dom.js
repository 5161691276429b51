// Elements, and words for numbers and times.

export const $ = (id) => document.getElementById(id);

/** An element with text or further elements inside; text is never read as HTML. */
export function make(name, attributes, ...inside) {
  const element = document.createElement(name);
  fill(element, attributes);
  element.append(...inside.map((part) => (part instanceof Node ? part : String(part ?? '–'))));
  return element;
}

/** The same of SVG. */
export function draw(name, attributes, ...inside) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  fill(element, attributes);
  element.append(...inside);
  return element;
}

function fill(element, attributes) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key === 'onclick') element.addEventListener('click', value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : value);
  }
}

export const cells = (...values) => values.map((value) => make('td', {}, value));
export const words = (kind, text) => make('span', { class: kind }, text);
export const counted = (number, one, many = `${one}s`) =>
  `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

/** How long ago, with the moment itself as title. */
export function moment(text) {
  if (!text) return '–';
  const seconds = Math.max(0, Math.round((Date.now() - new Date(text)) / 1000));
  const ago =
    seconds < 90
      ? `${seconds} s`
      : seconds < 5400
        ? `${Math.round(seconds / 60)} min`
        : `${Math.round(seconds / 3600)} h`;
  return make(
    'time',
    { datetime: text, title: text },
    seconds < 172_800 ? `${ago} ago` : text.slice(0, 16).replace('T', ' '),
  );
}

/** Milliseconds in two or three figures. */
export function period(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 100_000) return `${(ms / 1_000).toPrecision(2)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
