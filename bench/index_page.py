"""Measure the size of report pages and the time until they are interactive in Chromium.

    python bench/index_page.py results/simulated_study/report

Each visit opens `index.html` from disk in a new browser. "Interactive" is the time from the start of the navigation
until the tables can be sorted and filtered. "Computed" is the CPU time of the page thread up to this point, which does
not depend on other programs. "Sorted" and "filtered" are the times from the click or key press until the last row is
drawn. The script also counts requests for resources other than files; the expected number is 0.
"""

import argparse
import os
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WAIT_MS = 60_000
TIMED = """([act, until]) => new Promise((done) => {
  const start = performance.now();
  const seen = new Function(`return ${until}`);
  const look = () => (seen() ? setTimeout(() => done(performance.now() - start)) : requestAnimationFrame(look));
  new Function(act)();
  requestAnimationFrame(look);
})"""
SORT = (
    "document.querySelector('#all-structures thead th:nth-child(5) .dt-column-order').click()",
    "document.querySelector('#all-structures thead th:nth-child(5)[aria-sort]')",
)
FILTER = (
    "const field = document.querySelector('#all-structures-filters input'); field.value = 'kidney';"
    " field.dispatchEvent(new Event('input', { bubbles: true }))",
    "document.querySelectorAll('#all-structures tbody tr').length < 10",
)


@dataclass(frozen=True)
class Times:
    """Times of one visit in milliseconds, and the number of requests for resources outside the folder."""

    interactive: float
    computed: float
    sorted: float
    filtered: float
    rows: int
    away: int


def visit(page: Page, address: str) -> Times:
    """Open the page, and sort and filter its table of all structures."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(address, wait_until="commit")
    page.wait_for_selector("body[data-ready]", timeout=WAIT_MS)
    interactive = page.evaluate("performance.getEntriesByName('interactive')[0].startTime")
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    rows = page.locator("#all-structures tbody tr").count()
    used = [page.evaluate(TIMED, list(act)) for act in (SORT, FILTER)]
    away = [url for url in requests if not url.startswith(("file:", "data:"))]
    return Times(interactive, 1000 * metrics["TaskDuration"], *used, rows, len(away))


def main() -> None:
    """Visit the page several times and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="folder with index.html")
    parser.add_argument("--visits", type=int, default=5, help="number of visits (default: %(default)s)")
    options = parser.parse_args()
    index = options.report.resolve() / "index.html"
    pages = sorted((options.report / "structures").glob("*.html"))
    found = os.environ.get("CHROMIUM") or next(path for name in NAMES if (path := shutil.which(name)))
    seen = []
    with sync_playwright() as engine:
        for _ in range(options.visits):
            browser = engine.chromium.launch(executable_path=found, args=["--no-sandbox"])
            seen.append(visit(browser.new_page(viewport={"width": 1280, "height": 900}), index.as_uri()))
            browser.close()
    print(f"index.html {index.stat().st_size / 1e6:.2f} MB, {seen[0].rows} rows in the table of all structures")
    if pages:
        sizes = [path.stat().st_size / 1e3 for path in pages]
        print(f"{len(pages)} structure pages, {min(sizes):.0f} to {max(sizes):.0f} kB")
    for name in ("interactive", "computed", "sorted", "filtered"):
        times = [getattr(times, name) for times in seen]
        print(f"{name}: median {statistics.median(times):.0f} ms, maximum {max(times):.0f} ms in {len(times)} visits")
    print(f"requests for resources other than files: {sum(times.away for times in seen)}")
    print(f"load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
