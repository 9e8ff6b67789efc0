/* What a page knows of its tools and says about them: one client for each API.

   One stream serves all tools of a page and all tabs of an origin. Tabs that can be seen queue for a
   lock; its holder streams for all of them and passes the frames on. A hidden tab leaves; seen
   again, it goes on after the last frame that it had. */

const TOOLS_MAX = 100; // of a stream or a request
const TRIES_MAX = 8; // about 45 s
const PAUSE_MS_MAX = 16_000;
const ANSWER_MS_MAX = 10_000;
const SETTLE_MS = 20;
const LOST = "The server does not answer. This may not be saved.";
const WAITING = "Not saved yet, trying again…";

const clients = new Map();
const fresh = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/* A while that doubles, cut short when the network is back. */
const pause = (tries) =>
  new Promise((resolve) => {
    addEventListener("online", resolve, { once: true });
    const ms = Math.min(PAUSE_MS_MAX, 250 * 2 ** tries);
    setTimeout(resolve, ms * (0.75 + Math.random() / 2));
  });

const stored = (key, value) => {
  try {
    return value === undefined ? localStorage.getItem(key) : localStorage.setItem(key, value);
  } catch {} // storage may be forbidden
};

class Refused extends Error {}

/* `want` is a choice on its way, if any, and `held` the tally before it: until the answer tells the
   vote's position nobody knows whether a tally has it. `shift` is what it does to those without. */
class Tool {
  views = new Set();
  mine = null;

  get chosen() {
    return this.want === undefined ? this.mine : this.want;
  }

  get counts() {
    const base = this.held ?? this.tally;
    const counts = base && { ship: base.ship, skip: base.skip };
    if (base?.position < this.shift?.position) {
      counts[this.shift.from] -= 1;
      counts[this.shift.to] += 1;
    }
    return counts;
  }

  show(state) {
    Object.assign(this, state);
    for (const view of this.views) view.show(this);
  }

  learn(tally) {
    if (!(tally.position <= this.tally?.position)) this.show({ tally });
  }
}

export const clientOf = (api) => clients.get(api) ?? new Client(api);

class Client {
  id = fresh();
  tools = new Map();
  news = new Set(); // tools of which my vote is yet to be asked
  gone = new Set();
  tabs = new Map(); // the other tabs' tools
  covered = []; // the tools of which all is known up to the frame `last`
  turn = Promise.resolve(); // one write after the other, for the first makes the visitor
  refusals = 0;

  constructor(api) {
    clients.set(api, this);
    this.api = api;
    this.name = `votes ${api}`;
    this.foreign = api !== location.origin;
    addEventListener("online", () => this.open(true));
    document.addEventListener("visibilitychange", () => this.renew());
  }

  add(view, slug, tally, mine = null) {
    const tool = this.tools.get(slug) ?? Object.assign(new Tool(), { slug, mine });
    this.tools.set(slug, tool);
    if (!tool.views.size) this.news.add(slug);
    tool.views.add(view);
    if (tally) tool.learn(tally);
    this.settle();
    return tool;
  }

  remove(view, tool) {
    tool.views.delete(view);
    this.settle();
  }

  /* Everything of mine may have changed: somebody else's token, or a while unseen. */
  renew(token = this.token) {
    this.token = token;
    for (const slug of this.wanted()) this.news.add(slug);
    if (document.hidden) this.leave();
    else this.settle();
  }

  wanted() {
    return [...this.tools.keys()].filter((slug) => this.tools.get(slug).views.size);
  }

  settle() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (document.hidden) return;
      this.enter();
      this.hello();
      this.recall();
      this.open();
    }, SETTLE_MS);
  }

  enter() {
    if (this.awake) return;
    this.awake = new AbortController();
    const { signal } = this.awake;
    this.leads = !self.BroadcastChannel || !navigator.locks;
    if (this.leads) return;
    this.asked = null;
    this.channel = new BroadcastChannel(this.name);
    this.channel.onmessage = ({ data }) => this.told(data);
    const lead = (release) => {
      signal.onabort = release;
      this.leads = true;
      this.say({ who: true });
      this.settle();
    };
    navigator.locks.request(this.name, { signal }, () => new Promise(lead)).catch(() => {});
  }

  leave() {
    this.say({ tab: this.id, tools: [] });
    this.channel?.close();
    this.awake?.abort();
    this.source?.close();
    this.tabs.clear();
    this.awake = this.channel = this.leads = this.streamed = null;
  }

  say(word) {
    this.channel?.postMessage(word);
  }

  hello() {
    const tools = this.wanted();
    if (tools.some((slug) => !this.asked?.includes(slug)) && this.asked) this.covered = [];
    if (`${tools}` !== `${this.asked}`) this.say({ tab: this.id, tools });
    this.asked = tools;
  }

  told(word) {
    if (word.frame) this.heard(word);
    else if (word.slug) this.tools.get(word.slug)?.show({ ...word.mine, at: performance.now() });
    else if (word.who) this.say({ tab: this.id, tools: this.wanted() });
    else if (this.leads) {
      this.tabs.set(word.tab, word.tools);
      if (word.tools.length) this.covered = [];
      this.open(word.tools.length);
    }
  }

  open(anew) {
    if (!this.leads) return;
    const all = new Set([...this.wanted(), ...[...this.tabs.values()].flat()]);
    const tools = [...all].filter((slug) => !this.gone.has(slug)).slice(0, TOOLS_MAX);
    if (`${tools}` === this.streamed && !anew) return;
    this.streamed = `${tools}`;
    this.source?.close();
    if (!tools.length) return;
    const goes = tools.every((slug) => this.covered.includes(slug));
    const after = goes ? `&last_event_id=${this.last}` : "";
    const source = new EventSource(`${this.api}/v1/live?tools=${tools}${after}`);
    const tabs = [this.id, ...this.tabs.keys()];
    for (const frame of ["tally", "summary", "delisted"])
      source.addEventListener(frame, ({ data, lastEventId: id }) => {
        this.refusals = 0;
        this.pass({ frame, data: JSON.parse(data), id, tools, tabs });
      });
    source.onerror = () => source.readyState === EventSource.CLOSED && this.refused(source, tools);
    this.source = source;
  }

  pass(word) {
    this.say(word);
    this.heard(word);
  }

  heard({ frame, data, id, tools, tabs }) {
    const epoch = id.replace(/-\d+$/, "");
    if (this.epoch && this.epoch !== epoch) for (const tool of this.tools.values()) tool.tally = null;
    this.epoch = epoch;
    if (tabs.includes(this.id)) [this.last, this.covered] = [id, tools];
    const slug = data.tool ?? data.slug;
    const gone = frame === "delisted";
    this.gone[gone ? "add" : "delete"](slug);
    const tool = this.tools.get(slug);
    if (!tool) return;
    if (data.name) tool.name = data.name;
    tool.show({ gone });
    if (!gone) tool.learn(data.community ?? data);
  }

  /* The browser mends a broken stream, but not a refused one. Meanwhile tallies are read, and a
     tool that is not there is found. */
  async refused(source, tools) {
    const read = (path) => fetch(`${this.api}/v1/${path}`).catch(() => ({}));
    const all = await read(`tallies?tools=${tools}`);
    if (all.ok)
      for (const tally of (await all.json()).tallies) this.tools.get(tally.tool)?.learn(tally);
    const find = async (slug) => {
      if ((await read(`tools/${slug}/tally`)).status !== 404) return;
      this.gone.add(slug);
      this.tools.get(slug)?.show({ gone: true });
    };
    if (all.status === 404) await Promise.all(tools.map(find));
    else await pause((this.refusals += 1));
    if (source === this.source) this.open(true);
  }

  /* My votes and bookmarks. What was pressed meanwhile is newer than the answer. */
  async recall() {
    const slugs = [...this.news].slice(0, TOOLS_MAX);
    for (const slug of slugs) this.news.delete(slug);
    if (!slugs.length || (this.foreign && !this.token && !this.visitor)) return;
    const asked = performance.now();
    const states = await this.ask("GET", `me/state?tools=${slugs}`).catch(() => ({}));
    for (const [slug, { vote, bookmarked }] of Object.entries(states)) {
      const tool = this.tools.get(slug);
      if (!(tool.at > asked)) tool.show({ mine: vote, kept: bookmarked });
    }
  }

  /* `view` hears what becomes of it. A newer choice waits for the answer to the one before. */
  vote(tool, choice, view) {
    const { want, shift, tally } = tool;
    const going = want !== undefined;
    const from = going || tally?.position < shift?.position ? shift.from : tool.mine;
    tool.held ??= tally;
    const to = { from, to: choice, position: Infinity };
    tool.show({ want: choice, shift: to, at: performance.now() });
    if (!going) this.turn = this.turn.then(() => this.send(tool, view));
  }

  async send(tool, view) {
    const path = `tools/${tool.slug}/vote`;
    let { mine, shift, choice, answer, error } = tool;
    try {
      while (choice !== tool.want) {
        choice = tool.want;
        const body = choice && JSON.stringify({ choice });
        answer = await this.ask(choice ? "PUT" : "DELETE", path, view, body);
        mine = answer.choice;
      }
      shift = { ...tool.shift, position: answer.position };
    } catch (refused) {
      [error, shift] = [refused.message, null];
    }
    tool.show({ shift, want: undefined, held: undefined });
    this.settled(tool, { mine }, view, answer, error);
  }

  keep(tool, kept, view) {
    const path = `me/bookmarks/${tool.slug}`;
    tool.show({ kept });
    this.turn = this.turn.then(() =>
      this.ask(kept ? "PUT" : "DELETE", path, view).then(
        () => this.settled(tool, { kept }, view, { tool: tool.slug, bookmarked: kept }),
        (error) => this.settled(tool, { kept: !kept }, view, null, error.message),
      ),
    );
  }

  settled(tool, mine, view, answer, error) {
    tool.show({ ...mine, at: performance.now() });
    this.say({ slug: tool.slug, mine });
    if (error) view.say(error, true);
    else view.done(answer);
  }

  get visitor() {
    return stored(this.name) ?? this.made;
  }

  set visitor(token) {
    this.made = token;
    stored(this.name, token);
  }

  async authorization() {
    if (this.token) return { Authorization: `Bearer ${this.token}` };
    if (!this.foreign) return {};
    if (!this.visitor) {
      const made = await fetch(`${this.api}/v1/visitors`, { method: "POST" });
      this.visitor = (await made.json()).token;
    }
    return { Authorization: `Visitor ${this.visitor}` };
  }

  /* The answer. Throws Refused. What may not have been done is asked again under the same key. */
  async ask(method, path, view, body) {
    const write = method !== "GET";
    const key = write ? { "Idempotency-Key": fresh() } : {};
    const type = body ? { "Content-Type": "application/json" } : {};
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if (tries) view?.say(WAITING);
      if (tries) await pause(tries);
      try {
        const headers = { ...key, ...type, ...(await this.authorization()) };
        const signal = AbortSignal.timeout(ANSWER_MS_MAX);
        const options = { method, headers, body, signal, keepalive: write };
        const answer = await fetch(`${this.api}/v1/${path}`, options);
        const said = answer.status === 204 ? {} : await answer.json();
        if (answer.ok) return said;
        if (said.code === "token_invalid" && !this.token && !tries) this.visitor = "";
        else if (answer.status < 500 && answer.status !== 429) throw new Refused(said.detail);
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
    }
    throw new Refused(LOST);
  }
}
