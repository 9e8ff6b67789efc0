/* The link "Share" opens the device's own way to pass a page on or, where there is none, copies the
   page's address. Without this script, and where neither is allowed, it writes a mail. */

const address = () => document.querySelector("link[rel=canonical]")?.href ?? location.href;

const share = async (link) => {
  const page = { title: link.dataset.share, url: address() };
  const said = link.parentElement.querySelector("[data-shared]");
  try {
    if (navigator.share) return await navigator.share(page);
    await navigator.clipboard.writeText(page.url);
    said.textContent = said.dataset.shared;
  } catch (error) {
    if (error.name !== "AbortError") location.assign(link.href); // not: the reader changed their mind
  }
};

for (const link of document.querySelectorAll("[data-share]"))
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    share(link);
  });
