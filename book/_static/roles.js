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
