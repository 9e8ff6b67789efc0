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
   Names that end so are ours alone: they are shortened in what is served. */
class Tool {
  views_ = new Set();

  get counts_() {
    const base = this.held_ ?? this.tally;
    const counts = base && { ship: base.ship, skip: base.skip };
    if (base?.position < this.shift_?.position) {
      counts[this.shift_.from] -= 1;
      counts[this.shift_.to] += 1;
    }
    return counts;
  }

  get trouble_() {
    if (this.gone_) return "Not listed";
    if (this.away_ && !this.tally) return "Not reachable";
  }

  show_(state) {
    Object.assign(this, state);
    for (const view of this.views_) view.show_(this);
  }

  told_(mine) {
    if (!this.going_) this.show_(mine);
  }

  learn_(tally) {
    if (!(tally.position < this.tally?.position)) this.show_({ tally });
  }
}

class Client {
  id_ = fresh();
  tools_ = new Map();
  news_ = new Set();
  tabs_ = new Map();
  covered_ = []; // up to the frame `last`
  turn_ = Promise.resolve();
  refusals_ = 0;

  constructor(api) {
    clients.set(api, this);
    this.api = api;
    this.name_ = `votes ${api}`;
    this.foreign_ = api !== location.origin;
    addEventListener("online", () => this.open_(true));
    addEventListener("visibilitychange", () => this.renew_());
  }

  tool_(slug) {
    const tool = this.tools_.get(slug) ?? Object.assign(new Tool(), { slug });
    this.tools_.set(slug, tool);
    return tool;
  }

  add_(view, slug) {
    const tool = this.tool_(slug);
    if (view.press_) this.news_.add(slug); // others show nothing of mine
    tool.views_.add(view);
    this.settle_();
    return tool;
  }

  drop_(view, tool) {
    tool.views_.delete(view);
    this.settle_();
  }

  renew_(token = this.token_) {
    this.token_ = token;
    this.news_ = new Set(this.wanted_());
    if (document.hidden) this.leave_();
    else this.settle_();
  }

  wanted_() {
    return [...this.tools_.keys()].filter((slug) => this.tool_(slug).views_.size);
  }

  settle_() {
    clearTimeout(this.timer_);
    this.timer_ = setTimeout(() => {
      if (document.hidden) return;
      this.enter_();
      const tools = this.wanted_();
      if (`${tools}` !== this.asked_) this.say_({ tab: this.id_, tools });
      this.asked_ = `${tools}`;
      this.open_();
      this.queue_(() => this.recall_());
    }, SETTLE_MS);
  }

  enter_() {
    if (this.awake_) return;
    this.awake_ = new AbortController();
    this.leads_ = !navigator.locks;
    if (this.leads_) return;
    const { signal } = this.awake_;
    this.channel_ = new BroadcastChannel(this.name_);
    this.channel_.onmessage = ({ data }) => this.told_(data);
    const lead = (release) => {
      signal.onabort = release;
      this.leads_ = true;
      this.say_({ who: true });
      this.open_();
    };
    navigator.locks
      .request(this.name_, { signal }, () => new Promise(lead))
      .catch(({ name }) => name === "AbortError" || lead()); // locks may be forbidden
  }

  leave_() {
    this.say_({ tab: this.id_, tools: [] });
    this.channel_?.close();
    this.awake_?.abort();
    this.source_?.close();
    this.tabs_.clear();
    this.awake_ = this.channel_ = this.leads_ = this.streamed_ = this.asked_ = null;
  }

  say_(word) {
    this.channel_?.postMessage(word);
  }

  told_(word) {
    if (word.frame) this.heard_(word);
    else if (word.slug) this.tool_(word.slug).told_(word.mine);
    else if (word.who) this.say_({ tab: this.id_, tools: this.wanted_() });
    else if (this.leads_) {
      this.tabs_.set(word.tab, word.tools);
      if (word.tools.length) this.covered_ = []; // it needs to hear all
      this.open_(word.tools.length);
    }
  }

  open_(anew) {
    const all = new Set([...this.wanted_(), ...[...this.tabs_.values()].flat()]);
    const tools = [...all].slice(0, TOOLS_MAX);
    if (!this.leads_ || (`${tools}` === this.streamed_ && !anew)) return;
    this.streamed_ = `${tools}`;
    this.source_?.close();
    if (!tools.length) return;
    const goes = tools.every((slug) => this.covered_.includes(slug));
    const after = goes ? `&last_event_id=${this.last_}` : "";
    const source = new EventSource(`${this.api}/v1/live?tools=${tools}${after}`);
    const tabs = [this.id_, ...this.tabs_.keys()];
    for (const frame of ["tally", "summary", "delisted"])
      source.addEventListener(frame, ({ data, lastEventId: id }) => {
        this.refusals_ = 0;
        const word = { frame, data: JSON.parse(data), id, tools, tabs };
        this.say_(word);
        this.heard_(word);
      });
    source.onerror = () => {
      for (const slug of tools) this.tool_(slug).show_({ away_: true });
      if (source.readyState === CLOSED) this.refused_(source, tools);
    };
    this.source_ = source;
  }

  heard_({ frame, data, id, tools, tabs }) {
    const [epoch] = id.split("-");
    if (this.epoch_ && this.epoch_ !== epoch)
      for (const tool of this.tools_.values()) tool.tally = null;
    this.epoch_ = epoch;
    if (tabs.includes(this.id_)) [this.last_, this.covered_] = [id, tools];
    const tool = this.tool_(data.tool ?? data.slug);
    for (const slug of data.former ?? []) {
      for (const view of this.tool_(slug).views_) view.tool = this.add_(view, tool.slug);
      this.tools_.delete(slug);
    }
    tool.name = data.name ?? tool.name;
    tool.show_({ gone_: frame === "delisted" });
    if (!tool.gone_) tool.learn_(data.community ?? data);
  }

  /* The browser mends a broken stream, but not a refused one. */
  async refused_(source, tools) {
    const read = (path) =>
      fetch(`${this.api}/v1/${path}`)
        .then(async (answer) => [answer.status, await answer.json()])
        .catch(() => []);
    const [status, said] = await read(`tallies?tools=${tools}`);
    for (const tally of said?.tallies ?? []) this.tool_(tally.tool).learn_(tally);
    if (!status) console.error(this.name_, "not reached from", location.origin);
    if (status === 404)
      for (const slug of tools)
        this.tool_(slug).show_({ gone_: (await read(`tools/${slug}/tally`))[0] === 404 });
    await pause(++this.refusals_, 0);
    if (source === this.source_) this.open_(true);
  }

  /* One after the other, for the first vote makes the visitor. */
  queue_(job) {
    this.turn_ = this.turn_.then(job, job);
  }

  async recall_() {
    const slugs = [...this.news_].slice(0, TOOLS_MAX);
    this.news_.clear();
    if (!slugs.length || (this.foreign_ && !this.token_ && !shelf[this.name_])) return;
    const states = await this.ask_("GET", `me/state?tools=${slugs}`).catch(() => ({}));
    for (const [slug, { vote, bookmarked }] of Object.entries(states))
      this.tool_(slug).told_({ mine: vote, kept: bookmarked });
  }

  vote_(tool, choice, view) {
    const { going_: going, shift_: shift, tally, mine } = tool;
    const from = going || tally?.position < shift?.position ? shift.from : mine;
    tool.held_ ??= tally;
    tool.show_({ going_: true, mine: choice, shift_: { from, to: choice, position: Infinity } });
    if (!going) this.queue_(() => this.send_(tool, mine, view));
  }

  async send_(tool, mine, view) {
    let choice, answer, error;
    while (choice !== tool.mine && !error) {
      choice = tool.mine;
      const body = choice && JSON.stringify({ choice });
      const asked = this.ask_(choice ? "PUT" : "DELETE", `tools/${tool.slug}/vote`, view, body);
      answer = await asked.catch((refused) => (error = refused));
      if (!error) mine = answer.choice;
    }
    tool.shift_.position = answer.position;
    tool.going_ = tool.held_ = null;
    this.settled_(tool, { mine }, view, answer, error);
  }

  keep_(tool, kept, view) {
    tool.show_({ kept });
    this.queue_(async () => {
      let error;
      const asked = this.ask_(kept ? "PUT" : "DELETE", `me/bookmarks/${tool.slug}`, view);
      await asked.catch((refused) => (error = refused));
      const answer = { tool: tool.slug, bookmarked: kept };
      this.settled_(tool, { kept: error ? !kept : kept }, view, answer, error);
    });
  }

  settled_(tool, mine, view, answer, error) {
    tool.show_(mine);
    this.say_({ slug: tool.slug, mine });
    if (error) view.tell_(error.message, true);
    else view.done_(answer);
  }

  async authorization_(method) {
    if (this.token_) return { Authorization: `Bearer ${this.token_}` };
    if (!this.foreign_) return {};
    if (!shelf[this.name_]) {
      if (method === "GET") return {};
      const made = await fetch(`${this.api}/v1/visitors`, { method: "POST" });
      if (!made.ok) throw made;
      put(this.name_, (await made.json()).token);
    }
    return { Authorization: `Visitor ${shelf[this.name_]}` };
  }

  /* What may not have been done is asked again, under the same key. */
  async ask_(method, path, view, body) {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": fresh() };
    const once = async (proven) => {
      Object.assign(headers, await this.authorization_(method));
      const signal = AbortSignal.timeout(ANSWER_MS_MAX);
      const options = { method, headers, body, signal, keepalive: true };
      const answer = await fetch(`${this.api}/v1/${path}`, options);
      const challenge = !proven && answer.headers.get("Votes-Challenge");
      if (challenge) {
        headers["Votes-Proof"] = await import("./proof.js")
          .then(({ proof }) => proof(this.api + challenge, headers))
          .catch(() => ""); // the vote is kept all the same
        return once(true);
      }
      const said = answer.status === 204 || answer.json();
      const read = answer.ok ? said : said.catch(() => ({}));
      return [answer.status, await read, answer.headers.get("Retry-After")];
    };
    for (let tries = 1; tries < TRIES_MAX; tries++) {
      const [status, said, asked_s] = await once().catch(() => []);
      if (status < 300) return said;
      if (said?.code === "token_invalid" && tries === 1 && !this.token_) delete shelf[this.name_];
      else if (status < 500 && status !== 429) throw Error(said.detail ?? "Not saved");
      view?.tell_("Not saved yet, trying again", true);
      await pause(tries, asked_s | 0);
    }
    throw Error("Not saved");
  }
}
