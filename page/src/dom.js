// Elements without markup: every text goes through textContent, so that no name or text can become HTML.

/** h("p", {class: "note"}, "text", child, ...) */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

let labels = 0;

/** A control with its label. */
export function labelled(text, control) {
  control.id ||= `control-${++labels}`;
  return h("span", { class: "control" }, h("label", { for: control.id }, text), control);
}

export function select(options, value, onchange) {
  const control = h(
    "select",
    { onchange: (event) => onchange(event.target.value) },
    options.map(([id, text]) => h("option", { value: id, selected: id === value }, text)),
  );
  return control;
}

/** Runs when a section comes near the screen, or the page is printed. */
export function whenNear(element, render) {
  let done = false;
  const once = () => {
    if (!done) render();
    done = true;
  };
  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        observer.disconnect();
        once();
      }
    },
    { rootMargin: "300px" },
  );
  observer.observe(element);
  window.addEventListener("beforeprint", once);
}

export const percent = (share, digits = 2) => `${(100 * share).toFixed(digits)} %`;
/** In percent, with its sign, which what rounds to 0 has none of. */
export function signed(value, digits = 2, unit = " %") {
  const text = Math.abs(value).toFixed(digits);
  return `${Number(text) === 0 ? "" : value < 0 ? "−" : "+"}${text}${unit}`;
}
export const nsl = (value) => (value === null || value === undefined ? "–" : value.toFixed(4));
export const count = (value) => value.toLocaleString("en-US");
