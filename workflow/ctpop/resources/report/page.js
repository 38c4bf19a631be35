// Sorts and filters the tables of a page. The page is complete without scripts. See workflow/ctpop/resources/datatables.
"use strict";

(() => {
  const collator = new Intl.Collator("en", { numeric: true });
  const bare = document.createElement("div");

  function wordsOf(html) {
    bare.innerHTML = html; // escaped text of the page; its content security policy blocks inline scripts
    return bare.textContent;
  }

  // Missing numbers have an empty data-order and are sorted last in both directions.
  function measured(sign) {
    return (a, b) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      return sign * (Number(a) - Number(b));
    };
  }

  DataTable.ext.type.order["measured-asc"] = measured(1);
  DataTable.ext.type.order["measured-desc"] = measured(-1);
  DataTable.ext.type.order["words-pre"] = wordsOf;
  DataTable.ext.type.order["words-asc"] = (a, b) => collator.compare(a, b);
  DataTable.ext.type.order["words-desc"] = (a, b) => collator.compare(b, a);

  function sortable(element) {
    const heads = [...element.tHead.rows[0].cells];
    const of = (words) =>
      heads.map((head, place) => (head.classList.contains("text") === words ? place : -1)).filter((place) => place >= 0);
    return new DataTable(element, {
      autoWidth: false,
      columnDefs: [
        { targets: of(true), type: "words" },
        { targets: of(false), type: "measured", orderSequence: ["desc", "asc", ""] },
      ],
      info: false,
      layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
      order: [],
      paging: false,
    });
  }

  function filtered(form, table) {
    const find = form.querySelector("input[type=search]");
    const lists = [...form.querySelectorAll("select")];
    const status = form.querySelector("[role=status]");
    for (const list of lists) {
      const words = new Set(table.column(list.dataset.column).nodes().toArray().map((cell) => cell.textContent));
      for (const word of [...words].sort(collator.compare)) list.add(new Option(word, word));
    }
    const apply = () => {
      table.search(find.value);
      for (const list of lists) {
        const chosen = list.value;
        table.column(list.dataset.column).search(chosen ? (html) => wordsOf(html) === chosen : "");
      }
      table.draw();
      const all = table.rows().count();
      const shown = table.rows({ search: "applied" }).count();
      status.textContent = `${shown.toLocaleString("en")} of ${all.toLocaleString("en")} rows`;
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(apply));
    form.hidden = false;
    apply();
  }

  for (const element of document.querySelectorAll("table.sortable")) {
    const table = sortable(element);
    const form = document.getElementById(`${element.id}-filters`);
    if (element.id && form) filtered(form, table);
  }
  performance.mark("interactive");
  document.body.dataset.ready = "yes";
})();
