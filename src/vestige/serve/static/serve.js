"use strict";
/* The page of a run that goes on asks once a second what is new, while somebody sees it; at the end it becomes the page of the run.
   What comes is text and shapes: nothing of it is ever read as markup. */
(() => {
  const live = document.getElementById("live");
  if (!live) return;
  const EVERY = 1000, LONGEST = 15000;
  let wait = EVERY;
  const say = (id, text) => { const at = document.getElementById(id); if (at && at.textContent !== text) at.textContent = text; };
  const draw = (id, d) => { const at = document.getElementById(id); if (at) at.setAttribute("d", d); };
  const processes = alive => {
    const rows = alive.map(([words, since]) => {
      const row = document.createElement("li"), code = document.createElement("code"), when = document.createElement("span");
      code.textContent = words; when.textContent = since; when.className = "quiet";
      row.append(code, " ", when);
      return row;
    });
    document.getElementById("alive").replaceChildren(...rows);
  };
  const show = now => {
    say("state", now.words); say("note", now.note);
    for (const tile of now.tiles) { say(`value-${tile.id}`, tile.value); say(`note-${tile.id}`, tile.note); }
    for (const chart of now.charts) {
      say(`top-${chart.id}`, chart.top); say(`end-${chart.id}`, chart.end); say(`told-${chart.id}`, chart.told);
      for (const shape of chart.shapes) { draw(`area-${chart.id}-${shape.role}`, shape.area); draw(`line-${chart.id}-${shape.role}`, shape.line); }
    }
    processes(now.alive); say("more", now.more ? `and ${now.more} more` : "");
  };
  const ask = async () => {
    if (document.hidden) { setTimeout(ask, EVERY); return; }
    try {
      const answer = await fetch(live.dataset.source, { cache: "no-store", redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      if (now.state === "ended") { location.reload(); return; }
      show(now); wait = EVERY;
    } catch {
      say("note", "the server does not answer"); wait = Math.min(wait * 2, LONGEST);
    }
    setTimeout(ask, wait);
  };
  setTimeout(ask, EVERY);
})();
