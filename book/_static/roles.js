// What a screen reader needs and the theme does not give.
document.addEventListener("DOMContentLoaded", () => {
  // A bibliography is marked as a list whose entries no longer count as items of one.
  for (const one of document.querySelectorAll(".citation-list, .citation-list > .citation")) {
    one.removeAttribute("role");
  }
  // The arrow before a page with sub-pages has no words.
  for (const one of document.querySelectorAll("nav li > details > summary")) {
    one.setAttribute("aria-label", "Sub-pages");
  }
});
// What is moved sideways can be moved by keys, too.
addEventListener("load", () => {
  for (const one of document.querySelectorAll(".cell_output .output")) {
    if (one.scrollWidth > one.clientWidth + 1) one.tabIndex = 0;
  }
});
// On a phone a table shows all its columns: first without room between them, then with long words
// that break, then in smaller letters.  Short words and numbers stay whole.  What is folded is fitted
// too: its text is in textContent alone.
function fitTables() {
  for (const table of document.querySelectorAll(".bd-article table")) {
    const frame = table.parentElement, cells = [...table.querySelectorAll("th, td")];
    const isWide = () => table.offsetWidth > frame.clientWidth;
    const breakLonger = (most) => cells.forEach((cell) => cell.classList.toggle(
      "rin-long", cell.textContent.split(/[\s/_-]+/).some((word) => word.length > most)));
    table.classList.remove("rin-tight", "rin-tightest");
    table.style.fontSize = "";
    breakLonger(Infinity);
    if (!isWide()) continue;
    table.classList.add("rin-tight");
    for (const cell of table.dataset.breaks ? [] : cells) breakAtJoints(cell);
    table.dataset.breaks = "yes";
    if (isWide()) breakLonger(18);
    for (let size = 0.77; size > 0.63 && isWide(); size -= 0.02) {
      table.style.fontSize = `${size}rem`;
    }
    if (isWide()) table.classList.add("rin-tightest");
    for (let most = 14; most > 3 && isWide(); most -= 2) breakLonger(most);
  }
}
// A word that is made of several may break where they are joined.
function breakAtJoints(element) {
  for (const node of [...element.childNodes]) {
    if (node.nodeType === Node.ELEMENT_NODE) breakAtJoints(node);
    const parts = node.nodeType === Node.TEXT_NODE ? node.data.split(/(?<=[_/])/) : [];
    if (parts.length > 1) {
      node.replaceWith(...parts.flatMap((part) => [part, document.createElement("wbr")]));
    }
  }
}
addEventListener("load", fitTables);
addEventListener("resize", fitTables);
