for (const table of document.querySelectorAll("table.sortable")) {
  const headers = [...table.tHead.rows[0].cells];
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    const number = Number(text);
    return text === "" || Number.isNaN(number) ? text : number;
  };
  const missing = (value) => ["", "nan", "–"].includes(value);
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  headers.forEach((header, column) => {
    header.querySelector("button").addEventListener("click", () => {
      const ascending = header.ariaSort === null
        ? header.classList.contains("text") || header.textContent.includes("↓") || column === 0
        : header.ariaSort !== "ascending";
      for (const other of headers) other.ariaSort = null;
      header.ariaSort = ascending ? "ascending" : "descending";
      const rows = [...table.tBodies[0].rows].sort((first, second) => {
        const a = valueOf(first, column), b = valueOf(second, column);
        // Missing values stay last in either direction.
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        return ascending ? compare(a, b) : compare(b, a);
      });
      table.tBodies[0].append(...rows);
    });
  });
}

const SMALL_PRINT = {
  std: "standard deviation",
  p: "p after Holm’s correction",
  lower: "lower end of the 95% interval",
  upper: "upper end of the 95% interval",
};
const textOf = (cell) => cell.textContent.replace(/\s+/g, " ").trim();
// The text of a cell that holds a name is kept as it is.
const isName = (cell) => cell.tagName === "TH" || cell.className === "name";
const valueOfCell = (cell) => {
  const value = cell.dataset.value ?? (isName(cell) ? cell.textContent : textOf(cell));
  return !isName(cell) && (value === "nan" || value === "–") ? "" : value;
};
const headerText = (header) => (header.querySelector("button")?.firstChild ?? header).textContent;
const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function csvOf(table) {
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells]);
  const columns = [...table.tHead.rows[0].cells].flatMap((header, index) => {
    const name = headerText(header);
    const more = Object.keys(SMALL_PRINT)
      .filter((key) => rows.some((row) => row[index].dataset[key] !== undefined))
      .map((key) => [`${name}: ${SMALL_PRINT[key]}`, (row) => row[index].dataset[key] ?? ""]);
    return [[name, (row) => valueOfCell(row[index])], ...more];
  });
  const lines = [columns.map(([name]) => name), ...rows.map((row) => columns.map(([, value]) => value(row)))];
  return lines.map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}

// A separate file has no page to inherit colors, font and size from: it gets those of print.
function svgOf(figure) {
  const svg = figure.cloneNode(true);
  const [, , width, height] = svg.getAttribute("viewBox").split(/[ ,]+/);
  svg.setAttribute("width", `${width}pt`);
  svg.setAttribute("height", `${height}pt`);
  svg.setAttribute("font-family", "Helvetica, Arial, sans-serif");
  svg.setAttribute("style", `fill: ${LIGHT.ink}; stroke-linejoin: round; background: white`);
  // Only in attributes: text between tags may be a name.
  for (const element of [svg, ...svg.querySelectorAll("*")]) {
    for (const attribute of element.attributes) {
      if (attribute.name === "aria-label") continue;
      attribute.value = attribute.value.replace(/var\(--([\w-]+)\)/g, (all, name) => LIGHT[name] ?? all);
    }
  }
  return new XMLSerializer().serializeToString(svg);
}

function save(label, ending, type, text) {
  const link = document.createElement("a");
  link.download = `${label.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "")}.${ending}`;
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function addButton(parent, text, label, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "download";
  button.textContent = text;
  button.ariaLabel = label;
  button.addEventListener("click", action);
  parent.append(button);
  return button;
}

for (const svg of document.querySelectorAll("figure > svg")) {
  const label = svg.getAttribute("aria-label");
  addButton(svg.parentElement, "SVG", `Save “${label}” as SVG`, () =>
    save(label, "svg", "image/svg+xml", svgOf(svg)));
}
for (const table of document.querySelectorAll("table")) {
  const box = table.closest(".scroll") ?? table;
  const label = table.closest("[aria-label]").ariaLabel;
  const container = document.createElement("div");
  box.after(container);
  addButton(container, "CSV", `Save “${label}” as CSV`, () =>
    save(label, "csv", "text/csv", csvOf(table)));
}
for (const paste of document.querySelectorAll(".paste")) {
  const button = addButton(paste.parentElement, "Copy", "Copy the text", () => {
    getSelection().selectAllChildren(paste);
    navigator.clipboard?.writeText(paste.innerText).then(() => { button.textContent = "Copied"; }, () => {});
  });
}
