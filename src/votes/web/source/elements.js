/* The elements: light DOM, moved into shadow roots. README.md tells why. */

import { clientOf } from "./client.js";

const ORIGIN = new URL(import.meta.url).origin;
const CALLS = {
  none: "No votes yet",
  too_early: "Too early",
  ship: "Ship it",
  skip: "Skip it",
  split: "Split",
};

const number = (n) => n.toLocaleString(document.documentElement.lang || "en");
const words = (slug) => slug?.replaceAll("-", " ");

const make = (name, part, attributes, ...children) => {
  const space = /svg|rect/.test(name) ? "2000/svg" : "1999/xhtml";
  const node = document.createElementNS(`http://www.w3.org/${space}`, name);
  for (const [key, value] of Object.entries({ part, ...attributes })) node.setAttribute(key, value);
  node.append(...children);
  return node;
};
const button = (choice, label, ...more) =>
  make("button", choice, { "data-choice": choice }, make("span", "label", {}, label), ...more);

const sheet = new CSSStyleSheet();
const css = await fetch(new URL("elements.css", import.meta.url)).catch(() => null);
if (css?.ok) sheet.replaceSync(await css.text());

class Element extends HTMLElement {
  static observedAttributes = ["tool", "api", "token"];

  get client() {
    return clientOf(this.getAttribute("api") ?? ORIGIN);
  }

  set token(token) {
    this.client.renew(token);
  }

  $(part) {
    return this.shadowRoot.querySelector(`[part~=${part}]`);
  }

  connectedCallback() {
    if (!this.shadowRoot) this.upgrade();
    const token = this.getAttribute("token");
    if (token) this.token = token;
    this.join(this.getAttribute("tool"));
  }

  disconnectedCallback() {
    this.left.remove(this, this.tool);
  }

  attributeChangedCallback() {
    if (!this.shadowRoot) return;
    this.disconnectedCallback();
    this.connectedCallback();
  }

  upgrade() {
    const focused = this.contains(document.activeElement) && document.activeElement;
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    const name = this.getAttribute("name") ?? words(this.getAttribute("tool"));
    root.append(...(this.firstElementChild ? this.childNodes : [this.content(name)]));
    root.firstElementChild.append(make("p", "status", { role: "status" }));
    if (focused) focused.focus();
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.press(event.submitter);
    });
  }

  join(slug) {
    this.left = this.client;
    this.tool = this.client.add(this, slug);
    const { tally, mine } = this.dataset;
    if (mine) this.tool.mine ??= mine;
    if (tally) this.tool.learn(JSON.parse(tally));
    this.show(this.tool);
  }

  say(words, shown) {
    this.$("status").textContent = words;
    this.$("status").part.toggle("shown", !!shown);
  }

  done(detail, words) {
    this.say(words);
    this.dispatchEvent(new CustomEvent("votes-change", { bubbles: true, detail }));
  }

  mark(part, pressed) {
    this.$(part).setAttribute("aria-pressed", pressed);
    this.$(part).part.toggle("pressed", pressed);
  }
}

class Vote extends Element {
  content(name) {
    const count = () => make("span", "count", {}, "–");
    const share = make("rect", "share", { width: "0%", height: "100%" });
    return make(
      "form",
      "form",
      { "aria-label": `Vote on ${name}` },
      button("ship", "Ship", count()),
      button("skip", "Skip", count()),
      make("svg", "bar", { "aria-hidden": true }, share),
      make("p", "caption", {}, "\u00a0"),
    );
  }

  press({ dataset: { choice } }) {
    this.client.vote(this.tool, this.tool.mine === choice ? null : choice, this);
  }

  done(answer) {
    super.done(answer, answer.choice ? `Your vote: ${answer.choice}` : "Your vote is taken back");
  }

  show({ counts, mine, gone }) {
    for (const choice of ["ship", "skip"]) {
      this.mark(choice, mine === choice);
      this.$(choice).disabled = !!gone;
      if (counts) this.$(choice).lastElementChild.textContent = number(counts[choice]);
    }
    if (gone) this.$("caption").textContent = "Not listed";
    else if (counts) this.measure(counts.ship, counts.ship + counts.skip);
  }

  measure(ship, total) {
    const share = total && Math.floor((100 * ship) / total + 0.5);
    const votes = `${share}% ship · ${number(total)} vote${total === 1 ? "" : "s"}`;
    this.$("bar").part.toggle("empty", !total);
    this.$("share").setAttribute("width", `${share}%`);
    this.$("caption").textContent = total ? votes : CALLS.none;
  }
}

class Verdict extends Element {
  content() {
    return make("span", "badge", {}, make("span", "call", {}, "…"), make("span", "leaning"));
  }

  show({ tally }) {
    if (!tally) return;
    const { call, leaning } = tally;
    this.$("badge").part = leaning ? `badge ${call} ${leaning}` : `badge ${call}`;
    this.$("call").textContent = CALLS[call];
    this.$("leaning").textContent = leaning ? `leaning ${leaning}` : "";
  }
}

class Bookmark extends Element {
  content(name) {
    const form = make("form", "form", {}, button("bookmark", "Bookmark"));
    form.firstChild.ariaLabel = `Bookmark ${name}`;
    return form;
  }

  press() {
    this.client.keep(this.tool, !this.tool.kept, this);
  }

  done(answer) {
    super.done(answer, answer.bookmarked ? "Bookmarked" : "Bookmark removed");
  }

  show({ kept }) {
    if (kept !== undefined) this.mark("bookmark", kept);
  }
}

class Bookmarks extends Element {
  upgrade() {
    this.replaceChildren();
    super.upgrade();
  }

  content() {
    return make("form", "form", {}, make("ul", "list"));
  }

  disconnectedCallback() {
    for (const item of this.$("list").children) this.left.remove(item, item.tool);
  }

  async join() {
    this.left = this.client;
    this.$("list").replaceChildren();
    try {
      const page = await this.client.ask("GET", "me/bookmarks");
      this.$("list").append(...page.bookmarks.map(({ tool }) => this.item(tool)));
      this.say(page.total ? "" : "No bookmarks yet", true);
    } catch ({ message }) {
      this.say(message, true);
    }
  }

  item(tool) {
    const { api } = this.client;
    const href = (this.getAttribute("href") ?? `${api}/tools/{tool}`).replace("{tool}", tool);
    const [link, remove] = [make("a", "link", { href }), button("remove", "Remove")];
    const verdict = make("ship-verdict", "verdict", { tool, api });
    const item = make("li", "item", {}, link, verdict, remove);
    item.show = ({ name = words(tool) }) => {
      link.textContent = name;
      remove.ariaLabel = `Remove ${name}`;
    };
    item.tool = this.client.add(item, tool);
    item.show(item.tool);
    return item;
  }

  press({ parentNode: item }) {
    this.client.keep(item.tool, false, this);
  }

  done(answer) {
    const item = [...this.$("list").children].find(({ tool }) => tool.slug === answer.tool);
    const next = item.nextSibling ?? item.previousSibling;
    this.client.remove(item, item.tool);
    item.remove();
    next?.lastChild.focus();
    super.done(answer, "Bookmark removed");
  }
}

for (const [name, type] of Object.entries({ Vote, Verdict, Bookmark, Bookmarks }))
  customElements.define(`ship-${name.toLowerCase()}`, type);
