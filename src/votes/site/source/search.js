/* Suggestions under a search field: the ARIA pattern "editable combobox with list autocomplete".
   Without this script the form searches all the same. */

const PAUSE_MS = 120;
const NUMBER = 8;

const set = (node, attributes) => {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

const make = (tag, attributes, ...content) => {
  const node = set(document.createElement(tag), attributes);
  node.append(...content);
  return node;
};

const optionOf = ({ tool, name, tagline }, place) => {
  const about = [
    make("b", { dir: "auto" }, name),
    " ",
    make("span", { class: "quiet", dir: "auto" }, tagline),
  ];
  const option = make("li", { role: "option", id: `suggestion-${place}` }, ...about);
  option.tool = tool;
  return option;
};

/* A tool is chosen: its page is opened or, where one is added to others, its name is sent. */
const go = (input, { tool }) => {
  const { form } = input;
  if (input.name === "q") location.assign(new URL(`tools/${encodeURIComponent(tool)}`, form.action));
  else {
    input.value = tool;
    form.submit();
  }
};

function combobox(input) {
  const list = make("ul", { role: "listbox", id: "suggestions", "aria-label": input.form.dataset.tools, hidden: "" });
  const said = make("p", { role: "status", class: "visually-hidden" });
  let chosen = -1;
  let pause = 0;
  let asking = new AbortController();

  const choose = (place) => {
    chosen = place;
    input.removeAttribute("aria-activedescendant");
    [...list.children].forEach((option, at) => {
      set(option, { "aria-selected": at === place });
      if (at !== place) return;
      set(input, { "aria-activedescendant": option.id });
      option.scrollIntoView({ block: "nearest" });
    });
  };

  const open = (shown) => {
    list.hidden = !shown;
    set(input, { "aria-expanded": shown });
    choose(-1);
  };

  const ask = async (text) => {
    try {
      const query = new URLSearchParams({ q: text, limit: NUMBER });
      const response = await fetch(`/v1/suggest?${query}`, { signal: asking.signal });
      const { suggestions = [] } = await response.json();
      if (document.activeElement !== input) return;
      list.replaceChildren(...suggestions.map(optionOf));
      open(suggestions.length > 0);
      said.textContent = input.form.dataset.found.replace("{}", suggestions.length);
    } catch (error) {
      if (error.name !== "AbortError") open(false);
    }
  };

  const forget = () => {
    clearTimeout(pause);
    asking.abort();
    asking = new AbortController();
  };

  const close = () => {
    forget();
    open(false);
  };

  const move = (by) => {
    const places = list.children.length + 1; // the field itself is one
    if (list.hidden) open(places > 1);
    choose(((chosen + 1 + by + places) % places) - 1);
  };

  const keys = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => go(input, list.children[chosen]),
    Escape: close,
  };

  input.addEventListener("keydown", (event) => {
    const does = keys[event.key];
    const idle = event.key === "Enter" ? chosen < 0 : event.key === "Escape" && list.hidden;
    if (!does || event.isComposing || idle) return;
    event.preventDefault();
    does();
  });
  input.addEventListener("input", () => {
    const text = input.value.trim();
    forget();
    if (text) pause = setTimeout(ask, PAUSE_MS, text);
    else {
      list.replaceChildren();
      close();
    }
  });
  input.addEventListener("blur", close);
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) go(input, option);
  });

  set(input, {
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-controls": list.id,
    "aria-expanded": false,
    autocomplete: "off",
  });
  input.form.append(list, said);
}

document.querySelectorAll("form[data-tools] input[type=search]").forEach(combobox);
