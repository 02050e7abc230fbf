"use strict";
// A page reads the same without this. It adds a cursor that goes over all charts at once, and a closer look at a part
// of the run: with the pointer (drag), with the keyboard, with buttons. Drawings are stretched by their `viewBox`.
(() => {
  const WIDTH = 10000;
  const CLOSEST = 1e-4; // of the run
  const source = document.getElementById("data");
  const make = (tag, words = {}, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(words)) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  };
  const drawn = (tag, words) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(words)) made.setAttribute(name, value);
    return made;
  };
  const digits = value => (value === 0 ? "0" : value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2));
  const size = value => {
    const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let place = 0;
    for (; value >= 999.5 && place < units.length - 1; place++) value /= 1000;
    return `${place ? digits(value) : value.toFixed(0)} ${units[place]}`;
  };
  const units = { cores: value => `${digits(value)} cores`, "%": value => `${digits(value)} %`, B: size, "B/s": value => `${size(value)}/s` };
  const two = value => String(value).padStart(2, "0");
  const span = seconds => {
    if (seconds < 1) return `${digits(seconds * 1000)} ms`;
    if (seconds < 99.95) return `${digits(seconds)} s`;
    const whole = Math.round(seconds);
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
    if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
    return `${Math.floor(whole / 86400)} d ${two(Math.floor((whole % 86400) / 3600))} h`;
  };
  const before = (times, time) => { // the place of the last that is not later, -1 for none
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle + 1; else high = middle;
    }
    return low - 1;
  };
  const at = (curve, time) => {
    const place = before(curve.times, time), next = place + 1;
    if (place < 0) return null;
    const value = curve.values[place];
    if (next >= curve.times.length) return curve.times[place] < time ? null : value;
    if (value === null || curve.values[next] === null) return value;
    const whole = curve.times[next] - curve.times[place];
    return whole > 0 ? value + ((curve.values[next] - value) * (time - curve.times[place])) / whole : value;
  };

  const TIMES = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"], [1e-6, "µs"]];
  const ticks = (from, to) => {
    const [factor, unit] = TIMES.find(([factor]) => (to - from) / factor >= 2) || TIMES[TIMES.length - 1];
    const rough = (to - from) / factor / 7, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].find(nice => nice * power >= rough * 0.999) * power;
    const found = [];
    for (let count = Math.ceil(from / factor / step - 1e-9); count * step * factor <= to * (1 + 1e-12); count++)
      found.push([count * step * factor, `${+(count * step).toPrecision(10)}${found.length ? "" : ` ${unit}`}`]);
    return found;
  };

  const enliven = (box, runs) => {
    const end = Number(box.dataset.end);
    const charts = [...box.querySelectorAll("svg.chart")];
    if (!charts.length || !(end > 0)) return;
    let from = 0, to = end, moment = null, drag = null;
    const cursors = charts.map(chart => chart.appendChild(drawn("line", { class: "cursor", y1: 0, y2: "100%", visibility: "hidden" })));
    const shades = charts.map(chart => chart.appendChild(drawn("rect", { class: "shade", y: 0, height: "100%", width: 0 })));
    const axes = [...box.querySelectorAll("svg.axis")].map(axis => [axis, [...axis.childNodes]]);

    const words = time => runs.flatMap(run => run.chart.panels.flatMap(panel => {
      const tell = units[panel.unit] || String, found = [];
      const all = [...panel.curves.filter(curve => !(panel.layers.length && curve.role === "process") && curve.role !== "look"), ...panel.layers];
      for (const curve of all) {
        const value = at(curve, time);
        if (value === null || (panel.layers.includes(curve) && value === 0)) continue;
        const name = runs.length > 1 ? `${run.name} ${panel.metric} ${curve.role === "total" ? "" : curve.label}`.trim() : curve.label;
        found.push([name, tell(value)]);
      }
      return found;
    }));

    const readout = box.querySelector(".readout");
    const slider = make("div", { class: "moment", role: "slider", tabindex: 0, "aria-label": "Moment of the run",
      "aria-valuemin": 0, "aria-valuemax": end, "aria-valuenow": 0, "aria-valuetext": "none chosen" });
    const hint = "Point at a chart or use ← → for values; drag, or + and −, for a closer look";
    const values = make("div", { class: "values" });
    const button = (sign, name, does) => {
      const made = make("button", { type: "button", "aria-label": name, title: name }, sign);
      made.addEventListener("click", does);
      return made;
    };
    const whole = button("whole run", "Show the whole run", () => zoom(0, end));
    const tools = make("div", { class: "tools" }, button("+", "Closer", () => scale(0.5)), button("−", "Farther", () => scale(2)), whole);
    slider.append(values);
    readout.append(slider, tools);
    readout.hidden = false;

    const show = () => {
      const inside = moment !== null && moment >= from && moment <= to;
      const place = inside ? `${((moment - from) / (to - from)) * 100}%` : 0;
      for (const cursor of cursors) {
        cursor.setAttribute("visibility", inside ? "visible" : "hidden");
        cursor.setAttribute("x1", place);
        cursor.setAttribute("x2", place);
      }
      if (moment === null) { values.replaceChildren(make("div", { class: "quiet" }, hint)); return; }
      const found = [["at", span(moment)], ...words(moment)];
      values.replaceChildren(...found.map(([name, value]) => make("div", {}, make("span", {}, name), make("b", {}, value))));
      slider.setAttribute("aria-valuenow", moment);
      slider.setAttribute("aria-valuetext", found.map(pair => pair.join(" ")).join(", "));
    };
    const zoom = (start, stop) => {
      const least = end * CLOSEST;
      const length = Math.min(Math.max(stop - start, least), end);
      from = Math.min(Math.max(start, 0), end - length);
      to = from + length;
      const view = `${(from / end) * WIDTH} 0 ${(length / end) * WIDTH} 1000`;
      for (const svg of box.querySelectorAll("svg.zoom")) svg.setAttribute("viewBox", view);
      for (const [axis, original] of axes) {
        if (length === end) { axis.replaceChildren(...original); continue; }
        axis.replaceChildren(...ticks(from, to).flatMap(([time, text]) => {
          const x = `${((time - from) / length) * 100}%`, right = (time - from) / length > 0.96;
          const label = drawn("text", { x, y: 18, "text-anchor": right ? "end" : (time - from) / length < 0.04 ? "start" : "middle" });
          label.textContent = text;
          return [drawn("line", { x1: x, x2: x, y1: 0, y2: 5 }), label];
        }));
      }
      whole.disabled = length === end;
      show();
    };
    const scale = factor => {
      const middle = moment !== null && moment >= from && moment <= to ? moment : (from + to) / 2;
      zoom(middle - (middle - from) * factor, middle + (to - middle) * factor);
    };
    const timeAt = (event, chart) => {
      const around = chart.getBoundingClientRect();
      return from + Math.min(Math.max((event.clientX - around.left) / around.width, 0), 1) * (to - from);
    };
    const shade = (one, other) => {
      for (const each of shades) {
        each.setAttribute("x", `${((Math.min(one, other) - from) / (to - from)) * 100}%`);
        each.setAttribute("width", `${(Math.abs(one - other) / (to - from)) * 100}%`);
      }
    };
    for (const chart of charts) {
      chart.addEventListener("pointermove", event => {
        moment = timeAt(event, chart);
        if (drag !== null) shade(drag, moment);
        show();
      });
      chart.addEventListener("pointerdown", event => {
        if (event.pointerType === "touch" || event.button) return; // a finger scrolls the page
        drag = timeAt(event, chart);
        chart.setPointerCapture(event.pointerId);
        event.preventDefault();
      });
      chart.addEventListener("pointerup", event => {
        if (drag === null) return;
        const stop = timeAt(event, chart), start = drag;
        drag = null;
        shade(0, 0);
        if (Math.abs(stop - start) > (to - from) / 100) zoom(Math.min(start, stop), Math.max(start, stop));
      });
      chart.addEventListener("pointercancel", () => { drag = null; shade(0, 0); });
      chart.addEventListener("dblclick", () => zoom(0, end));
    }
    slider.addEventListener("keydown", event => {
      const step = (to - from) / 100, now = moment === null ? from : moment;
      const moves = { ArrowLeft: now - step, ArrowRight: now + step, PageDown: now - 10 * step, PageUp: now + 10 * step, Home: from, End: to };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in moves) {
        moment = Math.min(Math.max(moves[event.key], 0), end);
        if (moment < from || moment > to) zoom(moment - (to - from) / 2, moment + (to - from) / 2); else show();
      } else if (event.key === "+" || event.key === "=") scale(0.5);
      else if (event.key === "-") scale(2);
      else if (event.key === "0" || event.key === "Escape") zoom(0, end);
      else return;
      event.preventDefault();
    });
    zoom(0, end);
  };

  if (source) {
    const runs = JSON.parse(source.textContent).runs || [];
    for (const box of document.querySelectorAll(".timeline")) enliven(box, runs);
  }
})();
