/* Displays one scan in NiiVue: the CT in gray and each structure of the label map in a different color. */
"use strict";

(async () => {
  const WINDOWS = { "soft tissue": [-160, 240], bone: [-450, 1050], lung: [-1350, 150] };
  const GOLDEN_RATIO = 0.6180339887;
  const $ = (id) => document.getElementById(id);

  function color(index) {
    const hue = (index * GOLDEN_RATIO) % 1;
    const most = [255, 190, 140][index % 3]; // adjacent hues differ in brightness
    const channel = (shift) => Math.round(most * Math.min(1, Math.max(0, Math.abs((((hue + shift) % 1) * 6) - 3) - 1)));
    return [channel(0), channel(2 / 3), channel(1 / 3)];
  }

  function labelMap(scan, visible) {
    const shown = scan.structures.map((structure, index) => [structure.label, structure.text, color(index), visible(structure)]);
    const rows = [[0, "", [0, 0, 0], false], ...shown];
    return {
      I: rows.map(([label]) => label),
      labels: rows.map(([, text]) => text),
      R: rows.map(([, , [red]]) => red),
      G: rows.map(([, , [, green]]) => green),
      B: rows.map(([, , [, , blue]]) => blue),
      A: rows.map(([, , , on]) => (on ? 255 : 0)),
    };
  }

  async function begin() {
    const scan = await (await fetch("scan.json")).json();
    document.title = `Scan ${scan.scan}`;
    $("title").textContent = `Scan ${scan.scan}`;
    $("banner").textContent = scan.banner;
    $("banner").hidden = !scan.banner;
    const present = scan.structures.filter((structure) => structure.center_mm);
    $("structure").append(...present.map((structure) => new Option(structure.text, structure.name)));
    $("window").append(...Object.keys(WINDOWS).map((name) => new Option(name, name)));
    if (scan.chosen) $("structure").value = scan.chosen;

    const viewer = new niivue.Niivue({ isRadiologicalConvention: true, sagittalNoseLeft: true, backColor: [0, 0, 0, 1] });
    await viewer.attachToCanvas($("canvas"));
    viewer.setSliceType(viewer.sliceTypeMultiplanar);
    const [low, high] = WINDOWS["soft tissue"];
    await viewer.loadVolumes([
      { url: scan.files.ct, colormap: "gray", cal_min: low, cal_max: high },
      { url: scan.files.mask, opacity: Number($("opacity").value) },
    ]);
    const [ct, mask] = viewer.volumes;

    const chosen = () => scan.structures.find((structure) => structure.name === $("structure").value);

    function colorMasks() {
      const which = $("which").value;
      mask.setColormapLabel(labelMap(scan, (structure) => which === "all" || (which === "one" && structure === chosen())));
      viewer.updateGLVolume();
    }

    function goTo() {
      const structure = chosen();
      if (!structure) return;
      viewer.scene.crosshairPos = viewer.mm2frac(structure.center_mm);
      colorMasks();
      viewer.drawScene();
      viewer.createOnLocationChange();
    }

    $("structure").addEventListener("change", goTo);
    $("which").addEventListener("change", colorMasks);
    $("opacity").addEventListener("input", () => viewer.setOpacity(1, Number($("opacity").value)));
    $("window").addEventListener("change", () => {
      [ct.cal_min, ct.cal_max] = WINDOWS[$("window").value];
      viewer.updateGLVolume();
    });
    viewer.onLocationChange = (place) => {
      const [hu, label] = place.values.map((value) => value.value);
      const here = scan.structures.find((structure) => structure.label === Math.round(label));
      const mm = Array.from(place.mm).slice(0, 3).map((value) => value.toFixed(0).replace("-", "−")).join(", ");
      $("status").textContent = `${String(Math.round(hu)).replace("-", "−")} HU, ${here ? here.text : "no structure"}, at ${mm} mm (RAS)`;
    };
    colorMasks();
    goTo();
    document.body.dataset.ready = "yes";
  }

  try {
    await begin();
  } catch (error) {
    $("title").textContent = "The scan cannot be displayed";
    $("status").textContent = `${error}. The viewer requires a browser with WebGL2.`;
    document.body.dataset.ready = "failed";
  }
})();
