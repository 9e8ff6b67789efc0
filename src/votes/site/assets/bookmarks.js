/* The page of bookmarks, quicker: select all, a count of what is selected, "/" to search.
   Without this script its forms do all the same. */

const bulk = document.getElementById("bulk");
const search = document.getElementById("q");

if (bulk) {
  const all = document.getElementById("all");
  const count = bulk.querySelector(".marks-count");
  const boxes = [...document.querySelectorAll("input[name=tool]")];
  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
    count.textContent = count.dataset.count.replace("{}", chosen);
    for (const button of bulk.querySelectorAll("[name=do]")) button.disabled = chosen === 0;
  };
  all.parentElement.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  for (const box of boxes) box.addEventListener("change", show);
  addEventListener("pageshow", show);
  show();
}

addEventListener("keydown", (event) => {
  const writing = event.target.closest?.("input, textarea, select");
  if (event.key !== "/" || writing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  search?.focus();
});

/* An import that goes on: the page is asked for again, and the part that tells of it put in place. */
const again = async () => {
  const there = await fetch(location.href).then((response) => response.text(), () => "");
  const read = new DOMParser().parseFromString(there, "text/html").getElementById("import");
  if (read && !("again" in read.dataset)) return location.reload();
  if (read) document.getElementById("import").replaceChildren(...read.childNodes);
  setTimeout(again, 1000);
};
if (document.querySelector("#import[data-again]")) setTimeout(again, 1000);
