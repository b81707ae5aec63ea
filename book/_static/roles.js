// A bibliography is marked as a list whose entries no longer count as items of one.
document.addEventListener("DOMContentLoaded", () => {
  for (const one of document.querySelectorAll(".citation-list, .citation-list > .citation")) {
    one.removeAttribute("role");
  }
});
