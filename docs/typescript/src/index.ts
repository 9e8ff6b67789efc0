/**
 * A typed client of the votes API, and a subscription to live tallies.
 *
 * `api.ts` is generated from the API's own description; this file adds what a description cannot
 * say: who is asking, retries that are safe, and the stream.
 */
import createClient, { type Client, type Middleware } from "openapi-fetch";
import type { components, paths } from "./api.js";
import { proof } from "./proof.js";

export type Tally = components["schemas"]["TallyView"];
export type Summary = components["schemas"]["SummaryView"];
export type Vote = components["schemas"]["VoteView"];
export type Problem = components["schemas"]["Problem"];
export type { components, paths };

export interface Who {
  /** A user's JWT. */
  userToken?: string;
  /** A visitor's token, from `POST /v1/visitors`, that you keep yourself. */
  visitorToken?: string;
}

/**
 * The API at `baseUrl`. Without tokens the visitor is known by a cookie on the same origin, and
 * elsewhere by a token that is asked for at the first vote and kept in `localStorage`, where the
 * elements keep it too; without that, for as long as the page or the program lives.
 *
 * With a user's token, the visitor that the page was before becomes the user: on the same origin by
 * itself, elsewhere by one request more before the first.
 */
export function votesClient(baseUrl: string, who: Who = {}): Client<paths> {
  const client = createClient<paths>({ baseUrl, fetch: proving });
  client.use(identified(baseUrl, who), idempotent);
  return client;
}

function identified(baseUrl: string, who: Who): Middleware {
  const here = globalThis.location?.href;
  const { origin } = new URL(baseUrl, here);
  const sameOrigin = origin === globalThis.location?.origin;
  const own = Boolean(who.userToken || who.visitorToken) || sameOrigin;
  const name = `votes ${origin}`;
  let linked: Promise<unknown> | undefined;
  return {
    async onRequest({ request, schemaPath }) {
      const votes = request.method === "PUT" && schemaPath === "/v1/tools/{slug}/vote";
      const kept = own ? undefined : votes ? await visitorToken(name, origin) : shelf[name];
      const visitor = who.visitorToken ?? kept;
      if (who.userToken) {
        const before = who.visitorToken ?? (sameOrigin ? undefined : shelf[name]);
        if (before) {
          linked ??= link(origin, who.userToken, before);
          await linked.catch(() => (linked = undefined)); // the next request tries again
        }
        request.headers.set("Authorization", `Bearer ${who.userToken}`);
      } else if (visitor) request.headers.set("Authorization", `Visitor ${visitor}`);
      return request;
    },
    async onResponse({ response }) {
      if (own || response.status !== 401) return;
      const { code } = (await response.clone().json()) as Problem;
      if (code === "token_invalid") delete shelf[name];
    },
  };
}

function link(origin: string, userToken: string, visitor: string): Promise<Response> {
  return fetch(`${origin}/v1/me/link`, {
    method: "POST",
    headers: { Authorization: `Bearer ${userToken}`, "Content-Type": "application/json" },
    body: JSON.stringify({ visitor }),
  });
}

/** A vote that is held is sent again with a proof of work, and counts then. */
async function proving(request: Request): Promise<Response> {
  const again = request.clone();
  const answer = await fetch(request);
  const challenge = answer.headers.get("Votes-Challenge");
  if (!challenge) return answer;
  const who = request.headers.get("Authorization");
  const headers: HeadersInit = who ? { Authorization: who } : {};
  try {
    again.headers.set("Votes-Proof", await proof(new URL(challenge, request.url).href, headers));
  } catch {
    return answer; // it is kept all the same
  }
  return fetch(again);
}

let shelf: Record<string, string> = {};
try {
  shelf = globalThis.localStorage ?? shelf;
} catch {
  // it may be forbidden
}

const asked = new Map<string, Promise<string>>();

/** The visitor's token that is kept under this name. It is asked for once, however many vote. */
async function visitorToken(name: string, origin: string): Promise<string> {
  if (shelf[name]) return shelf[name];
  const token = asked.get(name) ?? newVisitor(origin);
  asked.set(name, token);
  try {
    keep(name, await token);
    return await token;
  } finally {
    asked.delete(name);
  }
}

async function newVisitor(origin: string): Promise<string> {
  const answer = await fetch(`${origin}/v1/visitors`, { method: "POST" });
  if (!answer.ok) throw new Error(((await answer.json()) as Problem).detail);
  return ((await answer.json()) as components["schemas"]["VisitorView"]).token;
}

function keep(name: string, token: string): void {
  try {
    shelf[name] = token;
  } catch {
    shelf = { [name]: token };
  }
}

/** A write carries a key of its own, so that sending it again is answered as the first time. */
const idempotent: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && !request.headers.has("Idempotency-Key")) {
      request.headers.set("Idempotency-Key", `"${crypto.randomUUID()}"`);
    }
    return request;
  },
};

export interface Subscription {
  close(): void;
}

export interface Listener {
  tally?(tally: Tally): void;
  summary?(summary: Summary): void;
  /** The tool is not in the catalogue, or not any more. */
  delisted?(tool: string): void;
}

const PAUSE_MS_MAX = 30_000;

/**
 * The tools' states, then each change, until closed. A broken stream goes on after the last event
 * seen, a refused one is asked for again after a while; a state never comes after a newer one of
 * the same tool.
 */
export function subscribeTallies(
  baseUrl: string,
  tools: readonly string[],
  listener: Listener,
): Subscription {
  const url = new URL("/v1/live", baseUrl);
  url.searchParams.set("tools", tools.join(","));
  let source: EventSource;
  let refusals = 0;
  let waiting: ReturnType<typeof setTimeout> | undefined;

  const hear = <State>(name: string, tell: (state: State) => void) =>
    source.addEventListener(name, ({ data, lastEventId }) => {
      refusals = 0;
      url.searchParams.set("last_event_id", lastEventId);
      tell(JSON.parse(data) as State);
    });

  const open = () => {
    source = new EventSource(url);
    hear<Tally>("tally", (tally) => listener.tally?.(tally));
    hear<Summary>("summary", (summary) => listener.summary?.(summary));
    hear<{ tool: string }>("delisted", ({ tool }) => listener.delisted?.(tool));
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return;
      const pause = Math.min(PAUSE_MS_MAX, 1_000 * 2 ** refusals++);
      waiting = setTimeout(open, pause * (0.5 + Math.random()));
    };
  };

  open();
  return {
    close: () => {
      clearTimeout(waiting);
      source.close();
    },
  };
}
