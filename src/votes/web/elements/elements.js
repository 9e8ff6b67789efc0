/* The elements. Pages send their content as light DOM, a real form that works without this script;
   the same nodes then move into a shadow root under the same sheet: nothing shifts, the page's rules
   cannot break them, ::part() reaches them. The sheet is constructed and no markup is parsed, so the
   strictest policy holds. More in templates/elements.html. */

import { clientOf } from "./client.js";

const ORIGIN = new URL(import.meta.url).origin;
const PAGE = 20;
const CALLS = {
  none: "No votes yet",
  too_early: "Too early",
  ship: "Ship it",
  skip: "Skip it",
  split: "Split",
};

const number = (n) => n.toLocaleString(document.documentElement.lang || "en");
const words = (slug) => slug.replaceAll("-", " ");

const make = (name, attributes, ...children) => {
  const space = /^(svg|rect)$/.test(name) ? "2000/svg" : "1999/xhtml";
  const node = document.createElementNS(`http://www.w3.org/${space}`, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  node.append(...children);
  return node;
};
const button = (part, label, ...more) =>
  make("button", { part, "data-choice": part }, make("span", { part: "label" }, label), ...more);

const sheet = new CSSStyleSheet();
const css = await fetch(new URL("elements.css", import.meta.url)).catch(() => null);
sheet.replaceSync(css?.ok ? await css.text() : "");

class Element extends HTMLElement {
  static observedAttributes = ["tool", "api", "token"];

  set token(token) {
    this.client = clientOf(this.getAttribute("api") ?? ORIGIN);
    this.client.renew(token);
  }

  $(part) {
    return this.shadowRoot.querySelector(`[part~=${part}]`);
  }

  connectedCallback() {
    if (!this.shadowRoot) this.upgrade();
    const token = this.getAttribute("token");
    if (token) this.token = token;
    this.client = clientOf(this.getAttribute("api") ?? ORIGIN);
    this.join(this.getAttribute("tool"));
  }

  disconnectedCallback() {
    if (this.tool) this.client.remove(this, this.tool);
  }

  attributeChangedCallback() {
    if (!this.client || !this.isConnected) return;
    this.disconnectedCallback();
    this.connectedCallback();
  }

  upgrade() {
    const focused = this.contains(document.activeElement) && document.activeElement;
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    const name = this.getAttribute("name") ?? words(this.getAttribute("tool") ?? "");
    root.append(...(this.firstElementChild ? this.childNodes : this.content(name)));
    root.firstElementChild.append(make("p", { part: "status", role: "status" }));
    if (focused) focused.focus();
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.press(event.submitter);
    });
  }

  join(slug) {
    const { tally, mine } = this.dataset;
    this.tool = this.client.add(this, slug, tally && JSON.parse(tally), mine);
    this.show(this.tool);
  }

  say(words, shown) {
    this.$("status").textContent = words;
    this.$("status").part.toggle("shown", !!shown);
  }

  done(detail, words) {
    this.say(words);
    const event = { bubbles: true, composed: true, detail };
    this.dispatchEvent(new CustomEvent("votes-change", event));
  }
}

class Vote extends Element {
  content(name) {
    const count = () => make("span", { part: "count" }, "–");
    const share = make("rect", { part: "share", width: "0%", height: "100%" });
    return [
      make(
        "form",
        { part: "form", "aria-label": `Vote on ${name}` },
        button("ship", "Ship", count()),
        button("skip", "Skip", count()),
        make("svg", { part: "bar", "aria-hidden": "true" }, share),
        make("p", { part: "caption" }, "\u00a0"),
      ),
    ];
  }

  press({ dataset: { choice } }) {
    this.client.vote(this.tool, this.tool.chosen === choice ? null : choice, this);
  }

  done(answer) {
    super.done(answer, answer.choice ? `Your vote: ${answer.choice}` : "Your vote is taken back");
  }

  show({ counts, chosen, gone }) {
    for (const choice of ["ship", "skip"]) {
      const pressed = chosen === choice;
      this.$(choice).setAttribute("aria-pressed", pressed);
      this.$(choice).part.toggle("pressed", pressed);
      this.$(choice).disabled = !!gone;
      if (counts) this.$(choice).lastElementChild.textContent = number(counts[choice]);
    }
    if (gone) this.$("caption").textContent = "Not listed";
    else if (counts) this.measure(counts.ship, counts.ship + counts.skip);
  }

  measure(ship, total) {
    const share = total && Math.floor((100 * ship) / total + 0.5);
    const votes = `${share}% ship · ${number(total)} ${total === 1 ? "vote" : "votes"}`;
    this.$("bar").part.toggle("empty", !total);
    this.$("share").setAttribute("width", `${share}%`);
    this.$("caption").textContent = total ? votes : CALLS.none;
  }
}

class Verdict extends Element {
  content() {
    const call = make("span", { part: "call" }, "…");
    return [make("span", { part: "badge" }, call, make("span", { part: "leaning" }))];
  }

  show({ tally }) {
    if (!tally) return;
    const { call, leaning } = tally;
    this.$("badge").part = `badge ${call}${leaning ? ` ${leaning}` : ""}`;
    this.$("call").textContent = CALLS[call];
    this.$("leaning").textContent = leaning ? `leaning ${leaning}` : "";
  }
}

class Bookmark extends Element {
  content(name) {
    const form = make("form", { part: "form" }, button("bookmark", "Bookmark"));
    form.firstChild.ariaLabel = `Bookmark ${name}`;
    return [form];
  }

  press() {
    this.client.keep(this.tool, !this.tool.kept, this);
  }

  done(answer) {
    super.done(answer, answer.bookmarked ? "Bookmarked" : "Bookmark removed");
  }

  show({ kept }) {
    if (kept === undefined) return;
    this.$("bookmark").setAttribute("aria-pressed", kept);
    this.$("bookmark").part.toggle("pressed", kept);
  }
}

class Bookmarks extends Element {
  upgrade() {
    this.replaceChildren();
    super.upgrade();
  }

  content() {
    return [make("form", { part: "form" }, make("ul", { part: "list" }), button("more", "More"))];
  }

  disconnectedCallback() {
    for (const item of this.$("list").children) this.client.remove(item, item.tool);
  }

  join() {
    this.$("list").replaceChildren();
    this.load("");
  }

  async load(cursor) {
    try {
      const page = await this.client.ask("GET", `me/bookmarks?limit=${PAGE}${cursor}`);
      for (const { tool } of page.bookmarks) this.item(tool);
      this.next = page.next_cursor && `&cursor=${encodeURIComponent(page.next_cursor)}`;
      this.$("more").hidden = !this.next;
      this.say(this.$("list").firstChild ? "" : "No bookmarks yet", true);
    } catch ({ message }) {
      this.say(message, true);
    }
  }

  item(tool) {
    const { api } = this.client;
    const href = (this.getAttribute("href") ?? `${api}/tools/{tool}`).replace("{tool}", tool);
    const link = make("a", { part: "link", href });
    const item = make("li", { part: "item" }, link, make("ship-verdict", { tool, api }));
    item.append(button("remove", "Remove"));
    item.show = ({ name = words(tool) }) => {
      link.textContent = name;
      item.lastChild.ariaLabel = `Remove ${name}`;
    };
    item.tool = this.client.add(item, tool);
    item.show(item.tool);
    this.$("list").append(item);
  }

  press({ parentNode: item }) {
    if (item.tool) this.client.keep(item.tool, false, this);
    else this.load(this.next);
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

customElements.define("ship-vote", Vote);
customElements.define("ship-verdict", Verdict);
customElements.define("ship-bookmark", Bookmark);
customElements.define("ship-bookmarks", Bookmarks);
