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
// On a phone a table shows all its columns: first without room between them, then in smaller
// letters; where that does not do, each row becomes a list of its cells.  Words and numbers stay
// whole, but for addresses and the like.
function fitTables() {
  for (const table of document.querySelectorAll(".bd-article table")) {
    const frame = table.parentElement, cells = [...table.querySelectorAll("th, td")];
    const isWide = () => table.offsetWidth > frame.clientWidth;
    table.classList.remove("rin-tight", "rin-stacked");
    table.style.fontSize = "";
    if (!isWide()) continue;
    table.classList.add("rin-tight");
    for (const cell of table.dataset.breaks ? [] : cells) {
      breakAtJoints(cell);
      const words = cell.textContent.split(/[\s/_-]+/);
      cell.classList.toggle("rin-long", words.some((word) => word.length > 18));
    }
    table.dataset.breaks = "yes";
    for (let size = 0.77; size > 0.66 && isWide(); size -= 0.02) {
      table.style.fontSize = `${size}rem`;
    }
    if (isWide()) stackRows(table);
  }
}
// The heading of a column stands before each of its cells; a row that shares the name of a row
// above repeats it, and has fewer cells or an empty one, so columns are counted from the right.
function stackRows(table) {
  table.style.fontSize = "";
  table.classList.replace("rin-tight", "rin-stacked");
  if (table.dataset.labels) return;
  table.dataset.labels = "yes";
  // A heading over several columns stands before the cells of each.
  const heads = [...table.tHead?.rows ?? []].map(
    (row) => [...row.cells].flatMap((cell) => Array(cell.colSpan).fill(cell)));
  table.setAttribute("role", "table"); // a list to the eye only
  const widest = Math.max(...[...table.rows].map((row) => row.cells.length));
  let name = "";
  for (const row of [...table.rows].filter((row) => row.parentNode !== table.tHead)) {
    row.setAttribute("role", "row");
    const first = row.cells[0];
    if (row.cells.length === widest && first.textContent.trim()) name = first.textContent.trim();
    else first.prepend(labelled(name));
    for (const [place, cell] of [...row.cells].entries()) {
      cell.setAttribute("role", cell.tagName === "TD" ? "cell" : "rowheader");
      if (place === 0) continue;
      const label = labelled();
      for (const head of heads) {
        const nodes = head[head.length - row.cells.length + place]?.childNodes ?? [];
        label.append(...[...nodes].map((node) => node.cloneNode(true)), " ");
      }
      const value = document.createElement("span");
      value.append(...cell.childNodes);
      cell.append(label, value);
    }
  }
}
function labelled(text = "") {
  const label = document.createElement("span");
  label.className = "rin-label";
  label.textContent = text;
  return label;
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
