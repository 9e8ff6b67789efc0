/* Keeps what is written in a form in this browser, until the page of the form shows the same.
   Without this script the preview gives the form back as it was sent. */

const form = document.querySelector("form[data-draft]");
const key = `draft:${form.dataset.draft}`;
const [notice] = form.querySelectorAll("[role=status]");
const written = ["score", "choice", "body"];

const read = () =>
  JSON.stringify(written.map((name) => String(form.elements[name].value).replaceAll("\r\n", "\n")));

const write = (text) =>
  JSON.parse(text).forEach((value, at) => {
    form.elements[written[at]].value = value;
  });

const shown = read();

function restore() {
  const kept = localStorage.getItem(key);
  if (kept === shown) localStorage.removeItem(key);
  if (kept === null || kept === shown) return;
  write(kept);
  notice.hidden = false;
}

const keep = () => localStorage.setItem(key, read());

try {
  if ("edited" in form.dataset) keep();
  else restore();
  form.addEventListener("input", keep);
  notice.querySelector("button").addEventListener("click", () => {
    localStorage.removeItem(key);
    write(shown);
    notice.hidden = true;
  });
  form.querySelector(".draft-hint").hidden = false;
} catch {
  // a browser that keeps nothing, or a draft that cannot be read: the form works as without this
}
