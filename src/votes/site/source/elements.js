/* The elements: light DOM, moved into shadow roots. README.md tells why. */

import { clientOf } from "./client.js";

const ORIGIN = new URL(import.meta.url).origin;

/* A page in another language has loaded its words: README.md. What is not there is English. */
const said = {
  lang: "en",
  ship: "Ship",
  skip: "Skip",
  bookmark: "Bookmark",
  remove: "Remove",
  none: "No votes yet",
  too_early: "Too early",
  too_close: "Too close to call",
  split: "Split",
  one: "{} vote",
  other: "{} votes",
  ...self.votesWords,
};
const say = (text, value) => (said[text] ?? text).replace("{}", () => value);
const number = (n) => n.toLocaleString(said.lang);
const words = (slug) => slug?.replaceAll("-", " ");

const make = (name, part, attributes, ...children) => {
  const space = /svg|rect/.test(name) ? "2000/svg" : "1999/xhtml";
  const node = document.createElementNS(`http://www.w3.org/${space}`, name);
  for (const [key, value] of Object.entries({ part, ...attributes })) node.setAttribute(key, value);
  node.append(...children);
  return node;
};
const button = (choice, ...more) =>
  make("button", choice, { "data-choice": choice }, make("span", "label", {}, say(choice)), ...more);

const sheet = new CSSStyleSheet();
const css = await fetch(new URL("elements.css", import.meta.url)).catch(() => ({}));
if (css.ok) sheet.replaceSync(await css.text());

class Element extends HTMLElement {
  static observedAttributes = ["tool", "api", "token"];

  get client_() {
    return clientOf(this.getAttribute("api") ?? ORIGIN);
  }

  set token(token) {
    this.client_.renew_(token);
  }

  $(part) {
    return this.shadowRoot.querySelector(`[part~=${part}]`);
  }

  connectedCallback() {
    const sent = this.shadowRoot ? {} : this.dataset; // of the first tool alone
    if (!this.shadowRoot) this.upgrade_();
    const token = this.token ?? this.getAttribute("token"); // may have been set before
    delete this.token;
    if (token) this.token = token;
    this.join_(this.getAttribute("tool"), sent);
  }

  disconnectedCallback() {
    this.left_.drop_(this, this.tool);
  }

  attributeChangedCallback() {
    if (!this.shadowRoot || !this.isConnected) return;
    this.disconnectedCallback();
    this.connectedCallback();
  }

  upgrade_() {
    const focused = this.contains(document.activeElement) && document.activeElement;
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    const name = this.getAttribute("name") ?? words(this.getAttribute("tool"));
    root.append(...(this.querySelector("[part]") ? this.childNodes : [this.content_(name)]));
    root.firstElementChild.append(make("p", "status", { role: "status" }));
    if (focused) focused.focus();
    root.addEventListener("click", (event) => {
      if (event.detail > 1) event.preventDefault(); // a double click is one
    });
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      if (event.submitter) this.press_(event.submitter);
    });
  }

  join_(slug, { tally, mine }) {
    this.left_ = this.client_;
    this.tool = this.client_.add_(this, slug);
    if (mine && this.tool.mine === undefined) this.tool.mine = mine;
    if (tally) this.tool.learn_(JSON.parse(tally));
    this.show_(this.tool);
  }

  tell_(words, shown = false) {
    this.$("status").textContent = say(words);
    this.$("status").part.toggle("shown", shown);
  }

  done_(detail, words) {
    this.tell_(words);
    this.dispatchEvent(new CustomEvent("votes-change", { bubbles: true, detail }));
  }

  mark_(part, pressed) {
    this.$(part).setAttribute("aria-pressed", pressed);
    this.$(part).part.toggle("pressed", pressed);
  }
}

class Vote extends Element {
  content_(name) {
    const count = () => make("span", "count", {}, "–");
    const share = make("rect", "share", { width: "0%", height: "100%" });
    this.role = "group";
    this.ariaLabel = say("Vote on {}", name);
    return make(
      "form",
      "form",
      {},
      button("ship", count()),
      button("skip", count()),
      make("svg", "bar empty", { "aria-hidden": true }, share),
      make("p", "caption", {}, "\u00a0"),
    );
  }

  press_({ dataset: { choice } }) {
    this.client_.vote_(this.tool, this.tool.mine === choice ? null : choice, this);
  }

  done_(answer) {
    super.done_(answer, answer.choice ? `Your vote: ${answer.choice}` : "Your vote is taken back");
  }

  show_({ counts_: counts, mine, gone_, trouble_ }) {
    for (const choice of ["ship", "skip"]) {
      this.mark_(choice, mine === choice);
      this.$(choice).disabled = !!gone_;
      if (counts) this.$(choice).lastElementChild.textContent = number(counts[choice]);
    }
    if (trouble_) this.$("caption").textContent = say(trouble_);
    else if (counts) this.measure_(counts.ship, counts.ship + counts.skip);
  }

  measure_(ship, total) {
    const share = total && Math.round((100 * ship) / total);
    const votes = say(new Intl.PluralRules(said.lang).select(total), number(total));
    this.$("bar").part.toggle("empty", !total);
    this.$("share").setAttribute("width", `${share}%`);
    this.$("caption").textContent = total ? `${say("{}% ship", share)} · ${votes}` : say("none");
  }
}

class Verdict extends Element {
  content_() {
    return make("span", "badge", {}, make("span", "call", {}, "…"), make("span", "leaning"));
  }

  show_({ tally, trouble_ }) {
    const { call, close } = tally ?? {};
    this.$("call").textContent = say((close ? "too_close" : call) ?? trouble_ ?? "…");
    if (!call) return;
    const side = (!close && tally.leaning) || "";
    this.$("badge").part = `badge ${call} ${side}`;
    this.$("leaning").textContent = side && say(`leaning ${side}`);
  }
}

class Bookmark extends Element {
  content_(name) {
    const form = make("form", "form", {}, button("bookmark"));
    form.firstChild.ariaLabel = say("Bookmark {}", name);
    return form;
  }

  press_() {
    this.client_.keep_(this.tool, this.$("bookmark").ariaPressed !== "true", this);
  }

  done_(answer) {
    super.done_(answer, answer.bookmarked ? "Bookmarked" : "Bookmark removed");
  }

  show_({ kept }) {
    if (kept !== undefined) this.mark_("bookmark", kept);
  }
}

class Bookmarks extends Element {
  upgrade_() {
    this.replaceChildren();
    super.upgrade_();
  }

  content_() {
    const href = `${this.client_.api}/bookmarks`;
    return make("form", "form", {}, make("ul", "list"), make("a", "link", { href }, "All bookmarks"));
  }

  set token(token) {
    super.token = token;
    if (this.left_) this.join_();
  }

  disconnectedCallback() {
    this.turn_ = null;
    for (const item of this.$("list").children) this.left_.drop_(item, item.tool);
  }

  async join_() {
    this.disconnectedCallback();
    const turn = (this.turn_ = {});
    this.left_ = this.client_;
    this.$("list").replaceChildren();
    try {
      const limit = this.getAttribute("limit") ?? 100;
      const { bookmarks } = await this.client_.ask_("GET", `me/bookmarks?limit=${limit}`);
      if (turn !== this.turn_) return;
      this.$("list").append(...bookmarks.map(({ tool }) => this.item_(tool)));
      this.tell_(bookmarks[0] ? "" : "No bookmarks yet", true);
    } catch ({ message }) {
      if (turn === this.turn_) this.tell_(message, true);
    }
  }

  item_(tool) {
    const { api } = this.client_;
    const href = (this.getAttribute("href") ?? `${api}/tools/{tool}`).replace("{tool}", tool);
    const [link, remove] = [make("a", "link", { href }), button("remove")];
    const verdict = make("ship-verdict", "verdict", { tool, api });
    const item = make("li", "item", {}, link, verdict, remove);
    item.show_ = ({ name = words(tool) }) => {
      link.textContent = name;
      remove.ariaLabel = say("Remove {}", name);
    };
    item.tool = this.client_.add_(item, tool);
    item.show_(item.tool);
    return item;
  }

  press_({ parentNode: item }) {
    this.client_.keep_(item.tool, false, this);
  }

  done_(answer) {
    const item = [...this.$("list").children].find(({ tool }) => tool.slug === answer.tool);
    if (!item) return;
    const next = item.nextSibling ?? item.previousSibling;
    this.client_.drop_(item, item.tool);
    item.remove();
    next?.lastChild.focus();
    super.done_(answer, "Bookmark removed");
  }
}

for (const [name, type] of Object.entries({ Vote, Verdict, Bookmark, Bookmarks }))
  customElements.define(`ship-${name.toLowerCase()}`, type);
