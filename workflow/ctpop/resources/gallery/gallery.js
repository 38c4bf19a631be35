/* Review gallery: shows one case at a time and stores decisions in the browser. Text from files is assigned to
   textContent and never inserted as markup. cases.js calls begin once; scans/ID.js calls receive when a scan is loaded. */
"use strict";

const gallery = (() => {
  const DECISIONS = { keep: "Kept", exclude: "Excluded", unsure: "Unsure", absent: "Known to be absent" };
  const CHOICES = { 1: "keep", 2: "exclude", 3: "unsure" };
  const UNFLAGGED = {
    extreme: "Extreme value, not flagged",
    sample: "Random sample, not flagged",
  };
  const NO_WORDS = "visual assessment in the review gallery";
  const FORMULA = /^[=+\-@\t\r]/;
  const SVG = "http://www.w3.org/2000/svg";
  const $ = (id) => document.getElementById(id);
  const scans = new Map();
  let data, key, cases, shown, at, decisions, before;

  // ---- decisions ------------------------------------------------------------------------------------------------

  const plain = (name) => name.replaceAll("_", " ");
  const nameOf = (scan, structure) => `${scan} ${structure}`;
  const idOf = (item) => nameOf(item.scan, item.structure);
  const holds = (decision) => data.scans[decision.scan] === decision.mask;

  function decisionOn(item) {
    const mine = decisions[idOf(item)];
    if (mine && holds(mine)) return mine;
    return before.get(idOf(item)) || before.get(nameOf(item.scan, "*"));
  }

  function load() {
    try {
      return JSON.parse(localStorage.getItem(key)) || {};
    } catch {
      return {};
    }
  }

  function save() {
    try {
      localStorage.setItem(key, JSON.stringify(decisions));
      localStorage.setItem("ctpop:reviewer", $("reviewer").value);
    } catch {
      warn("This browser does not store data for this page. Download the decisions before you close the page.");
    }
  }

  function warn(text) {
    $("warning").textContent = text;
    $("warning").hidden = !text;
  }

  function today() {
    const now = new Date();
    const two = (number) => String(number).padStart(2, "0");
    return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  }

  function decide(decision) {
    const item = shown[at];
    const reviewer = $("reviewer").value.trim();
    if (!item) return;
    if (!reviewer) {
      warn("Enter the initials or number of the reviewer first.");
      $("reviewer").focus();
      return;
    }
    warn("");
    decisions[idOf(item)] = {
      scan: item.scan,
      structure: item.structure,
      decision,
      reason: $("why").value.trim(),
      reviewer,
      date: today(),
      mask: data.scans[item.scan],
    };
    save();
    refresh();
  }

  function undo() {
    const item = shown[at];
    if (!item || !decisions[idOf(item)]) return;
    delete decisions[idOf(item)];
    save();
    refresh();
    $("why").value = "";
  }

  // ---- files ----------------------------------------------------------------------------------------------------

  const guarded = (text) => (FORMULA.test(text) ? `'${text}` : text);
  const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (cells) => cells.map((cell) => quoted(guarded(String(cell ?? "")))).join(",");
  const asRow = (decision) => ({ ...decision, scan_id: decision.scan, reason: decision.reason || NO_WORDS });

  function reviewRows() {
    const mine = Object.values(decisions).filter(holds);
    const changed = new Set(mine.map(idOf));
    const kept = [...before.values()].filter((row) => !changed.has(idOf(row))).map((row) => row.cells);
    return [...kept, ...mine.filter((row) => row.decision !== "unsure").map(asRow)];
  }

  const unsureRows = () => Object.values(decisions).filter((row) => holds(row) && row.decision === "unsure").map(asRow);

  function csvOf(rows) {
    const columns = data.review.columns;
    const order = (row) => nameOf(row.scan_id, row.structure);
    const sorted = [...rows].sort((a, b) => (order(a) < order(b) ? -1 : 1));
    return [columns, ...sorted.map((row) => columns.map((column) => row[column]))].map(line).join("\n") + "\n";
  }

  function download(name, rows) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csvOf(rows)], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // ---- selection of cases ---------------------------------------------------------------------------------------

  function options(select, entries) {
    select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
  }

  function counted(entries, of) {
    const n = new Map();
    for (const item of cases) n.set(of(item), (n.get(of(item)) || 0) + 1);
    return entries.filter(([value]) => n.has(value)).map(([value, text]) => [value, `${text} (${n.get(value)})`]);
  }

  function fillFilters() {
    const names = Object.entries(data.structures).sort((a, b) => (a[1] < b[1] ? -1 : 1));
    options($("by-structure"), [["", "all"], ...counted(names, (item) => item.structure)]);
    options($("by-reason"), [["", "all"], ...counted(Object.entries(data.reasons), (item) => item.reason)]);
    options($("by-decision"), [
      ["", "all"],
      ["open", "no decision"],
      ...Object.entries(DECISIONS).map(([code, text]) => [code, text.toLowerCase()]),
    ]);
  }

  function filter() {
    const current = shown && shown[at];
    const [structure, reason, decision] = ["by-structure", "by-reason", "by-decision"].map((id) => $(id).value);
    const fits = (item) => {
      const found = decisionOn(item)?.decision || "open";
      return (
        (!structure || item.structure === structure) &&
        (!reason || item.reason === reason) &&
        (!decision || found === decision)
      );
    };
    shown = cases.filter(fits);
    at = Math.max(0, shown.indexOf(current));
    show();
  }

  function move(step) {
    const next = at + step;
    if (next < 0 || next >= shown.length) return;
    at = next;
    show();
  }

  // The page of a structure links to the cases of this structure: #structure=liver.
  function followStructure(structure) {
    if (!cases.some((item) => item.structure === structure)) {
      warn("The gallery contains no mask of this structure: no mask is flagged, has an extreme value, or is in the random sample.");
      return false;
    }
    for (const id of ["by-reason", "by-decision"]) $(id).value = "";
    $("by-structure").value = structure;
    filter();
    return true;
  }

  function follow() {
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (wanted.startsWith("structure=")) return followStructure(wanted.slice("structure=".length));
    const [scan, structure] = wanted.split("/");
    const found = cases.findIndex((item) => item.scan === scan && item.structure === structure);
    if (found < 0) {
      if (structure) warn("The gallery does not contain this mask.");
      return false;
    }
    if (!shown.includes(cases[found])) for (const id of ["by-structure", "by-reason", "by-decision"]) $(id).value = "";
    if (!shown.includes(cases[found])) shown = cases;
    at = shown.indexOf(cases[found]);
    show();
    return true;
  }

  // ---- drawing --------------------------------------------------------------------------------------------------

  function element(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const number = (value, digits = 1) =>
    value === null || value === undefined
      ? "–"
      : value.toLocaleString("en", { maximumFractionDigits: digits }).replace("-", "−");

  function show() {
    const item = shown[at];
    $("case").classList.toggle("empty", !item);
    for (const id of ["planes", "values", "histogram"]) $(id).hidden = !item;
    for (const button of document.querySelectorAll("#decide button")) button.disabled = !item;
    if (!item) {
      $("title").textContent = cases.length ? "No cases match the filters" : "No cases to review";
      for (const id of ["reason", "place", "decided", "window", "closer", "histogram-note"]) $(id).textContent = "";
      for (const id of ["missing", "neighbors"]) $(id).hidden = true;
      count();
      return;
    }
    remember(item);
    $("title").textContent = `${data.structures[item.structure]}, scan ${item.scan}`;
    $("reason").textContent = UNFLAGGED[item.reason] || `Flagged: ${data.reasons[item.reason]}`;
    $("place").textContent = `Case ${at + 1} of ${shown.length}`;
    $("previous").disabled = at === 0;
    $("next").disabled = at === shown.length - 1;
    $("closer").textContent = `ctpop view ${item.scan} --structure ${item.structure} --study results/${data.study}`;
    $("why").value = decisions[idOf(item)]?.reason || "";
    drawValues(item);
    refresh();
    drawCase(item);
    fetchScan(shown[at + 1]);
  }

  function remember(item) {
    try {
      history.replaceState(null, "", `#${item.scan}/${item.structure}`);
    } catch {
      /* Safari allows 100 calls within 30 seconds; after that, the address is not updated. */
    }
  }

  function refresh() {
    const found = decisionOn(shown[at]);
    for (const button of document.querySelectorAll(".choice"))
      button.setAttribute("aria-pressed", String(button.dataset.decision === found?.decision));
    $("undo").disabled = !decisions[idOf(shown[at])];
    const earlier = found?.cells ? "; applied in this study" : "";
    const words = found?.reason ? `: ${found.reason}` : "";
    $("decided").className = found?.decision || "";
    $("decided").textContent = found
      ? `${DECISIONS[found.decision]} by ${found.reviewer}, ${found.date}${earlier}${words}`
      : "No decision";
    count();
  }

  function count() {
    const decided = cases.filter(decisionOn).length;
    $("progress").max = Math.max(1, cases.length);
    $("progress").value = decided;
    $("count").textContent = `${decided} of ${cases.length} decided`;
    $("n-review").textContent = reviewRows().length;
    $("n-unsure").textContent = unsureRows().length;
  }

  function drawValues(item) {
    const blocks = data.measures.map(([measure, name, unit]) => {
      const block = document.createElement("div");
      const spread = data.spread[item.structure]?.[measure];
      const value = item[measure];
      const centile = item[`${measure}_centile`];
      const text = document.createElement("p");
      text.className = "value";
      const where = centile === null ? "" : `, percentile rank ${number(centile, 0)}`;
      const values = spread?.n === 1 ? "value" : "values";
      const of = spread ? ` among ${spread.n.toLocaleString("en")} usable ${values}` : "; no usable values for comparison";
      text.textContent = value === null ? `${name}: not measured` : `${name}: ${number(value)} ${unit}${where}${of}`;
      block.append(text);
      if (spread && value !== null) block.append(strip(spread.marks, value));
      return block;
    });
    $("values").replaceChildren(...blocks);
  }

  function strip(marks, value) {
    const low = Math.min(marks[0], value);
    const high = Math.max(marks[4], value);
    const x = (mark) => 10 + (300 * (mark - low)) / (high - low || 1);
    const drawn = element("svg", { viewBox: "0 0 320 34", "aria-hidden": "true" });
    drawn.append(
      element("line", { class: "axis", x1: 10, x2: 310, y1: 22, y2: 22 }),
      element("rect", { class: "band", x: x(marks[0]), width: Math.max(1, x(marks[4]) - x(marks[0])), y: 15, height: 14 }),
      element("rect", { class: "box", x: x(marks[1]), width: Math.max(1, x(marks[3]) - x(marks[1])), y: 15, height: 14 }),
      element("line", { class: "median", x1: x(marks[2]), x2: x(marks[2]), y1: 13, y2: 31 }),
      element("path", { class: "here", d: `M${x(value)} 15l-6 -11h12z` }),
    );
    return drawn;
  }

  function drawCase(item) {
    const found = scans.get(item.scan)?.cases[item.structure];
    for (const plane of document.querySelectorAll("#planes svg")) drawPlane(plane, item, found);
    const missing = item.image ? (scans.get(item.scan) === null ? "the files of this scan are missing." : "") : item.detail;
    $("missing").textContent = missing ? `No image available: ${missing}` : "";
    $("missing").hidden = !missing;
    $("planes").hidden = !item.image;
    if (item.image && !found) fetchScan(item);
    const window = found?.window;
    $("window").textContent = window
      ? `Window: ${window[0]}, ${number(window[1])} to ${number(window[2])} HU. Plane width: ${number(found.side_mm, 0)} mm.`
      : "";
    nameNeighbors(found);
    drawHistogram(found?.histogram, window);
  }

  function drawPlane(plane, item, found) {
    const index = Number(plane.dataset.view);
    const pixels = Number(plane.dataset.pixels);
    const image = plane.querySelector("image");
    if (item.image) image.setAttribute("href", item.image);
    else image.removeAttribute("href");
    for (const path of plane.querySelectorAll(".outline")) path.setAttribute("d", found ? found.outline[index] : "");
    const others = Object.entries(found ? found.others[index] : {}).map(([name, d]) => {
      const path = element("path", { d });
      path.append(element("title", {}, plain(name)));
      return path;
    });
    plane.querySelector(".others").replaceChildren(...others);
    drawScale(plane.querySelector(".scale"), found, pixels);
  }

  function drawScale(group, found, pixels) {
    group.toggleAttribute("hidden", !found);
    if (!found) return;
    const mm = [200, 100, 50, 20, 10].find((length) => length <= found.side_mm / 3) || 10;
    const length = (pixels * mm) / found.side_mm;
    const d = `M${pixels - 10 - length} ${pixels - 10}h${length}`;
    for (const path of group.querySelectorAll("path")) path.setAttribute("d", d);
    const text = group.querySelector("text");
    text.setAttribute("x", pixels - 10);
    text.setAttribute("y", pixels - 16);
    text.textContent = `${mm} mm`;
  }

  function nameNeighbors(found) {
    const names = new Set((found?.others || []).flatMap((plane) => Object.keys(plane)));
    $("neighbors").hidden = !$("show-others").checked;
    $("neighbors").textContent = names.size ? `Other structures: ${[...names].sort().map(plain).join(", ")}` : "No other structures in these planes.";
  }

  function drawHistogram(histogram, window) {
    const drawn = $("histogram");
    drawn.querySelectorAll(":scope > :not(title)").forEach((child) => child.remove());
    const counts = histogram?.counts || [];
    $("histogram-note").textContent = counts.length ? `Bin width: ${histogram.width} HU. The first and last bins include the tails.` : "No attenuation available.";
    $("histogram-name").textContent = "Histogram of attenuation";
    if (!counts.length) return;
    const most = Math.max(...counts);
    const wide = 300 / counts.length;
    const last = histogram.first + histogram.width * counts.length;
    $("histogram-name").textContent = `Histogram of attenuation, from ${number(histogram.first)} to ${number(last)} HU`;
    const bars = counts.map((n, bin) => {
      const height = (95 * n) / most;
      return `M${10 + bin * wide} 105v${-height}h${wide * 0.92}v${height}z`;
    });
    drawn.append(
      element("path", { class: "bars", d: bars.join("") }),
      element("line", { class: "axis", x1: 10, x2: 310, y1: 105.5, y2: 105.5 }),
      element("text", { x: 10, y: 122 }, `${number(histogram.first)} HU`),
      element("text", { x: 310, y: 122, "text-anchor": "end" }, `${number(last)} HU`),
    );
  }

  // ---- loading --------------------------------------------------------------------------------------------------

  function fetchScan(item) {
    if (!item || !item.image || scans.has(item.scan)) return;
    scans.set(item.scan, undefined);
    const script = document.createElement("script");
    script.src = `scans/${encodeURIComponent(item.scan)}.js`;
    script.onload = () => script.remove();
    script.onerror = () => {
      scans.set(item.scan, null);
      if (shown[at]?.scan === item.scan) drawCase(shown[at]);
    };
    document.head.append(script);
    new Image().src = item.image;
  }

  function receive(content) {
    scans.set(content.scan, content);
    if (shown[at]?.scan === content.scan) drawCase(shown[at]);
  }

  function switchLayers() {
    $("planes").classList.toggle("no-outline", !$("show-outline").checked);
    $("planes").classList.toggle("no-others", !$("show-others").checked);
    if (shown[at]) nameNeighbors(scans.get(shown[at].scan)?.cases[shown[at].structure]);
  }

  function toggle(id) {
    $(id).checked = !$(id).checked;
    switchLayers();
  }

  const KEYS = {
    j: () => move(1),
    k: () => move(-1),
    u: undo,
    o: () => toggle("show-outline"),
    m: () => toggle("show-others"),
    ...Object.fromEntries(Object.entries(CHOICES).map(([digit, decision]) => [digit, () => decide(decision)])),
  };

  function pressed(event) {
    const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing) {
      if (event.key === "Enter" || event.key === "Escape") $("case").focus();
      return;
    }
    const action = KEYS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  function listen() {
    document.addEventListener("keydown", pressed);
    $("previous").addEventListener("click", () => move(-1));
    $("next").addEventListener("click", () => move(1));
    $("undo").addEventListener("click", undo);
    $("reviewer").addEventListener("change", save);
    $("why").addEventListener("change", () => {
      const mine = decisions[idOf(shown[at])];
      if (mine) decide(mine.decision);
    });
    for (const button of document.querySelectorAll(".choice"))
      button.addEventListener("click", () => decide(button.dataset.decision));
    for (const id of ["by-structure", "by-reason", "by-decision"])
      $(id).addEventListener("change", () => {
        filter();
        $("case").focus();
      });
    for (const id of ["show-outline", "show-others"]) $(id).addEventListener("change", switchLayers);
    $("download").addEventListener("click", () => download("review.csv", reviewRows()));
    $("download-unsure").addEventListener("click", () => download("unsure.csv", unsureRows()));
    window.addEventListener("hashchange", follow);
  }

  function earlier() {
    const columns = data.review.columns;
    return new Map(
      data.review.rows.map((values) => {
        const cells = Object.fromEntries(columns.map((column, index) => [column, values[index]]));
        const row = { ...cells, scan: cells.scan_id, cells };
        return [idOf(row), row];
      }),
    );
  }

  function begin(content) {
    data = content;
    cases = shown = data.cases;
    at = 0;
    key = `ctpop:review:${data.study}:${location.pathname}`;
    decisions = load();
    before = earlier();
    try {
      $("reviewer").value = localStorage.getItem("ctpop:reviewer") || "";
    } catch {
      warn("This browser does not store data for this page. Download the decisions before you close the page.");
    }
    const old = Object.values(decisions).filter((row) => !holds(row)).length;
    if (old === 1) warn("1 decision in this browser was omitted because its mask has changed or no longer exists.");
    if (old > 1) warn(`${old} decisions in this browser were omitted because their masks have changed or no longer exist.`);
    fillFilters();
    listen();
    switchLayers();
    if (!follow()) show();
  }

  return { begin, receive };
})();
