"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    const number = Number(text);
    return text === "" || Number.isNaN(number) ? text : number;
  };
  const missing = (value) => ["", "nan", "–"].includes(value);
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const ascending = head.ariaSort === null
        ? head.classList.contains("text") || head.textContent.includes("↓") || column === 0
        : head.ariaSort !== "ascending";
      for (const other of heads) other.ariaSort = null;
      head.ariaSort = ascending ? "ascending" : "descending";
      const rows = [...table.tBodies[0].rows].sort((one, two) => {
        const a = valueOf(one, column), b = valueOf(two, column);
        // What is missing stays last, whichever way the others go.
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        return ascending ? compare(a, b) : compare(b, a);
      });
      table.tBodies[0].append(...rows);
    });
  });
}
