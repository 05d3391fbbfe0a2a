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

/** A name that breaks at its underscores, if it is long. */
export const breakable = (name) => (name.length < 14 ? [name] : name.split(/(?<=_)/).flatMap((part, i) => (i ? [h("wbr"), part] : [part])));

/**
 * Room for what may be wider than the page. If it is, the page says so, fades the side that has more, and keeps the first
 * column in sight, unless that takes half of the room. What changes inside later sends a "scroll" event.
 */
export function scrollable(label, ...children) {
  const room = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, ...children);
  const look = () => {
    const hidden = room.scrollWidth - room.clientWidth;
    room.classList.toggle("wide", hidden > 1);
    room.classList.toggle("more", hidden - room.scrollLeft > 1);
    room.classList.toggle("pinned", hidden > 1 && 2 * (room.querySelector("tr > :first-child")?.offsetWidth ?? 0) < room.clientWidth);
  };
  room.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(room);
  return room;
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
