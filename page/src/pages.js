// The Markdown pages of the run, as they are: summary.md is what the first screen says.
import MarkdownIt from "markdown-it";
import { data } from "./data.js";
import { h, scrollable } from "./dom.js";

// html is off, so that tags in a page show as text, and links to javascript: are none
const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false });

const TITLES = {
  summary: "Summary", validation: "The full-scale tokenizers", details: "How the recommendation came about",
  vocabulary: "The vocabulary", language_models: "Language models", hygiene: "What is in the text",
};

let regions = 0; // each has a name of its own

/** Markdown as elements; headings are `down` levels deeper. */
function render(text, down) {
  const tokens = markdown.parse(text, {});
  for (const token of tokens) {
    if (token.type.startsWith("heading")) token.tag = `h${Math.min(6, Number(token.tag[1]) + down)}`;
    for (const child of token.children ?? [])
      if (child.type === "text") child.content = child.content.replace(/(\d) (%|[kMG]B\b)/g, "$1\u00a0$2"); // on one line
  }
  const element = h("div", { class: "prose" });
  // text of our own pages, with html off: markdown-it has escaped all of it
  element.innerHTML = markdown.renderer.render(tokens, markdown.options, {});
  for (const table of element.querySelectorAll("table")) {
    const scroll = scrollable(`table ${++regions} of the pages`);
    table.replaceWith(scroll);
    scroll.append(table);
  }
  for (const link of element.querySelectorAll("a[href]")) {
    const name = link.getAttribute("href").match(/^(\w+)\.md$/)?.[1];
    if (name && data.pages[name]) link.setAttribute("href", `#page-${name}`);
  }
  return element;
}

/** The title and the paragraphs before the first section of summary.md. */
export function verdict() {
  const [first] = data.pages.summary.split(/^(?=## )/m);
  return render(first, 0);
}

/** All pages, folded, the rest of summary.md open. */
export function pages() {
  return Object.entries(data.pages).map(([name, text]) => {
    const body = name === "summary" ? text.split(/^(?=## )/m).slice(1).join("") : text;
    const details = h("details", { id: `page-${name}`, open: name === "summary" }, h("summary", {}, TITLES[name] ?? name));
    let drawn = false;
    const draw = () => {
      if (!drawn) details.append(render(body, 1));
      drawn = true;
    };
    if (name === "summary") draw();
    details.addEventListener("toggle", draw);
    return details;
  });
}
