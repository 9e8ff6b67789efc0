/* The words, figures and charts of a page follow the votes, not its elements alone: after a vote the
   page is asked for anew, and the parts marked data-live take the place of those shown. So the
   server alone says what votes mean.

   The element tells of one's own votes, and the stream of the elements, which one of all tabs passes
   on, of those of others. Others' are followed at most once in a pause, which doubles while they keep
   coming, so a busy page of many readers asks for little. Without locks (plain http) the tabs have no
   such channel: then only one's own votes are followed. */

const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 60_000;

const shown = new Map(); // the position of each tool's tally
for (const { attributes, dataset } of document.querySelectorAll("[data-tally]"))
  shown.set(attributes.tool.value, JSON.parse(dataset.tally).position);

let wanted = 0;
let pause = PAUSE_MS_MIN;
let turns = 0;
let timer = null;
let calm;

const learn = (tool, position, own) => {
  if (!(position > shown.get(tool))) return;
  shown.set(tool, position);
  wanted = Math.max(wanted, position);
  if (own) {
    clearTimeout(timer);
    pause = PAUSE_MS_MIN;
    follow();
  } else timer ??= setTimeout(follow, pause * (0.5 + Math.random() / 2));
};

const follow = async () => {
  const turn = ++turns;
  timer = null;
  pause = Math.min(2 * pause, PAUSE_MS_MAX);
  clearTimeout(calm);
  calm = setTimeout(() => (pause = PAUSE_MS_MIN), 2 * pause);
  const address = new URL(location);
  address.searchParams.set("min_position", wanted);
  const answer = await fetch(address).catch(() => ({}));
  if (!answer.ok) return;
  const text = await answer.text();
  if (turn !== turns) return; // a later one says more
  const page = new DOMParser().parseFromString(text, "text/html");
  const news = new Map();
  for (const part of page.querySelectorAll("[data-live]")) news.set(part.dataset.live, part);
  for (const old of document.querySelectorAll("[data-live]"))
    if (news.has(old.dataset.live)) take(old, news.get(old.dataset.live).cloneNode(true));
};

/* What has the focus stays, and what was opened stays open. */
const take = (old, part) => {
  if (old.isEqualNode(part) || old.contains(document.activeElement)) return;
  if (old.querySelector("details[open]")) part.querySelector("details")?.setAttribute("open", "");
  old.replaceWith(part);
};

addEventListener("votes-change", ({ detail: { tool, position } }) => learn(tool, position, true));
new BroadcastChannel(`votes ${location.origin}`).onmessage = ({ data: { frame, data } }) => {
  if (frame === "tally") learn(data.tool, data.position);
  if (frame === "summary") learn(data.slug, data.community.position);
};
