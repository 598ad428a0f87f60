/** Making and finding elements. */

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} id @returns {any} the element with this id, which must be there */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found;
}

/**
 * An element with attributes and children. Attributes that begin with "on" are listeners; true sets an empty
 * attribute, false and null leave it out.
 * @param {string} tag @param {Record<string, any>} attributes @param {...(Node | string | null)} children
 * @returns {any}
 */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. @returns {any} */
export function makeSvg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** One of the drawings in icons.svg. */
export function icon(name) {
  return makeSvg("svg", { "aria-hidden": "true" }, makeSvg("use", { href: `icons.svg#${name}` }));
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A name of the library for people: "upper_clothes" -> "upper clothes", "walk-left" -> "walk left". */
export const plain = (name) => name.replace(/[-_]/g, " ");
