// Draw the charts of the dashboard. Each is drawn from the table under it: the table is the truth, the chart its picture.

const drawn = new Map();

const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const read = (table) => {
  const heads = Array.from(table.tHead.rows[0].cells).slice(1);
  const rows = Array.from(table.tBodies[0].rows);
  return {
    labels: rows.map((row) => row.cells[0].textContent),
    series: heads.map((head, index) => ({
      label: head.textContent,
      colour: colourOf(head.dataset.colour),
      values: rows.map((row) => {
        const { value } = row.cells[index + 1].dataset;
        return value === "" ? null : Number(value);
      }),
    })),
  };
};

const datasetsOf = (kind, { labels, series }, place) => {
  const sets = series.map(({ label, colour, values }) => ({
    label, data: values, borderColor: colour, backgroundColor: colour,
    ...(kind === "line" ? { borderWidth: 2, pointRadius: values.length > 1 ? 2 : 4, spanGaps: true, tension: 0 } : {}),
    ...(kind === "stack" ? { borderWidth: 0, categoryPercentage: 0.9, barPercentage: 1 } : {}),
    ...(kind === "bars" ? { borderWidth: 0, maxBarThickness: 18 } : {}),
  }));
  if (!place.dataset.goal) return sets;
  const colour = colourOf("ink-soft");
  return [...sets, {
    label: place.dataset.goalWords, data: labels.map(() => Number(place.dataset.goal)),
    borderColor: colour, backgroundColor: colour, borderWidth: 1, borderDash: [5, 4], pointRadius: 0,
  }];
};

const optionsOf = (kind, unit) => {
  const [ink, line, sheet] = ["ink", "line", "sheet"].map(colourOf);
  const figures = new Intl.NumberFormat("en-IN");
  const scale = {
    beginAtZero: true, stacked: kind === "stack", grid: { color: line }, border: { color: line },
    ticks: { color: ink, precision: unit ? undefined : 0, maxTicksLimit: 6, callback: (value) => figures.format(value) },
    title: { display: Boolean(unit), text: unit, color: ink },
  };
  const names = {
    stacked: kind === "stack", grid: { display: false }, border: { color: line },
    ticks: { color: ink, autoSkipPadding: 12, maxRotation: 0, font: { size: kind === "bars" ? 13 : 12 } },
  };
  return {
    animation: false, responsive: true, maintainAspectRatio: false,
    indexAxis: kind === "bars" ? "y" : "x",
    interaction: { mode: "index", intersect: false, axis: kind === "bars" ? "y" : "x" },
    scales: kind === "bars" ? { x: scale, y: { ...names, ticks: { ...names.ticks, autoSkip: false } } } : { x: names, y: scale },
    plugins: {
      legend: { position: "bottom", labels: { color: ink, boxWidth: 12, boxHeight: 12 } },
      tooltip: {
        backgroundColor: ink, titleColor: sheet, bodyColor: sheet, footerColor: sheet,
        callbacks: { label: ({ dataset, raw }) => `${dataset.label}: ${raw === null ? "–" : figures.format(raw)}${unit ? ` ${unit}` : ""}` },
      },
    },
  };
};

// Draw every chart in a part of the page. One that is on the page already keeps its canvas, so nothing blinks.
export const drawCharts = (root) => {
  if (!window.Chart) return;
  for (const place of root.querySelectorAll("[data-chart]")) {
    const { chart: kind, table: id, unit } = place.dataset;
    const figures = read(document.getElementById(id));
    const data = { labels: figures.labels, datasets: datasetsOf(kind, figures, place) };
    const before = drawn.get(id);
    if (before && place.contains(before.canvas)) {
      before.data = data;
      before.options = optionsOf(kind, unit);
      before.update("none");
    } else {
      before?.destroy();
      const canvas = place.querySelector("canvas");
      drawn.set(id, new window.Chart(canvas, { type: kind === "line" ? "line" : "bar", data, options: optionsOf(kind, unit) }));
    }
  }
};

// Take over the canvases of the charts that stay, before the part they were in is replaced.
export const keepCanvases = (before, after) => {
  for (const place of after.querySelectorAll("[data-chart]")) {
    const old = before.querySelector(`[data-table="${place.dataset.table}"] canvas`);
    if (old) place.querySelector("canvas").replaceWith(old);
  }
};
