// The parts of the page: each is folded under its question until a reader, a link or a printer
// opens it. A browser's own search opens what it finds.
const parts = [...document.querySelectorAll("details.part")];

const openTo = (hash) => {
  const target = hash.length > 1 && element(decodeURIComponent(hash.slice(1)));
  if (!target) return;
  const own = target.querySelector(":scope > details.part");
  if (own) own.open = true;
  for (let at = target.closest("details"); at; at = at.parentElement.closest("details")) {
    at.open = true;
  }
  target.scrollIntoView();
};

let closed = [];
const openAll = () => {
  closed = parts.filter((part) => !part.open);
  for (const part of closed) part.open = true;
};
const closeAgain = () => {
  for (const part of closed) part.open = false;
  closed = [];
};

const openParts = () => parts.flatMap((part, place) => (part.open ? [place] : []));

const startParts = () => {
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link) openTo(link.hash);
  });
  window.addEventListener("hashchange", () => openTo(location.hash));
  openTo(location.hash);
};
