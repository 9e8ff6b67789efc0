/* What a page knows of its tools and says about them. */

const TOOLS_MAX = 100;
const TRIES_MAX = 9;
const PAUSE_MS_MAX = 16_000;
const ANSWER_MS_MAX = 10_000;
const SETTLE_MS = 20;
const CLOSED = 2; // of an EventSource

const clients = new Map();
export const clientOf = (api) => clients.get(api) ?? new Client(api);

const fresh = () => `${Math.random()}`;

const pause = (tries, asked_s) =>
  new Promise((resolve) => {
    addEventListener("online", resolve, { once: true });
    const ms = Math.max(1000 * asked_s, 2 ** tries * (200 + 100 * Math.random()));
    setTimeout(resolve, Math.min(PAUSE_MS_MAX, ms));
  });

let shelf = {};
try {
  shelf = localStorage; // may be forbidden
} catch {}
const put = (name, token) => {
  try {
    shelf[name] = token;
  } catch {
    shelf = { [name]: token };
  }
};

/* `shift_` is what my vote does to older tallies; until its position is known, one is `held_`.
   Names that end so are ours alone, and are shortened like those of private fields. */
class Tool {
  views_ = new Set();

  get counts() {
    const base = this.held_ ?? this.tally;
    const counts = base && { ship: base.ship, skip: base.skip };
    if (base?.position < this.shift_?.position) {
      counts[this.shift_.from] -= 1;
      counts[this.shift_.to] += 1;
    }
    return counts;
  }

  show(state) {
    Object.assign(this, state);
    for (const view of this.views_) view.show(this);
  }

  told_(mine) {
    if (!this.going_) this.show(mine);
  }

  learn_(tally) {
    if (!(tally.position < this.tally?.position)) this.show({ tally });
  }
}

class Client {
  #id = fresh();
  #tools = new Map();
  #news = new Set();
  #tabs = new Map();
  #covered = []; // up to the frame `last`
  #turn = Promise.resolve();
  #refusals = 0;
  #name;
  #foreign;
  #token;
  #timer;
  #awake;
  #leads;
  #channel;
  #source;
  #asked;
  #streamed;
  #epoch;
  #last;

  constructor(api) {
    clients.set(api, this);
    this.api = api;
    this.#name = `votes ${api}`;
    this.#foreign = api !== location.origin;
    addEventListener("online", () => this.#open(true));
    document.addEventListener("visibilitychange", () => this.renew());
  }

  #tool(slug) {
    if (!this.#tools.has(slug)) this.#tools.set(slug, Object.assign(new Tool(), { slug }));
    return this.#tools.get(slug);
  }

  add(view, slug) {
    const tool = this.#tool(slug);
    if (!tool.views_.size) this.#news.add(slug);
    tool.views_.add(view);
    this.#settle();
    return tool;
  }

  remove(view, tool) {
    tool.views_.delete(view);
    this.#settle();
  }

  renew(token = this.#token) {
    this.#token = token;
    this.#news = new Set(this.#wanted());
    if (document.hidden) this.#leave();
    else this.#settle();
  }

  #wanted() {
    return [...this.#tools.keys()].filter((slug) => this.#tool(slug).views_.size);
  }

  #settle() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (document.hidden) return;
      this.#enter();
      const tools = this.#wanted();
      if (`${tools}` !== this.#asked) this.#say({ tab: this.#id, tools });
      this.#asked = `${tools}`;
      this.#open();
      this.#queue(() => this.#recall());
    }, SETTLE_MS);
  }

  #enter() {
    if (this.#awake) return;
    this.#awake = new AbortController();
    this.#leads = !navigator.locks;
    if (this.#leads) return;
    const { signal } = this.#awake;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#told(data);
    const lead = (release) => {
      signal.onabort = release;
      this.#leads = true;
      this.#say({ who: true });
      this.#open();
    };
    navigator.locks
      .request(this.#name, { signal }, () => new Promise(lead))
      .catch(({ name }) => name === "AbortError" || lead()); // locks may be forbidden
  }

  #leave() {
    this.#say({ tab: this.#id, tools: [] });
    this.#channel?.close();
    this.#awake?.abort();
    this.#source?.close();
    this.#tabs.clear();
    this.#awake = this.#channel = this.#leads = this.#streamed = this.#asked = null;
  }

  #say(word) {
    this.#channel?.postMessage(word);
  }

  #told(word) {
    if (word.frame) this.#heard(word);
    else if (word.slug) this.#tool(word.slug).told_(word.mine);
    else if (word.who) this.#say({ tab: this.#id, tools: this.#wanted() });
    else if (this.#leads) {
      this.#tabs.set(word.tab, word.tools);
      if (word.tools.length) this.#covered = []; // it needs to hear all
      this.#open(word.tools.length);
    }
  }

  #open(anew) {
    const all = new Set([...this.#wanted(), ...[...this.#tabs.values()].flat()]);
    const tools = [...all].slice(0, TOOLS_MAX);
    if (!this.#leads || (`${tools}` === this.#streamed && !anew)) return;
    this.#streamed = `${tools}`;
    this.#source?.close();
    if (!tools.length) return;
    const goes = tools.every((slug) => this.#covered.includes(slug));
    const after = goes ? `&last_event_id=${this.#last}` : "";
    const source = new EventSource(`${this.api}/v1/live?tools=${tools}${after}`);
    const tabs = [this.#id, ...this.#tabs.keys()];
    for (const frame of ["tally", "summary", "delisted"])
      source.addEventListener(frame, ({ data, lastEventId: id }) => {
        this.#refusals = 0;
        const word = { frame, data: JSON.parse(data), id, tools, tabs };
        this.#say(word);
        this.#heard(word);
      });
    source.onerror = () => source.readyState === CLOSED && this.#refused(source, tools);
    this.#source = source;
  }

  #heard({ frame, data, id, tools, tabs }) {
    const [epoch] = id.split("-");
    if (this.#epoch && this.#epoch !== epoch)
      for (const tool of this.#tools.values()) tool.tally = null;
    this.#epoch = epoch;
    if (tabs.includes(this.#id)) [this.#last, this.#covered] = [id, tools];
    const tool = this.#tool(data.tool ?? data.slug);
    for (const slug of data.former ?? []) {
      for (const view of this.#tool(slug).views_) view.tool = this.add(view, tool.slug);
      this.#tools.delete(slug);
    }
    tool.name = data.name ?? tool.name;
    tool.show({ gone: frame === "delisted" });
    if (!tool.gone) tool.learn_(data.community ?? data);
  }

  /* The browser mends a broken stream, but not a refused one. */
  async #refused(source, tools) {
    const read = (path) =>
      fetch(`${this.api}/v1/${path}`)
        .then(async (answer) => [answer.status, await answer.json()])
        .catch(() => []);
    const [status, said] = await read(`tallies?tools=${tools}`);
    for (const tally of said?.tallies ?? []) this.#tool(tally.tool).learn_(tally);
    if (status === 404)
      for (const slug of tools)
        this.#tool(slug).show({ gone: (await read(`tools/${slug}/tally`))[0] === 404 });
    await pause((this.#refusals += 1), 0);
    if (source === this.#source) this.#open(true);
  }

  /* One after the other, for the first vote makes the visitor. */
  #queue(job) {
    this.#turn = this.#turn.then(job, job);
  }

  async #recall() {
    const slugs = [...this.#news].slice(0, TOOLS_MAX);
    this.#news.clear();
    if (!slugs.length || (this.#foreign && !this.#token && !shelf[this.#name])) return;
    const states = await this.ask("GET", `me/state?tools=${slugs}`).catch(() => ({}));
    for (const [slug, { vote, bookmarked }] of Object.entries(states))
      this.#tool(slug).told_({ mine: vote, kept: bookmarked });
  }

  vote(tool, choice, view) {
    const { going_: going, shift_: shift, tally, mine } = tool;
    const from = going || tally?.position < shift?.position ? shift.from : mine;
    tool.held_ ??= tally;
    tool.show({ going_: true, mine: choice, shift_: { from, to: choice, position: Infinity } });
    if (!going) this.#queue(() => this.#send(tool, mine, view));
  }

  async #send(tool, mine, view) {
    let choice, answer, error;
    while (choice !== tool.mine && !error) {
      choice = tool.mine;
      const body = choice && JSON.stringify({ choice });
      const asked = this.ask(choice ? "PUT" : "DELETE", `tools/${tool.slug}/vote`, view, body);
      answer = await asked.catch((refused) => (error = refused));
      if (!error) mine = answer.choice;
    }
    tool.shift_.position = answer.position;
    tool.going_ = tool.held_ = null;
    this.#settled(tool, { mine }, view, answer, error);
  }

  keep(tool, kept, view) {
    tool.show({ kept });
    this.#queue(async () => {
      let error;
      const asked = this.ask(kept ? "PUT" : "DELETE", `me/bookmarks/${tool.slug}`, view);
      await asked.catch((refused) => (error = refused));
      const answer = { tool: tool.slug, bookmarked: kept };
      this.#settled(tool, { kept: error ? !kept : kept }, view, answer, error);
    });
  }

  #settled(tool, mine, view, answer, error) {
    tool.show(mine);
    this.#say({ slug: tool.slug, mine });
    if (error) view.say(error.message, true);
    else view.done(answer);
  }

  async #authorization(method) {
    if (this.#token) return { Authorization: `Bearer ${this.#token}` };
    if (!this.#foreign) return {};
    if (!shelf[this.#name]) {
      if (method === "GET") return {};
      const made = await fetch(`${this.api}/v1/visitors`, { method: "POST" });
      if (!made.ok) throw made;
      put(this.#name, (await made.json()).token);
    }
    return { Authorization: `Visitor ${shelf[this.#name]}` };
  }

  /* What may not have been done is asked again, under the same key. */
  async ask(method, path, view, body) {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": fresh() };
    const once = async () => {
      Object.assign(headers, await this.#authorization(method));
      const signal = AbortSignal.timeout(ANSWER_MS_MAX);
      const options = { method, headers, body, signal, keepalive: true };
      const answer = await fetch(`${this.api}/v1/${path}`, options);
      const said = answer.status === 204 || answer.json();
      const read = answer.ok ? said : said.catch(() => ({}));
      return [answer.status, await read, answer.headers.get("Retry-After")];
    };
    for (let tries = 1; tries < TRIES_MAX; tries += 1) {
      const [status, said, asked_s] = await once().catch(() => []);
      if (status < 300) return said;
      if (said?.code === "token_invalid" && tries === 1 && !this.#token) delete shelf[this.#name];
      else if (status < 500 && status !== 429) throw new Error(said.detail ?? "Refused");
      view?.say("Not saved yet, trying again", true);
      await pause(tries, asked_s | 0);
    }
    throw new Error("No answer: not saved?");
  }
}
