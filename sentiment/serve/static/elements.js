// Small helpers around the document. Text always goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** `make("p.note", "text", child, ...)` */
export function make(what, ...children) {
  const [name, ...classes] = what.split(".");
  const element = document.createElement(name);
  element.className = classes.join(" ");
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** `1 tweet`, `2,000 tweets` */
export const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}%`;

/** Colour of a class by its place: the first, the last, or one between. */
export function tint(label, classes) {
  const place = classes.indexOf(label);
  if (place < 0) return label; // uncertain, unknown
  return place === 0 ? "first" : place === classes.length - 1 ? "last" : "middle";
}

/** Let the browser save `parts` under `name`. */
export function save(name, parts, type = "text/csv") {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
